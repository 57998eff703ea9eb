"""Several worker processes under one parent: started, started again when they die, stopped."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sayiir.executors.processes.interpreter import interpreter, search_path
from sayiir.limits import LEAVE_SECONDS
from sayiir.worker.importing import import_path

if TYPE_CHECKING:
    from sayiir.worker.settings import WorkerSettings

__all__ = ["ChildOrder", "Fleet"]

logger = logging.getLogger("sayiir.worker")

LIVED_SECONDS: Final = 60.0
"""A process that lived so long is started again at once; one that didn't, after a wait."""
FIRST_WAIT_SECONDS: Final = 0.25
LONGEST_WAIT_SECONDS: Final = 30.0
START_SECONDS: Final = 5.0
"""What a child may need beyond grace and leaving: the end of its start, and of the interpreter."""

_START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from sayiir.worker.child import main; main()"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildOrder:
    """What a child is told: workflows by name, all else by value."""

    workflows: tuple[tuple[str, str], ...]
    """Each as (import path, definition hash)."""
    settings: WorkerSettings
    """All but the workflows."""
    log_level: int


class Fleet:
    """The processes of one worker.

    Args:
        settings: what the worker was told.

    Raises:
        DefinitionError: a workflow can't be imported by name.
        TypeError, ValueError: something can't be had by another process: an open store, one in
            memory, a clock, a resource or listener that can't be pickled.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._workflows = tuple(
            (import_path(each), each.definition_hash) for each in settings.workflows
        )
        _check_pickled(settings)
        self._children: dict[int, asyncio.subprocess.Process] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Start them all.

        Raises:
            OSError: the system can't start one; those that were started are stopped.
        """
        try:
            for number in range(self._settings.processes):
                await self._begin(number, 0)
        except BaseException:
            await self.stop(0.0, asyncio.Event())
            raise
        self._tasks = [
            asyncio.create_task(self._look_after(number), name=f"sayiir-child-{number}")
            for number in range(self._settings.processes)
        ]

    async def stop(self, grace_seconds: float, hurry: asyncio.Event) -> None:
        """Have them drain, and wait for that; what doesn't end in time is killed."""
        self._stopping.set()
        self._signal(signal.SIGTERM)
        over = asyncio.create_task(self._over())
        hurried = asyncio.create_task(hurry.wait())
        patience = grace_seconds + LEAVE_SECONDS + START_SECONDS
        await asyncio.wait({over, hurried}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not over.done():
            self._signal(signal.SIGTERM)  # their second: they leave at once
            await asyncio.wait({over}, timeout=LEAVE_SECONDS)
        hurried.cancel()
        self._signal(signal.SIGKILL)
        await over

    async def _over(self) -> None:
        for task in self._tasks:
            with suppress(OSError):
                await task
        for child in list(self._children.values()):
            await child.wait()

    def _signal(self, number: signal.Signals) -> None:
        for child in self._children.values():
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.send_signal(number)

    # -- one child

    async def _begin(self, number: int, generation: int) -> None:
        order = self._order(f"{self._settings.worker_id}/{number}.{generation}")
        child = await asyncio.create_subprocess_exec(
            *interpreter(),
            "-c",
            _START,
            search_path(),
            stdin=asyncio.subprocess.PIPE,
            # A group of its own: the terminal's Ctrl-C is the parent's to hand on.
            process_group=0,
        )
        self._children[number] = child
        assert child.stdin is not None
        # The pipe stays open: its end tells the child that this process has gone.
        child.stdin.write(len(order).to_bytes(8) + order)
        with suppress(ConnectionError):  # it has died at once, which is seen where it is waited for
            await child.stdin.drain()
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)

    async def _look_after(self, number: int) -> None:
        """Wait for a child's end and start the next, not too often."""
        generation, wait_seconds = 0, 0.0
        while True:
            began = time.monotonic()
            child = self._children[number]
            status = await child.wait()
            if self._stopping.is_set():
                return
            lived = time.monotonic() - began
            if lived >= LIVED_SECONDS:
                wait_seconds = 0.0
            logger.error(
                "worker process %d of %d (pid %d) has ended with status %d after %.1f s; the next "
                "is started in %.3g s",
                number + 1,
                self._settings.processes,
                child.pid,
                status,
                lived,
                wait_seconds,
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait_seconds)
            if self._stopping.is_set():
                return
            wait_seconds = min(max(2 * wait_seconds, FIRST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
            generation += 1
            try:
                await self._begin(number, generation)
            except OSError:
                # No memory, no process left: the old one's status is met again, after the wait.
                logger.exception("a worker process could not be started")

    def _order(self, worker_id: str) -> bytes:
        settings = replace(self._settings, workflows=(), processes=1, worker_id=worker_id)
        log_level = logging.getLogger("sayiir").level
        return _pickled(
            ChildOrder(workflows=self._workflows, settings=settings, log_level=log_level)
        )


def _check_pickled(settings: WorkerSettings) -> None:
    """Refuse what a child can't be given, one argument after the other, so as to name it."""
    where = f"processes={settings.processes}"
    if not isinstance(settings.store, str):
        raise TypeError(
            f"{where}: each process opens the store by itself, so give its URL and not an open one"
        )
    if settings.store in ("memory://", "sqlite://"):
        raise ValueError(
            f"{where}: {settings.store!r} is in the memory of one process; choose a store that "
            "several can open"
        )
    if settings.clock is not None:
        raise ValueError(f"{where}: a clock can't be shared by processes")
    for name in ("codec", "resources", "on_event", "executors"):
        try:
            _pickled(getattr(settings, name))
        except Exception as error:  # whatever a user's object raises when it is pickled
            raise TypeError(
                f"{where}: {name}= must be picklable, for each process has one of its own; give "
                f"factories instead of what is made ({error})"
            ) from error


def _pickled(value: object) -> bytes:
    import cloudpickle  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

    data: bytes = cloudpickle.dumps(value)  # pyright: ignore[reportUnknownMemberType]
    return data
