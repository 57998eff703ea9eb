"""Cancelled at any await, or failing anywhere, a run leaves nothing entered behind."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import AsyncCheckpointingRunner, fork, resource, task, workflow
from sayiir.stores.memory import MemoryStore
from tests.engine.things import AsyncThing, Log, Other, SyncThing, Thing

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class Managed:
    """A class task that is entered itself."""

    def __init__(self, thing: Thing = resource(Thing), other: Other = resource(Other)) -> None:
        assert isinstance(thing, AsyncThing)
        self.log = thing.log

    async def __aenter__(self) -> None:
        await asyncio.sleep(0)
        self.log.note("managed")

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0)
        self.log.left.append("managed")

    async def __call__(self, number: int) -> int:
        await asyncio.sleep(0)
        return number + 1


@task
async def use(number: int, thing: Thing = resource(Thing)) -> int:
    await asyncio.sleep(0)
    return number


class AsyncOther(AsyncThing, Other): ...


class SyncOther(SyncThing, Other): ...


managed = task(Managed)
wide = workflow("wide", use >> fork(managed, use, managed) >> (lambda a, b, c: a))


async def in_memory(given: dict[Any, Any]) -> None:
    await wide.arun(1, resources=given)


async def durable(given: dict[Any, Any]) -> None:
    async with AsyncCheckpointingRunner(MemoryStore(), resources=given) as runner:
        await runner.run(wide, "i", 1)


async def closed_early(given: dict[Any, Any]) -> None:
    """The runner is closed while runs are under way."""
    runner = AsyncCheckpointingRunner(MemoryStore(), resources=given)
    running = [asyncio.ensure_future(runner.run(wide, str(n), 1)) for n in range(2)]
    try:
        await asyncio.wait(running)
    finally:
        for run in running:
            run.cancel()
        try:
            await runner.close()
        finally:
            await asyncio.gather(*running, return_exceptions=True)


def async_things(log: Log) -> dict[Any, Any]:
    return {Thing: partial(AsyncThing, log, "a"), Other: partial(AsyncOther, log, "b")}


def mixed_things(log: Log) -> dict[Any, Any]:
    return {Thing: partial(AsyncThing, log, "a"), Other: partial(SyncOther, log, "b")}


async def cancelled_after(turns: int, run: Coroutine[Any, Any, None]) -> bool:
    """Whether the run came to its end before it was cancelled."""
    running = asyncio.ensure_future(run)
    for _ in range(turns):
        await asyncio.sleep(0)
    ended = running.done()
    running.cancel()
    (outcome,) = await asyncio.gather(running, return_exceptions=True)
    assert outcome is None or isinstance(outcome, asyncio.CancelledError), outcome
    return ended


@pytest.mark.parametrize("things", [async_things, mixed_things])
@pytest.mark.parametrize("way", [in_memory, durable, closed_early])
def test_cancelled_at_every_await_nothing_is_left_entered(
    way: Callable[[dict[Any, Any]], Coroutine[Any, Any, None]],
    things: Callable[[Log], dict[Any, Any]],
    record_property: Callable[[str, object], None],
) -> None:
    """At every turn of the loop that a run takes; threads make some runs longer than others."""
    places, ended, entered = 0, 0, 0

    async def once(turns: int) -> bool:
        log, others = Log(), asyncio.all_tasks()
        done = await cancelled_after(turns, way(things(log)))
        assert log.open == [], f"cancelled after {turns} turns: {log.entered}, {log.left}"
        # What two threads enter at the same time has no order; what needs another one does.
        assert "managed" not in log.left[1:]
        left_over = [t for t in asyncio.all_tasks() - others if "keep" in repr(t)]
        assert left_over == []
        nonlocal entered
        entered += bool(log.entered)
        return done

    async def all_of_them() -> None:
        nonlocal places, ended
        while ended < 3 and places < 3000:
            ended += await once(places)
            places += 1

    asyncio.run(all_of_them())
    assert ended == 3
    assert entered > 10
    record_property("places", places)


@pytest.mark.parametrize("broken", ["a", "b", "managed", "call"])
@pytest.mark.parametrize("way", [in_memory, durable])
def test_failing_anywhere_leaves_nothing_entered(way: Any, broken: str) -> None:
    """Whatever fails to be entered, what was entered before is left in reverse order."""
    log = Log()

    class Failing(AsyncThing):
        async def __aenter__(self) -> AsyncThing:
            entered = await super().__aenter__()
            if self.name == broken:
                self.log.left.append(self.name)
                raise OSError(broken)
            return entered

    class FailingOther(Failing, Other): ...

    given = {Thing: partial(Failing, log, "a"), Other: partial(FailingOther, log, "b")}
    if broken in ("a", "b") and way is in_memory:
        with pytest.raises(Exception, match=broken):
            asyncio.run(way(given))
    else:
        asyncio.run(way(given))
    assert log.open == []
    assert log.entered
