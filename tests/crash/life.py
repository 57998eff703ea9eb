"""One life of a real process that is killed with SIGKILL at a seeded point.

It runs a generated flow on a store by a moved clock, and tells a file what it does, line by line:
what the operating system has accepted outlives the kill.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from sayiir import Completed, open_store
from tests.sim import lives
from tests.sim.lives import INSTANCE, Point, SimulatedClock, World
from tests.sim.trace import Trace, plain

if TYPE_CHECKING:
    from sayiir import TaskContext
    from tests.sim.case import Case

__all__ = ["Diary", "live"]

_START_US = 1_767_225_600_000_000
_LIFE_US = 12 * 3_600_000_000
"""How much later than the one before it a life begins: beyond all that one can have waited."""


class Diary(Trace):
    """A trace that only writes down what happens; the test judges it afterwards."""

    __slots__ = ("descriptor",)

    def open(self, path: str) -> None:
        """Append to this file."""
        self.descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, *entry: Any) -> None:
        """One line, in one system call."""
        os.write(self.descriptor, (json.dumps(entry) + "\n").encode())

    def started(self, ctx: TaskContext, *values: Any) -> int:
        """Write it down."""
        self.write("start", ctx.path, ctx.attempt, ctx.idempotency_key, repr(plain(values)))
        return self.turns(ctx)

    def stored(self, path: str) -> None:
        """Write it down."""
        self.write("stored", path)

    def gave_up(self, prefix: str) -> None:
        """Write it down."""
        self.write("gave up", prefix)

    def mended(self) -> None:
        """Write it down."""
        self.broken = False
        self.write("mended")


class _KilledStore(lives.MortalStore):
    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class _OutsideWorld(World):
    """Its own deeds are another process's: none of them is cut in two by a kill."""

    async def act(self, status: Any) -> bool:
        with self.undisturbed:
            return await World.act(self, status)

    async def _send(self, client: Any, name: str) -> None:
        await World._send(self, client, name)
        self.case.trace.write("sent", name)  # type: ignore[attr-defined]


def live(case: Case, order: dict[str, Any]) -> None:
    """Live once, as ordered: until the point to be killed at, or to the instance's end."""
    diary = Diary(case.seed)
    diary.open(order["diary"])
    diary.life, diary.broken = order["life"], order["broken"]
    case.trace = diary
    lives.MortalStore = _KilledStore  # type: ignore[misc]  # this process is a fork of its own
    lives.play(_live(case, diary, order))


async def _live(case: Case, diary: Diary, order: dict[str, Any]) -> None:
    clock = SimulatedClock(_START_US + diary.life * _LIFE_US)
    store = await open_store(order["url"], clock=clock)
    world = _OutsideWorld(case, store, clock)
    world.sent = Counter(order["sent"])
    world.undisturbed = threading.Lock()  # type: ignore[attr-defined]
    # What the one before committed without living to tell.
    for row in await store.results(INSTANCE):
        if row.error is None:
            diary.stored(row.path)
    diary.write("life", diary.life)
    if diary.life == 1:
        await world.prepare()
    point = None
    if order["write"] is not None:
        point = Point(order["write"], order["after"], order["verb"])
    if order["seconds"] is not None:
        _kill_later(order["seconds"], world.undisturbed)  # type: ignore[attr-defined]
    outcome = await world.live(point)
    with world.undisturbed:  # type: ignore[attr-defined]
        rows = {
            row.path: row.output.hex() for row in await store.results(INSTANCE) if not row.error
        }
        completed = isinstance(outcome.status, Completed)
        output = outcome.status.output if completed else None
        diary.write("end", completed, output, str(outcome.status), outcome.writes, rows)
    await store.close()


def _kill_later(seconds: float, undisturbed: threading.Lock) -> None:
    def kill() -> None:
        with undisturbed:
            os.kill(os.getpid(), signal.SIGKILL)

    timer = threading.Timer(seconds, kill)
    timer.daemon = True
    timer.start()


async def expected_output(case: Case) -> Any:
    """What an in-memory run gives."""
    case.trace = Trace(case.seed)
    return await lives.in_memory(case)


def expected(case: Case) -> Any:
    """The same, from outside any loop."""
    return lives.play(expected_output(case))
