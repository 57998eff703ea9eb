"""Graphs as plain data, and what their tasks compute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias
from zlib import crc32

from sayiir.values import Again, Done

MAX_ITERATIONS = 4
"""Of every loop: what would go on forever leaves with the last value, or says Done in time."""


@dataclass(frozen=True)
class Step:
    """A task. ``reads``: the step, earlier on every path to here, whose result it takes too."""

    name: str
    reads: str | None = None


@dataclass(frozen=True)
class ForkShape:
    """``named``: arms are called a, b, c …; ``join`` as in ``fork()``."""

    arms: tuple[Steps, ...]
    named: bool = False
    join: Literal["all", "last"] = "all"


@dataclass(frozen=True)
class BranchShape:
    """``key`` names the function that picks; keys are "0", "1" …; ``default`` takes one more."""

    key: str
    arms: tuple[Steps, ...]
    default: Steps | None = None
    merged: bool = False


@dataclass(frozen=True)
class LoopShape:
    """``body``, then a task called ``decide`` that gives Again or Done by the value.

    With ``on_max="fail"`` it says Done in the last iteration at the latest.
    """

    body: Steps
    decide: str
    on_max: Literal["fail", "exit_with_last"] = "fail"


@dataclass(frozen=True)
class MapShape:
    """A task called ``spread`` that makes a list of ``count`` ints, then a map over it."""

    spread: str
    count: int
    body: Steps


@dataclass(frozen=True)
class DelayShape:
    """A durable timer."""

    seconds: float


@dataclass(frozen=True)
class SignalShape:
    """A wait; whoever drives the run sends ``payload_of(name)`` for each."""

    name: str
    keep_input: bool = False


@dataclass(frozen=True)
class ChildShape:
    """A workflow of its own, inlined."""

    name: str
    body: Steps


Shape: TypeAlias = (
    Step | ForkShape | BranchShape | LoopShape | MapShape | DelayShape | SignalShape | ChildShape
)
Steps: TypeAlias = tuple[Shape, ...]

KINDS = ("task", "fork", "branch", "loop", "map", "delay", "await_signal", "child")


def fold(name: str, *values: object) -> int:
    """What a task called ``name`` makes of its input: equal everywhere, and different by place."""
    return crc32(f"{name}:{values!r}".encode()) % 1000


def payload_of(signal_name: str) -> int:
    """The payload of every event for a signal, so that it doesn't matter who gets which."""
    return fold("payload", signal_name)


def decided(shape: LoopShape, value: object, iteration: int | None) -> Again[int] | Done[int]:
    """What a loop's last task gives."""
    result = fold(shape.decide, value)
    in_time = shape.on_max == "fail" and iteration == MAX_ITERATIONS - 1
    return Done(result) if result % 2 or in_time else Again(result)


def spread(name: str, count: int, value: object) -> list[int]:
    """What the task before a map gives."""
    return [fold(name, value, index) for index in range(count)]


def key_of(shape: BranchShape, value: object) -> str:
    """Which arm a branch takes; one beyond the last is the default's."""
    return str(fold(shape.key, value) % (len(shape.arms) + (shape.default is not None)))


def arm_names(shape: ForkShape) -> list[str]:
    """The selectors of a fork's arms."""
    return [chr(ord("a") + at) if shape.named else str(at) for at in range(len(shape.arms))]


OnCall: TypeAlias = Callable[[str], None]
"""Called with the task's name before it does anything: to count, to fail, to be killed in."""


def ignore_call(name: str) -> None:
    pass
