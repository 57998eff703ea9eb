"""Corrupts stored rows and reads them, in a process of its own.

``python -m tests.security.hostile KIND WHERE COUNT SEED [COLUMN]``
prints one JSON object: what was looked at, and everything that should not have happened.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sayiir import (
    AsyncPooledWorker,
    AsyncWorkflowClient,
    SayiirError,
    open_store,
)
from sayiir.stores.inspection import ProgressReport
from sayiir.stores.records import ClaimRequest, InstanceState
from tests.security.blobs import CANARY, hostile_bytes, hostile_number, hostile_text
from tests.security.columns import COLUMNS, LEFT_TO_THEIR_LEASES, NUMBERS, Column
from tests.security.traps import Traps
from tests.security.world import LIFE, Note, finish_all, question_all, stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence

    from sayiir.stores.protocols import Store

NEIGHBOURS = ("n0", "n1", "n2")
_BITS = {"smallint": 16, "integer": 32, "bigint": 64}
PATIENCE_SECONDS = float(os.environ.get("SAYIIR_HOSTILE_PATIENCE", "60"))


@dataclass(slots=True)
class Report:
    """What came out of it."""

    blobs: int = 0
    wrong: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    held_up: list[str] = field(default_factory=list)
    log_lines: list[str] = field(default_factory=list)
    sprung: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


class World(Protocol):
    """A database that was staged once, and is copied for each column."""

    async def keep(self, name: str) -> None: ...
    async def copy(self, name: str) -> str: ...
    async def select(self, statement: str) -> Sequence[Any]: ...
    async def spoil(self, column: Column, run: int, dice: random.Random) -> None: ...


class SqliteWorld:
    """A file, copied."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self.url = f"sqlite:///{folder / 'staged.db'}"
        self._file = folder / "staged.db"

    async def keep(self, name: str) -> None:
        shutil.copy(self._file, self._folder / f"{name}.kept")

    async def copy(self, name: str) -> str:
        self._count += 1
        self._file = self._folder / f"world{self._count}.db"
        shutil.copy(self._folder / f"{name}.kept", self._file)
        return f"sqlite:///{self._file}"

    async def select(self, statement: str) -> Sequence[Any]:
        with closing(sqlite3.connect(self._file)) as connection:
            connection.text_factory = bytes
            return connection.execute(statement).fetchall()

    async def spoil(self, column: Column, run: int, dice: random.Random) -> None:
        where = f"run = {run}" + (f" and {column.rows}" if column.rows else "")
        with closing(sqlite3.connect(self._file, isolation_level=None)) as connection:
            connection.text_factory = bytes
            kind = f"select name, type from pragma_table_info('{column.table}')"
            is_text = dict(connection.execute(kind))[column.name.encode()].lower() == b"text"
            if column in NUMBERS:
                expression, value = self._number(dice)
            else:
                found = connection.execute(
                    f"select {column.name} from {column.table} where {where}"
                )
                genuine = (found.fetchone() or [b""])[0] or b""
                expression, value = self._value(dice, genuine, is_text=is_text)
            set_it = f"update or ignore {column.table} set {column.name} = {expression}"
            connection.execute(f"{set_it} where {where}", (value,))

    @staticmethod
    def _number(dice: random.Random) -> tuple[str, object]:
        kind = dice.randrange(5)
        if kind == 0:
            return "?", dice.choice((1.5, -0.0, float("inf"), None))
        if kind == 1:
            return "?", dice.choice((hostile_text(dice, "1"), hostile_bytes(dice, b"1")))
        return "?", hostile_number(dice, 64)

    @staticmethod
    def _value(dice: random.Random, genuine: bytes, *, is_text: bool) -> tuple[str, object]:
        # A column takes any type here, and its text any bytes.
        if dice.random() < 0.1:
            return "?", dice.choice((0, -1, 2**63 - 1, 1.5, float("inf")))
        if is_text and dice.random() < 0.7:
            return "?", hostile_text(dice, genuine.decode())
        blob = hostile_bytes(dice, genuine)
        return ("cast(? as text)" if is_text == (dice.random() < 0.8) else "?"), blob


