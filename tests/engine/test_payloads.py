"""Values of every kind through every kind of node: equal, or a recorded error."""

from __future__ import annotations

import asyncio
import math
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import Done, await_signal, branch, delay, fork, limits, loop, task, workflow
from sayiir.dsl.nodes import AwaitSignal
from sayiir.errors import PayloadError
from sayiir.status import Completed, Failed
from sayiir.stores.memory import MemoryStore
from sayiir.testing.clock import MovedClock
from tests.engine.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio


def nested(depth: int) -> Any:
    value: Any = "bottom"
    for _ in range(depth):
        value = [value]
    return value


VALUES: dict[str, Any] = {
    "empty": "",
    "none": None,
    "nul": "a\0b",
    "lone_surrogate": "\ud800x",
    "nan": math.nan,
    "inf": [-math.inf, math.inf],
    "huge_int": 2**80,
    "deep": nested(190),
    "list_of_pairs": [["a", [49, 50]]],
    "bytes": b"\0\xff",
    "tuple": ((1, 2), [(3,)]),
    "set": {1, 2},
    "int_keys": {1: {2: 3}},
    "mixed": {"a": {1, 2}, (1, 2): [None, True, 1.5]},
    "looks_like_a_tag": {"!": ["done", 1]},
    "a_megabyte": "x" * 1_000_000,
}


@task
async def same(value: Any) -> Any:
    return value


@task
async def key(value: Any) -> str:
    return "k"


SHAPES: dict[str, Callable[[], Any]] = {
    "task": lambda: same >> same,
    "fork": lambda: fork(same, same, join="last") >> same,
    "fork_named": lambda: fork(a=same, b=same) >> (lambda got: got["b"]) >> same,
    "branch": lambda: branch(key, {"k": same}).merge() >> same,
    "branch_result": lambda: branch(key, {"k": same}) >> (lambda got: got.result),
    "loop": lambda: loop(same >> (lambda v: Done(value=v))) >> same,
    "map": lambda: (lambda v: [v, v]) >> same.map() >> (lambda got: got[1]),
    "delay": lambda: delay("1s") >> same >> delay("1s"),
    "child": lambda: workflow("child", same >> same) >> same,
    "signal": lambda: await_signal("s", Any) >> same,
    "signal_keep": lambda: await_signal("s", Any, keep_input=True) >> (lambda a, b: b),
}


def alike(one: Any, other: Any) -> bool:
    return type(one) is type(other) and repr(one) == repr(other)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", VALUES)
async def test_equal_through_every_node(shape: str, name: str) -> None:
    clock = MovedClock()
    bench, value = Bench(MemoryStore(clock), clock), VALUES[name]
    flow = workflow("w", SHAPES[shape]())
    await bench.client.submit(flow, "i", value)
    if shape.startswith("signal"):
        await bench.client.send_event("i", "s", value)
    status = await bench.to_end(flow, await bench.runner.resume(flow, "i"))
    assert isinstance(status, Completed), status
    assert alike(status.output, value)
    waits = any(isinstance(node, AwaitSignal) for _, node in flow.nodes())
    events = {"s": [value]} if waits else {}
    running = asyncio.ensure_future(flow.arun(value, clock=clock, events=events))
    while not running.done():
        await clock.advance("1s")
        await asyncio.sleep(0)
    assert alike(running.result(), value)
    await bench.close()


UNSERIALISABLE: dict[str, Callable[[], Any]] = {
    "object": object,
    "lock": threading.Lock,
    "function": lambda: len,
    "generator": lambda: (n for n in [1]),
    "too_deep": lambda: nested(100_000),
    "cyclic": lambda: [cycle := [], cycle.append(cycle)],
    "too_large": lambda: "x" * (17 * 1024 * 1024),
    "class_inside": lambda: {"a": [int]},
}


@pytest.mark.parametrize("name", UNSERIALISABLE)
async def test_what_cannot_be_stored_is_a_recorded_error(bench: Bench, name: str) -> None:
    make = UNSERIALISABLE[name]

    @task
    async def bad(n: int) -> Any:
        return make()

    flow = workflow("w", bad >> same)
    status = await asyncio.wait_for(bench.runner.run(flow, "i", 1), 20)
    assert isinstance(status, Failed)
    assert (status.error.kind, status.error.task, status.error.path) == (
        "PayloadError",
        "bad",
        "bad",
    )
    with pytest.raises(PayloadError):
        await asyncio.wait_for(flow.arun(1), 20)
    with pytest.raises(PayloadError):
        await bench.client.submit(workflow("v", same), "j", make())


LARGEST = limits.MAX_RESULT_BYTES - len(b"\x06")
"""The characters of a text that just fits: a byte says the format."""


@pytest.mark.parametrize(
    ("fits", "too_much"),
    [
        (lambda: "x" * LARGEST, lambda: "x" * (LARGEST + 1)),
        (lambda: nested(limits.MAX_VALUE_DEPTH), lambda: nested(limits.MAX_VALUE_DEPTH + 1)),
    ],
    ids=["large", "deep"],
)
async def test_as_large_and_as_deep_as_they_may_be(
    bench: Bench, fits: Callable[[], Any], too_much: Callable[[], Any]
) -> None:
    """Up to the bound it comes back equal; a byte or a level more is a recorded error."""

    def gives(make: Callable[[], Any]) -> Any:
        async def made(n: int) -> Any:
            return make()

        return task("made")(made)

    status = await asyncio.wait_for(bench.runner.run(workflow("w", gives(fits)), "i", 1), 60)
    assert isinstance(status, Completed)
    assert alike(status.output, fits())
    assert alike(await bench.client.result("i", workflow("w", gives(fits))), fits())
    status = await asyncio.wait_for(bench.runner.run(workflow("w", gives(too_much)), "j", 1), 60)
    assert isinstance(status, Failed)
    assert (status.error.kind, status.error.path) == ("PayloadError", "made")


async def test_consumers_of_one_value_share_nothing(bench: Bench) -> None:
    @task
    async def spoil(values: list[int]) -> list[int]:
        values.append(99)
        return values

    flow = workflow("w", same >> fork(spoil, spoil))
    assert await flow.arun([1]) == ([1, 99], [1, 99])
    assert await bench.runner.run(flow, "i", [1]) == Completed(([1, 99], [1, 99]))
