"""The driving half of the interpreter: calls user code, asks ``advance``, hands steps over.

One ``match`` over the transitions; no look at a node's kind or at a path's text. The same code
drives in-memory calls, the embedded runner and workers; only the committer differs.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from sayiir.engine.act_failed import ActFailed
from sayiir.engine.advance import advance
from sayiir.engine.failures import (
    failure_of_deadline,
    failure_of_exception,
    failure_of_transition,
)
from sayiir.engine.logged import log_broken, log_failed, log_lost, log_retried
from sayiir.engine.position import Position
from sayiir.engine.refs import EventRef
from sayiir.engine.transitions import (
    ENTERED,
    AwaitEvent,
    EndStrand,
    Failed,
    FailStrand,
    Joined,
    Received,
    SpawnArms,
    TimedOut,
)
from sayiir.engine.work import NO_CONTROL, Damaged, RetryLater, Step
from sayiir.errors import (
    FailureInfo,
    LeaseLost,
    PayloadError,
    WorkerLost,
    WorkflowTimedOut,
)
from sayiir.limits import (
    MAX_BACKOFF_SLEPT_IN_PLACE_SECONDS,
    MAX_INTERRUPTIONS,
    MIN_ARMS_KEPT,
    SPAWN_BATCH_ITEMS,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.clock import Clock
    from sayiir.engine.acts import Acts
    from sayiir.engine.call_plan import Acted
    from sayiir.engine.desk_protocol import Desk
    from sayiir.engine.payloads import Payload
    from sayiir.engine.telling import TellingActs
    from sayiir.engine.transitions import Returned, Transition
    from sayiir.engine.work import Committer, Reply, Work

__all__ = ["Driver"]


class Driver:
    """Drives work items, one strand each, until they park, end or are taken away.

    Args:
        committer: where steps go.
        acts: calls user code.
        clock: backoffs that are slept in place are slept by it.
        desk: starts further items; its ``held`` lists those whose lease is in use.
    """

    def __init__(
        self, committer: Committer, acts: Acts | TellingActs, clock: Clock, desk: Desk
    ) -> None:
        self._committer = committer
        self._acts = acts
        self._clock = clock
        self._desk = desk
        self._durable = committer.durable

    async def drive(self, work: Work) -> None:
        """Drive the item, and then what its end made ready for this caller.

        An item that is left in the middle (cancelled from outside, store lost) is given back.
        """
        held = self._desk.held
        following: Work | None = work
        while following is not None:
            work = following
            if work.task is None:
                work.task = asyncio.current_task()
            held.add(work)
            try:
                following = await self._strand(work)
            except LeaseLost:
                # Another's now, or gone with a failure that was collected: nothing to give back.
                log_lost(work)
                return
            except BaseException as error:
                # Asked before the item is due again: whoever runs the desk must not take it up.
                if isinstance(error, asyncio.CancelledError) or self._desk.fail(error):
                    await self._give_back(work)
                else:
                    log_broken(work, error)
                raise
            finally:
                held.discard(work)

    async def _give_back(self, work: Work) -> None:
        # Cancelled once more meanwhile: it is given back all the same.
        with suppress(asyncio.CancelledError):
            await asyncio.shield(self._committer.release(work))

    async def _strand(self, work: Work) -> Work | None:
        """Drive one item to where it leaves this process; the next item to go on with."""
        transition = advance(work.position, ENTERED) if work.fresh else await self._first(work)
        prune: tuple[str, ...] = ()
        computed: Returned | None = None
        elements: Sequence[Payload] | None = None
        # Whether anything in the definition asks for more than any desk has.
        picky = work.program.tagged
        # An event may still come for a wait that took its default: the move away from it must
        # be stored before anything runs, or a crash would run it again with another input.
        unsettled = isinstance(work.outcome, TimedOut)
        while transition is not None:
            if transition.prune:
                prune += transition.prune
            if type(transition) is EndStrand:
                return await self._end(work, transition, computed, prune)
            if not isinstance(transition, Position):
                reply = await self._store(work, transition, computed, elements, prune)
                computed, elements, prune, unsettled = None, None, (), False
                if not reply.accepted or reply.control is not NO_CONTROL:
                    return None
                work.trust()
                after = await self._after(work, transition, reply)
                if after is None:
                    return self._start_all(reply.claimed)
                transition = after
                continue
            position = transition
            here = not picky or self._desk.runs(work.program, position)
            if unsettled or computed is not None or not here:
                kept = computed is not None and computed.kept
                if self._durable or kept or prune:
                    # What was asked meanwhile lets nothing start: the same write gives the
                    # lease back.
                    hand_over = not here or work.control is not NO_CONTROL
                    stored = await self._committer.move(work, position, computed, prune, hand_over)
                    if hand_over or not stored.accepted or stored.control is not NO_CONTROL:
                        return None
                work.moved(position)
                prune, unsettled = (), False
            if work.lost or work.control is not NO_CONTROL:
                await self._committer.release(work)
                return None
            try:
                outcome, computed, elements = await self._acts.act(work, position)
            except ActFailed as failed:
                acted = await self._act_again(work, position, failed, prune)
                if acted is None:
                    return None
                outcome, computed, elements = acted
                prune = ()  # went out with the failed attempt
            transition = advance(position, outcome)
        return None

    async def _first(self, work: Work) -> Transition | None:
        """What to begin with, unless the item itself has come to its end."""
        if isinstance(work.outcome, Damaged):
            await self._damaged(work, work.outcome)
            return None
        if work.deadline_at is not None and time.monotonic() >= work.deadline_at:
            await self._deadline_passed(work)
            return None
        if work.interruptions >= MAX_INTERRUPTIONS:
            message = f"{work.interruptions} workers in a row were lost while they ran this"
            info = FailureInfo(
                WorkerLost.__name__,
                WorkerLost.__name__,
                message,
                path=work.position.path,
                attempt=work.failures + work.interruptions_ever,
            )
            await self._fail(work, info)
            return None
        if isinstance(work.outcome, Received) and isinstance(work.outcome.ref, EventRef):
            return await self._received(work, work.outcome.ref)
        return advance(work.position, work.outcome)

    async def _received(self, work: Work, event: EventRef) -> Transition | None:
        """On from a wait, unless the event doesn't fit it: that is only seen here."""
        try:
            ref = await self._acts.event(work, event)
        except PayloadError as error:
            info = failure_of_exception(
                error, task=None, path=work.position.path, attempt=work.attempt
            )
            await self._fail(work, info)
            return None
        return advance(work.position, Received(ref))

    # -- acting

    async def _act_again(
        self, work: Work, position: Position, failed: ActFailed, prune: tuple[str, ...]
    ) -> Acted | None:
        """After a failed attempt, the next ones; None: the item left this process."""
        while True:
            if failed.stopped:
                await self._committer.release(work)
                return None
            if failed.deadline:
                await self._deadline_passed(work)
                return None
            if not await self._try_again(work, position, failed, prune):
                return None
            prune = ()
            try:
                return await self._acts.act(work, position)
            except ActFailed as again:
                failed = again

    async def _try_again(
        self, work: Work, position: Position, failed: ActFailed, prune: tuple[str, ...]
    ) -> bool:
        failures = work.failures + 1
        info = failure_of_exception(
            failed.error, task=failed.task, path=position.path, attempt=work.attempt
        )
        policy = failed.policy
        if policy is None or not policy.retries(failed.error, failures):
            ending = advance(position, Failed(info.kind))
            await self._fail_with(work, ending, info, failed.error, prune)
            return False
        wait_seconds = policy.delay_seconds(failures)
        unasked = work.control is NO_CONTROL
        in_place = unasked and wait_seconds <= MAX_BACKOFF_SLEPT_IN_PLACE_SECONDS
        step = Step(RetryLater(position, info, wait_seconds, in_place), prune=prune)
        reply = await self._committer.commit(work, step)
        if reply.accepted and self._durable:
            log_retried(work, info, wait_seconds)
        if not reply.accepted or reply.control is not NO_CONTROL or not in_place:
            return False
        work.position, work.failures = position, failures
        work.trust()
        if not await self._acts.sleep(work, self._clock, wait_seconds):
            await self._committer.release(work)
            return False
        return True

    # -- storing

    async def _store(
        self,
        work: Work,
        transition: Transition,
        computed: Returned | None,
        elements: Sequence[Payload] | None,
        prune: tuple[str, ...],
    ) -> Reply:
        match transition:
            case SpawnArms():
                return await self._spawn(work, transition, computed, elements, prune)
            case FailStrand():
                info = failure_of_transition(transition, attempt=work.attempt)
                if _stays(transition):
                    # The item stays where it is and is executed again there after a retry: its
                    # result would be in the way then, and what it reads must not be pruned.
                    computed, prune = None, ()
                room = self._desk.room()
                step = Step(transition, computed, failure=info, keep=room, prune=prune)
                return await self._store_failure(work, step, info)
            case _:
                step = Step(transition, computed, prune=prune)
        return await self._committer.commit(work, step)

    async def _end(
        self, work: Work, ending: EndStrand, computed: Returned | None, prune: tuple[str, ...]
    ) -> Work | None:
        """Store the strand's end; what its slot goes on with."""
        # Its own slot becomes free with the end, so one successor always fits.
        step = Step(ending, computed, keep=self._desk.room() + 1, prune=prune)
        is_root = not work.fence.item.spawn_path
        if is_root:
            self._desk.ending(work)
        reply = await self._committer.commit(work, step)
        if not reply.accepted or reply.control is not NO_CONTROL:
            return None
        work.trust()
        if is_root:
            self._desk.ended(work, ending.output)
        return self._start_all(reply.claimed) if reply.claimed else None

    async def _spawn(
        self,
        work: Work,
        transition: SpawnArms,
        computed: Returned | None,
        elements: Sequence[Payload] | None,
        prune: tuple[str, ...],
    ) -> Reply:
        """Create the arms in batches; those of earlier batches run meanwhile, elsewhere too."""
        count = transition.count
        begin = work.spawned if work.position is transition.position else 0
        while True:
            end = min(begin + SPAWN_BATCH_ITEMS, count)
            # The parent's own slot becomes free once the last arm exists.
            starts = [transition.arm(index) for index in range(begin, end)]
            keep = max(self._desk.room() + (1 if end == count else 0), MIN_ARMS_KEPT)
            # Whether one of them can begin here; usually the first one can.
            here = any(self._desk.runs(work.program, start) for start in starts)
            if work.control is not NO_CONTROL or not here:
                keep = 0
            step = Step(
                transition, computed, elements=elements, first=begin, starts=starts, keep=keep,
                prune=prune,
            )  # fmt: skip
            reply = await self._committer.commit(work, step)
            if end == count or not reply.accepted or reply.control is not NO_CONTROL:
                return reply
            work.trust()
            for arm in reply.claimed:
                self._desk.start(arm)
            begin, computed, prune = end, None, ()

    async def _after(self, work: Work, stored: Transition, reply: Reply) -> Transition | None:
        """What follows at once after a stored transition, if anything does for this item."""
        match stored:
            case AwaitEvent(position=position) if reply.event is not None:
                work.moved(position)
                return await self._received(work, reply.event)
            case SpawnArms(position=position) if reply.joined:
                work.moved(position)
                return advance(position, Joined())
            case _:
                return None

    def _start_all(self, claimed: tuple[Work, ...]) -> Work | None:
        """Go on with the first item in this slot, start the others beside it."""
        first = next(filter(self._desk.wants, claimed), None)
        for work in claimed:
            if work is not first:
                self._desk.start(work)
        return first

    # -- ending in failure

    async def _deadline_passed(self, work: Work) -> None:
        info = failure_of_deadline(work.program.definition.timeout_seconds)
        failed = FailStrand(work.position, WorkflowTimedOut.__name__)
        await self._store_failure(work, Step(failed, failure=info), info)

    async def _damaged(self, work: Work, damaged: Damaged) -> None:
        """Nobody can run the item: the whole instance fails, for no scope of it is known."""
        name = PayloadError.__name__
        info = FailureInfo(name, name, damaged.message, path=damaged.path, attempt=work.attempt)
        await self._fail_with(work, FailStrand(work.position, name), info)

    async def _fail(self, work: Work, info: FailureInfo) -> None:
        await self._fail_with(work, advance(work.position, Failed(info.kind)), info)

    async def _fail_with(
        self,
        work: Work,
        ending: Transition,
        info: FailureInfo,
        error: BaseException | None = None,
        prune: tuple[str, ...] = (),
    ) -> None:
        if _stays(ending):
            prune = ()
        step = Step(ending, failure=info, error=error, keep=self._desk.room(), prune=prune)
        reply = await self._store_failure(work, step, info)
        for claimed in reply.claimed:
            self._desk.start(claimed)

    async def _store_failure(self, work: Work, step: Step, info: FailureInfo) -> Reply:
        reply = await self._committer.commit(work, step)
        if reply.accepted and self._durable:  # in memory it is raised to whoever called
            log_failed(work, info, step.following, reply.control)
        return reply


def _stays(failed: Transition) -> bool:
    """Whether the item stands after the failure where it stood before."""
    return isinstance(failed, FailStrand) and failed.at is None and failed.scope is None
