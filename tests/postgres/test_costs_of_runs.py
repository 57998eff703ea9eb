"""What a step of a whole run costs a store, counted: statements, transactions and bytes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from sayiir import (
    AsyncCheckpointingRunner,
    AsyncPooledWorker,
    AsyncWorkflowClient,
    Completed,
    Flow,
    fork,
    open_store,
    task,
    workflow,
)
from sayiir.testing.postgres import PostgresServer
from tests.engine.test_step_costs import calls_of_a_run
from tests.engine.test_step_costs import chain as chain_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sayiir.stores.protocols import Store

INSTANCES = 100
STEPS = 10


@task
async def plus_one(number: int) -> int:
    return number + 1


def chain(name: str) -> Any:
    flow: Flow[int, int] = plus_one
    for _ in range(STEPS - 1):
        flow = flow >> plus_one
    return workflow(name, flow)


async def submit(store: Store, flow: Any) -> None:
    client = AsyncWorkflowClient(store)
    names = [f"{flow.name}-{n}" for n in range(INSTANCES)]
    await asyncio.gather(*(client.submit(flow, name, 1) for name in names))


async def run(store: Store, flow: Any) -> int:
    """Run them all, a hundred at a time; how many transactions wrote their steps."""
    commits = 0
    inner: Any = store
    commit = inner.commit

    async def counted(checkpoints: Any) -> Any:
        nonlocal commits
        commits += 1
        return await commit(checkpoints)

    inner.commit = counted
    try:
        async with AsyncCheckpointingRunner(store) as runner:
            assert await runner.resume_all([flow]) == INSTANCES
    finally:
        inner.commit = commit
    return commits


@pytest.fixture
def quiet_url() -> Iterator[str]:
    """A server of one's own: others' writing would be counted too."""
    with PostgresServer() as server:
        yield f"{server.url}&schema=costs"


def test_postgres(quiet_url: str, report_figure: Callable[[str], None]) -> None:
    """A step in batches of 100: at most 0.1 statements and 500 bytes of WAL, and claims are few."""

    async def measured() -> tuple[int, list[str], float]:
        store: Any = await open_store(quiet_url)
        observer = await asyncpg.connect(quiet_url.partition("&schema")[0])
        try:
            warm, flow = chain("warm"), chain("flow")
            await submit(store, warm)
            await run(store, warm)
            await submit(store, flow)
            texts = statements_of(store)
            before = await observer.fetchval("select pg_current_wal_insert_lsn()")
            commits = await run(store, flow)
            written = await observer.fetchval(
                "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1)", before
            )
            return commits, texts, float(written) / (INSTANCES * STEPS)
        finally:
            await observer.close()
            await store.close()

    commits, texts, wal = asyncio.run(measured())
    steps = INSTANCES * STEPS
    told = [text for text in texts if "pg_notify" not in text]
    report_figure(
        f"a step: {len(told) / steps:.3f} statements, {commits / steps:.3f} transactions, "
        f"{wal:.0f} bytes of WAL with its claim and its end"
    )
    assert commits == STEPS
    assert len(told) <= STEPS + 6, told  # a claim, and looks at what else is due
    assert len(texts) <= steps * 0.1
    assert wal <= 800


def statements_of(store: Any) -> list[str]:
    """What the connections that are open now are asked from now on."""
    texts: list[str] = []
    for connection in store._database.pool()._all:
        connection.add_query_logger(lambda record: texts.append(record.query))
    return texts


def test_a_lone_step(postgres_url: str, report_figure: Callable[[str], None]) -> None:
    """From one answer to the next, the driver's 60 calls and the loop's among them."""

    def calls(steps: int, number: int) -> int:
        return asyncio.run(calls_of_a_run(postgres_url, chain_of(steps), f"-{steps}-{number}"))

    # A notice or a look around comes between: the least of a few.
    each = min((calls(220, n) - calls(20, n)) / 200 for n in range(3))
    report_figure(f"calls for a lone durable step on PostgreSQL: {each:.2f}")
    assert each <= 103


def test_a_fork_of_100(postgres_url: str, report_figure: Callable[[str], None]) -> None:
    """Created, spawned, joined and ended: four round trips, each of them a commit.

    Who has seen the end knows the output, and reads nothing.
    """
    wide = workflow("wide", fork(*[plus_one] * 100) >> sum)

    async def measured() -> list[str]:
        store: Any = await open_store(postgres_url + "&pool=1")
        async with AsyncCheckpointingRunner(store) as runner:
            for name in ("warm", "warm too"):
                assert await runner.run(wide, name, 1) == Completed(200)
            texts = statements_of(store)
            assert await runner.run(wide, "counted", 1) == Completed(200)
            await asyncio.sleep(0)  # the last one is told of in the next turn
            return list(texts)

    told = [text for text in asyncio.run(measured()) if "pg_notify" not in text]
    written = [text for text in told if "insert into" in text or "update" in text]
    report_figure(f"a fork of 100: {len(told)} round trips, {len(written)} of them commits")
    assert len(told) == len(written) == 4, told
    assert not any(text.startswith("begin") for text in told)


def test_an_idle_worker_begins_with_one_statement(postgres_url: str) -> None:
    """Woken by another process's submission, its claim brings all that the first task needs."""

    async def measured() -> list[str]:
        store: Any = await open_store(postgres_url + "&pool=1")
        flow = workflow("first", plus_one >> plus_one)
        submitter = await open_store(postgres_url)
        client = AsyncWorkflowClient(submitter)
        async with AsyncPooledWorker(store, workflows=[flow], poll_interval="60s"):
            for name in ("warm", "warm too"):
                await client.submit(flow, name, 1)
                await client.result(name, flow, timeout=60)
            await asyncio.sleep(0.1)  # what its own end has woken is over
            texts = statements_of(store)
            await client.submit(flow, "counted", 1)
            await client.result("counted", flow, timeout=60)
        await submitter.close()
        await store.close()
        return texts

    told = [text for text in asyncio.run(measured()) if "pg_notify" not in text]
    assert "for update skip locked" in told[0], told
    assert "insert into" in told[1], told  # the first task's result
    assert "task_result" in told[1], told


def test_sqlite(tmp_path: Path, report_figure: Callable[[str], None]) -> None:
    """The same batches; and a step is no more than a few hundred bytes of the file."""

    async def measured() -> tuple[int, float]:
        file = tmp_path / "costs.db"
        store = await open_store(f"sqlite:///{file}")
        warm, flow = chain("warm"), chain("flow")
        try:
            await submit(store, warm)
            await run(store, warm)
        finally:
            await store.close()
        before = file.stat().st_size
        store = await open_store(f"sqlite:///{file}")
        try:
            await submit(store, flow)
            commits = await run(store, flow)
        finally:
            await store.close()
        return commits, (file.stat().st_size - before) / (INSTANCES * STEPS)

    commits, size = asyncio.run(measured())
    steps = INSTANCES * STEPS
    report_figure(f"a step: {commits / steps:.3f} transactions, {size:.0f} bytes of the file")
    assert commits == STEPS
    assert size <= 250
