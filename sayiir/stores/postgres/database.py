"""Statements and transactions: what the verbs of the store are written in.

Statements are templates, see ``templates``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import threading
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

from sayiir.errors import StoreError, StoreUnavailable
from sayiir.outages import OutageLog
from sayiir.stores.postgres.driver import Connection, Record
from sayiir.stores.postgres.faults import Conflict, is_answer, reraise, translated
from sayiir.stores.postgres.notices import Channel, Listener
from sayiir.stores.postgres.pool import Pool
from sayiir.stores.postgres.templates import Templates
from sayiir.stores.relational.watch import StoreWatch, Watchers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Coroutine
    from types import TracebackType

    from sayiir.clock import Clock
    from sayiir.stores.postgres.url import PostgresUrl

__all__ = ["Database", "Session"]

Result = TypeVar("Result")

LOGGER: Final = logging.getLogger("sayiir.stores.postgres")
ATTEMPTS: Final = 8
"""So often a transaction is tried that deadlocks or that others come between."""
FIRST_PAUSE_SECONDS: Final = 0.005
LISTEN_AFTER_SECONDS: Final = 0.05
"""So long after a watch began is listened for it, if nobody has waited by then."""

_Method: TypeAlias = Literal["fetch", "fetchrow", "execute"]
_BEGIN: Final = "begin isolation level read committed"


class Database:
    """The connections of one store. Usable from several event loops, each with its own pool."""

    def __init__(self, url: PostgresUrl, clock: Clock) -> None:
        self.url = url
        self.clock = clock
        self.templates = Templates(url.schema, clock)
        self.channel = Channel(url.schema)
        self.watchers = Watchers(clock)
        self.listener = Listener(self, self.channel, self.watchers)
        self.watchers.begin_waiting = self.listener.ensure
        self._process_id = os.getpid()
        self._log = OutageLog(LOGGER, f"{url.where}: a connection")
        self._closed = False
        self._last: Pool | None = None
        self._pools: dict[asyncio.AbstractEventLoop, Pool] = {}
        self._gate = threading.Lock()

    # -- single statements

    async def fetch(self, template: str, *values: object) -> list[Record]:
        """All rows of one statement, which is a transaction of its own."""
        rows: list[Record] = await self._once("fetch", template, values)
        return rows

    async def fetchrow(self, template: str, *values: object) -> Record | None:
        """The first row of one statement, which is a transaction of its own."""
        row: Record | None = await self._once("fetchrow", template, values)
        return row

    def execute(self, template: str, *values: object) -> Coroutine[Any, Any, str]:
        """The tag of one statement (``UPDATE 3``), which is a transaction of its own."""
        # What lone steps go through: a coroutine more would be gone through as the answer comes.
        return self._once("execute", template, values)

    async def _once(self, method: _Method, template: str, values: tuple[object, ...]) -> Any:
        """What that method of a connection gives."""
        attempt = 0
        while True:
            pool = self.pool()
            connection = pool.take() or await pool.acquire()
            try:
                text = self.templates.render(template)
                result = await getattr(connection, method)(text, *values)
            except BaseException as error:
                if is_answer(error):
                    pool.release(connection)
                else:
                    pool.recover(connection)
                problem = translated(error, self.url.where)
                attempt += 1
                if isinstance(problem, Conflict) and attempt < ATTEMPTS:
                    await _pause(attempt)
                    continue
                if problem is error:
                    raise
                raise problem from error
            pool.release(connection)
            return result

    # -- transactions

    def transaction(self) -> _Transaction:
        """``async with`` it, for a ``Session``: committed at the end, rolled back on an error."""
        return _Transaction(self)

    async def run(self, verb: Callable[[Session], Awaitable[Result]]) -> Result:
        """Run the verb in a transaction, again if others came between.

        Raises:
            StoreUnavailable: the server can't be reached or gives no answer. Raised by the
                commit, it leaves open whether it happened.
        """
        attempt = 0
        while True:
            try:
                async with self.transaction() as session:
                    return await verb(session)
            except Conflict:
                attempt += 1
                if attempt == ATTEMPTS:
                    raise
            await _pause(attempt)

    def changed(self, runs: Collection[int]) -> None:
        """These runs have changed, which is committed: wake who watches them, here and elsewhere.

        On the loop that changed them.
        """
        if runs:
            self.watchers.wake(runs)
            self.pool().notifier.tell(runs)

    def watch(self, run: int | None) -> StoreWatch:
        """A watch of all runs, or of one; others' changes are listened for soon.

        At the latest once somebody waits, and not before: who claims and begins a first task isn't
        to share the server with one more connection that is opened. What was said before isn't
        missed, for all who watch are told of a doubt then.
        """
        self.check_usable()
        watch = self.watchers.add(run)
        asyncio.get_running_loop().call_later(LISTEN_AFTER_SECONDS, self._listen_for, watch)
        return watch

    def _listen_for(self, watch: StoreWatch) -> None:
        """Unless it is closed by now: its loop may be at its end, and wait for no task any more."""
        if not watch.closed:
            self.listener.ensure()

    # -- connections

    def pool(self) -> Pool:
        """The connections of the running loop."""
        if os.getpid() != self._process_id:
            self.check_usable()  # before the loop, which a forked child doesn't have
        loop = asyncio.get_running_loop()
        pool = self._last
        if pool is None or pool.loop is not loop or pool.closed:
            pool = self._last = self._pool_of(loop)
        return pool

    def _pool_of(self, loop: asyncio.AbstractEventLoop) -> Pool:
        self.check_usable()
        with self._gate:
            for ended in [each for each in self._pools.values() if each.is_over()]:
                del self._pools[ended.loop]
            pool = self._pools.get(loop)
            if pool is None:
                pool = self._pools[loop] = Pool(self.url, self.channel, self._log)
            return pool

    def check_usable(self) -> None:
        """Complain if the store is closed, or belongs to another process.

        Raises:
            StoreUnavailable: it is closed.
            StoreError: this is a forked child of the process that opened it.
        """
        if os.getpid() != self._process_id:
            raise StoreError(
                f"this store was opened by process {self._process_id} and can't be used in its "
                f"forked child {os.getpid()}; open one there"
            )
        if self._closed:
            raise StoreUnavailable("the store is closed")

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    async def close(self) -> None:
        """Let running verbs finish, then close the connections of all loops. Idempotent."""
        if os.getpid() != self._process_id:
            self.check_usable()
        self._closed = True
        self.watchers.closed = True
        self.watchers.wake()
        await self.listener.close()
        with self._gate:
            pools = list(self._pools.values())
            self._pools.clear()
            self._last = None
        for pool in pools:
            await _closed(pool)


async def _closed(pool: Pool) -> None:
    if pool.loop is asyncio.get_running_loop():
        await pool.close()
        return
    closing = pool.close()
    try:
        done = asyncio.run_coroutine_threadsafe(closing, pool.loop)
    except RuntimeError:
        closing.close()
        pool.abandon()
        return
    try:
        await asyncio.wait_for(asyncio.wrap_future(done), 30)
    except TimeoutError:
        # Its loop doesn't run (any more), so nobody is in the middle of anything there.
        pool.abandon()


async def _pause(attempt: int) -> None:
    await asyncio.sleep(FIRST_PAUSE_SECONDS * 2**attempt * random.uniform(0.2, 1))  # noqa: S311


class Session:
    """One transaction. Errors of the driver come as the store's."""

    __slots__ = ("_connection", "_now", "changed", "database")

    def __init__(self, database: Database, connection: Connection) -> None:
        self.database = database
        self.changed: set[int] = set()
        """Runs whose watchers are woken after the commit."""
        self._connection = connection
        self._now: int | None = None

    async def fetch(self, template: str, *values: object) -> list[Record]:
        """All rows of a statement."""
        try:
            return await self._connection.fetch(self._text(template), *values)
        except BaseException as error:
            reraise(error, self.database.url.where)

    async def fetchrow(self, template: str, *values: object) -> Record | None:
        """The first row of a statement."""
        try:
            return await self._connection.fetchrow(self._text(template), *values)
        except BaseException as error:
            reraise(error, self.database.url.where)

    async def execute(self, template: str, *values: object) -> str:
        """The tag of a statement: ``UPDATE 3``."""
        try:
            return await self._connection.execute(self._text(template), *values)
        except BaseException as error:
            reraise(error, self.database.url.where)

    async def now(self) -> int:
        """The store's time of this transaction in microseconds, asked once."""
        if self._now is None:
            row: Any = await self.fetchrow("select @now")
            self._now = int(row[0])
        return self._now

    def _text(self, template: str) -> str:
        return self.database.templates.render(template)


