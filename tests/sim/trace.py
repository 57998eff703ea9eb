"""What the tasks of a generated flow did, kept outside any store: the witness of a simulation.

A task tells its trace that it starts; the store's wrapper tells it what was committed. The trace
judges at once: a committed step that starts again, an attempt that is no later one, an
idempotency key that changed, an input that another attempt didn't have.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sayiir import ItemFailed
from sayiir.testing.simulation import Crash

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir import TaskContext

__all__ = ["Execution", "Trace", "plain"]

_NOTICE_US = 31_000_000


def plain(value: Any) -> Any:
    """What a recorded failure tells of its attempt and its traceback may differ."""
    if isinstance(value, ItemFailed):
        return f"failed[{value.index}]: {value.error.type_name}"
    return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value


@dataclass(frozen=True, slots=True)
class Execution:
    """One start of one task."""

    life: int
    path: str
    attempt: int
    value: str


@dataclass(slots=True)
class Trace:
    """All executions of one instance, over all the processes that worked on it.

    ``life`` counts the processes from 1. ``broken``: tasks that wait for a mend fail. ``fresh``:
    counts how often the instance was retried by hand, after which attempts begin at 1 again.
    ``now_us``: the clock that the instance goes by.
    """

    seed: int = 0
    life: int = 1
    dead: bool = False
    broken: bool = False
    fresh: int = 0
    now_us: Callable[[], int] = int
    turn_seconds: float = 0.0
    executions: list[Execution] = field(default_factory=list)
    committed: dict[str, int] = field(default_factory=dict)
    closed: list[tuple[str, int, int]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _inputs: dict[str, str] = field(default_factory=dict)
    _keys: dict[str, str] = field(default_factory=dict)
    _attempts: dict[tuple[str, int], int] = field(default_factory=dict)
    _started: Counter[tuple[str, int]] = field(default_factory=Counter)

    # -- told by tasks

    def started(self, ctx: TaskContext, *values: Any) -> int:
        """A task starts; how many turns of the loop it shall take (seeded by path and attempt)."""
        if self.dead:
            raise Crash
        self.note(ctx.path, ctx.attempt, ctx.idempotency_key, repr(plain(values)))
        return self.turns(ctx)

    def turns(self, ctx: TaskContext) -> int:
        """How many turns of the loop an attempt takes: seeded, so that it takes them again."""
        return random.Random(f"{self.seed}:{ctx.path}:{ctx.attempt}").choice((0, 0, 1, 3))

    def note(self, path: str, attempt: int, key: str, value: str) -> None:
        """Judge a start by what was seen before."""
        if path in self.committed:
            self._problem(f"{path} ran again, committed in life {self.committed[path]}")
        for prefix, life, at_us in self.closed:
            # A neighbour of what failed learns of it at its next write, or at a renewal.
            late = life < self.life or self.now_us() > at_us + _NOTICE_US
            if late and path.startswith(prefix):
                self._problem(f"{path} ran though {prefix} had failed for good in life {life}")
        if self._inputs.setdefault(path, value) != value:
            self._problem(f"{path} got {value}, and before {self._inputs[path]}")
        if self._keys.setdefault(path, key) != key:
            self._problem(f"{path} changed its idempotency key")
        last = self._attempts.get((path, self.fresh), 0)
        if attempt <= last:
            self._problem(f"{path} began attempt {attempt} after attempt {last}")
        self._attempts[path, self.fresh] = attempt
        self._started[path, self.fresh] += 1
        self.executions.append(Execution(self.life, path, attempt, value))

    # -- told by the store's wrapper

    def stored(self, path: str) -> None:
        """The result of a step is in the store."""
        self.committed[path] = self.life

    def gave_up(self, prefix: str) -> None:
        """A map item below ``prefix`` was collected as failed."""
        self.closed.append((prefix, self.life, self.now_us()))

    # -- told by the simulation

    def begin(self) -> None:
        """A new process takes over."""
        self.life += 1
        self.dead = False

    def mended(self) -> None:
        """Somebody mended the cause and retried the instance."""
        self.broken = False
        self.fresh += 1

    def inputs(self) -> dict[str, str]:
        """What each path was given."""
        return dict(self._inputs)

    def skipped_attempts(self) -> list[str]:
        """Paths whose attempts don't follow each other: leases were lost there."""
        return [at[0] for at, last in self._attempts.items() if self._started[at] < last]

    def check_keys_differ(self) -> None:
        """Two steps never share an idempotency key."""
        if len(set(self._keys.values())) != len(self._keys):
            self._problem("two paths share an idempotency key")

    def _problem(self, text: str) -> None:
        self.problems.append(f"life {self.life}: {text}")
