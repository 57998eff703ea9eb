"""Signals and delays: who gets which event, and when timers fire."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from sayiir import (
    InvalidTransition,
    PayloadError,
    SignalTimedOut,
    SignalUnavailable,
    UnknownSignal,
    await_signal,
    delay,
    fork,
    task,
    workflow,
)
from sayiir.status import AwaitingSignal, Completed, Failed, InProgress, Parked, Waiting
from tests.engine.corpus import add, inc, upto

if TYPE_CHECKING:
    from sayiir.testing.clock import MovedClock
    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio


class PickUp(BaseModel):
    by: str
    at: int = 0


@task
def describe_pick_up(pick_up: PickUp) -> str:
    return f"{pick_up.by} at {pick_up.at}"


wait_twice = (
    await_signal("s", int, keep_input=True) >> add >> await_signal("s", int, keep_input=True) >> add
)


async def test_events_sent_before_the_wait_are_kept_in_order(bench: Bench) -> None:
    flow = workflow("w", await_signal("s", str) >> fork(await_signal("s", str), str.upper))
    await bench.client.submit(flow, "i", 1)
    await bench.client.send_event("i", "s", "first")
    await bench.client.send_event("i", "s", "second")
    assert await bench.runner.resume(flow, "i") == Completed(("second", "FIRST"))


async def test_one_wait_consumes_one_event(bench: Bench) -> None:
    flow = workflow("w", wait_twice)
    await bench.runner.run(flow, "i", 0)
    await bench.client.send_event("i", "s", 1)
    status = await bench.runner.resume(flow, "i")
    assert isinstance(status, AwaitingSignal)
    assert status.path == "s#2"
    await bench.client.send_event("i", "s", 10)
    await bench.client.send_event("i", "s", 100)
    assert await bench.runner.resume(flow, "i") == Completed(11)


async def test_the_longest_wait_gets_the_event(bench: Bench) -> None:
    flow = workflow("w", fork(delay("1m") >> await_signal("s", int), await_signal("s", int)))
    status = await bench.runner.run(flow, "i", 0)
    assert isinstance(status, Waiting)
    bench.clock.set(status.wake_at)
    await bench.runner.resume(flow, "i")
    await bench.client.send_event("i", "s", 1)
    await bench.client.send_event("i", "s", 2)
    assert await bench.runner.resume(flow, "i") == Completed((2, 1))


async def test_a_path_addresses_one_wait(bench: Bench) -> None:
    flow = workflow("w", fork(await_signal("s", int), await_signal("s", int)))
    await bench.client.submit(flow, "i", 0)
    await bench.client.send_event("i", "s", 2, path="fork[1]/s")
    await bench.runner.resume(flow, "i")
    await bench.client.send_event("i", "s", 1, path="fork[0]/s")
    assert await bench.runner.resume(flow, "i") == Completed((1, 2))


async def test_unknown_signals_and_paths(bench: Bench) -> None:
    flow = workflow("w", inc >> await_signal("s", int))
    await bench.client.submit(flow, "i", 0)
    with pytest.raises(UnknownSignal) as unknown:
        await bench.client.send_event("i", "t", 1)
    assert unknown.value.known == ("s",)
    for path in ("nowhere", "inc", "s/s", "fork[0]/s", "]["):
        with pytest.raises(UnknownSignal):
            await bench.client.send_event("i", "s", 1, path=path)


async def test_events_to_finished_instances_are_refused(bench: Bench) -> None:
    flow = workflow("w", await_signal("s", int, timeout="1m", default=1))
    await bench.run(flow, 0)
    with pytest.raises(InvalidTransition):
        await bench.client.send_event("i", "s", 1)


async def test_a_timeout_fails_unless_there_is_a_default(bench: Bench) -> None:
    flow = workflow("w", inc >> await_signal("s", int, timeout="1h") >> inc)
    status = await bench.runner.run(flow, "i", 0)
    started = datetime.fromtimestamp(bench.clock.now_us() / 1e6, UTC)
    assert status == AwaitingSignal(
        "s", started + timedelta(hours=1), "s", (Parked("s", started + timedelta(hours=1), "s"),)
    )
    status = await bench.to_end(flow, status)
    assert isinstance(status, Failed)
    assert (status.error.kind, status.error.path) == ("SignalTimedOut", "s")
    with pytest.raises(SignalTimedOut):
        await bench.client.result("i")


async def test_a_wait_that_timed_out_waits_again_after_retry(bench: Bench) -> None:
    flow = workflow("w", await_signal("s", int, timeout="1h") >> inc)
    await bench.run(flow, 0)
    await bench.client.retry("i")
    await bench.client.send_event("i", "s", 5)
    status = await bench.runner.resume(flow, "i")
    assert status == Completed(6)


async def test_a_default_may_be_of_any_kind(bench: Bench) -> None:
    flow = workflow("w", await_signal("s", PickUp, timeout="1h", default=None, keep_input=True))
    assert await bench.run(flow, 3) == Completed((3, None))


async def test_an_event_just_before_the_timeout_is_claimed_wins(bench: Bench) -> None:
    flow = workflow("w", await_signal("s", int, timeout="1h", default=-1))
    await bench.runner.run(flow, "i", 0)
    bench.clock.shift(3601)
    await bench.client.send_event("i", "s", 7)
    assert await bench.runner.resume(flow, "i") in (Completed(7), Completed(-1))


async def test_payloads_are_validated_leniently(bench: Bench) -> None:
    flow = workflow("w", await_signal("s", PickUp) >> (lambda p: [type(p).__name__, p.by, p.at]))
    for number, payload in enumerate([PickUp(by="Ada"), {"by": "Ada"}, {"by": "Ada", "at": "0"}]):
        name = f"i{number}"
        await bench.client.submit(flow, name, 0)
        await bench.client.send_event(name, "s", payload, workflow=flow)
        assert await bench.runner.resume(flow, name) == Completed(["PickUp", "Ada", 0])
        name = f"j{number}"
        await bench.client.submit(flow, name, 0)
        await bench.client.send_event(name, "s", payload)
        assert await bench.runner.resume(flow, name) == Completed(["PickUp", "Ada", 0])


async def test_text_from_outside_becomes_what_the_wait_asks_for(bench: Bench) -> None:
    flow = workflow("w", await_signal("s", int) >> (lambda number: number + 1))
    await bench.client.submit(flow, "i", 0)
    await bench.client.send_event("i", "s", "7")
    assert await bench.runner.resume(flow, "i") == Completed(8)


async def test_a_misfit_is_refused_at_once_where_the_workflow_is_named(bench: Bench) -> None:
    flow = workflow("w", await_signal("s", PickUp))
    await bench.client.submit(flow, "i", 0)
    for payload in (3, {"by": None}, object()):
        with pytest.raises(PayloadError):
            await bench.client.send_event("i", "s", payload, workflow=flow)
    assert isinstance(await bench.runner.resume(flow, "i"), AwaitingSignal)


waits_of_two_types = workflow(
    "w", await_signal("s", int) >> await_signal("s", PickUp) >> describe_pick_up
)


async def test_a_path_validates_by_the_wait_that_stands_there(bench: Bench) -> None:
    flow = waits_of_two_types
    await bench.runner.run(flow, "i", 0)
    send = bench.client.send_event
    for payload, path in [({"by": "Ada"}, "s"), (5, "s#2")]:
        with pytest.raises(PayloadError):
            await send("i", "s", payload, path=path, workflow=flow)
    await send("i", "s", {"by": "Ada"}, path="s#2", workflow=flow)
    await send("i", "s", "5", path="s", workflow=flow)
    assert await bench.runner.resume(flow, "i") == Completed("Ada at 0")


async def test_without_a_path_whatever_fits_one_of_the_waits_is_taken(bench: Bench) -> None:
    flow = waits_of_two_types
    for name, second in [("i", PickUp(by="Ada", at=1)), ("j", {"by": "Ada", "at": 1})]:
        await bench.runner.run(flow, name, 0)
        await bench.client.send_event(name, "s", 5, workflow=flow)
        with pytest.raises(PayloadError, match="no wait for signal 's'"):
            await bench.client.send_event(name, "s", ["neither"], workflow=flow)
        await bench.client.send_event(name, "s", second, workflow=flow)
        assert await bench.runner.resume(flow, name) == Completed("Ada at 1")


async def test_a_misfit_fails_the_instance_and_retry_gives_it_back(bench: Bench) -> None:
    def version(kind: Any) -> Any:
        return workflow("w", inc >> await_signal("s", kind) >> str)

    await bench.runner.run(version(int), "i", 0)
    await bench.client.send_event("i", "s", "not a number")
    await bench.client.send_event("i", "s", "another")
    status = await bench.runner.resume(version(int), "i")
    assert isinstance(status, Failed)
    assert (status.error.kind, status.error.path) == ("PayloadError", "s")
    await bench.client.retry("i")
    assert isinstance(await bench.runner.resume(version(int), "i"), Failed), "the same event again"
    await bench.client.retry("i")
    assert await bench.runner.resume(version(str), "i") == Completed("not a number")


async def test_a_misfit_in_memory_ends_as_a_durable_one_does(bench: Bench) -> None:
    flow = workflow("w", upto >> await_signal("s", int).map(on_error="collect"))
    in_memory = await asyncio.wait_for(flow.arun(2, events={"s": ["x", 5]}), 5)
    assert [type(entry).__name__ for entry in in_memory] == ["ItemFailed", "int"]
    with pytest.raises(PayloadError):
        await workflow("w", await_signal("s", int)).arun(1, events={"s": ["x"]})
    await bench.client.submit(flow, "i", 2)
    await bench.client.send_event("i", "s", "x", path="map[0]/s")
    await bench.client.send_event("i", "s", 5, path="map[1]/s")
    status = await bench.runner.resume(flow, "i")
    assert [type(entry).__name__ for entry in status.output] == ["ItemFailed", "int"]


async def test_in_memory_a_wait_without_an_event(clock: MovedClock) -> None:
    with pytest.raises(SignalUnavailable) as unavailable:
        await workflow("w", inc >> await_signal("s", int)).arun(1)
    assert (unavailable.value.signal_name, unavailable.value.path) == ("s", "s")
    running = asyncio.ensure_future(
        workflow("w", await_signal("s", int, timeout="1h")).arun(1, clock=clock)
    )
    await clock.advance("59m")
    assert not running.done()
    await clock.advance("2m")
    with pytest.raises(SignalTimedOut):
        await running


async def test_a_signal_wakes_a_runner_that_waits(bench: Bench) -> None:
    flow = workflow("w", await_signal("s", int) >> inc)
    running = asyncio.ensure_future(bench.runner.run(flow, "i", 0, wait=True))
    async with asyncio.timeout(10):
        while not await _parked(bench):
            await asyncio.sleep(0.005)
    await bench.client.send_event("i", "s", 1)
    assert await asyncio.wait_for(running, 10) == Completed(2)


async def _parked(bench: Bench) -> bool:
    record = await bench.store.describe("i")
    return record is not None and bool(record.parked)


# -- delays


async def test_a_delay_never_ends_early(bench: Bench) -> None:
    flow = workflow("w", delay("1h") >> inc)
    status = await bench.runner.run(flow, "i", 1)
    assert isinstance(status, Waiting)
    for seconds in (1800, 1799, 0.999):
        bench.clock.shift(seconds)
        assert await bench.runner.resume(flow, "i") == status
    bench.clock.shift(-7200)
    assert await bench.runner.resume(flow, "i") == status
    bench.clock.shift(7200.002)
    assert await bench.runner.resume(flow, "i") == Completed(2)


async def test_until_a_moment_or_what_a_function_says(bench: Bench) -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)

    def when(n: int) -> datetime:
        return moment + timedelta(days=n)

    flow = workflow("w", delay(until=moment) >> delay(until=when) >> delay(until=lambda: moment))
    status = await bench.runner.run(flow, "i", 3)
    assert status == Waiting(moment, "delay", (Parked("delay", moment),))
    bench.clock.set(moment)
    status = await bench.runner.resume(flow, "i")
    assert (status.wake_at, status.path) == (when(3), "delay#2")
    bench.clock.set(status.wake_at)
    assert await bench.runner.resume(flow, "i") == Completed(3)


async def test_a_function_that_gives_no_moment_fails(bench: Bench) -> None:
    def naive() -> datetime:
        return datetime(2026, 3, 1)  # noqa: DTZ001

    def raises() -> datetime:
        raise ValueError("no calendar")

    status = await bench.run(workflow("w", delay(until=naive)), 1)
    assert isinstance(status, Failed)
    assert (status.error.kind, status.error.path) == ("PayloadError", "delay")
    status = await bench.run(workflow("w2", delay(until=raises)), 1, "j")
    assert isinstance(status, Failed)
    assert (status.error.kind, status.error.message) == ("TaskFailed", "no calendar")


async def test_delays_in_arms_are_told_the_earliest_first(bench: Bench) -> None:
    flow = workflow("w", fork(delay("2h"), delay("1h") >> inc, await_signal("s", int)))
    status = await bench.runner.run(flow, "i", 1)
    assert isinstance(status, Waiting)
    assert status.path == "fork[1]/delay"
    assert [parked.path for parked in status.parked] == [
        "fork[1]/delay",
        "fork[0]/delay",
        "fork[2]/s",
    ]
    assert [parked.signal_name for parked in status.parked] == [None, None, "s"]
    bench.clock.shift(9999)
    status = await bench.runner.resume(flow, "i")
    assert isinstance(status, AwaitingSignal)
    await bench.client.send_event("i", "s", 9)
    status = await bench.client.status("i")
    assert isinstance(status, InProgress)
    assert await bench.runner.resume(flow, "i") == Completed((1, 2, 9))


async def test_a_runner_that_waits_sleeps_until_the_delay_ends(bench: Bench) -> None:
    flow = workflow("w", delay("1h") >> inc)
    running = asyncio.ensure_future(bench.runner.run(flow, "i", 1, wait=True))
    async with asyncio.timeout(30):
        while not running.done():
            await asyncio.sleep(0.001)
            await bench.clock.advance("10s")
    assert await running == Completed(2)


async def test_in_memory_delays_sleep_on_the_clock(clock: MovedClock) -> None:
    running = asyncio.ensure_future(
        workflow("w", fork(delay("1h") >> inc, delay("2h"))).arun(1, clock=clock)
    )
    await clock.advance("119m")
    assert not running.done()
    await clock.advance("2m")
    assert await running == (2, 1)


async def test_in_memory_a_quick_arm_goes_on_alone(clock: MovedClock) -> None:
    done: list[str] = []

    @task
    async def slow(n: int) -> int:
        await clock.sleep(3600)
        done.append("slow")
        return n

    @task
    async def quick(n: int) -> int:
        done.append("quick")
        return n

    running = asyncio.ensure_future(
        workflow("w", fork(slow, delay("1m") >> quick) >> add).arun(1, clock=clock)
    )
    await clock.advance("2m")
    assert done == ["quick"]
    await clock.advance("1h")
    assert await running == 2
