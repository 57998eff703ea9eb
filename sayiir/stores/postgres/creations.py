"""Creating many instances at once: what is asked for at the same time becomes one statement.

As the engine's checkpoints do: while one batch is on its way the next one gathers, and nothing
waits for a batch to fill. One that comes alone goes at once, and by a statement of its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

from sayiir.errors import StoreError, StoreUnavailable
from sayiir.stores.postgres.arrays import as_columns, as_text, rows_of
from sayiir.stores.relational.codes import READY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from sayiir.stores.postgres.database import Database

__all__ = ["Created", "Creations", "NewRow"]

MAX_BATCH: Final = 100
MAX_GATHERED_BYTES: Final = 65_536
"""An input that is larger is written by itself, so that nobody small waits for it."""


class NewRow(NamedTuple):
    """An instance and its root item, as the columns of the statement; ``labels`` as stored."""

    instance_id: str
    run_id: str
    definition: int
    workflow_name: str
    workflow_version: str
    priority: int
    timeout: int | None
    labels: bytes
    traceparent: bytes | None
    input: bytes
    queue: int | None
    path: str
    root_input: str
    prio: int
    rank: int
    """What its priority adds to the time."""
    names: Sequence[bytes]
    values: Sequence[bytes]


class Created(NamedTuple):
    """What the store has given a new instance."""

    run: int
    created_at: int
    deadline_at: int | None


_TYPES: Final = dict(
    zip(
        (*NewRow._fields[:15], "n"),
        (
            "text", "text", "integer", "text", "text", "smallint", "bigint", "bytea", "bytea",
            "bytea", "integer", "text", "text", "smallint", "bigint", "integer",
        ),
        strict=True,
    )
)  # fmt: skip
_LABELS: Final = len(_TYPES) + 1
# In the order of ids, so that two that create the same ones wait for each other in one order.
_CREATE: Final = f"""
with given as materialized (
    @rows
), new as (
    insert into @instance (
        instance_id, run_id, definition, workflow_name, workflow_version, priority, timeout,
        deadline_at, created_at, labels, traceparent
    )
    select instance_id, run_id, definition, workflow_name, workflow_version, priority, timeout,
        @now + timeout, @now, labels, traceparent
    from given order by instance_id collate "C"
    on conflict (instance_id) do nothing
    returning run, instance_id, created_at, deadline_at
), made as materialized (
    select new.run, new.created_at, new.deadline_at, given.*
    from new join given on given.instance_id = new.instance_id
), input as (
    insert into @instance_input (run, body) select run, input from made order by run
), labels as (
    insert into @label (name, value, run)
    select l.name, l.value, made.run
    from unnest(
        ${_LABELS}::text::integer[], ${_LABELS + 1}::text::bytea[], ${_LABELS + 2}::text::bytea[]
    ) as l (n, name, value)
    join made on made.n = l.n
), root as (
    insert into @work_item (
        run, spawn_path, idx, queue, path, input, prio, own_prio, phase, ready_at, rank
    )
    select run, '', 0, queue, path, root_input, prio, priority, {READY}, created_at,
        created_at + rank
    from made order by run
)
select n, run, created_at, deadline_at from made
"""  # noqa: S608 - numbers and names of our own

_TEXTS: Final = {
    large: _CREATE.replace(
        "@rows", rows_of(_TYPES, "n", nullable=("timeout", "traceparent"), large=large)
    )
    for large in (False, True)
}

_Asked: TypeAlias = "tuple[NewRow, asyncio.Future[Created | None]]"


class Creations:
    """Gathers them, for each loop by itself.

    Args:
        database: where they go.
        one: writes a single one and tells who waits for work; None: the id is taken.
    """

    __slots__ = ("_database", "_lines", "_one")

    def __init__(
        self, database: Database, one: Callable[[NewRow], Awaitable[Created | None]]
    ) -> None:
        self._database = database
        self._one = one
        self._lines: WeakKeyDictionary[asyncio.AbstractEventLoop, _Line] = WeakKeyDictionary()

    def create(self, row: NewRow) -> Awaitable[Created | None]:
        """Create it, and tell who waits for work; None: the id is taken.

        Raises, when it is awaited:
            StoreUnavailable: the store can't be reached, or gave no answer.
            StoreError: the store can't make anything of it.
        """
        if len(row.input) > MAX_GATHERED_BYTES:
            return self._one(row)
        loop = asyncio.get_running_loop()
        line = self._lines.get(loop)
        if line is None:
            line = self._lines[loop] = _Line(self._write)
        return line.add(row)

    async def _write(self, rows: list[NewRow]) -> list[Created | None]:
        if len(rows) == 1:
            return [await self._one(rows[0])]
        columns, large = as_columns(
            [(*row[:15], number) for number, row in enumerate(rows, 1)], _TYPES
        )
        labels = [
            (number, name, value)
            for number, row in enumerate(rows, 1)
            for name, value in zip(row.names, row.values, strict=True)
        ]
        told = [
            as_text([label[at] for label in labels], kind)
            for at, kind in enumerate(("integer", "bytea", "bytea"))
        ]
        found = await self._database.fetch(_TEXTS[large], *columns, *told)
        created: list[Created | None] = [None] * len(rows)
        for n, run, created_at, deadline_at in found:
            created[n - 1] = Created(run, created_at, deadline_at)
        self._database.changed({row[1] for row in found})
        return created


class _Line:
    """What waits to be written in one loop."""

    def __init__(self, write: Callable[[list[NewRow]], Awaitable[list[Created | None]]]) -> None:
        self._write = write
        self._waiting: deque[_Asked] = deque()
        self._busy = False
        self._sender: asyncio.Task[None] | None = None

    def add(self, row: NewRow) -> Awaitable[Created | None]:
        # A future itself where it waits: a thousand that wait at once are no coroutines beside.
        if not self._busy:
            return self._alone(row)
        future: asyncio.Future[Created | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, future))
        return future

    async def _alone(self, row: NewRow) -> Created | None:
        self._busy = True
        try:
            (created,) = await self._write([row])
        finally:
            if self._waiting:
                self._sender = asyncio.get_running_loop().create_task(self._send())
            else:
                self._busy = False
        return created

    async def _send(self) -> None:
        """Send batch after batch until nothing waits."""
        try:
            # Who has just been answered may have more: one turn of the loop lets it in.
            await asyncio.sleep(0)
            while self._waiting:
                batch = self._batch()
                if batch:
                    await self._send_batch(batch)
                await asyncio.sleep(0)
        finally:
            _fail(self._waiting, asyncio.CancelledError())  # none wait, unless this was cancelled
            self._waiting.clear()
            self._busy = False

    def _batch(self) -> list[_Asked]:
        """The first that wait. One id is there once: the other one is to see what became of it."""
        batch: dict[str, _Asked] = {}
        again: list[_Asked] = []
        waiting = self._waiting
        while waiting and len(batch) < MAX_BATCH:
            row, future = each = waiting.popleft()
            if future.done():
                continue  # its caller was cancelled
            if row.instance_id in batch:
                again.append(each)
            else:
                batch[row.instance_id] = each
        waiting.extendleft(reversed(again))
        return list(batch.values())

    async def _send_batch(self, batch: list[_Asked]) -> None:
        try:
            created = await self._write([row for row, _ in batch])
        except BaseException as error:
            alone = len(batch) == 1 or isinstance(error, StoreUnavailable)
            if isinstance(error, StoreError) and not alone:
                # One of them makes no sense to the server, which wrote none: it alone is to pay.
                for each in batch:
                    await self._send_batch([each])
                return
            _fail(batch, error)
            if isinstance(error, asyncio.CancelledError):
                raise
            return
        for (_, future), one in zip(batch, created, strict=True):
            if not future.done():
                future.set_result(one)


def _fail(batch: Iterable[_Asked], error: BaseException) -> None:
    for _, future in batch:
        if not future.done():
            if isinstance(error, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(error)
