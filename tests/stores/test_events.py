"""Scorecard 10 and 11: events that meet the waits they are for, and timeouts that are due then.

Two stores on one database send and wait, as two processes would; on the memory store it is one.
"""

from __future__ import annotations

import asyncio
import fcntl
import random
import threading
from collections import Counter
from contextlib import asynccontextmanager
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sayiir.stores.memory import MemoryStore
from sayiir.stores.postgres.store import PostgresStore
from sayiir.stores.records import Answer, Await, Checkpoint, Claimed, ClaimRequest, End
from sayiir.stores.sqlite import SqliteStore, writer
from sayiir.testing.clock import MovedClock
from tests.sim.folders import quick_folder
from tests.stores.sqlite_child import new_instance

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from sayiir.stores.protocols import Store

MINUTE_US = 60_000_000
TIMEOUT_SECONDS = 10
CHAINS = 50


@pytest.fixture
def clock() -> MovedClock:
    """Stands still, so that no lease ends."""
    return MovedClock()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def opened(
    request: pytest.FixtureRequest, clock: MovedClock
) -> Iterator[Callable[[], Awaitable[Store]]]:
    """Opens a store, each time on the same database."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        yield lambda: PostgresStore.open(url, clock)
    elif request.param == "sqlite":
        with quick_folder() as folder:
            yield lambda: SqliteStore.open(Path(folder) / "events.db", clock=clock)
    else:
        store = MemoryStore(clock)

        async def same() -> Store:
            return store

        yield same


@asynccontextmanager
async def two(opened: Callable[[], Awaitable[Store]]) -> AsyncIterator[tuple[Store, Store]]:
    """One that waits and one that sends."""
    waiting, sending = await opened(), await opened()
    yield waiting, sending
    await waiting.close()
    if sending is not waiting:
        await sending.close()


async def started(store: Store, name: str) -> Claimed:
    claim = ClaimRequest(holder="w", lease_us=MINUTE_US)
    answer = await store.create(new_instance(name), claim=claim)
    assert answer.claimed is not None
    return answer.claimed


def wait(by: Claimed, path: str, timeout: int | None = None) -> Checkpoint:
    timeout_us = None if timeout is None else timeout * 1_000_000
    effect = Await(path=path, input="", signal_name="go", timeout_us=timeout_us)
    return Checkpoint(fence=by.fence, effect=effect)


async def claimed(store: Store, limit: int = 2 * CHAINS) -> tuple[Claimed, ...]:
    return (await store.claim(ClaimRequest(holder="w", lease_us=MINUTE_US, limit=limit))).items


def number_in(event: Any) -> int | None:
    return None if event is None else int(event.payload)


# -- one after the other, in every order


class Waiter:
    """Takes one step at a time: begin to wait, or look whether the event has come."""

    def __init__(self, store: Store, holding: Claimed) -> None:
        self._store = store
        self._holding: Claimed | None = holding
        self._waits = 0
        self.received: list[int | None] = []

    async def step(self) -> None:
        if self._holding is None:
            for item in await claimed(self._store):
                self._holding = item
                self.received.append(number_in(item.event))
            return
        [answer] = await self._store.commit([wait(self._holding, f"s[{self._waits}]")])
        assert answer.accepted
        self._waits += 1
        if answer.event is None:
            self._holding = None
        else:
            self.received.append(number_in(answer.event))


def test_every_order_of_sends_and_waits(
    opened: Callable[[], Awaitable[Store]], report_figure: Callable[[str], None]
) -> None:
    """Three events for three waits: each in its order, whenever it was sent."""
    sends, steps = 3, 6
    orders = list(combinations(range(sends + steps), sends))

    async def run() -> None:
        async with two(opened) as (waiting, sending):
            for number, when in enumerate(orders):
                name = f"i{number}"
                waiter = Waiter(waiting, await started(waiting, name))
                sent = 0
                for at in range(sends + steps):
                    if at in when:
                        await sending.send_event(name, "go", b"%d" % sent)
                        sent += 1
                    elif len(waiter.received) < sends:
                        await waiter.step()
                while len(waiter.received) < sends:
                    before = len(waiter.received)
                    await waiter.step()
                    await waiter.step()
                    assert len(waiter.received) > before, f"an event is lost, sent at {when}"
                assert waiter.received == [0, 1, 2], f"sent at {when}"

    asyncio.run(run())
    report_figure(f"{len(orders)} orders of 3 sends and 3 waits: lost 0, doubled 0")


# -- one between the statements of the other


class Stop:
    """Holds up a connection before one of its statements, on its own thread."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def traced(self, statement: str) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            self.reached.set()
            assert self.go_on.wait(30), f"held up for ever before {statement}"

    def at(self, statement: int) -> None:
        self.reached.clear()
        self.go_on.clear()
        self.left = statement