class _Transaction:
    """BEGIN, and COMMIT or ROLLBACK."""

    __slots__ = ("_connection", "_database", "_pool", "_session")

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __aenter__(self) -> Session:
        pool = self._pool = self._database.pool()
        connection = self._connection = pool.take() or await pool.acquire()
        try:
            await connection.execute(_BEGIN)
        except BaseException as error:
            pool.recover(connection)
            reraise(error, self._database.url.where)
        self._session = Session(self._database, connection)
        return self._session

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            await self._rolled_back(error)
            return
        try:
            said = await self._connection.execute("commit")
        except BaseException as problem:
            self._pool.recover(self._connection)
            reraise(problem, self._database.url.where)
        self._pool.release(self._connection)
        if said != "COMMIT":
            raise StoreError(
                f"{self._database.url.where}: the transaction was rolled back by the server, after "
                "an error in it that was overlooked; this may be a bug"
            )
        self._database.changed(self._session.changed)

    async def _rolled_back(self, error: BaseException) -> None:
        # Who was cancelled doesn't wait for it, nor who has waited for an answer in vain.
        if isinstance(error, Conflict) or (
            isinstance(error, Exception) and not isinstance(error, StoreUnavailable | TimeoutError)
        ):
            try:
                await self._connection.execute("rollback")
            except BaseException:
                self._pool.recover(self._connection)
                raise
            self._pool.release(self._connection)
        else:
            self._pool.recover(self._connection)
