"""A PostgreSQL schema as ``sayiir doctor`` sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.stores.facts import Advice, StoreFacts
from sayiir.stores.postgres.facts import facts
from sayiir.stores.postgres.migrations import migrate
from sayiir.stores.postgres.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sayiir.stores.postgres.facts import Facts

__all__ = ["PostgresDoctor"]

SLOW_ROUND_TRIP_MS: Final = 20.0
FEW_CONNECTIONS: Final = 5
LARGE_CLOCK_DIFFERENCE_MS: Final = 1_000.0


class PostgresDoctor:
    """Looks at PostgreSQL schemas."""

    async def facts(self, url: str) -> StoreFacts:
        """See ``StoreDoctor.facts``."""
        found = await facts(url)
        return StoreFacts(
            kind="PostgreSQL",
            place=found.where,
            server=f"PostgreSQL {found.server_version}",
            schema_version=found.schema_version or None,
            newest_version=found.newest_version,
            pending=found.pending,
            clock_ahead_us=round(found.clock_difference_ms * 1e3),
            round_trip_us=round(found.round_trip_ms * 1e3),
            advice=tuple(_advice(found)),
        )

    async def migrate(self, url: str) -> tuple[str, ...]:
        """See ``StoreDoctor.migrate``; a schema that isn't there is made."""
        before = (await facts(url)).pending
        # Somebody else may do some of it in between; the oldest are done first.
        done = await migrate(parse_url(url))
        return before[len(before) - done :] if done else ()


def _advice(found: Facts) -> Iterator[Advice]:
    if not found.schema_version:
        yield Advice("sayiir isn't set up here yet: `sayiir migrate` does it", wrong=True)
    elif found.pending:
        yield Advice("migrations are missing: run `sayiir migrate`", wrong=True)
    if found.encoding.upper() != "UTF8":
        yield Advice(
            f"the database is encoded in {found.encoding}: make one with encoding UTF8, or names "
            "and paths with other characters can't be stored",
            wrong=True,
        )
    if found.read_only:
        yield Advice(
            "the server takes no writes: it is a replica, or read-only by its settings; name the "
            "primary",
            wrong=True,
        )
    if not found.durable:
        yield Advice(
            "fsync or synchronous_commit is off: what was acknowledged can be lost with the "
            "machine; turn both on",
            wrong=True,
        )
    if found.connections_left < FEW_CONNECTIONS:
        yield Advice(
            f"the server takes only {max(found.connections_left, 0)} more connections: raise "
            "max_connections, or lower pool= in the workers' URLs",
            wrong=True,
        )
    if found.round_trip_ms > SLOW_ROUND_TRIP_MS:
        yield Advice(
            f"a round trip takes {found.round_trip_ms:.0f} ms, and a step waits for at least one: "
            "bring workers and server closer to each other"
        )
    if abs(found.clock_difference_ms) > LARGE_CLOCK_DIFFERENCE_MS:
        yield Advice(
            "the clocks differ; timers and leases go by the server's, so nothing fires early, but "
            "times in logs won't fit: synchronise both (NTP)"
        )
