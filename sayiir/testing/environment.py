"""``AsyncWorkflowEnvironment``: a world in memory for workflows under test, with its own time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from sayiir.access.arguments import check_workflows
from sayiir.dsl.context import get_task_context
from sayiir.dsl.task import Task
from sayiir.durations import Duration, duration_seconds
from sayiir.engine.threads import TaskThreads
from sayiir.errors import DefinitionError, InstanceNotFound, SayiirError, SignalUnavailable
from sayiir.runner import AsyncCheckpointingRunner
from sayiir.status import AwaitingSignal, Paused
from sayiir.stores.memory import MemoryStore
from sayiir.stores.records import ClaimRequest, InstanceState
from sayiir.testing.fakes import FakeBook
from sayiir.testing.instrument import called_really, instrumented
from sayiir.testing.skipping import SkippingClock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sayiir.client import AsyncWorkflowClient
    from sayiir.codec.protocol import Codec
    from sayiir.dsl.spec import TaskSpec
    from sayiir.events import Listener
    from sayiir.status import WorkflowStatus
    from sayiir.stores.records import InstanceRecord
    from sayiir.testing.fakes import Fakes
    from sayiir.workflow import Workflow

__all__ = ["AsyncWorkflowEnvironment", "TaskCall"]

A = TypeVar("A")
B = TypeVar("B")

MOST_WAKES: Final = 100_000
"""So often one ``advance`` or ``result`` moves on to the next time that something is due."""
_LEASE_US: Final = 30_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TaskCall:
    """One call of a task, faked or not.

    Attributes:
        task: the task's name.
        path: where it stands, as ``"poll[3]/ask_carrier"``.
        attempt: from 1.
        arguments: what it was given as inputs, in order.
        instance_id: the instance.

    >>> from sayiir import task, workflow
    >>> from sayiir.testing import WorkflowEnvironment
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> doubling = workflow("doubling", double)
    >>> with WorkflowEnvironment(doubling) as environment:
    ...     done = environment.run(doubling, "a", 3)
    ...     environment.calls_of(double)
    [TaskCall(task='double', path='double', attempt=1, arguments=(3,), instance_id='a')]
    """

    task: str
    path: str
    attempt: int
    arguments: tuple[Any, ...]
    instance_id: str


class AsyncWorkflowEnvironment:
    """Runs workflows durably, in memory, in a time that goes as fast as they do.

    Everything is real but the time and what is faked: the store keeps every rule of a store,
    values travel through the codec, retries wait, leases are held. It runs in the test's own
    event loop. Use it with ``async with``, or ``await close()``.

    A verb that changes something (``run``, ``send_event``, ``advance`` …) works until nothing is
    due, and then comes back: whatever is left waits for a time or for somebody. Backoffs of up
    to 5 s are slept on the way there, so they move the clock; longer waits stay, and are over
    when ``advance`` or ``result`` has gone so far.

    Args:
        workflows: what can be run here.
        fakes: what tasks give instead of running; see ``fake``.
        resources: what tasks ask for by ``resource(Type)``; see ``AsyncCheckpointingRunner``.
        codec: how values are stored.
        on_event: told what happens; see ``sayiir.events``.
        start: the time at which it begins, an aware datetime; a fixed date by default.

    Attributes:
        clock: the time in there.
        calls: what was called so far, in order; see ``calls_of``.

    Raises:
        DefinitionError: a fake is for a task that no workflow has; no workflow was given.

    >>> import asyncio
    >>> from sayiir import delay, task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> patient = workflow("patient", double >> delay("2d") >> double)
    >>> async def test() -> None:
    ...     async with AsyncWorkflowEnvironment(patient) as environment:
    ...         print(type(await environment.run(patient, "a", 1)).__name__)
    ...         await environment.advance("2d")
    ...         print(await environment.status("a", patient))
    >>> asyncio.run(test())
    Waiting
    Completed(output=4)
    """

    def __init__(
        self,
        *workflows: Workflow[Any, Any],
        fakes: Fakes | None = None,
        resources: Mapping[Any, Any] | None = None,
        codec: Codec | None = None,
        on_event: Listener | None = None,
        start: datetime | None = None,
    ) -> None:
        given = list(check_workflows(workflows))
        if not given:
            raise DefinitionError("an environment is given the workflows that it is to run")
        self.clock = SkippingClock(start)
        self.calls: list[TaskCall] = []
        self._book = FakeBook(fakes, given)
        self._threads = TaskThreads()
        self._store = MemoryStore(self.clock)
        self._given = {each.definition_hash: each for each in given}
        self._watched = {hash_: instrumented(each, self) for hash_, each in self._given.items()}
        self._runner = AsyncCheckpointingRunner(
            self._store,
            codec=codec,
            clock=self.clock,
            resources=resources,
            on_event=on_event,
        )
        self._request = ClaimRequest(
            holder="environment", lease_us=_LEASE_US, definitions=frozenset(self._given)
        )

    @property
    def client(self) -> AsyncWorkflowClient:
        """A client on the store in there: whatever a client can do."""
        return self._runner.client

    @property
    def now(self) -> datetime:
        """The time in there (aware, UTC)."""
        return _EPOCH + timedelta(microseconds=self.clock.now_us())

    async def close(self) -> None:
        """Leave the resources and forget everything. Idempotent."""
        try:
            await self._runner.close()
        finally:
            self._threads.close()
            await self._store.close()

    async def __aenter__(self) -> AsyncWorkflowEnvironment:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # -- running

    async def run(
        self,
        workflow: Workflow[A, B],
        instance_id: str,
        input: A,  # noqa: A002  the word of the interface
    ) -> WorkflowStatus[B]:
        """Submit an instance, and work until nothing is due.

        Raises:
            DefinitionError: the environment wasn't given the workflow.
            InstanceAlreadyExists, InvalidInstanceId, PayloadError: as ``client.submit``.
        """
        self._known(workflow)
        await self.client.submit(workflow, instance_id, input)
        await self.work()
        return await self.client.status(instance_id, workflow)

    async def work(self) -> None:
        """Run whatever is due, of all instances, until nothing is: after ``client`` changed it."""
        while await self._runner.resume_all(self._watched.values()):
            pass

    async def advance(self, duration: Duration) -> None:
        """Let this much time pass; what falls due on the way runs at its own time.

        Raises:
            DefinitionError: the duration is negative or no duration.
        """
        end_us = self.clock.now_us() + round(duration_seconds(duration) * 1e6)
        for _ in range(MOST_WAKES):
            await self.work()
            left_us = end_us - self.clock.now_us()
            wake_us = await self._next_due_in_us()
            if wake_us is None or wake_us > left_us:
                await self.clock.advance(max(left_us, 0) / 1e6)
                await self.work()
                return
            await self.clock.advance(wake_us / 1e6)
        raise SayiirError(f"something was due {MOST_WAKES:,} times in {duration!r}: is it a loop?")

    async def result(self, instance_id: str, workflow: Workflow[Any, B]) -> B:
        """The output, after as much time as it takes.

        Raises:
            WorkflowFailed: it failed, as one of its subclasses.
            WorkflowCancelled: it was cancelled.
            SignalUnavailable: it waits for an event that has no timeout: nobody sends it.
            InstanceNotFound: there is no such instance.
            SayiirError: it is paused.
        """
        for _ in range(MOST_WAKES):
            await self.work()
            if (await self._record(instance_id)).state is not InstanceState.RUNNING:
                return await self.client.result(instance_id, workflow)
            wake_us = await self._next_due_in_us()
            if wake_us is None:
                break
            await self.clock.advance(wake_us / 1e6)
        status = await self.client.status(instance_id, workflow)
        if isinstance(status, AwaitingSignal):
            raise SignalUnavailable(status.signal_name, status.path)
        hint = "; unpause it first" if isinstance(status, Paused) else ""
        raise SayiirError(f"instance {instance_id!r} never ends, it stays {status}{hint}")

    # -- steering

    async def send_event(
        self, instance_id: str, signal_name: str, payload: Any = None, *, path: str | None = None
    ) -> None:
        """Send an event, checked against the wait at once, and work until nothing is due.

        Raises:
            InstanceNotFound, InvalidTransition, UnknownSignal, PayloadError: as
                ``client.send_event``.
        """
        workflow = await self._workflow_of(instance_id)
        await self.client.send_event(
            instance_id, signal_name, payload, path=path, workflow=workflow
        )
        await self.work()

    async def cancel(
        self, instance_id: str, reason: str | None = None, cancelled_by: str | None = None
    ) -> None:
        """Cancel an instance; see ``client.cancel``."""
        await self.client.cancel(instance_id, reason, cancelled_by)
        await self.work()

    async def pause(
        self, instance_id: str, reason: str | None = None, paused_by: str | None = None
    ) -> None:
        """Pause an instance; see ``client.pause``."""
        await self.client.pause(instance_id, reason, paused_by)
        await self.work()

    async def unpause(self, instance_id: str) -> None:
        """Let a paused instance go on; see ``client.unpause``."""
        await self.client.unpause(instance_id)
        await self.work()

    async def retry(self, instance_id: str) -> None:
        """Let a failed instance go on; see ``client.retry``."""
        await self.client.retry(instance_id)
        await self.work()

    # -- looking

    @overload
    async def status(self, instance_id: str, workflow: None = None) -> WorkflowStatus[Any]: ...
    @overload
    async def status(self, instance_id: str, workflow: Workflow[Any, B]) -> WorkflowStatus[B]: ...
    async def status(
        self, instance_id: str, workflow: Workflow[Any, Any] | None = None
    ) -> WorkflowStatus[Any]:
        """How the instance stands. Its output is typed, also where the workflow isn't named.

        Raises:
            InstanceNotFound: there is none.
        """
        return await self.client.status(
            instance_id, workflow or await self._workflow_of(instance_id)
        )

    def calls_of(self, task: Task[Any, Any] | str) -> list[TaskCall]:
        """The calls of a task so far (or those at a path), faked or not, in order."""
        if isinstance(task, Task):
            return [call for call in self.calls if call.task == task.name]
        return [call for call in self.calls if call.path == task]

    # -- around each call

    async def call(
        self, spec: TaskSpec, node_path: str, real: Any, args: Any, kwargs: Any
    ) -> object:
        """Note the call, and run the task or its fake while time stands still."""
        context = get_task_context()
        called = TaskCall(spec.name, context.path, context.attempt, args, context.instance_id)
        self.calls.append(called)
        outcome = self._book.find(context.path, node_path, spec)
        with self.clock.working():
            if outcome is not None:
                value = outcome(*args, **kwargs)
                return await value if hasattr(value, "__await__") else value
            return await called_really(spec, real, args, kwargs, self._threads)

    def faked(self, spec: TaskSpec, node_path: str) -> bool:
        """Whether the task never runs there."""
        return self._book.always(node_path, spec)

    # -- inside

    def _known(self, workflow: Workflow[Any, Any]) -> None:
        if workflow.definition_hash not in self._given:
            raise DefinitionError(
                "this environment wasn't given it; give it all workflows that it is to run: "
                "WorkflowEnvironment(one, other)",
                workflow=workflow.name,
            )

    async def _record(self, instance_id: str) -> InstanceRecord:
        record = await self._store.describe(instance_id)
        if record is None:
            raise InstanceNotFound(instance_id, "this environment")
        return record

    async def _workflow_of(self, instance_id: str) -> Workflow[Any, Any] | None:
        return self._given.get((await self._record(instance_id)).definition_hash)

    async def _next_due_in_us(self) -> int | None:
        """How long until something is due; asked when nothing is, so nothing is claimed."""
        answer = await self._store.claim(self._request)
        if answer.items:  # sent by somebody beside us, at this very moment
            await self._store.release([item.fence for item in answer.items])
            return 0
        return answer.next_due_in_us
