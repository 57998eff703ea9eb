"""The runs of one runner: created or taken up, driven here, given back when it closes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from sayiir.access.connection import place_of
from sayiir.access.statuses import status_of
from sayiir.engine.claims import claiming, work_of
from sayiir.engine.dispatch import Dispatcher
from sayiir.engine.invoke import UserExit
from sayiir.engine.payloads import Payload
from sayiir.engine.refs import InputRef
from sayiir.errors import InstanceNotFound, StoreUnavailable
from sayiir.ids import new_run_id
from sayiir.policy import ConflictPolicy
from sayiir.status import Completed
from sayiir.stores.records import ClaimRequest, InstanceState

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from sayiir.access.host import EngineHost
    from sayiir.access.programs import Programs
    from sayiir.engine.desk import Engine
    from sayiir.engine.program import Program
    from sayiir.engine.work import Work
    from sayiir.status import WorkflowStatus
    from sayiir.stores.records import Claimed, CreateAnswer, InstanceRecord, NewInstance
    from sayiir.workflow import Workflow

__all__ = ["EmbeddedRuns"]

CLOSE_SECONDS = 10.0
"""So long may what runs take to be given back when its runner is closed."""

B = TypeVar("B")
T = TypeVar("T")


class EmbeddedRuns:
    """What runs at the moment by one runner, under one holder's name.

    Args:
        host: the engine to run it on.
    """

    def __init__(self, host: EngineHost) -> None:
        self._host = host
        self._holder = new_run_id()
        self._running: dict[Dispatcher, asyncio.Task[Any] | None] = {}
        """The calls that run, and whose they are."""

    async def opened(self) -> tuple[Engine, Programs]:
        """The engine and the programs, made when they are first asked for.

        Raises:
            StoreError: the store can't be opened, or was closed here.
        """
        return await self._host.opened()

    def runnable(self, programs: Programs, workflow: Workflow[Any, Any]) -> Program:
        """The program of a workflow, if the executors and resources are here that it names.

        Raises:
            ExecutorMissing: a task names an executor that wasn't given.
            DefinitionError: a task needs a resource that wasn't given.
        """
        program = programs.of(workflow)
        self._host.check(workflow, program)
        return program

    async def create(
        self,
        workflow: Workflow[Any, Any],
        new: NewInstance,
        policy: ConflictPolicy,
        *,
        finished_as_is: bool = False,
    ) -> tuple[CreateAnswer, Work | None]:
        """What was there already, or the root item of what was created, claimed.

        Args:
            workflow: what the instance is of.
            new: the instance.
            policy: what to do where its id is taken.
            finished_as_is: a finished instance is given also where it is another definition's.

        Raises:
            DefinitionMismatch: the id is taken by another definition.
        """
        engine, programs = await self.opened()
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
        return answer, root

    async def work(
        self,
        workflow: Workflow[Any, B],
        instance_id: str,
        root: Work | None,
        known: InstanceRecord | None = None,
        *,
        wait: bool,
    ) -> WorkflowStatus[B]:
        """Drive an instance until nothing of it is due; how it stands then.

        Args:
            workflow: what it is of.
            instance_id: the instance.
            root: its root item, where it was created a moment ago.
            known: its record, where it was read a moment ago.
            wait: go on through delays and signals until it ends or is paused.

        Raises:
            InstanceNotFound: it has been deleted meanwhile.
            StoreUnavailable: the runner was closed meanwhile.
        """
        engine, programs = await self.opened()
        program = self.runnable(programs, workflow)
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
            raise InstanceNotFound(instance_id, place_of(engine.store))
        return await status_of(record, programs, workflow)

    async def work_on_due(self, workflows: Iterable[Workflow[Any, Any]], limit: int | None) -> int:
        """Drive whatever is due of these workflows; how many work items were claimed."""
        engine, programs = await self.opened()
        compiled = {w.definition_hash: self.runnable(programs, w) for w in workflows}
        dispatcher = Dispatcher(engine, compiled, self._request())
        return await self._guarded(dispatcher, dispatcher.run_due(limit))

    async def stop(self) -> None:
        """Have what runs given back while its executors, threads and store are still there."""
        for dispatcher in self._running:
            dispatcher.fail(StoreUnavailable("this runner was closed; what it ran was given back"))
            dispatcher.wake()
        here = asyncio.current_task()
        callers = {task for task in self._running.values() if task is not None and task is not here}
        if callers:
            await asyncio.wait(callers, timeout=CLOSE_SECONDS)

    async def _guarded(self, dispatcher: Dispatcher, running: Coroutine[Any, Any, T]) -> T:
        """An exit that user code asked for goes to whoever called the runner."""
        self._running[dispatcher] = asyncio.current_task()
        try:
            return await running
        except UserExit as exit_request:
            raise exit_request.__cause__ or exit_request from None
        finally:
            del self._running[dispatcher]

    def _request(self) -> ClaimRequest:
        return ClaimRequest(
            holder=self._holder,
            lease_us=self._host.lease_us,
            limit=self._host.concurrency,
            skip_interruption_waits=True,
        )


def _root_of(answer: CreateAnswer) -> tuple[Claimed, ...]:
    return () if answer.claimed is None else (answer.claimed,)
