"""What makes a simulation the same again, and what it hears of errors instead of a log."""

from __future__ import annotations

import asyncio
import logging
import random as global_random
import sys
import time
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch
from zlib import crc32

from sayiir.engine import driver
from sayiir.engine.work import Work
from sayiir.errors import StoreUnavailable
from sayiir.outages import OutageLog
from sayiir.testing.simulation import Crash

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from tests.sim.cluster.judge import Judge
    from tests.sim.cluster.worlds import World

__all__ = ["Stumbles", "engine_of", "numbered", "repeatable"]


class _Task(asyncio.Task[Any]):
    """Where it stands in a set depends on the seed alone, not on where it lies in memory."""

    count = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _Task.count += 1
        self.number = _Task.count
        super().__init__(*args, **kwargs)

    def __hash__(self) -> int:
        return self.number


def numbered(loop: Any, coroutine: Any, **kwargs: Any) -> Any:
    """A loop's factory of tasks."""
    return _Task(coroutine, loop=loop, **kwargs)


def _hash_of_work(work: Work) -> int:
    item = work.fence.item
    return crc32(item.spawn_path.encode(), work.fence.run * 7919 + item.index) ^ work.fence.epoch


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """Whatever the engine draws or orders by chance comes from the seed; nothing is logged."""
    state, logger = global_random.getstate(), logging.getLogger("sayiir")
    propagate, _Task.count = logger.propagate, 0
    global_random.seed(seed)
    logger.propagate = False
    try:
        with (
            patch.object(Work, "__hash__", _hash_of_work),
            patch("sayiir.engine.failures._formatted", lambda _: ""),
        ):
            yield
    finally:
        logger.propagate = propagate
        global_random.setstate(state)


@contextmanager
def engine_of(world: World) -> Iterator[None]:
    """The engine measures time by the loop, and spawns in batches as small as the world has them.

    What is broken on purpose is compiled anew, by the names that hold then: so it is to be done
    within this, too.
    """
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name == "time" or (name.startswith("sayiir.engine.") and _takes_time(module)):
                stack.enter_context(patch.object(module, "monotonic", _loop_time))
        stack.enter_context(patch.object(driver, "SPAWN_BATCH_ITEMS", world.batch))
        yield


def _takes_time(module: ModuleType) -> bool:
    return getattr(module, "monotonic", None) in (_MONOTONIC, _loop_time)


_MONOTONIC: Final = time.monotonic


def _loop_time() -> float:
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return _MONOTONIC()


class Stumbles(logging.Handler):
    """Errors that workers log, other than that the store can't be reached."""

    def __init__(self, judge: Judge) -> None:
        super().__init__(logging.ERROR)
        self.judge = judge
        self.over = False

    def emit(self, record: logging.LogRecord) -> None:
        """Judge a line of the log."""
        if not self.over:
            self.judge.blame("nobody stumbles", record.getMessage())

    def heard(self, log: OutageLog, problem: BaseException) -> None:
        """In place of ``OutageLog.note``, which writes a line a minute and tells no type."""
        if not self.over and not isinstance(problem, StoreUnavailable):
            text = f"{log._what} failed: {type(problem).__name__}: {problem}"
            self.judge.blame("nobody stumbles", text)

    def listen(self) -> AbstractContextManager[object]:
        """As long as this is entered, it hears of outages."""

        def note(log: OutageLog, problem: BaseException) -> None:
            self.heard(log, problem)

        return patch.object(OutageLog, "note", note)

    def unhandled(self, loop: object, context: dict[str, Any]) -> None:
        """What asyncio would log."""
        del loop
        error = context.get("exception")
        if not self.over and not isinstance(error, (StoreUnavailable, Crash)):
            self.judge.blame("nobody stumbles", f"{context.get('message')}: {error!r}")