@pytest.mark.parametrize("stopped", ["the wait", "the send"])
def test_a_send_between_the_statements_of_a_wait(
    stopped: str, monkeypatch: pytest.MonkeyPatch, report_figure: Callable[[str], None]
) -> None:
    """On SQLite whoever comes second stands at the door until the first has committed.

    PostgreSQL's are in ``tests/postgres/test_interleavings.py``.
    """
    stop, real = Stop(), writer.open_writer

    def traced(file: Path) -> sqlite3.Connection:
        connection = real(file)
        connection.set_trace_callback(stop.traced)
        return connection

    async def run(folder: Path) -> int:
        monkeypatch.setattr(writer, "open_writer", traced)
        first = await SqliteStore.open(folder / "events.db")
        monkeypatch.undo()
        second = await SqliteStore.open(folder / "events.db")
        waiting, sending = (first, second) if stopped == "the wait" else (second, first)
        number = 0
        while True:
            name = f"i{number}"
            holding = await started(waiting, name)
            calls: list[Awaitable[Any]] = [
                waiting.commit([wait(holding, "s")]),
                sending.send_event(name, "go", b"7"),
            ]
            if stopped == "the send":
                calls.reverse()
            answers, was_stopped = await _one_in_the_other(calls, stop, number, folder)
            [answer] = answers[0 if stopped == "the wait" else 1]
            event = answer.event
            if event is None:
                [holding] = await claimed(waiting)
                event = holding.event
            assert number_in(event) == 7, f"lost: stopped before statement {number}"
            [again] = await waiting.commit([wait(holding, "t")])
            assert again.event is None, f"doubled: stopped before statement {number}"
            if not was_stopped:
                break
            number += 1
        await first.close()
        await second.close()
        return number

    with quick_folder() as folder:
        stops = asyncio.run(run(Path(folder)))
    assert stops > 5
    report_figure(f"{stopped} stopped before each of {stops} statements: lost 0, doubled 0")


async def _one_in_the_other(
    calls: list[Awaitable[Any]], stop: Stop, statement: int, folder: Path
) -> tuple[list[Any], bool]:
    """The answers, and whether the first was stopped."""
    stop.at(statement)
    one = asyncio.ensure_future(calls[0])
    while not one.done() and not stop.reached.is_set():
        await asyncio.sleep(0)
    was_stopped = stop.reached.is_set()
    stop.left = None
    two = asyncio.ensure_future(calls[1])
    while not two.done() and not _somebody_is_at_the_door(folder):
        await asyncio.sleep(0)
    stop.go_on.set()
    return [await one, await two], was_stopped


def _somebody_is_at_the_door(folder: Path) -> bool:
    with (folder / "events.db-holders" / "door.lock").open("r+b") as door:
        try:
            fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


# -- very many at once


class Chains:
    """Instances that wait again and again, all of them at the same moments."""

    def __init__(self, waiting: Store, sending: Store) -> None:
        self.waiting, self.sending = waiting, sending
        self.dice = random.Random(10)
        self.holding: dict[str, Claimed] = {}
        self.lost = self.doubled = 0

    async def begin(self, count: int = CHAINS) -> None:
        self.holding = {f"i{n}": await started(self.waiting, f"i{n}") for n in range(count)}

    def waits(self, path: str, timeout: int | None = None) -> list[Awaitable[dict[str, Answer]]]:
        """All begin to wait, some of them in one commit, as a worker's do."""
        names = list(self.holding)
        self.dice.shuffle(names)
        calls = []
        while names:
            several = [names.pop() for _ in range(min(len(names), self.dice.randint(1, 12)))]
            calls.append(self._wait(several, path, timeout))
        return calls

    async def _wait(self, names: list[str], path: str, timeout: int | None) -> dict[str, Answer]:
        checkpoints = [wait(self.holding[name], path, timeout) for name in names]
        return dict(zip(names, await self.waiting.commit(checkpoints), strict=True))

    def sends(self, number: int) -> list[Awaitable[Any]]:
        return [self.sending.send_event(name, "go", b"%d" % number) for name in self.holding]

    async def together(self, calls: list[Any]) -> list[Any]:
        """At once; their answers in the order of the calls."""
        order = list(range(len(calls)))
        self.dice.shuffle(order)
        answers = await asyncio.gather(*(calls[at] for at in order))
        return [answer for _, answer in sorted(zip(order, answers, strict=True), key=_first)]

    def hold(self, items: tuple[Claimed, ...]) -> None:
        self.holding |= {item.instance_id: item for item in items}


