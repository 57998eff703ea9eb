"""The clock that tests move keeps its word: right order, right times, jumps wake nobody."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from sayiir.errors import DefinitionError
from sayiir.testing.clock import MovedClock


def test_sleepers_wake_in_time_order_each_at_its_own_time() -> None:
    """Whoever looks at the clock on waking sees the moment it asked for."""

    async def run() -> list[tuple[str, int]]:
        clock, woken = MovedClock(0), list[tuple[str, int]]()

        async def sleeper(name: str, seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append((name, clock.now_us()))

        tasks = [asyncio.create_task(sleeper(n, s)) for n, s in (("b", 2), ("a", 1), ("c", 2))]
        await clock.advance(1.5)
        assert woken == [("a", 1_000_000)]
        assert clock.now_us() == 1_500_000
        await clock.advance("1h")
        await asyncio.gather(*tasks)
        return woken

    assert asyncio.run(run()) == [("a", 1_000_000), ("b", 2_000_000), ("c", 2_000_000)]


def test_a_task_that_sleeps_again_and_again_wakes_as_often() -> None:
    """One advance of an hour is sixty minutes to who sleeps a minute at a time."""

    async def run() -> int:
        clock, rounds = MovedClock(), 0

        async def minutely() -> None:
            nonlocal rounds
            while True:
                await clock.sleep(60)
                rounds += 1

        task = asyncio.create_task(minutely())
        await clock.advance("1h")
        task.cancel()
        return rounds

    assert asyncio.run(run()) == 60


def test_jumps_wake_nobody() -> None:
    """Setting the time moves what the clock shows and not how long people have slept."""

    async def run() -> None:
        clock = MovedClock(datetime(2026, 1, 1, tzinfo=UTC))
        task = asyncio.create_task(clock.sleep(10))
        await clock.advance(1)
        clock.set(datetime(2027, 1, 1, tzinfo=UTC))
        clock.shift(-3_600)
        await clock.advance(8)
        assert not task.done()
        assert clock.next_wake_in_seconds == 1
        assert clock.sleepers == 1
        await clock.advance(1)
        assert task.done()
        assert clock.now_us() == 1_798_761_600_000_000 - 3_600_000_000 + 9_000_000

    asyncio.run(run())


def test_cancelled_sleepers_are_forgotten() -> None:
    """They aren't counted and don't hold the clock up."""

    async def run() -> None:
        clock = MovedClock()
        task = asyncio.create_task(clock.sleep(10))
        await clock.advance(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (clock.sleepers, clock.next_wake_in_seconds) == (0, None)
        await clock.advance(100)

    asyncio.run(run())


def test_wrong_moments_are_refused() -> None:
    """A datetime without zone could be anything; time doesn't pass backwards."""
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    with pytest.raises(ValueError, match="time zone"):
        MovedClock(naive)
    with pytest.raises(ValueError, match="time zone"):
        MovedClock().set(naive)
    with pytest.raises(DefinitionError):
        asyncio.run(MovedClock().advance(-1))
