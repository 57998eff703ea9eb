"""Resources that keep a log of what happens to them."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


class Log:
    """What was entered and left, and on which threads."""

    def __init__(self) -> None:
        self.entered: list[str] = []
        self.left: list[str] = []
        self.threads: dict[str, str] = {}

    def note(self, name: str) -> None:
        self.entered.append(name)
        self.threads[name] = threading.current_thread().name

    @property
    def open(self) -> list[str]:
        """What was entered and not left, or left more often than entered."""
        left = list(self.left)
        still: list[str] = []
        for name in self.entered:
            if name in left:
                left.remove(name)
            else:
                still.append(name)
        return [*still, *(f"{name} left too often" for name in left)]


class Thing:
    """What a resource is asked for by, in these tests."""

    def __init__(self, name: str = "thing") -> None:
        self.name = name


class Other(Thing):
    """A subclass, which is another resource."""


class SyncThing(Thing):
    def __init__(self, log: Log, name: str = "thing") -> None:
        super().__init__(name)
        self.log = log

    def __enter__(self) -> SyncThing:
        self.log.note(self.name)
        return self

    def __exit__(self, *_: object) -> None:
        self.log.left.append(self.name)


class AsyncThing(Thing):
    """Takes three turns of the loop to enter, and three to leave."""

    def __init__(self, log: Log, name: str = "thing", turns: int = 3) -> None:
        super().__init__(name)
        self.log = log
        self.turns = turns

    async def __aenter__(self) -> AsyncThing:
        for _ in range(self.turns):
            await asyncio.sleep(0)
        self.log.note(self.name)
        return self

    async def __aexit__(self, *_: object) -> None:
        for _ in range(self.turns):
            await asyncio.sleep(0)
        self.log.left.append(self.name)


def sync_generator(log: Log, name: str = "thing") -> Callable[[], Any]:
    @contextmanager
    def make() -> Iterator[Thing]:
        log.note(name)
        yield Thing(name)
        log.left.append(name)

    return make


def async_generator(log: Log, name: str = "thing") -> Callable[[], Any]:
    @asynccontextmanager
    async def make() -> AsyncIterator[Thing]:
        # Must be left by the task that entered it, or it raises.
        async with asyncio.timeout(60), asyncio.TaskGroup():
            log.note(name)
            yield Thing(name)
            log.left.append(name)

    return make