def _first(pair: tuple[int, Any]) -> int:
    return pair[0]


@pytest.mark.timeout(3_600)  # at the nightly figure
def test_very_many_sends_beside_their_waits(
    opened: Callable[[], Awaitable[Store]],
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """Each wait has the event that was sent while it began, and nothing else."""
    count, early = repetitions(10_000, 100_000), 0

    async def run() -> Chains:
        nonlocal early
        async with two(opened) as (waiting, sending):
            chains = Chains(waiting, sending)
            await chains.begin()
            for number in range(count // CHAINS):
                waits = chains.waits(f"s[{number}]")
                answers = await chains.together([*waits, *chains.sends(number)])
                parts = answers[: len(waits)]
                events = {name: each.event for part in parts for name, each in part.items()}
                early += sum(event is not None for event in events.values())
                woken = await claimed(waiting)
                had = Counter(item.instance_id for item in woken)
                had.update(name for name, event in events.items() if event is not None)
                chains.hold(woken)
                events |= {item.instance_id: item.event for item in woken}
                chains.lost += sum(number_in(event) != number for event in events.values())
                chains.doubled += sum(had.values()) - len(had)
                if chains.lost or chains.doubled:
                    break
            return chains

    chains = asyncio.run(run())
    report_figure(
        f"{count:,} sends, {early:,} of them before their wait: lost {chains.lost}, "
        f"doubled {chains.doubled}"
    )
    assert (chains.lost, chains.doubled) == (0, 0)
    assert count // 50 < early < count - count // 50, "one always comes before the other"


@pytest.mark.timeout(3_600)  # at the nightly figure
def test_an_event_and_a_timeout_due_together(
    opened: Callable[[], Awaitable[Store]],
    clock: MovedClock,
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """The item is had once: with the event, or without it, and then the next wait has it."""
    rounds = repetitions(1_000, 10_000)
    by_event = by_timeout = 0

    async def run() -> None:
        nonlocal by_event, by_timeout
        async with two(opened) as (waiting, sending):
            chains = Chains(waiting, sending)
            await chains.begin(20)
            for number in range(rounds // 20):
                for part in await asyncio.gather(*chains.waits("s", TIMEOUT_SECONDS)):
                    assert all(each.event is None for each in part.values()), "an event is left"
                clock.shift(TIMEOUT_SECONDS)
                looks = [claimed(store, chains.dice.randint(5, 40)) for store in (waiting, sending)]
                answers = await chains.together([*looks, *chains.sends(number)])
                # Who looked may have passed by what was being written.
                had = [*answers[0], *answers[1], *await claimed(waiting)]
                winners = Counter(item.instance_id for item in had)
                assert winners == Counter(iter(chains.holding)), "one has two owners, or none"
                chains.hold(tuple(had))
                timed_out = {each.instance_id for each in had if each.event is None}
                assert all(number_in(each.event) in {None, number} for each in had)
                by_timeout += len(timed_out)
                by_event += len(had) - len(timed_out)
                # What came too late is kept, and nothing else is.
                rest = await waiting.commit([wait(item, "next") for item in had])
                found = {
                    item.instance_id
                    for item, answer in zip(had, rest, strict=True)
                    if number_in(answer.event) == number
                }
                assert found == timed_out
                for name in set(chains.holding) - found:
                    await sending.send_event(name, "go", b"-1")
                chains.hold(await claimed(waiting))
            ends = [
                Checkpoint(fence=each.fence, effect=End(output=""))
                for each in chains.holding.values()
            ]
            assert all(answer.accepted for answer in await waiting.commit(ends))

    asyncio.run(run())
    report_figure(
        f"{rounds:,} rounds, one winner each: the event {by_event:,} times, the timeout "
        f"{by_timeout:,} times"
    )
    assert min(by_event, by_timeout) > rounds // 50
