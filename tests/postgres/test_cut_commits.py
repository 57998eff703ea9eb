"""Scorecard 14: the connection is cut between a commit and its answer."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    AsyncPooledWorker,
    AsyncWorkflowClient,
    TaskContext,
    await_signal,
    fork,
    open_store,
    task,
    workflow,
)
from sayiir.errors import StoreUnavailable
from sayiir.stores.postgres.store import PostgresStore
from sayiir.stores.records import (
    Await,
    Checkpoint,
    Claimed,
    ClaimRequest,
    Effect,
    End,
    Fail,
    Move,
    NewItem,
    Park,
    Result,
    Retry,
    Spawn,
)
from tests.postgres.invariants import broken
from tests.postgres.proxy import Proxy
from tests.stores.sqlite_child import new_instance

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MINUTE_US = 60_000_000

EFFECTS: tuple[Effect, ...] = (
    Move("b", "i"),
    Move("b", "i", hand_over=True),
    Park(path="b", input="i", wait_us=MINUTE_US),
    Await(path="b", input="i", signal_name="go"),
    Spawn(
        path="f",
        input="j",
        items=tuple(NewItem(index=n, path=f"f[{n}]/c", input="i") for n in range(3)),
        total=3,
        keep=3,
    ),
    End(output="r"),
    Retry(error=b"e", wait_us=MINUTE_US, in_place=False),
    Fail(error=b"e"),
)


class Cut:
    """A store behind a proxy that swallows the answer to a commit, and one that sees the rows."""

    def __init__(
        self, url: str, proxy: Proxy, behind: PostgresStore, direct: PostgresStore
    ) -> None:
        self._url, self._proxy = url, proxy
        self.behind, self.direct = behind, direct
        self.committed = 0
        self._number = 0

    async def lose(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """The answer of a call whose first answer is lost; repeated as nobody else would."""
        swallowed = self._proxy.swallowed
        self._proxy.swallow_in = 1
        try:
            return await call()
        except StoreUnavailable:
            self.committed += self._proxy.swallowed > swallowed
        finally:
            self._proxy.swallow_in = 0
        return await call()

    async def round(self, effect: Effect) -> None:
        """One instance is created, claimed and stepped, and each of these loses its answer."""
        self._number += 1
        name = f"i{self._number}"
        await self.lose(lambda: self.behind.create(new_instance(name)))
        assert [record.run_id for record in [await self._record(name)]] == [f"run-of-{name}"]
        await self._once(lambda: self.behind.send_event(name, "other", b"1"))
        request = ClaimRequest(holder="w", lease_us=MINUTE_US, instance_id=name)
        got = (await self.lose(lambda: self.behind.claim(request))).items
        # The lease that nobody knows of ends by itself; here it is ended by hand.
        by = got[0] if got else await self._reclaimed(name, request)
        told = None
        if not isinstance(effect, Retry | Fail):
            told = Result(path="a", node_path="a", ordinal=b"", output=b"1")
        checkpoint = Checkpoint(fence=by.fence, effect=effect, result=told)
        await self._step(checkpoint)
        assert len(await self.direct.results(name)) <= 1
        found = await self.direct.inspect(name)
        assert found is not None
        if isinstance(effect, Spawn):
            assert sum(item.item.spawn_path == "f" for item in found.items) == 3
        if isinstance(effect, Retry):
            assert [item.failures for item in found.items] == [1]
        assert len([each for each in found.events if each.signal_name == "other"]) <= 1

    async def _once(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Not repeated: whoever sends twice has sent twice, and the store repeats nothing."""
        self._proxy.swallow_in = 1
        try:
            return await call()
        except StoreUnavailable:
            self.committed += 1
            return None
        finally:
            self._proxy.swallow_in = 0

    async def _step(self, checkpoint: Checkpoint) -> None:
        """The holder whose answer was lost writes no more; what was written stands once."""
        answers = await self._once(lambda: self.behind.commit([checkpoint]))
        assert answers is None or answers[0].accepted

    async def _record(self, name: str) -> Any:
        record = await self.direct.describe(name)
        assert record is not None
        return record

    async def _reclaimed(self, name: str, request: ClaimRequest) -> Claimed:
        await self.direct._database.fetch(
            "update @work_item set lease_until = 0, due = 0 where holder is not null "
            "and run = (select run from @instance where instance_id = $1) returning 1",
            name,
        )
        [claimed] = (await self.direct.claim(replace(request, holder="w2"))).items
        return claimed


