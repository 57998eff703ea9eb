"""``AsyncCheckpointingRunner``: durable runs inside your own process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from sayiir.access.arguments import check_whole, check_workflow, check_workflows
from sayiir.access.connection import place_of
from sayiir.access.host import EngineHost
from sayiir.access.statuses import status_of
from sayiir.access.submission import (
    new_instance,
    warn_of_changed_bodies,
    warn_of_other_input,
)
from sayiir.durations import Duration
from sayiir.errors import InstanceAlreadyExists, InstanceNotFound
from sayiir.ids import check_instance_id
from sayiir.limits import DEFAULT_LEASE_SECONDS, EMBEDDED_CONCURRENCY
from sayiir.policy import ConflictPolicy
from sayiir.render.cell import live_pictures
from sayiir.runner.embedded import EmbeddedRuns
from sayiir.stores.records import Control, InstanceState

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from sayiir.access.programs import Programs
    from sayiir.client import AsyncWorkflowClient
    from sayiir.clock import Clock
    from sayiir.codec.protocol import Codec
    from sayiir.dsl.flow import Flow
    from sayiir.events import Listener
    from sayiir.executors.protocol import Executor
    from sayiir.status import WorkflowStatus
    from sayiir.stores.protocols import Store
    from sayiir.stores.records import InstanceRecord, NewInstance
    from sayiir.workflow import Workflow

__all__ = ["AsyncCheckpointingRunner"]

A = TypeVar("A")
B = TypeVar("B")


class AsyncCheckpointingRunner:
    """Runs instances here, with a checkpoint after every task.

    After a crash the same line continues the instance; what was committed doesn't run again.
    Use it with ``async with``, or ``await close()``.

    Args:
        store: a URL (``sqlite:///orders.db``, ``memory://``, …) or an open store.
        conflict_policy: what ``run`` does where the instance id is taken.
        codec: how values are stored; the same for everybody who uses the store.
        lease: how long an item is held without a sign of life; renewed every third of it.
        clock: what short backoffs are slept by.
        resources: what tasks ask for by ``resource(Type)``, as ``{Type: ...}``: an object of it,
            a factory, or an (async) context manager or a factory of one. Made and entered by the
            first task that needs it, left in reverse order by ``close()``.
        on_event: told what happens here, as values of ``sayiir.events``: a function that returns
            quickly (it is called on the event loop), or a coroutine function. What it raises is
            logged once and hurts no run; only SystemExit and KeyboardInterrupt pass.
        executors: where tasks run that name one by ``run_in=``. For ``"process"`` a pool of
            processes is made on first use where none is given.
        live: in a notebook's kernel: whether ``run``, ``resume``, ``ensure`` and ``rerun`` show a
            picture of the instance that follows it. Elsewhere there is none.

    Raises:
        TypeError: the store, the codec, the clock, the listener or an executor is none.
        ValueError: there is no such conflict policy, or the lease is 0 s.
        DefinitionError: the lease is no duration, or what was given as resources is none.
        SayiirError: an executor has the name ``"loop"`` or ``"thread"``.

    >>> import asyncio
    >>> from sayiir import task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> doubling = workflow("doubling", double >> double)
    >>> async def main() -> str:
    ...     async with AsyncCheckpointingRunner("memory://") as runner:
    ...         return str(await runner.run(doubling, "a", 3))
    >>> asyncio.run(main())
    'Completed(output=12)'
    """

    _host_type: type[EngineHost] = EngineHost
    """What starts the engine: a simulation has its own, with its own time and threads."""

    def __init__(
        self,
        store: str | Store,
        *,
        conflict_policy: ConflictPolicy = ConflictPolicy.FAIL,
        codec: Codec | None = None,
        lease: Duration = DEFAULT_LEASE_SECONDS,
        clock: Clock | None = None,
        resources: Mapping[Any, Any] | None = None,
        on_event: Listener | None = None,
        executors: Mapping[str, Executor] | None = None,
        live: bool = True,
    ) -> None:
        self._pictures = live_pictures(on_event) if live else None
        self._host = self._host_type(
            store,
            codec=codec,
            lease=lease,
            clock=clock,
            resources=resources,
            on_event=on_event if self._pictures is None else self._pictures.hear,
            executors=executors,
            concurrency=EMBEDDED_CONCURRENCY,
        )
        self._policy = ConflictPolicy(conflict_policy)
        self._runs = EmbeddedRuns(self._host)

    async def store(self) -> Store:
        """The open store.

        Raises:
            StoreError: it can't be opened.
        """
        return await self._host.connection.open()

    @property
    def client(self) -> AsyncWorkflowClient:
        """A client on the runner's store."""
        from sayiir.client import AsyncWorkflowClient

        return AsyncWorkflowClient.on_connection(self._host.connection, self._policy)

    async def close(self) -> None:
        """Give back what runs, leave the resources, close the store if it was opened here.

        Whoever still waits for a run gets ``StoreUnavailable``; the instance can be continued.
        Idempotent.

        Raises:
            BaseException: what leaving a resource raised, or closing one of the runner's own
                parts, first; all the others are left and closed all the same.
        """
        await self._host.close(self._runs.stop)

    async def __aenter__(self) -> AsyncCheckpointingRunner:
        await self._runs.opened()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # -- running

    async def run(
        self,
        workflow: Workflow[A, B],
        instance_id: str,
        input: A,  # noqa: A002  the word of the interface
        *,
        wait: bool = False,
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> WorkflowStatus[B]:
        """Create the instance and work until nothing of it is due.

        Args:
            workflow: what to run.
            instance_id: its name.
            input: validated leniently: a dict becomes the model.
            wait: go on through delays and signals until it ends or is paused.
            priority: 1 (most urgent) to 5; the workflow's own by default.
            labels: to find it by in ``list``: at most 50, names of 1 to 64 characters, values of
                up to 256. Of an instance that exists they stay as they are.

        Raises:
            InvalidInstanceId: the id isn't allowed.
            TypeError, ValueError: the labels aren't.
            PayloadError: the input doesn't fit.
            InstanceAlreadyExists: the id is taken and the policy is FAIL.
            DefinitionMismatch: it is taken by another definition, whatever the policy.
            DefinitionError: a task needs a resource that the runner wasn't given.
            ExecutorMissing: a task names an executor that the runner wasn't given.

        Warns:
            OtherInputWarning: the policy is USE_EXISTING, and the instance has another input.
        """
        async with self._followed(workflow, instance_id):
            new = await self._new(workflow, instance_id, input, priority, labels)
            return await self._begin(workflow, new, wait=wait)

    async def resume(
        self, workflow: Workflow[Any, B], instance_id: str, *, wait: bool = False
    ) -> WorkflowStatus[B]:
        """Work on an instance that exists until nothing of it is due.

        A finished or paused one is returned as it is.

        Raises:
            InstanceNotFound: there is none.
            DefinitionMismatch: it was created by another definition.
            DefinitionError: a task needs a resource that the runner wasn't given.

        Warns:
            ChangedBodyWarning: a task's body has changed since the definition was stored.
        """
        async with self._followed(workflow, instance_id):
            engine, programs = await self._runs.opened()
            self._runs.runnable(programs, workflow)
            record = await engine.store.describe(check_instance_id(instance_id))
            if record is None:
                raise InstanceNotFound(instance_id, place_of(engine.store))
            return await self._continue(programs, record, workflow, wait=wait)

    async def ensure(
        self,
        workflow: Workflow[A, B],
        instance_id: str,
        input: A,  # noqa: A002
        *,
        wait: bool = False,
        labels: Mapping[str, str] | None = None,
    ) -> WorkflowStatus[B]:
        """Start the instance, or continue it: the line to run again after a crash.

        Paused, failed, cancelled and completed instances are returned as they are; under
        another definition a finished one is returned as plain data. Another input than the
        instance has is a warning, and changes nothing.

        Args:
            workflow: what to run.
            instance_id: its name.
            input: validated leniently: a dict becomes the model.
            wait: go on through delays and signals until it ends or is paused.
            labels: to find it by in ``list``: at most 50, names of 1 to 64 characters, values of
                up to 256. Of an instance that exists they stay as they are.

        Raises:
            InvalidInstanceId: the id isn't allowed.
            TypeError, ValueError: the labels aren't.
            PayloadError: the input doesn't fit.
            DefinitionMismatch: an unfinished one was created by another definition.
            DefinitionError: a task needs a resource that the runner wasn't given.

        Warns:
            OtherInputWarning: the instance has another input.
            ChangedBodyWarning: a task's body has changed since the definition was stored.
        """
        async with self._followed(workflow, instance_id):
            new = await self._new(workflow, instance_id, input, None, labels)
            answer, root = await self._runs.create(
                workflow, new, ConflictPolicy.USE_EXISTING, finished_as_is=True
            )
            existing = answer.existing
            if existing is None:
                return await self._runs.work(workflow, instance_id, root, wait=wait)
            engine, programs = await self._runs.opened()
            if existing.definition_hash != workflow.definition_hash:
                return await status_of(existing, programs, None)
            await warn_of_other_input(engine.store, existing, new.input, answer.input_data)
            return await self._continue(programs, existing, workflow, answer.definition, wait=wait)

    async def rerun(
        self,
        workflow: Workflow[Any, B],
        source_id: str,
        instance_id: str,
        *,
        start: str | Flow[Any, Any],
        wait: bool = False,
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> WorkflowStatus[B]:
        """Create an instance that keeps an earlier one's results up to a node, and work on it.

        What is kept: see ``AsyncWorkflowClient.rerun``. The new instance is like any other:
        ``resume`` continues it after a crash, and still takes the earlier results.

        Args:
            workflow: what to run; before ``start`` it means what the earlier instance's does.
            source_id: the earlier instance.
            instance_id: the new one's id; what happens where it is taken, the policy says.
            start: path of the node, or a task that stands in one place.
            wait: go on through delays and signals until it ends or is paused.
            priority: 1 (most urgent) to 5; the workflow's own by default.
            labels: of the new instance, as with ``run``.

        Raises:
            RerunRefused: the workflow differs before the node, the earlier instance never came
                there, or what the node is given was not kept.
            InstanceNotFound: there is no earlier instance.
            InvalidInstanceId, InstanceAlreadyExists, DefinitionMismatch: as ``run``.
            DefinitionError, ExecutorMissing: as ``run``.
            PayloadError: an earlier result doesn't fit its task any more.
            TypeError, ValueError: the workflow has no such node, or the labels aren't allowed.

        Warns:
            OtherInputWarning: as ``run``.
        """
        from sayiir.access.rerunning import Rerun, instance_again

        async with self._followed(workflow, instance_id):
            engine, programs = await self._runs.opened()
            new = await instance_again(
                engine.store,
                programs,
                self._runs.runnable(programs, workflow),
                Rerun(source_id, start),
                instance_id,
                priority=priority,
                labels=labels,
            )
            return await self._begin(workflow, new, wait=wait)

    async def resume_all(
        self, workflows: Iterable[Workflow[Any, Any]], *, limit: int | None = None
    ) -> int:
        """Continue whatever is due of these workflows and return: for cron jobs and functions.

        Args:
            workflows: what can be run here; several versions may stand side by side.
            limit: claim at most so many work items (and what they make ready).

        Returns:
            How many work items were claimed.

        Raises:
            ValueError: ``limit`` is less than 1.
            DefinitionError: a task needs a resource that the runner wasn't given.
        """
        given = check_workflows(workflows)
        if limit is not None and check_whole(limit, "limit") < 1:
            raise ValueError(f"limit is at least 1, or None for no limit, not {limit!r}")
        return await self._runs.work_on_due(given, limit)

    # -- inside

    def _followed(
        self, workflow: Workflow[Any, Any], instance_id: str
    ) -> AbstractAsyncContextManager[None]:
        """In a notebook's cell: with a picture of the instance that follows it."""
        definition = check_workflow(workflow).definition
        if self._pictures is None:
            return nullcontext()
        return self._pictures.following(self.client, definition, instance_id)

    async def _new(
        self,
        workflow: Workflow[Any, Any],
        instance_id: str,
        value: Any,
        priority: int | None,
        labels: Mapping[str, str] | None,
    ) -> NewInstance:
        _, programs = await self._runs.opened()
        program = self._runs.runnable(programs, workflow)
        return new_instance(program, instance_id, value, priority=priority, labels=labels)

    async def _begin(
        self, workflow: Workflow[Any, B], new: NewInstance, *, wait: bool
    ) -> WorkflowStatus[B]:
        """Create the instance and work on it; where the id is taken, what the policy says."""
        answer, root = await self._runs.create(workflow, new, self._policy)
        existing = answer.existing
        if existing is None:
            return await self._runs.work(workflow, new.instance_id, root, wait=wait)
        if self._policy is ConflictPolicy.FAIL:
            raise InstanceAlreadyExists(new.instance_id)
        engine, programs = await self._runs.opened()
        await warn_of_other_input(engine.store, existing, new.input, answer.input_data)
        return await status_of(existing, programs, workflow)

    async def _continue(
        self,
        programs: Programs,
        record: InstanceRecord,
        workflow: Workflow[Any, B],
        stored: bytes | None = None,
        *,
        wait: bool,
    ) -> WorkflowStatus[B]:
        """``stored``: its definition as it was first stored, where that is at hand."""
        if record.definition_hash != workflow.definition_hash:
            raise await programs.mismatch(record, workflow.definition)
        if record.state is not InstanceState.RUNNING or record.control is Control.PAUSE:
            return await status_of(record, programs, workflow)
        program = programs.of(workflow)
        await warn_of_changed_bodies(programs, program, record.instance_id, stored)
        return await self._runs.work(workflow, record.instance_id, None, record, wait=wait)
