"""What the verbs cost: round trips, WAL, and rows that are rewritten in place."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from sayiir.stores.postgres.store import PostgresStore
from sayiir.stores.records import (
    Await,
    Checkpoint,
    Claimed,
    Effect,
    End,
    Fence,
    Move,
    NewItem,
    Park,
    Result,
    Retry,
    Spawn,
)
from sayiir.testing.postgres import PostgresServer
from tests.postgres.racing import SECOND_US, Track

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence


class Meter:
    """Counts the statements of a store with one connection, notices apart."""

    def __init__(self, store: PostgresStore) -> None:
        self.track = Track([store], 1)
        self.store = store
        self.texts: list[str] = []

    async def begin(self) -> None:
        """Count from now on."""
        await self.store.describe("nobody")
        [connection] = self.store._database.pool()._all
        driver: Any = connection
        driver.add_query_logger(self._note)

    def _note(self, record: Any) -> None:
        if "pg_notify" not in record.query:
            self.texts.append(record.query)

    async def count(self, what: Awaitable[Any]) -> tuple[Any, int]:
        """The answer, and how many round trips it took."""
        self.texts.clear()
        answer = await what
        return answer, len(self.texts)

    async def commit(self, *checkpoints: Checkpoint) -> tuple[list[Any], int]:
        """The same of a batch, which must be accepted."""
        answers, count = await self.count(self.store.commit(checkpoints))
        assert all(each.accepted for each in answers)
        return answers, count


def step(
    by: Fence, effect: Effect, path: str | None = None, prune: Sequence[str] = ()
) -> Checkpoint:
    """A checkpoint with a small result."""
    told = None
    if path is not None:
        told = Result(path=path, node_path=path, ordinal=b"", output=b'"some output of a step"')
    return Checkpoint(fence=by, effect=effect, result=told, prune=tuple(prune))


def new_items(path: str, count: int) -> tuple[NewItem, ...]:
    """The arms of a spawn."""
    return tuple(NewItem(index=i, path=f"{path}[{i}]/t", input="r:a") for i in range(count))


def test_round_trips(postgres_url: str, report_figure: Callable[[str], None]) -> None:
    """One for a step, a claim, a renewal, a creation, a spawn, ends of arms; few for the rest."""
    counts: dict[str, int] = {}

    async def run() -> None:
        store = await PostgresStore.open(postgres_url + "&pool=1")
        try:
            meter = Meter(store)
            await meter.begin()
            await _lone_verbs(meter, {})
            await _lone_verbs(meter, counts)
            await _verbs_of_arms(meter, counts)
        finally:
            await store.close()

    asyncio.run(run())
    report_figure("round trips: " + ", ".join(f"{name} {n}" for name, n in counts.items()))
    for name in (
        "create and claim",
        "step",
        "step of a loop",
        "end",
        "claim",
        "renew",
        "100 steps",
        "spawn of 100",
        "ends of 100 arms",
        "spawn and ends below an arm",
    ):
        assert counts[name] == 1, name
    assert max(counts.values()) <= 7, counts
    for name in ("ends of 100 map items", "park", "await"):
        assert counts[name] <= 6, name
    assert counts["a mixed batch"] <= 6  # one of them locks the roots, before all else


async def _lone_verbs(meter: Meter, counts: dict[str, int]) -> None:
    store = meter.store
    root, counts["create and claim"] = await meter.count(meter.track.start())
    by = root.fence
    _, counts["step"] = await meter.commit(step(by, Move("b", "r:a"), "a"))
    loop = step(by, Move("l[1]/x", "r:a"), "l[1]/x", ["l[0]/"])
    _, counts["step of a loop"] = await meter.commit(loop)
    retry = Retry(error=b"e", wait_us=0, in_place=True)
    _, counts["retry"] = await meter.commit(step(by, retry))
    _, counts["renew"] = await meter.count(store.renew([by], 30 * SECOND_US))
    _, counts["park"] = await meter.commit(step(by, Park(path="d", input="i", wait_us=0), "b"))
    [again], counts["claim of a timer"] = await meter.count(meter.track.claim())
    by = again.fence
    wait = Await(path="s", input="i", signal_name="go")
    _, counts["await"] = await meter.commit(step(by, wait))
    sent = store.send_event(root.instance_id, "go", b"1")
    _, counts["send event"] = await meter.count(sent)
    [again], counts["claim"] = await meter.count(meter.track.claim())
    _, counts["release"] = await meter.count(store.release([again.fence]))
    [again] = await meter.track.claim()
    _, counts["end"] = await meter.commit(step(again.fence, End(output="r:s"), "c"))


async def _verbs_of_arms(meter: Meter, counts: dict[str, int]) -> None:
    root = await meter.track.start()
    spawn = Spawn(path="f", input="join", items=new_items("f", 100), total=100, keep=100)
    [answer], counts["spawn of 100"] = await meter.commit(step(root.fence, spawn, "a"))
    arms: tuple[Claimed, ...] = answer.claimed
    steps = (step(each.fence, Move(each.path + "2", "r"), each.path) for each in arms)
    _, counts["100 steps"] = await meter.commit(*steps)
    ends = (step(each.fence, End(output="r"), each.path + "2") for each in arms)
    answers, counts["ends of 100 arms"] = await meter.commit(*ends)
    [parent] = answers[-1].claimed
    counts["spawn and ends below an arm"] = await _nested(meter, await meter.track.start())
    counts["a mixed batch"] = await _mixed(meter)
    spawn = Spawn(path="m", input="join", items=new_items("m", 300), total=300, limit=100, keep=100)
    [answer], counts["map of 300"] = await meter.commit(step(parent.fence, spawn))
    ends = (step(each.fence, End(output="r", keep=True), each.path) for each in answer.claimed)
    answers, counts["ends of 100 map items"] = await meter.commit(*ends)
    assert sum(len(each.claimed) for each in answers) == 100
    name = root.instance_id
    store = meter.store
    _, counts["pause"] = await meter.count(store.request_pause(name))
    _, counts["unpause"] = await meter.count(store.unpause(name))
    _, counts["cancel"] = await meter.count(store.request_cancel(name))


async def _nested(meter: Meter, root: Claimed) -> int:
    """An arm's own arms: the most round trips that their spawn or their ends took."""
    [answer], _ = await meter.commit(step(root.fence, _arms("g", 3)))
    arm = answer.claimed[1].fence
    [answer], spawned = await meter.commit(step(arm, _arms("g[1]/h", 100), "g[1]/x"))
    ends = (step(each.fence, End(output="r"), each.path) for each in answer.claimed)
    answers, ended = await meter.commit(*ends)
    [parent] = answers[-1].claimed
    assert parent.fence.item == arm.item
    return max(spawned, ended)


