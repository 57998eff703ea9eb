"""Group commit: the steps of all running items go to the store through here.

While one batch is on its way the next one gathers, and goes out as one transaction. Nothing
waits for a batch to fill: a lone step goes at once.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from sayiir.engine.checkpoints import checkpoint_of, move_of
from sayiir.engine.claims import deadline_of, work_of
from sayiir.engine.loading import GatheringLoader
from sayiir.engine.payloads import Payload
from sayiir.engine.refs import ElementRef, EventRef, JoinRef, leaves
from sayiir.engine.resolve import fill
from sayiir.engine.transitions import AwaitEvent, EndStrand, FailStrand, Joined, SpawnArms
from sayiir.engine.work import NO_CONTROL, Reply, Siblings, Work
from sayiir.errors import LeaseLost, PayloadError, StoreError, StoreUnavailable
from sayiir.stores.records import Answer, Wanted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Iterable, Sequence

    from sayiir.engine.claims import Releaser
    from sayiir.engine.position import Position
    from sayiir.engine.refs import Ref
    from sayiir.engine.transitions import Returned
    from sayiir.engine.work import Step
    from sayiir.stores.protocols import Store
    from sayiir.stores.records import Checkpoint, Claimed, Latest

__all__ = ["StoreCommitter"]

_Sent: TypeAlias = "tuple[Checkpoint, asyncio.Future[Answer]]"
_PLAIN_REPLY = Reply()


class _Uncancelled(asyncio.Future["Answer"]):
    """An answer that is waited for to the end: who is cancelled meanwhile is told of it then.

    ``asyncio.shield`` would do, for three more callbacks in the loop for every arm of a fork.
    """

    def cancel(self, msg: object = None) -> bool:
        """Nothing is cancelled: it is the waiting task's, when the answer comes."""
        return False


