"""Scorecard 20: the clock of a store jumps by hours and days, forwards and backwards.

The clock is the store's own here, as it is on SQLite and in memory; what a PostgreSQL makes of
clocks that are wrong elsewhere is in ``tests/crash/test_lying_clocks.py``.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import AsyncPooledWorker, AsyncWorkflowClient, TaskContext, task, workflow
from sayiir.clock import SystemClock
from sayiir.errors import InstanceNotFound
from sayiir.stores.memory import MemoryStore
from sayiir.stores.postgres.store import PostgresStore
from sayiir.stores.records import Checkpoint, Claimed, ClaimRequest, Control, Park
from sayiir.stores.sqlite import SqliteStore
from sayiir.testing.clock import MovedClock
from tests.stores.sqlite_child import new_instance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sayiir.clock import Clock
    from sayiir.stores.protocols import Store

HOUR, DAY = 3_600, 86_400
SECOND_US = 1_000_000
ITEMS = 8


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def open_on(request: pytest.FixtureRequest) -> Callable[[Clock], Any]:
    """Opens an empty store on a clock."""

    async def memory(clock: Clock) -> Store:
        return MemoryStore(clock)

    async def sqlite(clock: Clock) -> Store:
        return await SqliteStore.open(None, clock)

    async def postgres(clock: Clock) -> Store:
        return await PostgresStore.open(request.getfixturevalue("postgres_url"), clock)

    return {"memory": memory, "sqlite": sqlite, "postgres": postgres}[request.param]


class Items:
    """Some items, each leased or on a timer, and when it may be claimed by the store's clock."""

    def __init__(self, store: Store, clock: MovedClock, seed: int) -> None:
        self._store, self._clock, self._dice = store, clock, random.Random(seed)
        self._due_us: dict[str, int] = {}
        self._leased: dict[str, Claimed] = {}
        self.timers = self.leases = self.early = self.stolen = self.late = 0

    async def begin(self) -> None:
        for number in range(ITEMS):
            await self._store.create(new_instance(f"i{number}"))
            self._due_us[f"i{number}"] = 0

    async def turn(self) -> None:
        """Claim what is due, park some of what is leased, and move the clock."""
        lease_us = self._dice.choice((5, 30, HOUR, 2 * DAY)) * SECOND_US
        request = ClaimRequest(holder="w", lease_us=lease_us, limit=100)
        # A lease that was lost twice is waited for: not here, where times are counted.
        request = replace(request, skip_interruption_waits=True)
        items = {item.instance_id: item for item in (await self._store.claim(request)).items}
        now_us = self._clock.now_us()
        for name, item in items.items():
            too_soon = now_us < self._due_us[name]
            if name in self._leased:
                self.leases += 1
                self.stolen += too_soon
            else:
                self.timers += 1
                self.early += too_soon
            self._leased[name] = item
            self._due_us[name] = now_us + lease_us
        self.late += sum(due <= now_us for due in self._due_us.values())
        for name in self._dice.sample(sorted(self._leased), len(self._leased) // 2):
            wait_us = self._dice.choice((1, 20, HOUR, DAY)) * SECOND_US
            park = Park(path="d", input="", wait_us=wait_us)
            checkpoint = Checkpoint(fence=self._leased.pop(name).fence, effect=park)
            [answer] = await self._store.commit([checkpoint])
            assert answer.accepted, "its lease was lost to nobody"
            self._due_us[name] = now_us + wait_us
        self._move()

    def _move(self) -> None:
        if self._dice.random() < 0.5:
            # To the last microsecond in which one of them may not be claimed, or to the first.
            due_us = self._dice.choice(sorted(self._due_us.values()))
            self._clock.set(due_us - self._dice.choice((0, 1)))
            return
        # It goes on by itself, too, or most would wait for ever after a jump back.
        self._clock.shift(self._dice.choice((0.5, 1, 5, 30, HOUR, 6 * HOUR)))
        self._clock.shift(self._dice.choice((0, 0, -HOUR, HOUR, -DAY, DAY)))


def test_no_jump_fires_a_timer_early_or_ends_a_lease(
    open_on: Callable[[Clock], Any],
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """By the store's clock, to the microsecond; and what is due is had at the next look."""
    turns = repetitions(200, 2_000)
    clock = MovedClock()

    async def run() -> Items:
        store = await open_on(clock)
        items = Items(store, clock, seed=20)
        await items.begin()
        for _ in range(turns):
            await items.turn()
        await store.close()
        return items

    items = asyncio.run(run())
    report_figure(
        f"{items.timers:,} timers and {items.leases:,} leases over {turns:,} jumps: early "
        f"{items.early}, stolen {items.stolen}, overlooked {items.late}"
    )
    assert (items.early, items.stolen, items.late) == (0, 0, 0)
    assert min(items.timers, items.leases) > turns // 10


class Jumpy(SystemClock):
    """The machine's clock, which somebody sets."""

    __slots__ = ("off_us",)

    def __init__(self) -> None:
        self.off_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.off_us


@pytest.mark.parametrize("seconds", [-DAY, -HOUR, HOUR, DAY])
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_living_workers_keep_their_leases_over_a_jump(
    kind: str, seconds: int, tmp_path: Path, report_figure: Callable[[str], None]
) -> None:
    """Two of them, busy, on one machine whose clock is set: nothing of theirs begins again."""
    clock, attempts, go_on = Jumpy(), list[int](), asyncio.Event()

    @task
    async def busy(n: int, ctx: TaskContext) -> int:
        attempts.append(ctx.attempt)
        await go_on.wait()
        return n

    flow = workflow("busy", busy)

    async def run() -> None:
        if kind == "memory":
            stores: list[Store] = [MemoryStore(clock)] * 2
        else:
            stores = [await SqliteStore.open(tmp_path / "a.db", clock) for _ in range(2)]
        client = AsyncWorkflowClient(stores[0])
        workers = [
            AsyncPooledWorker(store, workflows=[flow], clock=clock, poll_interval="100ms")
            for store in stores
        ]
        async with workers[0], workers[1]:
            for number in range(ITEMS):
                await client.submit(flow, f"i{number}", number)
            while len(attempts) < ITEMS:
                await asyncio.sleep(0.01)
            clock.off_us = seconds * SECOND_US
            # A second is enough to look ten times; what isn't taken by then was renewed.
            await asyncio.sleep(1.2)
            go_on.set()
            for number in range(ITEMS):
                assert await client.result(f"i{number}", flow, timeout=60) == number
        for store in stores:
            await store.close()

    asyncio.run(run())
    stolen = sum(attempt > 1 for attempt in attempts)
    report_figure(f"the clock set by {seconds:+,} s: live leases stolen {stolen} of {ITEMS}")
    assert stolen == 0


class Dials:
    """A machine's two clocks: the wall clock, which may be set, and the time that passes."""

    def __init__(self) -> None:
        self.set_by_us, self.passed_us = 1_767_225_600 * SECOND_US, 0

    def now_us(self) -> int:
        return self.set_by_us + self.passed_us

    def steady_us(self) -> int:
        return self.passed_us

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def turn(self, seconds: float) -> None:
        """Set the wall clock."""
        self.set_by_us += round(seconds * SECOND_US)

    def go(self, seconds: float) -> None:
        """Let so much time pass."""
        self.passed_us += round(seconds * SECOND_US)


class Machine:
    """A store, or two on one file, by such clocks."""

    def __init__(self, kind: str, file: Path) -> None:
        self.clock, self._kind, self._file = Dials(), kind, file
        self._store: Store | None = None
        self._opened: list[Store] = []

    async def open(self) -> Store:
        """As a new process would; a memory store is there once."""
        if self._kind == "sqlite":
            store: Store = await SqliteStore.open(self._file, self.clock)
        else:
            store = self._store = self._store or MemoryStore(self.clock)
        self._opened.append(store)
        return store

    async def close(self) -> None:
        for store in self._opened:
            await store.close()


@pytest.fixture(params=["memory", "sqlite"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    return Machine(request.param, tmp_path / "a.db")


LEASE = ClaimRequest(holder="w", lease_us=30 * SECOND_US, limit=9, skip_interruption_waits=True)


async def taken(store: Store) -> int:
    return len((await store.claim(LEASE)).items)


def test_a_lease_lasts_as_long_as_it_lasts(machine: Machine) -> None:
    """To the microsecond, whoever sees first that the clock was set, and however often it was."""

    async def run() -> None:
        one, clock = await machine.open(), machine.clock
        await one.create(new_instance("i"))
        assert await taken(one) == 1
        clock.go(10)
        clock.turn(DAY)
        # It has just been started, and knows of no other time.
        two = await machine.open()
        assert await taken(two) == 0
        assert await taken(one) == 0
        clock.turn(HOUR)
        assert await taken(one) == 0
        clock.go(20 - 1e-6)
        assert await taken(two) == 0
        clock.go(1e-6)
        assert await taken(two) == 1
        assert await taken(one) == 0
        await machine.close()

    asyncio.run(run())


def test_what_was_over_stays_over(machine: Machine) -> None:
    """A lease that ended before the clock was set is had at once."""

    async def run() -> None:
        store = await machine.open()
        await store.create(new_instance("i"))
        assert await taken(store) == 1
        machine.clock.go(30)
        machine.clock.turn(DAY)
        assert await taken(store) == 1
        await machine.close()

    asyncio.run(run())


def test_set_back_and_forth_nothing_is_taken(machine: Machine) -> None:
    """Set back, a lease lasts longer; set right again, it has at least what it had."""

    async def run() -> None:
        store, clock = await machine.open(), machine.clock
        await store.create(new_instance("i"))
        assert await taken(store) == 1
        for seconds in (-DAY, DAY, -HOUR, HOUR):
            clock.turn(seconds)
            clock.go(5)
            assert await taken(store) == 0
        await machine.close()

    asyncio.run(run())


def test_small_steps_add_up(machine: Machine) -> None:
    """A clock that is set by half a second a hundred times was set by fifty."""

    async def run() -> None:
        store, clock = await machine.open(), machine.clock
        await store.create(new_instance("i"))
        assert await taken(store) == 1
        for _ in range(100):
            clock.turn(0.5)
            assert await taken(store) == 0
        clock.go(30)
        assert await taken(store) == 1
        await machine.close()

    asyncio.run(run())


def test_a_renewal_after_the_jump_is_not_moved(machine: Machine) -> None:
    """The first to write after it moves the others' ends, and then sets its own."""

    async def run() -> None:
        store, clock = await machine.open(), machine.clock
        await store.create(new_instance("i"))
        (item,) = (await store.claim(LEASE)).items
        clock.turn(DAY)
        (state,) = await store.renew([item.fence], LEASE.lease_us)
        assert state.held
        clock.go(30 - 1e-6)
        assert await taken(store) == 0
        clock.go(1e-6)
        assert await taken(store) == 1
        await machine.close()

    asyncio.run(run())


def test_a_verb_that_fails_first_after_the_jump_undoes_nothing(machine: Machine) -> None:
    """The ends move with the next verb, where this one is rolled back with all it did."""

    async def run() -> None:
        store = await machine.open()
        await store.create(new_instance("i"))
        assert await taken(store) == 1
        machine.clock.turn(DAY)
        with pytest.raises(InstanceNotFound):
            await store.request_cancel("nobody")
        assert await taken(store) == 0
        machine.clock.go(30)
        assert await taken(store) == 1
        await machine.close()

    asyncio.run(run())


def test_a_cancel_after_the_jump_waits_for_the_holder(machine: Machine) -> None:
    """Who works on it is told, and gives it back; it isn't ended below them."""

    async def run() -> None:
        store = await machine.open()
        await store.create(new_instance("i"))
        (item,) = (await store.claim(LEASE)).items
        machine.clock.turn(DAY)
        await store.request_cancel("i")
        (state,) = await store.check([item.fence])
        assert (state.held, state.control) == (True, Control.CANCEL)
        await machine.close()

    asyncio.run(run())


def test_after_a_restart_of_the_machine_the_dead_hold_nothing(tmp_path: Path) -> None:
    """The time that passes begins anew, which looks like a clock set forwards; it delays nobody."""

    async def run() -> None:
        machine = Machine("sqlite", tmp_path / "a.db")
        machine.clock.go(DAY)
        before = await machine.open()
        await before.create(new_instance("i"))
        assert await taken(before) == 1
        await machine.close()
        machine.clock.turn(DAY + 5)
        machine.clock.passed_us = 0
        after = await machine.open()
        assert await taken(after) == 1
        await after.close()

    asyncio.run(run())


@pytest.mark.parametrize("later", [DAY, -DAY])
def test_processes_that_count_from_different_moments_take_nothing(
    later: int, tmp_path: Path
) -> None:
    """As in containers with time namespaces: each looks to the other like a clock that was set."""

    async def run() -> None:
        clocks = Dials(), Dials()
        clocks[1].turn(later)
        clocks[1].go(-later)
        stores = [await SqliteStore.open(tmp_path / "a.db", clock) for clock in clocks]
        for turn in range(8):
            store = stores[turn % 2]
            await store.create(new_instance(f"i{turn}"))
            assert await taken(store) == 1
            for clock in clocks:
                clock.go(3)
        for store in stores:
            await store.close()

    asyncio.run(run())
