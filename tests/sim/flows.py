"""Flows from a seed: every node kind, nested three deep, at most 30 nodes.

They are written with the public combinators, their tasks are typed, and every task is a pure
function of its input, so an instance has one right output however often it is interrupted.
Tasks tell a ``Trace`` that they start; the same seed builds the same flow in any process.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any, Literal, cast

import sayiir
from sayiir import (
    Again,
    BranchResult,
    Done,
    ItemFailed,
    RetryPolicy,
    get_task_context,
    result_of,
    workflow_input,
)
from tests.sim.case import Case, Plan
from tests.sim.tasks import MODULUS, TaskMaker, total
from tests.sim.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["INPUT", "Size", "case_of"]

INPUT = 7
MIN_NODES = 8
MAX_NODES = 30
DEPTH = 3
_START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Size:
    """How large flows are; ``hasty``: its delays and backoffs take seconds, not hours.

    ``tags``: some tasks ask for some of them. ``wide``: maps have some more items.
    """

    least: int = MIN_NODES
    most: int = MAX_NODES
    depth: int = DEPTH
    hasty: bool = False
    tags: tuple[str, ...] = ()
    wide: bool = False


LARGE = Size()


def case_of(
    seed: int, trace: Trace | None = None, *, threads: bool = False, size: Size = LARGE
) -> Case:
    """The workflow of a seed. ``threads``: some of its tasks are sync and run on threads."""
    trace = trace or Trace(seed)
    for draw in count():
        case = Case(seed, trace, threads)
        maker = _Maker(Random(f"{seed}.{draw}"), case, size, Random(f"aside {seed}.{draw}"))
        flow = maker.sequence(size.depth, _Place())
        if size.least <= maker.count <= size.most:
            case.flow = flow
            case.workflow = sayiir.workflow(f"generated_{seed}", flow)
            case.nodes = maker.count
            return case
    raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a sequence stands. ``beside_itself``: it may run several times at once."""

    beside_itself: bool = False
    collected: bool = False
    readable: tuple[Any, ...] = ()


