"""Workflows with their inputs and outcomes: every node kind, nested in many ways.

Each is run in memory and on every store, unbroken and crashing at every write, and must come to
the same end. Tasks are pure here, so that outputs tell everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from sayiir import (
    Again,
    Done,
    Workflow,
    await_signal,
    branch,
    delay,
    fork,
    loop,
    result_of,
    task,
    workflow,
    workflow_input,
)


class Pair(BaseModel):
    left: int
    right: int


@task
async def inc(n: int) -> int:
    return n + 1


@task
async def double(n: int) -> int:
    return n * 2


@task
async def add(a: int, b: int) -> int:
    return a + b


@task
async def both(left: int, right: int) -> Pair:
    return Pair(left=left, right=right)


@task
async def total(pair: Pair) -> int:
    return pair.left * 10 + pair.right


@task
async def upto(n: int) -> list[int]:
    return list(range(n))


@task
async def add_all(ns: list[int]) -> int:
    return sum(ns)


@task
async def climb(n: int) -> Again[int] | Done[str]:
    return Done("x" * n) if n >= 5 else Again(n + 1)


@task
async def forever(n: int) -> Again[int] | Done[int]:
    return Again(n + 1)


@task
async def size(n: int) -> str:
    return "big" if n > 10 else "small"


@task
async def odd_fails(n: int) -> int:
    if n % 2:
        raise ValueError(f"{n} is odd")
    return n


@task
async def show(value: Any) -> str:
    return repr(value)


@task
async def with_inc(n: int, before: int = result_of(inc)) -> list[int]:
    return [n, before]


@task
async def with_input(n: int, whole: int = workflow_input(int)) -> list[int]:
    return [n, whole]


@task
async def whole_plus(n: int, whole: int = workflow_input(int)) -> int:
    return n + 100 * whole


@task
async def text_only(value: str) -> str:
    return value.upper()


@task
async def again_if_small(n: int, before: int = result_of(inc)) -> Again[int] | Done[list[int]]:
    return Again(n) if n < 6 else Done([n, before])


@task
async def say_again(word: str) -> Again[str] | Done[str]:
    return Done(word) if word == "enough" else Again(word)


def plain(n: int) -> int:
    return n - 1


@dataclass(frozen=True)
class Case:
    """A workflow, its input, its events by signal in the order sent, and what it comes to."""

    name: str
    flow: Any
    value: Any
    outcome: Any
    events: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def workflow(self) -> Workflow[Any, Any]:
        return workflow(self.name, self.flow)


child = workflow("child", inc >> whole_plus)
child_ending_in_delay = workflow("sleeper", inc >> delay("1m"))
ask_again = loop(await_signal("go", str) >> say_again)

CASES = [
    Case("one", inc, 1, 2),
    Case("chain", inc >> inc >> inc, 1, 4),
    Case("lambdas", inc >> (lambda n: n * 3) >> plain >> (lambda n: n + 0.5), 1, 5.5),
    Case("fork_pair", fork(inc, double) >> add, 3, 10),
    Case("fork_end", inc >> fork(inc, double), 3, (5, 8)),
    Case("fork_last", fork(inc, double, join="last") >> inc, 3, 7),
    Case("fork_named", fork(left=inc, right=double) >> both >> total, 3, 46),
    Case("fork_into", fork(left=inc, right=double, into=Pair) >> total, 3, 46),
    Case("fork_long_arms", fork(inc >> inc >> inc, double >> double) >> add, 1, 8),
    Case("fork_chain", fork(inc, double) >> add >> fork(inc, double) >> add, 1, 13),
    Case("fork_nested", fork(fork(inc, double) >> add, inc) >> add, 2, 10),
    Case("fork_first_then_delay", fork(delay("1m") >> inc, delay("2m") >> double) >> add, 2, 7),
    Case("fork_of_delays", fork(delay("1m"), delay("2m")) >> add, 2, 4),
    Case(
        "branch",
        branch(size, {"big": inc, "small": double}) >> show,
        3,
        "BranchResult(branch='small', result=6)",
    ),
    Case("branch_bool", branch(lambda n: n > 2, {True: inc, False: double}).merge() >> inc, 3, 5),
    Case("branch_int", branch(lambda n: n, {1: inc, 2: double}).merge(), 2, 4),
    Case(
        "branch_default",
        branch(lambda n: n, {1: inc}, default=double) >> show,
        7,
        "BranchResult(branch='7', result=14)",
    ),
    Case(
        "branch_long_arm", branch(size, {"small": inc >> delay("5m") >> inc}).merge() >> inc, 1, 4
    ),
    Case("branch_key_missing", branch(size, {"small": inc}), 99, "BranchKeyNotFound"),
    Case("branch_odd_keys", branch(lambda s: s, {"a/b[c]": len, "": len}).merge(), "a/b[c]", 6),
    Case("loop", loop(climb), 1, "xxxxx"),
    Case("loop_then", inc >> loop(climb) >> len >> inc, 1, 6),
    Case("loop_exhausted", loop(forever, max_iterations=4), 1, "LoopExhausted"),
    Case(
        "loop_exit_last", loop(forever, max_iterations=4, on_max="exit_with_last") >> show, 1, "5"
    ),
    Case("loop_long_body", loop(inc >> delay("1m") >> again_if_small), 1, [6, 6]),
    Case("loop_with_fork", loop(fork(inc, double) >> add >> climb), 0, "x" * 7),
    Case(
        "loop_in_loop",
        loop(loop(climb) >> len >> (lambda n: Done(value=n)), max_iterations=3),
        1,
        5,
    ),
    Case(
        "loop_of_branch",
        loop(branch(size, {"small": inc >> climb, "big": inc >> climb}).merge()),
        1,
        "xxxxxx",
    ),
    Case(
        "loop_of_signal",
        ask_again >> text_only,
        0,
        "ENOUGH",
        {"go": ["more", "and more", "enough"]},
    ),
    Case(
        "loop_ends_in_signal",
        loop(await_signal("go", Again[int] | Done[str])) >> text_only,
        0,
        "ENOUGH",
        {"go": [Again(1), Again(2), Done("enough")]},
    ),
    Case("loop_ends_in_delay", loop(climb >> delay("1m")) >> text_only, 3, "XXXXX"),
    Case("map", upto >> inc.map() >> add_all, 4, 10),
    Case("map_empty", upto >> inc.map() >> add_all, 0, 0),
    Case("map_end", upto >> (inc >> double).map(max_concurrency=2), 4, [2, 4, 6, 8]),
    Case("map_nested", upto >> (upto >> inc.map() >> add_all).map(), 4, [0, 1, 3, 6]),
    Case(
        "map_collect",
        upto >> odd_fails.map(on_error="collect") >> (lambda ns: [type(n).__name__ for n in ns]),
        3,
        ["int", "ItemFailed", "int"],
    ),
    Case(
        "map_collect_nested",
        upto
        >> (fork(inc, double >> inc) >> add >> odd_fails).map(on_error="collect")
        >> (lambda ns: [n if isinstance(n, int) else n.index for n in ns]),
        4,
        [2, 1, 8, 3],
    ),
    Case(
        "map_collect_in_fork",
        upto
        >> fork(odd_fails, inc >> delay("1m")).map(on_error="collect")
        >> (lambda ns: [n if isinstance(n, tuple) else n.error.path for n in ns]),
        4,
        [(0, 1), "map[1]/fork[0]/odd_fails", (2, 3), "map[3]/fork[0]/odd_fails"],
    ),
    Case("map_delay", upto >> (delay("1m") >> inc).map(max_concurrency=2) >> add_all, 5, 15),
    Case("map_fails", upto >> odd_fails.map(), 4, "TaskFailed"),
    Case(
        "map_of_loops",
        upto >> loop(climb).map() >> (lambda texts: [len(t) for t in texts]),
        7,
        [5, 5, 5, 5, 5, 5, 6],
    ),
    Case("delay", inc >> delay("1h") >> inc, 1, 3),
    Case("delay_first", delay("1h") >> inc, 1, 2),
    Case("delay_last", inc >> delay("1h"), 1, 2),
    Case("delay_only", delay("1h"), {"a": (1, 2)}, {"a": (1, 2)}),
    Case("delay_until", delay(until=datetime(2026, 1, 2, tzinfo=UTC)) >> inc, 1, 2),
    Case("delay_until_past", delay(until=datetime(2020, 1, 2, tzinfo=UTC)) >> inc, 1, 2),
    Case(
        "delay_until_asked",
        inc >> delay(until=lambda n: datetime(2026, 1, n, tzinfo=UTC)) >> inc,
        1,
        3,
    ),
    Case("signal", await_signal("s", int) >> inc, 1, 8, {"s": [7]}),
    Case("signal_keep", inc >> await_signal("s", int, keep_input=True) >> add, 1, 9, {"s": [7]}),
    Case(
        "signal_twice",
        await_signal("s", int, keep_input=True)
        >> add
        >> await_signal("s", int, keep_input=True)
        >> add,
        1,
        31,
        {"s": [10, 20]},
    ),
    Case("signal_default", inc >> await_signal("s", int, timeout="1h", default=-1) >> inc, 1, 0),
    Case(
        "signal_keep_default",
        inc >> await_signal("s", int, timeout="1h", default=10, keep_input=True) >> add,
        1,
        12,
    ),
    Case("signal_timeout", inc >> await_signal("s", int, timeout="1h") >> inc, 1, "SignalTimedOut"),
    Case(
        "signal_in_arms",
        fork(await_signal("x", int) >> inc, await_signal("y", int) >> double) >> add,
        0,
        46,
        {"x": [1], "y": [22]},
    ),
    Case(
        "signal_last",
        inc >> await_signal("s", Pair),
        1,
        Pair(left=1, right=2),
        {"s": [Pair(left=1, right=2)]},
    ),
    Case("child", inc >> child >> inc, 1, 204),
    Case("child_first", child, 1, 102),
    Case("child_ends_in_delay", inc >> child_ending_in_delay >> inc, 1, 4),
    Case("child_in_map", upto >> child.map(), 3, [1, 102, 203]),
    Case("child_in_fork", fork(child, child >> inc) >> add, 1, 205),
    Case("child_in_loop", loop(child >> climb), 1, "x" * 102),
    Case("child_child", inc >> workflow("outer", child >> double >> child), 1, 407 + 100 * 406),
    Case("result_of", inc >> double >> delay("1m") >> with_inc, 1, [4, 2]),
    Case("result_of_map", upto >> (inc >> double >> with_inc).map(), 3, [[2, 1], [4, 2], [6, 3]]),
    Case("result_of_fork_arm", fork(inc >> double, double) >> add >> with_inc, 1, [6, 2]),
    Case(
        "result_of_branch",
        branch(size, {"small": inc >> double, "big": double >> inc}).merge() >> with_inc,
        1,
        [4, 2],
    ),
    Case("result_of_before_fork", inc >> fork(double >> with_inc, with_inc), 1, ([4, 2], [2, 2])),
    Case("result_of_before_map", inc >> upto >> with_inc.map(), 2, [[0, 3], [1, 3], [2, 3]]),
    Case("result_of_loop", loop(inc >> climb) >> len >> with_inc, 1, [6, 6]),
    Case("workflow_input", inc >> double >> with_input, 1, [4, 1]),
    Case("task_fails", inc >> odd_fails >> inc, 2, "TaskFailed"),
    Case("value_misfits", inc >> (lambda n: f"{n}") >> text_only, 1, "2"),
    Case("value_misfits_loudly", inc >> (lambda n: n) >> text_only, 1, "PayloadError"),
]
