"""What is remembered of the database: definitions, queues, and which run has which definition.

A queue is the items of one definition that ask a worker for the same tags. Making one is a
transaction of its own, before the one that needs it: it is never removed, so nothing is lost
where nothing comes of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakKeyDictionary

from sayiir.stores.postgres.columns import MAX_BROUGHT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sayiir.stores.postgres.database import Database

__all__ = ["Found", "Queues"]

MAX_RUNS: Final = 100_000
"""Runs whose definition is remembered; the oldest half is forgotten beyond."""

MAX_SPAWNS: Final = 1_000
"""Spawns of which it is remembered that their arms end slowly."""

_DEFINITION: Final = "select id from @definition where hash = $1"
_NEW_DEFINITION: Final = (
    "insert into @definition (hash, body) values ($1, $2) on conflict (hash) do nothing"
)
_QUEUE: Final = "select id from @queue where definition = $1 and tags = $2::text[]"
_NEW_QUEUE: Final = (
    "insert into @queue (definition, tags) values ($1, $2::text[]) "
    "on conflict (definition, tags) do nothing"
)
# Planned once on each connection, so all in one for who creates one instance there, or goes on
# with one after a crash: he compares its input and its definition with his own.
_ALL: Final = f"""
select d.id, q.id, i.run,
    (select body from @instance_input n
        where n.run = i.run and octet_length(body) <= {MAX_BROUGHT_BYTES}),
    case when i.definition = d.id and octet_length(d.body) <= {MAX_BROUGHT_BYTES} then d.body end
from @definition d left join @queue q on q.definition = d.id and q.tags = $2::text[]
left join @instance i on i.instance_id = $3 where d.hash = $1
"""  # noqa: S608 - a number of our own


class Found(NamedTuple):
    """An instance that is there: its run, its input, and its definition, if they are small."""

    run: int
    input_data: bytes | None
    definition: bytes | None


class Queues:
    """What one store remembers of them."""

    __slots__ = (
        "_database",
        "_definitions",
        "_locks",
        "_looked_up",
        "_numbers",
        "_runs",
        "_slow_ends",
    )

    def __init__(self, database: Database) -> None:
        self._database = database
        self._definitions: dict[str, int] = {}
        self._looked_up: set[str] = set()
        self._numbers: dict[tuple[int, tuple[str, ...]], int] = {}
        self._runs: dict[int, int] = {}
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            WeakKeyDictionary()
        )
        self._slow_ends: dict[tuple[int, str], None] = {}

    def learn(self, run: int, definition: int) -> None:
        """Remember a run's definition."""
        if len(self._runs) >= MAX_RUNS:
            for old in list(self._runs)[: MAX_RUNS // 2]:
                del self._runs[old]
        self._runs[run] = definition

    def note_slow_ends(self, run: int, spawn_path: str) -> None:
        """The ends of these arms aren't for the quick way."""
        while len(self._slow_ends) >= MAX_SPAWNS:
            del self._slow_ends[next(iter(self._slow_ends))]
        self._slow_ends[run, spawn_path] = None

    def ends_slowly(self, run: int, spawn_path: str) -> bool:
        """Whether the arms of this spawn are known to end by the long way alone."""
        return (run, spawn_path) in self._slow_ends

    def of_run(self, run: int, tags: tuple[str, ...]) -> int | None:
        """The queue of a run's items with these tags, if it is remembered."""
        definition = self._runs.get(run)
        return None if definition is None else self._numbers.get((definition, tags))

    def number(self, definition: int, tags: tuple[str, ...]) -> int | None:
        """The queue of a definition's items with these tags, if it is remembered."""
        return self._numbers.get((definition, tags))

    def known(self, definition_hash: str) -> int | None:
        """The number of a definition, if it is remembered."""
        return self._definitions.get(definition_hash)

    async def look_up(
        self, definition_hash: str, tags: tuple[str, ...], instance_id: str
    ) -> Found | None:
        """Remember the definition and its queue, if they are there and weren't asked for before.

        What was found on the way of the instance, which somebody is about to create: most likely
        a process continues what another one has left.
        """
        async with self._asking():
            if definition_hash in self._looked_up:
                return None
            row = await self._database.fetchrow(_ALL, definition_hash, list(tags), instance_id)
            self._looked_up.add(definition_hash)
            if row is None:
                return None
            definition, queue, run, input_data, body = row
            self._definitions[definition_hash] = definition
            if queue is not None:
                self._numbers[definition, tags] = queue
            return None if run is None else Found(run, input_data, body)

    async def definition(self, definition_hash: str, body: bytes) -> int:
        """The number of a definition, which is stored where it isn't yet."""
        known = self._definitions.get(definition_hash)
        if known is None:
            async with self._asking():
                known = self._definitions.get(definition_hash)
                if known is None:
                    key = (definition_hash,)
                    known = await self._found(_DEFINITION, _NEW_DEFINITION, key, (body,))
                self._definitions[definition_hash] = known
        return known

    async def ensure(self, wanted: Iterable[tuple[int, tuple[str, ...]]]) -> None:
        """Make the queues that aren't there, and remember all of them."""
        for key in wanted:
            if key in self._numbers:
                continue
            async with self._asking():
                if key not in self._numbers:
                    definition, tags = key
                    values = (definition, list(tags))
                    self._numbers[key] = await self._found(_QUEUE, _NEW_QUEUE, values, ())

    def _asking(self) -> asyncio.Lock:
        """One at a time in a loop: a hundred first submissions need the same answer."""
        loop = asyncio.get_running_loop()
        lock = self._locks.get(loop)
        if lock is None:
            lock = self._locks[loop] = asyncio.Lock()
        return lock

    async def _found(
        self, select: str, insert: str, key: tuple[object, ...], more: tuple[object, ...]
    ) -> int:
        while True:
            row = await self._database.fetchrow(select, *key)
            if row is not None:
                return int(row[0])
            await self._database.execute(insert, *key, *more)