@pytest.mark.timeout(3_600)  # at the nightly figure
def test_an_answer_that_is_lost_commits_nothing_twice(
    postgres_url: str, repetitions: Callable[[int, int], int], report_figure: Callable[[str], None]
) -> None:
    """Every kind of write, by its quick way and by its long one."""
    cuts = repetitions(440, 4_000)

    async def run() -> int:
        direct = await PostgresStore.open(postgres_url)
        async with Proxy(postgres_url) as proxy:
            behind = await PostgresStore.open(f"{proxy.url}&pool=1")
            cut = Cut(postgres_url, proxy, behind, direct)
            number = 0
            while cut.committed < cuts:
                await cut.round(EFFECTS[number % len(EFFECTS)])
                number += 1
            await behind.close()
        found = await broken(direct._database)
        assert not found, found
        await direct.close()
        return cut.committed

    report_figure(f"double commits 0 of {asyncio.run(run()):,} answers lost")


class Journal:
    """When which step began."""

    def __init__(self) -> None:
        self.began: dict[tuple[str, str], list[float]] = defaultdict(list)

    def step(self, name: str) -> Any:
        """A task that says when it begins."""

        async def run(n: int, ctx: TaskContext) -> int:
            self.began[ctx.instance_id, ctx.path].append(time.time())
            return n + 1

        return task(name)(run)


@task
async def total(values: Any) -> int:
    return sum(values)


@task
async def three(n: int) -> list[int]:
    return [n, n, n]


@pytest.mark.timeout(3_600)  # at the nightly figure
def test_workers_whose_answers_are_lost_repeat_nothing_that_was_committed(
    postgres_url: str, repetitions: Callable[[int, int], int], report_figure: Callable[[str], None]
) -> None:
    """Their claims, checkpoints, renewals and releases, at seeded moments."""
    cuts, at_once, cuts_at_once = repetitions(60, 1_000), 100, 30
    journal, drawn = Journal(), random.Random(14)
    flow = workflow(
        "cut",
        journal.step("a")
        >> fork(journal.step("b") >> journal.step("c"), journal.step("d"))
        >> total
        >> three
        >> journal.step("e").map()
        >> total
        >> await_signal("go", int, keep_input=True)
        >> total
        >> journal.step("f"),
    )

    async def cutting(proxy: Proxy, cuts: int) -> None:
        """Cut so often, and no more: who loses a lease again and again waits for minutes."""
        until = proxy.swallowed + cuts
        while proxy.swallowed < until:
            # Counted in answers: by time, a slow machine would have each of them lost.
            proxy.swallow_in = proxy.swallow_in or drawn.randint(1, 25)
            await asyncio.sleep(0.005)
        proxy.swallow_in = 0

    async def run() -> tuple[int, int, list[str]]:
        direct = await open_store(postgres_url)
        client = AsyncWorkflowClient(direct)
        number, again = 0, list[str]()
        async with Proxy(postgres_url) as proxy:
            store = await open_store(f"{proxy.url}&pool=4")
            worker = AsyncPooledWorker(
                store, workflows=[flow], concurrency=20, lease="1s", poll_interval="200ms"
            )
            async with worker:
                while proxy.swallowed < cuts:
                    names = [f"i{number + each}" for each in range(at_once)]
                    number += at_once
                    cutter = asyncio.create_task(cutting(proxy, cuts_at_once))
                    for name in names:
                        await client.submit(flow, name, 1)
                        await client.send_event(name, "go", 5)
                    for name in names:
                        assert await client.result(name, flow, timeout=120) == 30, name
                    again += await _again(direct, journal, names)
                    await cutter
            await store.close()
        await client.close()
        await direct.close()
        return number, proxy.swallowed, again

    number, swallowed, again = asyncio.run(run())
    report_figure(
        f"{swallowed:,} answers lost under {number:,} instances: wrong 0, committed steps run "
        f"again {len(again)}"
    )
    assert not again


async def _again(direct: Any, journal: Journal, names: list[str]) -> list[str]:
    """Steps that began after the store had their result."""
    found = []
    for name in names:
        for row in await direct.results(name):
            late = [t for t in journal.began[name, row.path] if t * 1e6 > row.finished_at_us]
            found += [f"{row.path} of {name}"] * len(late)
    return found
