"""One run: schemas of its own, the scene, the account of it, and nothing left."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from examples.worker_fleet import account
from examples.worker_fleet.checking import check
from examples.worker_fleet.outside import Outside, connected
from examples.worker_fleet.play import Scene
from examples.worker_fleet.processes import Workers
from examples.worker_fleet.watching import Watch
from examples.worker_fleet.worker import LEASE_SECONDS
from sayiir import AsyncWorkflowClient

__all__ = ["Order", "run"]


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for.

    Attributes:
        url: the server, without a schema.
        instances: how many bills.
        workers: how many workers to begin with.
        seed: what is drawn is drawn from it.
        keep: whether the schemas stay.
    """

    url: str
    instances: int
    workers: int
    seed: int
    keep: bool


async def run(order: Order) -> bool:
    """Let it happen and print it; whether nothing was lost or done again.

    Raises:
        WorkerDied: a worker ended that nobody had killed.
        SayiirError: what the store raised.
    """
    store, books = _new_names()
    url = f"{order.url}{'&' if '?' in order.url else '?'}schema={store}"
    async with (
        AsyncWorkflowClient(url) as client,
        connected(order.url) as pool,
        _dropped(pool, (store, books), keep=order.keep),
    ):
        await Outside.create(pool, books)
        version = await pool.fetchval("show server_version")
        say(
            f"PostgreSQL {version}; {order.instances:,} bills, {order.workers} workers, "
            f"seed {order.seed}\n"
        )
        watch = Watch(pool, store)
        with Workers(url, books, order.seed) as workers:
            played = await Scene(
                client,
                watch,
                workers,
                instances=order.instances,
                worker_count=order.workers,
                seed=order.seed,
                say=say,
            ).play()
        say(f"\n{account.pace(watch.first_done(), played, order.workers)}")
        say(f"\n{account.takeover(played, LEASE_SECONDS)}")
        found = await check(
            client,
            pool,
            books,
            acknowledged=played.acknowledged,
            victim=played.victim,
            seed=order.seed,
        )
        say(f"\n{account.repeats(found)}\n\n{account.verdict(found, played)}")
        return found.is_sound


@asynccontextmanager
async def _dropped(
    pool: Any, schemas: tuple[str, str], *, keep: bool
) -> AsyncGenerator[None, None]:
    """Leave nothing in somebody's database, unless it is to be kept."""
    try:
        yield
    finally:
        if keep:
            say(f"kept in the schemas {' and '.join(schemas)}")
        else:
            for schema in schemas:
                await pool.execute(f"drop schema if exists {schema} cascade")


def _new_names() -> tuple[str, str]:
    """Two schemas: for the store, and for the outside world's books."""
    name = f"worker_fleet_{uuid.uuid4().hex[:8]}"
    return name, f"{name}_books"


def say(text: str) -> None:
    """A line, at once."""
    print(text, flush=True)
