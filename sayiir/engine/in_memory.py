"""In-memory runs: the same driver, with a committer that has no store."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from sayiir.clock import SystemClock, WorkAware
from sayiir.engine.acts import Acts, WorkingActs
from sayiir.engine.driver import Driver
from sayiir.engine.executing import Executors
from sayiir.engine.failures import failure_of_deadline
from sayiir.engine.in_memory_agenda import Agenda
from sayiir.engine.in_memory_committer import InMemoryCommitter
from sayiir.engine.invoke import UserExit
from sayiir.engine.listening import teller_of
from sayiir.engine.long_waits import warned_of_wait
from sayiir.engine.payloads import payload_of, told_of
from sayiir.engine.refs import InputRef
from sayiir.engine.resolve import read
from sayiir.engine.resources import ResourcePool, Resources
from sayiir.engine.threads import TaskThreads
from sayiir.engine.work import Run, Work
from sayiir.errors import failure_of
from sayiir.ids import new_run_id
from sayiir.limits import EMBEDDED_CONCURRENCY
from sayiir.stores.records import Fence, ItemKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sayiir.clock import Clock
    from sayiir.engine.position import Position
    from sayiir.engine.program import Program
    from sayiir.engine.refs import Ref
    from sayiir.engine.telling import Teller
    from sayiir.events import Listener
    from sayiir.executors.protocol import Executor

__all__ = ["run_in_memory"]

_SYSTEM_CLOCK: Final = SystemClock()
_ROOT: Final = Fence(0, ItemKey(), 0)


async def run_in_memory(
    program: Program,
    value: object,
    *,
    clock: Clock | None = None,
    events: Mapping[str, Sequence[object]] | None = None,
    resources: Mapping[Any, Any] | None = None,
    on_event: Listener | None = None,
    executors: Mapping[str, Executor] | None = None,
) -> Any:
    """The workflow's output, computed now and kept nowhere.

    Resources and instances of class tasks are made for this run, and left at its end.

    Raises:
        DefinitionError: a task needs a resource that isn't given, or one is no resource.
        WorkflowFailed: as ``result()`` of a durable run would, with ``__cause__`` the user's
            own exception.
        SignalUnavailable: a wait without timeout has no event.
        PayloadError: the input doesn't fit.
        ExecutorMissing: a task names an executor that isn't given.
    """
    given = Resources(resources)
    given.check(program.definition.name, program.needs)
    places = Executors(executors)
    places.check(program.definition.name, program.executor_names)
    threads = TaskThreads()
    teller = teller_of(on_event, clock or _SYSTEM_CLOCK)
    try:
        async with ResourcePool(given, threads.run) as pool:
            run = InMemoryRun(program, threads, places, pool, clock, events or {}, teller)
            return await run.run(value)
    except UserExit as exit_request:
        raise exit_request.__cause__ or exit_request from None
    finally:
        threads.close()
        await places.close()
        if teller is not None:
            await teller.close()


class InMemoryRun:
    """One run, from its input to its output: the driver's desk, and what waits on its behalf."""

    def __init__(
        self,
        program: Program,
        threads: TaskThreads,
        executors: Executors,
        resources: ResourcePool,
        clock: Clock | None,
        events: Mapping[str, Sequence[object]],
        teller: Teller | None = None,
    ) -> None:
        self._program = program
        self._clock = clock or _SYSTEM_CLOCK
        self._agenda = Agenda()
        self.held = self._agenda.held
        self._committer = InMemoryCommitter(program, self._agenda, self._clock, events)
        self._teller = teller
        self._driver = self._make_driver(threads, executors, resources, clock, teller)
        self._output: Ref | None = None
        self._warned = False

    def _make_driver(
        self,
        threads: TaskThreads,
        executors: Executors,
        resources: ResourcePool,
        clock: Clock | None,
        teller: Teller | None,
    ) -> Driver:
        telling = None if teller is None else teller.committer(self._committer)
        committer = telling or self._committer
        if clock is not None and isinstance(clock, WorkAware):
            acts: Acts = WorkingActs(committer, threads, executors, resources, clock)
        else:
            acts = Acts(committer, threads, executors, resources)
        if telling is None or teller is None:
            return Driver(self._committer, acts, self._clock, self)
        return Driver(telling, teller.acts(acts, telling), self._clock, self)

    # -- the run

    async def run(self, value: object) -> Any:
        """Drive the root here, and what it spawns beside it, until the root has ended."""
        program = self._program
        with told_of(f"the input of workflow {program.definition.name!r}"):
            accepted = program.codec.accept(value, program.definition.input_edge)
            self._committer.input = payload_of(accepted, program.input_plan)
        start, deadline_at_us = program.start(InputRef(self._committer.input)), None
        root = Work(program, Run(0, new_run_id(), ""), _ROOT, start)
        if (timeout := program.definition.timeout_seconds) is not None:
            root.deadline_at = time.monotonic() + timeout
            deadline_at_us = self._clock.now_us() + int(timeout * 1e6)
        if self._teller is not None:
            self._teller.started(root)
        try:
            await self._driver.drive(root)
            while self._output is None and self._agenda.failure is None:
                await self._turn(deadline_at_us)
        finally:
            await self._agenda.stop_all()
            # It knows this run, too: without the circle all of it is gone with its last use.
            del self._driver
        if self._agenda.failure is not None:
            raise self._agenda.failure
        if self._output is None:
            raise TypeError("a run ends with an output or a failure")
        await self._committer.fill(root, [self._output])
        return read(program, self._output)

    async def _turn(self, deadline_at_us: int | None) -> None:
        """Start what is ready, and wait until something ends or falls due."""
        agenda, now_us = self._agenda, self._clock.now_us()
        if deadline_at_us is not None and now_us >= deadline_at_us:
            info = failure_of_deadline(self._program.definition.timeout_seconds)
            agenda.fail(failure_of(info))
            if self._teller is not None:
                self._teller.failed(self._program.definition.name, info)
            return
        due_at_us = agenda.ready_what_is_due(now_us)
        while agenda.ready and self.room() > 0:
            self.start(agenda.ready.popleft())
        if not agenda.progress.is_set():
            dues = [at_us for at_us in (due_at_us, deadline_at_us) if at_us is not None]
            seconds = None if not dues else (min(dues) - now_us) / 1e6
            if seconds is not None and not (agenda.tasks or self._warned):
                self._warned = self._warn_of_wait(seconds)
            await self._wait(seconds)
        agenda.progress.clear()

    def _warn_of_wait(self, seconds: float) -> bool:
        first, real = self._agenda.first, self._clock is _SYSTEM_CLOCK
        return real and first is not None and warned_of_wait(first, seconds)

    async def _wait(self, seconds: float | None) -> None:
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._agenda.progress.wait())]
        if seconds is not None:
            waits.append(asyncio.ensure_future(self._clock.sleep(max(seconds, 0.0))))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    # -- the desk

    def start(self, work: Work) -> None:
        """Drive an item in a task of its own, or queue it where too many run."""
        if self.room() <= 0:
            self._agenda.ready.append(work)
            return
        task = asyncio.get_running_loop().create_task(self._driver.drive(work))
        self._agenda.tasks[task] = work
        task.add_done_callback(self._finished)

    def room(self) -> int:
        """How many further items could be started at once."""
        return EMBEDDED_CONCURRENCY - len(self._agenda.tasks)

    def wants(self, work: Work) -> bool:
        """Everything runs here."""
        return True

    def runs(self, program: Program, position: Position) -> bool:
        """Everything runs here."""
        return True

    def ending(self, work: Work) -> None:
        """Nobody waits for its slot."""

    def ended(self, work: Work, output: Ref) -> None:
        """The run is over; ``run`` returns the output."""
        self._output = output
        self._agenda.progress.set()

    def fail(self, error: BaseException) -> bool:
        """Start nothing more; ``run`` raises the error."""
        self._agenda.fail(error)
        return True

    def _finished(self, task: asyncio.Task[None]) -> None:
        del self._agenda.tasks[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._agenda.fail(error)
        self._agenda.progress.set()