class StoreCommitter:
    """Writes steps to a store, and reads from it what positions refer to.

    Args:
        store: any implementation of the store protocols.
        releaser: gives leases back to it.
        held: the work that this process drives at the moment. Where it is one item alone,
            its steps go out without a look at who else may come.
    """

    def __init__(self, store: Store, releaser: Releaser, held: Collection[Work]) -> None:
        self.durable = True
        self._store = store
        self._releaser = releaser
        self._held = held
        self._loader = GatheringLoader(store, held)
        self._waiting: list[_Sent] = []
        self._sender: asyncio.Task[None] | None = None
        self._crowded = False

    def move(
        self,
        work: Work,
        position: Position,
        computed: Returned | None,
        prune: tuple[str, ...],
        hand_over: bool,
    ) -> Awaitable[Answer]:
        """Make a step durable after which the strand is somewhere else, and that is all.

        What is awaited is the answer itself: most steps are this one.
        """
        checkpoint = move_of(work, position, computed, prune, hand_over)
        if self._sender is None and not self._crowded and len(self._held) <= 1:  # alone
            return self._commit_alone(checkpoint)
        return self._enqueue(checkpoint)

    async def commit(self, work: Work, step: Step) -> Reply:
        """Make the step durable.

        Raises:
            StoreUnavailable: the store could not write it.
        """
        checkpoint = checkpoint_of(work, step)
        if self._alone and _brings_no_lease(work, step):
            answer = await self._commit_alone(checkpoint)
        elif step.keep > 0 or _ends_an_arm(work, step):
            if isinstance(step.following, SpawnArms) and step.elements is None:
                # The arms that start here share their parent's input: it is read once, here,
                # and not by each of them.
                with suppress(PayloadError):  # each arm meets it again, and says so
                    await self.fill(work, [step.following.position.input])
            sending = self._enqueue(checkpoint, _Uncancelled())
            try:
                answer = await sending
            except asyncio.CancelledError:
                await self._give_back(sending)
                raise
        else:
            answer = await self._enqueue(checkpoint)
        return self._reply(work, step, answer)

    @property
    def _alone(self) -> bool:
        """Whether nothing is on its way, and nobody else may come."""
        return self._sender is None and not self._crowded and len(self._held) <= 1

    async def _commit_alone(self, checkpoint: Checkpoint) -> Answer:
        """Without a detour through the sender; what comes meanwhile makes it crowded."""
        self._crowded = True
        try:
            (answer,) = await self._store.commit((checkpoint,))
        finally:
            self._crowded = False
            if self._waiting:
                self._begin_sending()
        return answer

    async def _give_back(self, sent: asyncio.Future[Answer]) -> None:
        """Who sent it was cancelled, and told only now: what it brought would wait for nobody."""
        if sent.done() and sent.exception() is None:
            await self._releaser.release([each.fence for each in sent.result().claimed])

    def _enqueue(
        self, checkpoint: Checkpoint, future: asyncio.Future[Answer] | None = None
    ) -> asyncio.Future[Answer]:
        if future is None:
            future = asyncio.get_running_loop().create_future()
        self._waiting.append((checkpoint, future))
        if self._sender is None and not self._crowded:
            self._begin_sending()
        return future

    def _begin_sending(self) -> None:
        self._sender = asyncio.get_running_loop().create_task(self._send())
        self._sender.add_done_callback(self._sender_ended)

    def _sender_ended(self, sender: asyncio.Task[None]) -> None:
        """Cancelled, as at a loop's end, it leaves nobody waiting; it may not even have begun."""
        if sender.cancelled():
            self._sender = None
            waiting, self._waiting = self._waiting, []
            _fail_all(waiting, asyncio.CancelledError())

    async def _send(self) -> None:
        """Send batch after batch until nothing waits."""
        try:
            while self._waiting:
                # Those whose last step came back with the batch before are about to arrive:
                # one turn of the loop lets them into this one.
                await asyncio.sleep(0)
                batch, self._waiting = self._waiting, []
                await self._send_batch(batch)
                await asyncio.sleep(0)
        finally:
            self._sender = None

    async def _send_batch(self, batch: list[_Sent]) -> None:
        try:
            answers = await self._store.commit([checkpoint for checkpoint, _ in batch])
        except StoreUnavailable as error:
            _fail_all(batch, error)
        except StoreError as error:
            if len(batch) > 1:
                await self._send_one_by_one(batch)
            else:
                _fail_all(batch, error)
        except BaseException as error:
            _fail_all(batch, error)
            if isinstance(error, asyncio.CancelledError):
                raise
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)

    async def _send_one_by_one(self, batch: list[_Sent]) -> None:
        """One of them makes no sense to the store, which wrote none: that one alone is to pay."""
        for number, (checkpoint, future) in enumerate(batch):
            try:
                (answer,) = await self._store.commit((checkpoint,))
            except (StoreUnavailable, asyncio.CancelledError) as error:
                _fail_all(batch[number:], error)
                if isinstance(error, asyncio.CancelledError):
                    raise
                return
            except BaseException as error:
                _fail_all(batch[number : number + 1], error)
            else:
                if not future.done():
                    future.set_result(answer)

    # -- answers

    def _reply(self, work: Work, step: Step, answer: Answer) -> Reply:
        ending, plain = step.following, answer.accepted and answer.control is NO_CONTROL
        if work.siblings is not None and plain and isinstance(ending, EndStrand):
            work.siblings.ended(work.fence.item.index, ending.output)
        if plain and not (answer.claimed or answer.joined or answer.event is not None):
            return _PLAIN_REPLY
        event = None
        if answer.event is not None and isinstance(step.following, AwaitEvent):
            node_path = step.following.position.place.node_path
            payload = Payload(answer.event.payload, work.program.plan(node_path))
            event = EventRef(answer.event.event_id, node_path, "", payload)
        siblings = work.siblings
        if isinstance(step.following, SpawnArms):
            spawn = step.following
            siblings = Siblings(work, spawn.position.path, spawn.count)
        return Reply(
            accepted=answer.accepted,
            control=answer.control,
            event=event,
            claimed=tuple(self._claimed(work, step, siblings, each) for each in answer.claimed),
            joined=answer.joined,
        )

    def _claimed(self, work: Work, step: Step, siblings: Siblings | None, new: Claimed) -> Work:
        """What an answer has brought, with the payloads that are known here."""
        item, spawn = new.fence.item, step.following
        if isinstance(spawn, SpawnArms) and item.spawn_path == spawn.position.path:
            position = step.starts[item.index - step.first]
            if step.elements is not None and isinstance(position.input, ElementRef):
                position.input.payload = step.elements[item.index]
            arm = Work(work.program, work.run, new.fence, position)
            arm.deadline_at = deadline_of(new)
            if work.kept:
                arm.kept = dict(work.kept)
            arm.siblings = siblings
            return arm
        claimed = work_of(work.program, new, run=work.run)
        if siblings is None:
            return claimed
        if item.spawn_path == siblings.path:
            claimed.siblings = siblings
        elif (item, new.path) == (siblings.parent, siblings.path):
            claimed.siblings = siblings.outer
            if claimed.outcome == Joined():
                claimed.outcome = Joined(siblings.arms())
        return claimed

    # -- reads

    async def fill(self, work: Work, refs: Sequence[Ref]) -> None:
        """Load what the references stand for.

        Raises:
            LeaseLost: they are gone because the item is: it was collected as failed, or replaced.
            PayloadError: what is stored there can't be made sense of.
        """
        try:
            read = await fill(work.program, work.run.number, refs, self._loader)
        except StoreUnavailable:
            raise
        except StoreError as error:
            await self._check_held(work)
            # The instance is to fail, with words for whoever mends it: to leave its lease to its
            # end, as for what nobody understands, would bring the same rows again.
            raise _damaged(error) from error
        if not read:
            return
        # A map without items joins to nothing, and so does one whose items were removed.
        leaf = (leaf for ref in refs for leaf in leaves(ref))
        if any(isinstance(each, JoinRef) and not each.arms for each in leaf):
            await self._check_held(work)

    async def _check_held(self, work: Work) -> None:
        (state,) = await self._store.check([work.fence])
        if not state.held:
            work.lost = True
            raise LeaseLost(f"{work.position.path!r} is no longer this process's to work on")

    async def latest(self, work: Work, latest: Latest) -> Payload | None:
        """Load the newest result among some node paths.

        Raises:
            PayloadError: what is stored there can't be made sense of.
        """
        try:
            (loaded,) = await self._loader.load([Wanted(run=work.run.number, latest=(latest,))])
            if latest not in loaded.latest:
                return None
            path, data = loaded.latest[latest]
            node_path = work.program.node_path(path)
        except StoreUnavailable:
            raise
        except (StoreError, LookupError, ValueError) as error:
            raise _damaged(error) from error
        return Payload(data, work.program.plan(node_path))

    async def release(self, work: Work) -> None:
        """Give the item back, due at once or as soon as the store can be reached again."""
        if not work.lost:
            await self._releaser.release([work.fence])


def _damaged(error: Exception) -> PayloadError:
    return PayloadError(f"what is stored of the instance is damaged: {error}")


def _brings_no_lease(work: Work, step: Step) -> bool:
    """Where the answer can't claim anything; the end of what has no parent is that, too."""
    if isinstance(step.following, EndStrand):
        return not work.fence.item.spawn_path
    return step.keep <= 0 and not _ends_an_arm(work, step)


def _ends_an_arm(work: Work, step: Step) -> bool:
    """The last one brings its parent, whether the caller has room or not."""
    arm = bool(work.fence.item.spawn_path)
    return arm and isinstance(step.following, (EndStrand, FailStrand))


def _fail_all(batch: Iterable[_Sent], error: BaseException) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
