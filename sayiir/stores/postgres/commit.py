"""A batch of checkpoints: each by the quickest way that it can go, all in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.errors import StoreError
from sayiir.stores.postgres.ends import end_arms
from sayiir.stores.postgres.locking import lock_roots
from sayiir.stores.postgres.needs import needs_of, place_of
from sayiir.stores.postgres.quick import was_found, write_one, write_steps
from sayiir.stores.postgres.sorting import Ways, lone_step, sort_out
from sayiir.stores.postgres.spawning import spawn
from sayiir.stores.records import Answer, Control, End, Spawn
from sayiir.stores.relational import commits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.postgres.database import Database, Session
    from sayiir.stores.postgres.work import Work
    from sayiir.stores.postgres.working_set import WorkingSet
    from sayiir.stores.records import Checkpoint

__all__ = ["commit"]

_DONE: Final = Answer()


async def commit(work: Work, checkpoints: Sequence[Checkpoint]) -> list[Answer]:
    """Write the checkpoints whose fences hold, one after the other.

    Raises:
        StoreError: a path that has a result already, or an effect that makes no sense; nothing
            of the whole batch is written.
    """
    try:
        if len(checkpoints) == 1:
            # The lone step is what somebody waits for, so it is spared the sorting.
            step = lone_step(checkpoints[0], work.queues)
            if step is not None:
                if was_found(await write_one(work.database, step)):
                    if step[4] is None:
                        work.database.changed({step[0]})
                    return [_DONE]
                return list((await _write(work, checkpoints, Ways(slow=[0]))).values())
        return await _commit(work, checkpoints)
    except StoreError as error:
        if getattr(error.__cause__, "constraint_name", None) != "task_result_pkey":
            raise
        paths = ", ".join(repr(each.result.path) for each in checkpoints[:10] if each.result)
        raise StoreError(
            f"one of these paths has a result already, and a result is written once: {paths}"
        ) from error


async def _commit(work: Work, checkpoints: Sequence[Checkpoint]) -> list[Answer]:
    ways = sort_out(checkpoints, work.queues)
    if ways.slow or ways.kinds > 1:
        answers = await _write(work, checkpoints, ways)
    else:
        changed: set[int] = set()
        answers = await _write_quickly(work.database, work, checkpoints, ways, changed)
        work.database.changed(changed)
        left = [at for at in range(len(checkpoints)) if at not in answers]
        if left:
            answers |= await _write(work, checkpoints, Ways(slow=left))
            for at in left:
                item = checkpoints[at].fence.item
                if _is_plain(answers[at]) and isinstance(checkpoints[at].effect, End):
                    work.queues.note_slow_ends(checkpoints[at].fence.run, item.spawn_path)
    return [answers[at] for at in range(len(checkpoints))]


def _is_plain(answer: Answer) -> bool:
    return answer.accepted and answer.control is Control.NONE


class _NotFound(Exception):
    """Stale, asked to stop, or not for a quick way; which one, the long way finds out."""


async def _write(work: Work, checkpoints: Sequence[Checkpoint], ways: Ways) -> dict[int, Answer]:
    """In one transaction: those that need the long way, then the quick ones."""
    quickly: dict[int, Answer] = {}

    def verb(rows: WorkingSet) -> dict[int, Answer]:
        return {at: commits.write(rows, checkpoints[at]) for at in ways.slow}

    # A spawn locks its root, and roots come before all else that a transaction locks.
    runs = {checkpoints[at].fence.run for at in ways.spawns}
    if runs:
        runs |= {each.fence.run for each in checkpoints}

    async def write_quick_ones(session: Session) -> None:
        if ways.kinds:
            if runs and not ways.slow:
                await lock_roots(session, runs)
            done = await _write_quickly(session, work, checkpoints, ways, session.changed)
            if len(done) < len(checkpoints) - len(ways.slow):
                raise _NotFound
            quickly.update(done)

    try:
        if not ways.slow:
            await work.database.run(write_quick_ones)
            return quickly
        needs = needs_of(checkpoints[at] for at in ways.slow)
        # What the quick ones lock is locked with the rest, since there is one order for all.
        needs.items |= {place_of(each.fence) for each in checkpoints}
        for run in runs:
            needs.root(run)
        return await work.run(needs, verb, write_quick_ones) | quickly
    except _NotFound:
        return await _write(work, checkpoints, Ways(slow=list(range(len(checkpoints)))))


async def _write_quickly(
    where: Database | Session,
    work: Work,
    checkpoints: Sequence[Checkpoint],
    ways: Ways,
    changed: set[int],
) -> dict[int, Answer]:
    """Those that aren't slow: the answers of those that were found, by their places.

    What locks roots to change a set of items comes before what locks single items.
    """
    answers: dict[int, Answer] = {}
    if ways.ends:
        answers = await end_arms(where, ways.ends)
    for at in ways.spawns:
        answer = await spawn(where, checkpoints[at], work.queues)
        if answer is None:
            return answers
        answers[at] = answer
        effect = checkpoints[at].effect
        if isinstance(effect, Spawn) and effect.keep < effect.total:
            changed.add(checkpoints[at].fence.run)  # the other arms are there to be claimed
    if ways.steps:
        found = await write_steps(where, ways.steps, ways.prunes)
        answers |= dict.fromkeys(found, _DONE)
        changed |= {step[0] for step in ways.steps if step[4] is None and step[-1] in found}
    return answers