def _arms(path: str, count: int) -> Spawn:
    return Spawn(path=path, input="join", items=new_items(path, count), total=count, keep=count)


async def _mixed(meter: Meter) -> int:
    """Steps, ends of arms and spawns of several instances in one batch."""
    roots = [await meter.track.start() for _ in range(3)]
    [answer], _ = await meter.commit(step(roots[0].fence, _arms("f", 3)))
    ends = [step(each.fence, End(output="r"), each.path) for each in answer.claimed]
    spawn = step(roots[1].fence, _arms("f", 3), "a")
    answers, count = await meter.commit(step(roots[2].fence, Move("b", "r:a"), "a"), spawn, *ends)
    assert [len(each.claimed) for each in answers] == [0, 3, 0, 0, 1]
    return count


@pytest.fixture
def quiet_url() -> Iterator[str]:
    """A server of one's own: any old snapshot keeps rows from being rewritten in place."""
    with PostgresServer() as server:
        yield f"{server.url}&schema=costs"


def test_a_step_costs_few_bytes_and_no_index(
    quiet_url: str, report_figure: Callable[[str], None]
) -> None:
    """In batches of 100: at most 500 bytes of WAL a step, 95 % of the rows rewritten in place."""
    postgres_url = quiet_url

    async def run() -> None:
        store = await PostgresStore.open(postgres_url)
        observer = await asyncpg.connect(postgres_url.partition("schema=")[0].rstrip("?&"))
        try:
            track = Track([store], 1)
            fences = [(await track.start()).fence for _ in range(200)]
            plain = await _wal_of_steps(store, observer, fences, _plain_step)
            loops = await _wal_of_steps(store, observer, fences, _loop_step)
        finally:
            await store.close()  # its connections tell what they have counted
        try:
            schema = postgres_url.partition("schema=")[2]
            hot = await observer.fetchval(
                "select n_tup_hot_upd::float8 / n_tup_upd from pg_stat_user_tables "
                "where relname = 'work_item' and schemaname = $1", schema,
            )  # fmt: skip
        finally:
            await observer.close()
        report_figure(
            f"WAL a step: {plain:.0f} bytes, {loops:.0f} in a loop; rewritten in place {hot:.1%}"
        )
        assert plain <= 500
        assert loops <= 650
        assert hot >= 0.95

    asyncio.run(run())


async def _wal_of_steps(
    store: PostgresStore,
    observer: asyncpg.Connection[Any],
    fences: list[Fence],
    a_step: Callable[[Fence, int], Checkpoint],
) -> float:
    """The smallest of several rounds: others write too, and pages are written whole at first."""
    found: list[float] = []
    for number in range(1, 12):
        before = await observer.fetchval("select pg_current_wal_insert_lsn()")
        for first in range(0, len(fences), 100):
            batch = [a_step(fence, number) for fence in fences[first : first + 100]]
            assert all(each.accepted for each in await store.commit(batch))
        written = await observer.fetchval(
            "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1)", before
        )
        found.append(float(written) / len(fences))
    return min(found)


def _plain_step(fence: Fence, number: int) -> Checkpoint:
    return step(fence, Move(f"step{number + 1}", f"r:step{number}"), f"step{number}")


def _loop_step(fence: Fence, number: int) -> Checkpoint:
    result = Result(
        path=f"poll[{number}]/ask",
        node_path="poll/ask",
        ordinal=struct.pack(">I", number),
        output=b'"some output of a step"',
    )
    move = Move(f"poll[{number + 1}]/ask", f"r:poll[{number}]/ask")
    prune = (f"poll[{number - 1}]/",)
    return Checkpoint(fence=fence, effect=move, result=result, prune=prune)