class PostgresWorld:
    """A database, copied as the template of others."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._made: list[str] = []
        self._name = self._new("staged")
        self.url = ""

    def _new(self, name: str) -> str:
        self._made.append(f"hostile_{os.getpid()}_{len(self._made)}_{name}")
        return self._made[-1]

    def _url(self, name: str) -> str:
        head, _, tail = self._server.partition("/postgres?")
        return f"{head}/{name}?{tail}"

    async def begin(self) -> None:
        await self._do(f'create database "{self._name}"')
        self.url = self._url(self._name)

    async def _do(self, statement: str) -> None:
        import asyncpg

        connection = await asyncpg.connect(self._server)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def keep(self, name: str) -> None:
        kept = self._new(name)
        await self._do(f'create database "{kept}" template "{self._name}"')
        setattr(self, f"kept_{name}", kept)

    async def copy(self, name: str) -> str:
        if "world" in self._name:
            await self._do(f'drop database "{self._name}" with (force)')
            self._made.remove(self._name)
        self._name = self._new("world")
        kept = getattr(self, f"kept_{name}")
        await self._do(f'create database "{self._name}" template "{kept}"')
        self._connection: Any = None
        return self._url(self._name)

    async def select(self, statement: str) -> Sequence[Any]:
        found: Sequence[Any] = await (await self._connected()).fetch(statement)
        return found

    async def _connected(self) -> Any:
        import asyncpg

        if self._connection is None:
            self._connection = await asyncpg.connect(self._url(self._name))
            await self._connection.execute("set search_path to sayiir")
        return self._connection

    async def spoil(self, column: Column, run: int, dice: random.Random) -> None:
        import asyncpg

        connection = await self._connected()
        where = f"run = {run}" + (f" and {column.rows}" if column.rows else "")
        genuine = await connection.fetchval(
            f"select {column.name} from {column.table} where {where} limit 1"
        )
        kind = await connection.fetchval(
            "select data_type from information_schema.columns where table_schema = 'sayiir' and "
            "table_name = $1 and column_name = $2",
            column.table,
            column.name,
        )
        value: object
        if kind in _BITS:
            value = hostile_number(dice, _BITS[kind])
        elif kind == "double precision":
            value = dice.choice((-1.0, 2.0, float("nan"), float("inf"), 1e308))
        elif kind == "bytea":
            was = genuine or b""
            value = hostile_bytes(dice, was)
            if dice.random() < 0.3:
                value = hostile_text(dice, was.decode(errors="replace")).encode(
                    "utf-8", "surrogatepass"
                )
        else:
            text = hostile_text(dice, genuine or "").replace("\0", "")
            value = text.encode(errors="replace").decode()
        try:
            await connection.execute(
                f"update {column.table} set {column.name} = $1 where {where}", value
            )
        except (asyncpg.ProgramLimitExceededError, asyncpg.IntegrityConstraintViolationError):
            # Too long for an index, or there already, or no such row: the database refuses it.
            await self.spoil(column, run, dice)

    async def end(self) -> None:
        for name in self._made:
            await self._do(f'drop database if exists "{name}" with (force)')


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = await open_store(url)
    try:
        yield store
    finally:
        await store.close()


async def prepare(world: Any, victims: Sequence[str]) -> None:
    """Stage once: running instances, and ended ones."""
    names = [*victims, *NEIGHBOURS]
    async with opened(world.url) as store:
        await stage(store, names)
    await world.keep("running")
    async with opened(world.url) as store:
        await finish_all(store, names)
    await world.keep("ended")


async def report_progress(store: Store, names: Sequence[str]) -> None:
    """Claim each instance's due item and say something of it; the leases stay."""
    for name in names:
        request = ClaimRequest(holder="somebody", lease_us=1_000_000, instance_id=name)
        for claimed in (await store.claim(request)).items:
            said = ProgressReport(
                fence=claimed.fence,
                at=claimed.path,
                failures=claimed.failures,
                path=claimed.path,
                attempt=1,
                fraction=0.5,
                message="half of it",
            )
            await store.report([said])


async def send(client: AsyncWorkflowClient, name: str, report: Report, where: object) -> None:
    try:
        await client.send_event(name, "go", Note(by="second event"))
    except SayiirError:
        pass
    except Exception as error:
        report.wrong.append(f"{where}: send_event: {error!r}"[:300])


async def look(
    world: World, column: Column, victims: Sequence[str], dice: random.Random, report: Report
) -> None:
    """Spoil one column of all victims, ask everything, and let a worker go on."""
    url = await world.copy("ended" if column.ended else "running")
    runs = {bytes_of(name): run for name, run in await world.select(RUNS)}
    async with opened(url) as store:
        client = AsyncWorkflowClient(store)
        if not column.ended and column.table != "event":
            for name in NEIGHBOURS:
                await send(client, name, report, column)
        if column.table in ("event", "progress"):
            for name in (*victims, *NEIGHBOURS):
                await send(client, name, report, column)
        if column.table == "progress":
            await report_progress(store, victims)
        for name in victims:
            await world.spoil(column, runs[name.encode()], dice)
            report.blobs += 1
        await ask(client, column, victims, report)
        if column.ended:
            return
        if column.table not in ("event", "progress"):
            for name in victims:
                await send(client, name, report, column)
        await run_on(store, client, column, victims, report)


RUNS = "select instance_id, run from instance"


def bytes_of(name: str | bytes) -> bytes:
    return name if isinstance(name, bytes) else name.encode()


