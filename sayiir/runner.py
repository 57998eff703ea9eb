"""``AsyncCheckpointingRunner``: durable runs inside your own process."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from sayiir.access.arguments import check_whole, check_workflow, check_workflows
from sayiir.access.host import EngineHost
from sayiir.access.snapshots import status_of
from sayiir.access.submission import (
    new_instance,
    warn_of_changed_bodies,
    warn_of_other_input,
)
from sayiir.client import AsyncWorkflowClient
from sayiir.durations import Duration
from sayiir.engine.claims import claiming, work_of
from sayiir.engine.dispatch import Dispatcher
from sayiir.engine.invoke import UserExit
from sayiir.engine.payloads import Payload
from sayiir.engine.refs import InputRef
from sayiir.errors import InstanceAlreadyExists, InstanceNotFound, StoreUnavailable
from sayiir.ids import check_instance_id, new_run_id
from sayiir.limits import DEFAULT_LEASE_SECONDS, EMBEDDED_CONCURRENCY
from sayiir.policy import ConflictPolicy
from sayiir.render.cell import live_pictures
from sayiir.status import Completed
from sayiir.stores.records import ClaimRequest, Control, InstanceState

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from sayiir.access.snapshots import Programs
    from sayiir.clock import Clock
    from sayiir.codec.protocol import Codec
    from sayiir.dsl.flow import Flow
    from sayiir.engine.desk import Engine
    from sayiir.engine.program import Program
    from sayiir.engine.work import Work
    from sayiir.events import Listener
    from sayiir.executors.protocol import Executor
    from sayiir.status import WorkflowStatus
    from sayiir.stores.protocols import Store
    from sayiir.stores.records import Claimed, CreateAnswer, InstanceRecord, NewInstance
    from sayiir.workflow import Workflow

__all__ = ["AsyncCheckpointingRunner"]

CLOSE_SECONDS = 10.0
"""So long may what runs take to be given back when its runner is closed."""

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")


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
        DefinitionError: what was given as resources is none.

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
        self._holder = new_run_id()
        self._running: dict[Dispatcher, asyncio.Task[Any] | None] = {}
        """The calls that run, and whose they are."""

    async def store(self) -> Store:
        """The open store.

        Raises:
            StoreError: it can't be opened.
        """
        return await self._host.connection.open()

    @property
    def client(self) -> AsyncWorkflowClient:
        """A client on the runner's store."""
        return AsyncWorkflowClient.on_connection(self._host.connection, self._policy)

    async def close(self) -> None:
        """Give back what runs, leave the resources, close the store if it was opened here.

        Whoever still waits for a run gets ``StoreUnavailable``; the instance can be continued.
        Idempotent.

        Raises:
            BaseException: what leaving a resource raised, or closing one of the runner's own
                parts, first; all the others are left and closed all the same.
        """
        await self._host.close(self._stop_running)

    async def __aenter__(self) -> AsyncCheckpointingRunner:
        await self._opened()
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
        """
        async with self._followed(workflow, instance_id):
            existing, root, data = await self._create(
                workflow, instance_id, input, priority, labels, self._policy
            )
            if existing is not None:
                if self._policy is ConflictPolicy.FAIL:
                    raise InstanceAlreadyExists(instance_id)
                engine, programs = await self._opened()
                await warn_of_other_input(engine.store, existing, data)
                return await status_of(existing, programs, workflow)
            return await self._work(workflow, instance_id, root, wait=wait)

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
            check_workflow(workflow)
            engine, programs = await self._opened()
            self._runnable(programs, workflow)
            record = await engine.store.describe(check_instance_id(instance_id))
            if record is None:
                raise InstanceNotFound(instance_id)
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
            existing, root, data = await self._create(
                workflow,
                instance_id,
                input,
                None,
                labels,
                ConflictPolicy.USE_EXISTING,
                finished_as_is=True,
            )
            if existing is None:
                return await self._work(workflow, instance_id, root, wait=wait)
            engine, programs = await self._opened()
            if existing.definition_hash != workflow.definition_hash:
                return await status_of(existing, programs, None)
            await warn_of_other_input(engine.store, existing, data)
            return await self._continue(programs, existing, workflow, wait=wait)

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
        """
        from sayiir.access.rerunning import Again, instance_again

        async with self._followed(workflow, instance_id):
            check_workflow(workflow)
            engine, programs = await self._opened()
            new = await instance_again(
                engine.store,
                programs,
                self._runnable(programs, workflow),
                Again(source_id, start),
                instance_id,
                priority=priority,
                labels=labels,
            )
            existing, root = await self._create_new(workflow, new, self._policy)
            if existing is None:
                return await self._work(workflow, instance_id, root, wait=wait)
            if self._policy is ConflictPolicy.FAIL:
                raise InstanceAlreadyExists(instance_id)
            return await status_of(existing, programs, workflow)

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
        engine, programs = await self._opened()
        compiled = {w.definition_hash: self._runnable(programs, w) for w in given}
        dispatcher = Dispatcher(engine, compiled, self._request())
        return await self._guarded(dispatcher, dispatcher.run_due(limit))

    # -- inside

    def _followed(
        self, workflow: Workflow[Any, Any], instance_id: str
    ) -> AbstractAsyncContextManager[None]:
        """In a notebook's cell: with a picture of the instance that follows it."""
        definition = check_workflow(workflow).definition
        if self._pictures is None:
            return nullcontext()
        return self._pictures.following(self.client, definition, instance_id)

    async def _create(
        self,
        workflow: Workflow[Any, Any],
        instance_id: str,
        value: Any,
        priority: int | None,
        labels: Mapping[str, str] | None,
        policy: ConflictPolicy,
        *,
        finished_as_is: bool = False,
    ) -> tuple[InstanceRecord | None, Work | None, bytes]:
        check_workflow(workflow)
        _, programs = await self._opened()
        program = self._runnable(programs, workflow)
        new = new_instance(program, instance_id, value, priority=priority, labels=labels)
        existing, root = await self._create_new(
            workflow, new, policy, finished_as_is=finished_as_is
        )
        return existing, root, new.input

    async def _create_new(
        self,
        workflow: Workflow[Any, Any],
        new: NewInstance,
        policy: ConflictPolicy,
        *,
        finished_as_is: bool = False,
    ) -> tuple[InstanceRecord | None, Work | None]:
        """What was there already, or the root item of what was created."""
        engine, programs = await self._opened()
        program = programs.of(workflow)
        replace = policy is ConflictPolicy.TERMINATE_EXISTING
        create = engine.store.create(new, replace=replace, claim=self._request())
        answer = await claiming(engine.releaser, create, _root_of)
        existing = answer.existing
        if existing is not None and existing.definition_hash != new.definition_hash:
            finished = existing.state is not InstanceState.RUNNING
            if not (finished_as_is and finished):
                raise await programs.mismatch(existing, workflow.definition)
        root = None
        if answer.claimed is not None:
            # What was written a moment ago need not be read again.
            start = program.start(InputRef(Payload(new.input, program.input_plan)))
            if program.input_text(start) != new.root_input:
                start = program.locate(new.root_path, new.root_input)  # takes earlier results
            root = work_of(program, answer.claimed, start)
        return existing, root

    async def _continue(
        self,
        programs: Programs,
        record: InstanceRecord,
        workflow: Workflow[Any, B],
        *,
        wait: bool,
    ) -> WorkflowStatus[B]:
        if record.definition_hash != workflow.definition_hash:
            raise await programs.mismatch(record, workflow.definition)
        if record.state is not InstanceState.RUNNING or record.control is Control.PAUSE:
            return await status_of(record, programs, workflow)
        await warn_of_changed_bodies(programs, programs.of(workflow), record.instance_id)
        return await self._work(workflow, record.instance_id, None, record, wait=wait)

    async def _work(
        self,
        workflow: Workflow[Any, B],
        instance_id: str,
        root: Work | None,
        known: InstanceRecord | None = None,
        *,
        wait: bool,
    ) -> WorkflowStatus[B]:
        engine, programs = await self._opened()
        program = self._runnable(programs, workflow)
        dispatcher = Dispatcher(engine, {workflow.definition_hash: program}, self._request())
        run = dispatcher.run_instance(instance_id, root, known, wait=wait)
        running = self._guarded(dispatcher, run)
        if self._host.teller is None:
            record = await running
        else:
            record = await self._host.teller.told(
                instance_id, workflow.name, running, resumed=root is None
            )
        if dispatcher.completed is not None:
            return Completed(await programs.value(program, *dispatcher.completed))
        if record is None:
            raise InstanceNotFound(instance_id)
        return await status_of(record, programs, workflow)

    async def _guarded(self, dispatcher: Dispatcher, running: Coroutine[Any, Any, T]) -> T:
        """An exit that user code asked for goes to whoever called the runner."""
        self._running[dispatcher] = asyncio.current_task()
        try:
            return await running
        except UserExit as exit_request:
            raise exit_request.__cause__ or exit_request from None
        finally:
            del self._running[dispatcher]

    async def _stop_running(self) -> None:
        """Have what runs given back while its executors, threads and store are still there."""
        for dispatcher in self._running:
            dispatcher.fail(StoreUnavailable("this runner was closed; what it ran was given back"))
            dispatcher.wake()
        here = asyncio.current_task()
        callers = {task for task in self._running.values() if task is not None and task is not here}
        if callers:
            await asyncio.wait(callers, timeout=CLOSE_SECONDS)

    def _runnable(self, programs: Programs, workflow: Workflow[Any, Any]) -> Program:
        """The program of a workflow, if the executors and resources are here that it names."""
        program = programs.of(workflow)
        self._host.check(workflow, program)
        return program

    def _request(self) -> ClaimRequest:
        return ClaimRequest(
            holder=self._holder,
            lease_us=self._host.lease_us,
            limit=EMBEDDED_CONCURRENCY,
            skip_interruption_waits=True,
        )

    async def _opened(self) -> tuple[Engine, Programs]:
        return await self._host.opened()


def _root_of(answer: CreateAnswer) -> tuple[Claimed, ...]:
    return () if answer.claimed is None else (answer.claimed,)
