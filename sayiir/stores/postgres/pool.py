"""The connections of one event loop.

The driver's own pool takes some 30 µs for each use, mostly to shield a reset that this store
doesn't need: it leaves no state in a session. This one hands a connection over in less than one.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import TYPE_CHECKING, Final

from sayiir.errors import StoreUnavailable
from sayiir.stores.postgres.driver import connect
from sayiir.stores.postgres.faults import is_refused, translated
from sayiir.stores.postgres.notices import Notifier

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine

    from sayiir.outages import OutageLog
    from sayiir.stores.postgres.driver import Connection
    from sayiir.stores.postgres.notices import Channel
    from sayiir.stores.postgres.url import PostgresUrl

__all__ = ["Pool"]

ACQUIRE_SECONDS: Final = 30.0
RECOVER_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 10.0
CROWDED_SECONDS: Final = 5.0
"""So long after the server has refused one, no more are opened than there are."""
FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 1.0


class Pool:
    """At most ``size`` connections, opened as they are needed; the last one used is used next.

    While the server can't be reached, one caller at a time tries again, after pauses that grow;
    the others wait for what comes of it.
    """

    def __init__(self, url: PostgresUrl, channel: Channel, log: OutageLog) -> None:
        self.loop = asyncio.get_running_loop()
        self.size = url.pool
        self._url = url
        self._log = log
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._opening = 0
        self._crowded, self._crowded_until = 0, 0.0
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._gate = asyncio.Lock()
        self._failures = 0
        self._end: AsyncGenerator[None] | None = None
        self.notifier = Notifier(self, channel)
        self._closing = False
        self.closed = False

    # -- for who uses a connection

    def take(self) -> Connection | None:
        """An idle connection, if there is one. Give it back with ``release`` or ``recover``."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._all.discard(connection)
        return None

    async def acquire(self) -> Connection:
        """A connection, opened if need be, or the next that is given back.

        Raises:
            StoreUnavailable: the server can't be reached, or none was given back for 30 s.
        """
        while True:
            self._check_open()
            connection = self.take()
            if connection is None and self._room():
                connection = await self._opened()
            elif connection is None:
                connection = await self._next_released()
            if connection is not None:
                return connection

    def release(self, connection: Connection) -> None:
        """It is idle again: no transaction, no statement."""
        if not self._waiting:
            self._idle.append(connection)  # whoever takes it sees whether it is closed
        elif connection.is_closed():
            self._all.discard(connection)
            self._wake(None)
        elif not self._wake(connection):
            self._idle.append(connection)

    def recover(self, connection: Connection) -> None:
        """It was left in the middle of something: end that, apart, and release it.

        Nobody waits for it, so that a cancelled caller ends at once; and its transaction is
        rolled back, or its connection closed, within seconds.
        """
        if connection.is_closed():
            self.release(connection)
        else:
            self._start(self._recovered(connection))

    # -- opening

    async def adopt(self, connection: Connection) -> None:
        """Have one that was opened already, idle, among this pool's."""
        if self._end is None:
            await self._end_with_loop()
        self._all.add(connection)
        self.release(connection)

    async def _opened(self) -> Connection | None:
        """A new connection; None: look again at what there is."""
        self._opening += 1
        try:
            if self._end is None:
                await self._end_with_loop()
            connection = await (connect(self._url) if self._failures == 0 else self._reconnected())
        except BaseException as error:
            self._opening -= 1
            if is_refused(error) and len(self._all) + self._opening:
                return await self._make_do()
            problem = translated(error, self._url.where)
            if isinstance(problem, StoreUnavailable):
                self._failures += 1
                self._log.note(problem)
                self._fail_waiting(problem)
            else:
                self._wake(None)
            if problem is error:
                raise
            raise problem from error
        self._failures = 0
        self._opening -= 1
        self._all.add(connection)
        if self.closed:
            self._drop(connection)
            self._check_open()
        return connection

    async def _make_do(self) -> Connection | None:
        """As many as the server allows are open: wait for one of those, and ask for no more."""
        self._crowded = len(self._all) + self._opening
        self._crowded_until = self.loop.time() + CROWDED_SECONDS
        return await self._next_released()

    def _room(self) -> bool:
        size = self._crowded if self.loop.time() < self._crowded_until else self.size
        return len(self._all) + self._opening < size

    async def _reconnected(self) -> Connection:
        """The same while the server is gone: each in turn, after a pause."""
        before = self._failures
        async with self._gate:
            self._check_open()
            if self._failures > before:
                raise StoreUnavailable(f"{self._url.where} can't be reached at the moment")
            if self._failures:
                longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**self._failures)
                await asyncio.sleep(longest * random.uniform(0.5, 1))  # noqa: S311
            try:
                return await connect(self._url)
            except Exception:
                # Counted while the gate is closed, so that those behind it see it.
                self._failures += 1
                raise

    async def _next_released(self) -> Connection | None:
        waiter: asyncio.Future[Connection | None] = self.loop.create_future()
        self._waiting.append(waiter)
        patience = self.loop.call_later(ACQUIRE_SECONDS, self._give_up, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                given = waiter.result()
                if given is not None:
                    self.release(given)
                else:
                    self._wake(None)
            raise
        finally:
            patience.cancel()

    def _give_up(self, waiter: asyncio.Future[Connection | None]) -> None:
        if not waiter.done():
            waiter.set_exception(
                StoreUnavailable(
                    f"{self._url.where}: none of {len(self._all)} connections became free for "
                    f"{ACQUIRE_SECONDS:.0f} s; raise 'pool=' in the URL, or look for what holds "
                    "them"
                )
            )

    def _wake(self, connection: Connection | None) -> bool:
        """Hand a connection, or the place for one, to who has waited longest."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    def _fail_waiting(self, problem: StoreUnavailable) -> None:
        """The server is gone: who waits would try in vain, one after the other."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(StoreUnavailable(str(problem)))
        self._waiting.clear()

    # -- ending

    async def _recovered(self, connection: Connection) -> None:
        try:
            # The driver waits here until what it has cancelled is over.
            async with asyncio.timeout(RECOVER_SECONDS):
                await connection.execute("rollback")
        except BaseException:
            self._drop(connection)
            raise
        self.release(connection)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # looked at: its connection was dropped, and that is all

    def _drop(self, connection: Connection) -> None:
        self._all.discard(connection)
        connection.terminate()
        self._wake(None)

    async def _end_with_loop(self) -> None:
        """Have this pool closed when its loop ends: it finalises its asynchronous generators."""

        async def until_the_end() -> AsyncGenerator[None]:
            try:
                yield
            finally:
                await self.close()

        self._end = until_the_end()
        await anext(self._end)

    def _check_open(self) -> None:
        if self.closed:
            raise StoreUnavailable("the store is closed")

    async def close(self) -> None:
        """Let who has a connection finish, within 10 s; then close them all. Idempotent."""
        if self._closing:
            return
        self._closing = True
        await self.notifier.flush()
        self.closed = True
        while self._waiting:
            self._wake(None)
        give_up_at = self.loop.time() + CLOSE_SECONDS
        while len(self._all) > len(self._idle) and self.loop.time() < give_up_at:
            self.forget_closed()
            await asyncio.sleep(0.005)
        idle, self._idle = self._idle, []
        for connection in self._all.difference(idle):
            connection.terminate()
        self._all.clear()
        for connection in idle:
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await connection.close()
            except Exception:  # whatever it had to say, it is the end
                connection.terminate()

    def forget_closed(self) -> None:
        """Forget connections that the server has closed."""
        self._idle = [each for each in self._idle if not each.is_closed()]
        self._all = {each for each in self._all if not each.is_closed()}

    def is_over(self) -> bool:
        """Whether it serves nobody any more, since its loop or it has ended."""
        if self.loop.is_closed() and not self.closed:
            self.abandon()
        return self.closed

    def abandon(self) -> None:
        """The loop was closed without ending: hang up, without it."""
        self.closed = True
        for connection in self._all:
            try:
                connection.terminate()
            except RuntimeError:
                continue  # the loop is closed; the transport's end closes the socket
        self._all.clear()
        self._idle.clear()