async def ask(
    client: AsyncWorkflowClient, column: Column, victims: Sequence[str], report: Report
) -> None:
    try:
        # One whose numbers make no sense is left out, which the log says.
        seen = await listed(client)
        wanted = NEIGHBOURS if column in NUMBERS else (*victims, *NEIGHBOURS)
        if not seen.issuperset(wanted):
            report.wrong.append(f"{column}: a list of {len(seen)}")
    except Exception as error:
        report.wrong.append(f"{column}: list: {error!r}"[:300])
    found = await at_once(question_all(client, name) for name in victims)
    report.wrong += [f"{column}: {each}" for wrong in found for each in wrong]


async def listed(client: AsyncWorkflowClient) -> set[str]:
    """All instances of all pages."""
    page = await client.list(limit=1_000)
    seen = {item.instance_id for item in page.items}
    while page.cursor is not None:
        page = await client.list(limit=1_000, cursor=page.cursor)
        seen |= {item.instance_id for item in page.items}
    return seen


async def at_once(questions: Iterable[Coroutine[Any, Any, list[str]]]) -> list[list[str]]:
    """Several at the same time, so that no answer is waited for alone."""
    asked = list(questions)
    return [
        answer
        for at in range(0, len(asked), 20)
        for answer in await asyncio.gather(*asked[at : at + 20])
    ]


async def run_on(
    store: Store,
    client: AsyncWorkflowClient,
    column: Column,
    victims: Sequence[str],
    report: Report,
) -> None:
    async with AsyncPooledWorker(store, workflows=[LIFE], poll_interval=0.2, grace=1):
        for name in NEIGHBOURS:
            try:
                await client.result(name, LIFE, timeout=PATIENCE_SECONDS)
            except Exception as error:
                report.held_up.append(f"{column}: {error!r}"[:300])
                break  # the others have been waited for as long
        left = list(victims)
        # Some are known to be left to their leases there, and to wait for those shows nothing.
        known = str(column) == LEFT_TO_THEIR_LEASES
        patience = 0.2 if column in NUMBERS else 3.0 if known else PATIENCE_SECONDS
        until = time.monotonic() + patience
        while left and time.monotonic() < until:
            still = [name for name in left if await moves(store, name, column, report)]
            if len(still) < len(left):  # a thousand take longer than one may stand still
                until = time.monotonic() + patience
            left = still
            if left:
                await asyncio.sleep(0.02)
    report.stuck += [f"{column}: {await told(store, name)}" for name in left]
    later = await at_once(question_all(client, name, briefly=True) for name in victims)
    report.wrong += [f"{column}, later: {each}" for wrong in later for each in wrong]


async def moves(store: Store, name: str, column: Column, report: Report) -> bool:
    """Whether the instance is still on its way: somebody has it, or could."""
    try:
        record = await store.describe(name)
    except SayiirError:
        return False
    except Exception as error:
        report.wrong.append(f"{column}: describe: {error!r}"[:300])
        return False
    return (
        record is not None
        and record.state is InstanceState.RUNNING
        and bool(record.leased or record.ready)
    )


async def told(store: Store, name: str) -> str:
    try:
        found = await store.inspect(name)
    except SayiirError as error:
        return f"{name} {error}"[:600]
    return f"{name} {found.items if found else None}"[:600]


class Lines(logging.Handler):
    """Keeps every message that reaches a handler."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


async def main(kind: str, where: str, count: int, seed: int, wanted: str) -> Report:
    report = Report()
    logging.getLogger("sayiir").addHandler(Lines(report.log_lines))
    traps = Traps()
    victims = [f"v{number}" for number in range(count)]
    world: Any = SqliteWorld(Path(where)) if kind == "sqlite" else PostgresWorld(where)
    if kind == "postgres":
        await world.begin()
    try:
        await prepare(world, victims)
        # Everything that is imported and compiled when it is first used is, before the traps are.
        warm = Column("instance", "traceparent")
        await look(world, warm, victims[:2], random.Random(0), Report())
        await look(world, Column("progress", "path"), victims[:2], random.Random(0), Report())
        columns = NUMBERS if wanted == "numbers" else [c for c in COLUMNS if wanted in str(c)]
        for column in columns:
            began = time.monotonic()
            traps.is_set = True
            await look(world, column, victims, random.Random(f"{seed} {column}"), report)
            traps.is_set = False
            report.seconds[str(column)] = round(time.monotonic() - began, 2)
            print(
                column,
                report.seconds[str(column)],
                len(report.wrong),
                len(report.stuck),
                file=sys.stderr,
                flush=True,
            )
    finally:
        if kind == "postgres":
            await world.end()
    report.sprung = traps.sprung
    return report


if __name__ == "__main__":
    store_kind, place, victims_count, first_seed, *rest = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CANARY] = f"{folder}/canary"
        found = asyncio.run(
            main(store_kind, place, int(victims_count), int(first_seed), "".join(rest))
        )
        if Path(os.environ[CANARY]).exists():
            found.wrong.append("a pickle was executed")
    print(json.dumps(asdict(found)))