class _Maker:
    def __init__(self, random: Random, case: Case, size: Size, aside: Random) -> None:
        self.random = random
        self.aside = aside
        self.case = case
        self.size = size
        self.tasks = TaskMaker(random, case, aside, size.tags)
        self.count = 0

    # -- sequences: int in, int out

    def sequence(self, depth: int, place: _Place) -> Any:
        flow: Any = None
        readable = list(place.readable)
        whole = depth == self.size.depth
        for _ in range(self.random.randint(2 if whole else 1, 3 if whole else 2)):
            here = _Place(place.beside_itself, place.collected, tuple(readable))
            piece, made = self.piece(depth, here)
            readable += made
            if flow is None:
                flow = piece if isinstance(piece, sayiir.Flow) else sayiir.task(piece)
            else:
                flow = flow >> piece
        return flow

    def piece(self, depth: int, place: _Place) -> tuple[Any, list[Any]]:
        kinds = ["task", "delay", "signal"]
        if depth and self.count < self.size.most * 3 // 4:
            kinds += ["fork", "fork", "branch", "loop", "map", "map", "child"]
        elif depth == 0:
            kinds += ["task", "task"]
        kind = self.random.choice(kinds)
        self.case.kinds.add(kind)
        return getattr(self, f"_{kind}")(depth, place)

    def name(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    # -- tasks

    def made(
        self, stem: str, compute: Callable[..., Any], returns: Any = int, **options: Any
    ) -> Any:
        """A task of a name of its own, see ``TaskMaker.made``."""
        return self.tasks.made(self.name(stem), compute, returns, **options)

    def step(self, stem: str = "step", **options: Any) -> Any:
        factor, term = self.random.randint(2, 99), self.random.randint(1, 999)
        return self.made(
            stem, lambda n, *more: (n * factor + term + sum(more)) % MODULUS, **options
        )

    def _task(self, depth: int, place: _Place) -> tuple[Any, list[Any]]:
        del depth
        choice = self.random.choice(("plain", "plain", "input", "read", "slept", "parked", "mend"))
        if choice == "input":
            task = self.step("ask", extra=workflow_input(int))
        elif choice == "read" and place.readable:
            task = self.step("read", extra=result_of(self.random.choice(place.readable)))
        elif choice in ("slept", "parked"):
            task = self._failing_first(choice)
        elif choice == "mend" and place.collected:
            task = self._picky()
        elif choice == "mend" and not self.case.fails:
            task = self._broken()
        else:
            plain = self.step(plain_allowed=True)
            return plain, [plain] if isinstance(plain, sayiir.Flow) else []
        return task, [task]

    def _failing_first(self, choice: str) -> Any:
        """Fails its first attempts; the wait between them is slept in place, or parked."""
        times = self.random.randint(1, 2)
        delay = self.random.choice((1, 2)) if choice == "slept" else self.random.choice((60, 600))
        if self.size.hasty and choice == "parked":
            delay = self.random.choice((6, 12))
        factor = self.random.randint(2, 99)
        self.case.kinds.add(f"retries {choice}")

        def compute(n: int) -> int:
            if get_task_context().attempt <= times:
                raise ValueError("not yet")
            return n * factor % MODULUS

        policy = RetryPolicy(max_retries=times, initial_delay=delay, max_delay="1h", jitter="none")
        return self.made(choice, compute, retries=policy)

    def _broken(self) -> Any:
        self.case.fails = True
        self.case.kinds.add("mend")
        case = self.case

        def compute(n: int) -> int:
            if case.trace.broken:
                raise RuntimeError("somebody has to mend this")
            return n + 1

        return self.made("mended", compute)

    # -- waits

    def _delay(self, depth: int, place: _Place) -> tuple[Any, list[Any]]:
        del depth, place
        self.count += 1
        moment = _START + timedelta(minutes=self.random.randint(0, 300))
        if self.size.hasty:
            moment = _START + timedelta(seconds=self.random.randint(0, 60))
        match self.random.choice(("short", "long", "until", "asked")):
            case "short":
                return sayiir.delay(self.random.choice((0, 1, 20))), []
            case "long":
                minutes = self.random.randint(1, 90)
                if self.size.hasty:
                    return sayiir.delay(minutes / 4), []
                return sayiir.delay(timedelta(minutes=minutes)), []
            case "until":
                return sayiir.delay(until=moment), []
            case _:
                return sayiir.delay(until=lambda: moment), []

    def _signal(self, depth: int, place: _Place) -> tuple[Any, list[Any]]:
        del depth
        name = self.name("signal")
        sent = self.random.random() < 0.7
        keep = self.random.random() < 0.5
        first = self.random.randint(0, 999) if sent else None
        step = 0 if place.beside_itself else self.random.choice((0, 17))
        buffered = self.random.choice((0, 0, 1, 2)) if sent else 0
        self.case.plans[name] = Plan(first, step, buffered)
        self.case.kinds.add("sent" if sent else "timed out")
        kept: dict[str, Any] = {"keep_input": keep}
        if not sent:
            kept |= {
                "timeout": self.random.choice((5, 15 if self.size.hasty else 900)),
                "default": self.random.randint(0, 99),
            }
        elif self.random.random() < 0.5:
            kept["timeout"] = "30d"
        flow = sayiir.await_signal(name, int, **kept)
        if not keep:
            return flow, []
        return flow >> self.step("took", takes=(int, int)), []

    # -- nodes that hold others

    def _fork(self, depth: int, place: _Place) -> tuple[Any, list[Any]]:
        self.count += 1
        arms = [self.sequence(depth - 1, place) for _ in range(self.random.randint(1, 3))]
        if place.collected and self.random.random() < 0.6:
            # What fails here ends the whole item, with the other arms wherever they are.
            arms[0] = self._picky() >> arms[0]
        match self.random.choice(("all", "named", "last")):
            # A lone arm's tuple isn't spread over a task of one parameter.
            case join if join == "last" or len(arms) == 1:
                return sayiir.fork(*arms, join="last"), []
            case "named":
                names = [f"value{index}" for index in range(len(arms))]
                fork = sayiir.fork(**dict(zip(names, arms, strict=True)))
            case _:
                fork = sayiir.fork(*arms)
        joined = self.step("join", takes=(int,) * len(arms))
        return fork >> joined, [joined]

    def _branch(self, depth: int, place: _Place) -> tuple[Any, list[Any]]:
        arms_count = self.random.randint(1, 3)
        keys: list[Any] = [f"k{index}" for index in range(arms_count)]
        if self.random.random() < 0.5:
            keys = list(range(arms_count))
        default = self.random.random() < 0.5
        asked = [*keys, "other"] if default else keys
        if default and isinstance(keys[0], int):
            asked = [*keys, 99]
        options: dict[str, Any] = {"plain_allowed": True}
        if self.random.random() < 0.3:
            options = {"retries": 1}
        key = self.made("key", lambda n: asked[n % len(asked)], type(keys[0]), **options)
        arms = {each: self.sequence(depth - 1, place) for each in keys}
        otherwise = self.sequence(depth - 1, place) if default else None
        branch = sayiir.branch(key, arms, default=otherwise)
        if self.random.random() < 0.5:
            return branch.merge(), []
        size = len(asked)
        after = self.made(
            "picked",
            lambda picked: (picked.result * size + len(picked.branch)) % MODULUS,
            takes=(BranchResult[int],),
        )
        return branch >> after, [after]

    def _loop(self, depth: int, place: _Place) -> tuple[Any, list[Any]]:
        self.count += 1
        times = self.random.randint(1, 3)
        leave = self.random.random() < 0.6
        body = self.sequence(depth - 1, place)

        def decide(n: int) -> Again[int] | Done[int]:
            iteration = get_task_context().iteration
            assert iteration is not None
            return Done(n + 1) if leave and iteration == times - 1 else Again(n + iteration)

        decision = self.made("decide", decide, Again[int] | Done[int])
        history = cast("Literal['last', 'all']", self.random.choice(("last", "all")))
        (self.case.kept_last if history == "last" else self.case.kept_all).add(decision.name)
        on_max = "fail" if leave else "exit_with_last"
        loop: Any = sayiir.loop
        return loop(body >> decision, max_iterations=times, on_max=on_max, history=history), []

    def _map(self, depth: int, place: _Place) -> tuple[Any, list[Any]]:
        self.count += 1
        items, term = self.random.choice((0, 1, 2, 3, 3, 4)), self.random.randint(1, 99)
        if self.size.wide:
            items = self.aside.choice((3, 4, 6))
        split = self.made(
            "split", lambda n: [(n + term * index) % 1_000 for index in range(items)], list[int]
        )
        collect = self.random.random() < 0.5
        inside = _Place(beside_itself=True, collected=place.collected or collect)
        body = self.sequence(depth - 1, inside)
        if collect:
            self.case.kinds.add("collect")
            body = body >> self._picky() if self.random.random() < 0.5 else self._picky() >> body
        limit = self.random.choice((None, None, 1, 2))
        if limit is not None:
            self.case.kinds.add("max_concurrency")
        on_error: Any = "collect" if collect else "fail"
        mapped = body.map(max_concurrency=limit, on_error=on_error)
        element: Any = int | ItemFailed if collect else int
        summed = self.made("total", total, takes=(list[element],))
        return split >> mapped >> summed, [summed]

    def _picky(self) -> Any:
        """Fails for good on some inputs."""
        third = self.random.randint(0, 2)

        def compute(n: int) -> int:
            if n % 3 == third:
                raise LookupError("not this one")
            return n

        retries = self.random.choice((0, 0, RetryPolicy(max_retries=1, initial_delay=1)))
        return self.made("picky", compute, retries=retries)

    def _child(self, depth: int, place: _Place) -> tuple[Any, list[Any]]:
        name = self.name("child")
        inside = _Place(place.beside_itself, place.collected)
        return sayiir.workflow(name, self.sequence(depth - 1, inside)), []
