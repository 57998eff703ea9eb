"""A batch of checkpoints: the quick way for those that can, else the long one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.errors import StoreError
from sayiir.stores.postgres.needs import needs_of
from sayiir.stores.postgres.quick import Quick, quick_steps, write_quickly
from sayiir.stores.relational import commits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.postgres.database import Session
    from sayiir.stores.postgres.work import Work
    from sayiir.stores.postgres.working_set import WorkingSet
    from sayiir.stores.records import Answer, Checkpoint

__all__ = ["commit"]


async def commit(work: Work, checkpoints: Sequence[Checkpoint]) -> list[Answer]:
    """Write the checkpoints whose fences hold, one after the other.

    Raises:
        StoreError: a path that has a result already, or an effect that makes no sense; nothing
            of the whole batch is written.
    """
    try:
        return await _commit(work, checkpoints)
    except StoreError as error:
        if getattr(error.__cause__, "constraint_name", None) != "task_result_pkey":
            raise
        paths = ", ".join(repr(each.result.path) for each in checkpoints[:10] if each.result)
        raise StoreError(
            f"one of these paths has a result already, and a result is written once: {paths}"
        ) from error


async def _commit(work: Work, checkpoints: Sequence[Checkpoint]) -> list[Answer]:
    quick = quick_steps(checkpoints, work.queues)
    answers: dict[int, Answer] = {}
    slow = sorted(set(range(len(checkpoints))).difference(quick.places))
    if not slow and checkpoints:
        answers, slow = await write_quickly(work.database, quick)
        pairs = zip(quick.steps, quick.places, strict=True)
        work.database.changed(
            {step.run for step, at in pairs if step.path is None and at in answers}
        )
        quick = Quick([], [], [])
    if slow:
        answers |= await _write(work, checkpoints, slow, quick)
    return [answers[at] for at in range(len(checkpoints))]


class _NotFound(Exception):
    def __init__(self, places: list[int]) -> None:
        super().__init__(f"not found: {places}")
        self.places = places


async def _write(
    work: Work, checkpoints: Sequence[Checkpoint], slow: list[int], quick: Quick
) -> dict[int, Answer]:
    """Those of a batch that need the long way, and in the same transaction the quick ones."""
    quickly: dict[int, Answer] = {}

    def verb(rows: WorkingSet) -> dict[int, Answer]:
        return {at: commits.write(rows, checkpoints[at]) for at in slow}

    async def write_quick_ones(session: Session) -> None:
        if quick.steps:
            done, left = await write_quickly(session, quick)
            if left:
                raise _NotFound(left)
            session.changed |= {step.run for step in quick.steps if step.path is None}
            quickly.update(done)

    try:
        needs = needs_of(checkpoints[at] for at in slow)
        return await work.run(needs, verb, write_quick_ones) | quickly
    except _NotFound:
        # Stale, or asked to stop; which one, the long way finds out for all of them.
        everything = sorted({*slow, *quick.places})
        return await _write(work, checkpoints, everything, Quick([], [], []))
