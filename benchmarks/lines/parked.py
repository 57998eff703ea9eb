"""A claim beside very many parked instances, against the same where there are none; and WAL."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator
from functools import partial

from benchmarks.measure.figures import Figure, Line, told
from benchmarks.stores import BenchedStore

__all__ = ["DEFAULT_COUNT", "lines"]

DEFAULT_COUNT = 100_000
ROUNDS = 5
RATIO = 1.5


def lines(store: BenchedStore, count: int) -> Iterator[Line]:
    """The lines."""
    yield Line(f"{store.name}, parked: claims", partial(_parked, store, count))
    yield Line(f"{store.name}, WAL of a step", partial(_wal, store))


def _parked(store: BenchedStore, count: int) -> Iterator[Figure]:
    alone, crowded = asyncio.run(_claims(store, count))
    for name, pairs in (
        (f"{store.name}, a claim of 100 beside {count:,} parked, against none", alone),
        ("  the same while others claim and renew", crowded),
    ):
        yield Figure(
            name,
            statistics.median(value for value, _ in pairs),
            "s",
            floor=statistics.median(base for _, base in pairs),
            ratio=statistics.median(value / base for value, base in pairs),
            goal=RATIO,
        )


async def _claims(
    store: BenchedStore, count: int
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    from benchmarks.workloads.parked import claim_seconds, fill
    from sayiir.stores.postgres.store import PostgresStore

    full = await PostgresStore.open(store.url())
    empty = await PostgresStore.open(store.url())
    try:
        await fill(empty, 0)
        await fill(full, count)
        found: list[list[tuple[float, float]]] = []
        for others in (0, 3):
            pairs = [
                (
                    await claim_seconds(full, others=others),
                    await claim_seconds(empty, others=others),
                )
                for _ in range(ROUNDS + 1)
            ]
            found.append(pairs[1:])
        return found[0], found[1]
    finally:
        await full.close()
        await empty.close()


def _wal(store: BenchedStore) -> Iterator[Figure]:
    from benchmarks.workloads.wal import step_bytes

    found = asyncio.run(step_bytes(store.url()))
    yield told(f"{store.name}, WAL of a step in batches of 100", found, unit=" bytes", bound=500)
