"""Telling other processes of changes, and hearing of theirs: NOTIFY and LISTEN.

Both are hints. NOTIFY locks the whole database's queue while its transaction commits, so it is
never part of a checkpoint: what changes is gathered, and goes out by itself after the commit.
Who dies between the two has told nobody, which is why everybody polls too. The one exception is
an instance that is created where it was quiet: an idle worker is to hear of it without a further
round trip, and ten a second of a process hold up nobody.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from typing import TYPE_CHECKING, Final

import xxhash

from sayiir.errors import StoreError
from sayiir.outages import OutageLog
from sayiir.printable import printable
from sayiir.stores.postgres.driver import connect
from sayiir.stores.postgres.faults import reraise, translated

if TYPE_CHECKING:
    from collections.abc import Collection

    from sayiir.stores.postgres.database import Database
    from sayiir.stores.postgres.driver import Connection
    from sayiir.stores.postgres.pool import Pool
    from sayiir.stores.relational.watch import Watchers

__all__ = ["Channel", "Listener", "Notifier"]

LOGGER: Final = logging.getLogger("sayiir.stores.postgres")
GATHER_SECONDS: Final = 0.01
"""After a notice, the next one gathers for so long."""
ALONG_SECONDS: Final = 0.1
"""After a notice that went along with a creation, none does for so long."""
FLUSH_SECONDS: Final = 2.0
MAX_PAYLOAD_BYTES: Final = 7_999
"""PostgreSQL's own bound."""
BEAT_SECONDS: Final = 5.0
HEAR_SECONDS: Final = 3.0
"""So long a heartbeat may take, there and back."""
LONGEST_PAUSE_SECONDS: Final = 2.0
DEAF_PAUSE_SECONDS: Final = 60.0
_EVERYTHING: Final = "*"
_SEND: Final = "select pg_notify($1, $2)"


class Channel:
    """What the stores of one schema send each other."""

    def __init__(self, schema: str) -> None:
        self.me = secrets.token_hex(6)
        self.name = f"sayiir.{xxhash.xxh3_64_hexdigest(schema.encode())}"
        self.heartbeat = f"{self.name}.{self.me}"
        """A channel that nobody else hears."""

    def written(self, runs: Collection[int]) -> str:
        """The notice that these runs have changed."""
        text = " ".join([self.me, *map(str, runs)])
        # Digits only: as many bytes as characters.
        return text if len(text) <= MAX_PAYLOAD_BYTES else f"{self.me} {_EVERYTHING}"

    def read(self, payload: str) -> set[int] | None:
        """The runs that another store has changed; None: any. Empty if it was this one's own."""
        sender, _, rest = payload.partition(" ")
        if sender == self.me:
            return set()
        try:
            return None if rest == _EVERYTHING else {int(each) for each in rest.split()}
        except ValueError:
            return None  # by a version that has more to say


class Notifier:
    """Tells other processes which runs have changed, on the loop of one pool."""

    def __init__(self, pool: Pool, channel: Channel) -> None:
        self._pool = pool
        self._channel = channel
        self._runs: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None
        self._quiet_from = 0.0
        self._along_from = 0.0

    def may_go_along(self) -> bool:
        """Whether the statement that is about to be sent may tell of its change itself.

        Asked once for each such statement: the next ones may not for a while.
        """
        now = self._pool.loop.time()
        if now < self._along_from or self._timer is not None or self._sending is not None:
            return False
        self._along_from = now + ALONG_SECONDS
        return True

    def tell(self, runs: Collection[int]) -> None:
        """These runs have changed: at once if it was quiet, else with the next notice."""
        self._runs.update(runs)
        if self._timer is None and self._sending is None:
            self._schedule(self._quiet_from - self._pool.loop.time())

    def _schedule(self, wait_seconds: float) -> None:
        if wait_seconds <= 0:
            self._start()
        else:
            self._timer = self._pool.loop.call_later(wait_seconds, self._start)

    def _start(self) -> None:
        self._timer = None
        self._sending = self._pool.loop.create_task(self._send())

    async def _send(self) -> None:
        try:
            await self._send_gathered()
        finally:
            self._sending = None
            self._quiet_from = self._pool.loop.time() + GATHER_SECONDS
        if self._runs:
            self._schedule(GATHER_SECONDS)

    async def _send_gathered(self) -> None:
        pool = self._pool
        try:
            connection = pool.take()
            if connection is None:
                # Who has them gives them back soon; to open one more takes as long as to wait.
                await asyncio.sleep(GATHER_SECONDS)
                connection = pool.take() or await pool.acquire()
            runs, self._runs = self._runs, set()
            try:
                await connection.fetchrow(_SEND, self._channel.name, self._channel.written(runs))
            except BaseException as error:
                pool.recover(connection)
                reraise(error, "a notice")
            pool.release(connection)
        except StoreError:
            # Only a hint was lost, and who polls finds out. The outage is told of elsewhere.
            self._runs.clear()
            LOGGER.debug("a notice wasn't sent", exc_info=True)

    async def flush(self) -> None:
        """Send what has gathered, within 2 s: the loop or the store ends."""
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                if self._sending is not None:
                    await asyncio.wait([self._sending])
                if self._timer is not None:
                    self._timer.cancel()
                    self._timer = None
                if self._runs:
                    await self._send_gathered()
        except TimeoutError:
            LOGGER.debug("the last notice wasn't sent")


class Listener:
    """Hears of other processes' changes, on a connection of its own, and wakes who watches.

    It runs on the loop of whoever waits first; when that ends, on the next one's. A heartbeat
    goes out through the pool and must come back here, so that a connection that is dead, or
    silent, or that a pooler has given to somebody else is noticed in 8 s and replaced.
    """

    def __init__(self, database: Database, channel: Channel, watchers: Watchers) -> None:
        self._database = database
        self._channel = channel
        self._watchers = watchers
        self._log = OutageLog(LOGGER, f"{database.url.where}: listening for others' changes")
        self._task: asyncio.Task[None] | None = None
        self._beat: asyncio.Future[None] | None = None
        self._lost: asyncio.Event | None = None
        self._deaf = 0
        self.process_id: int | None = None
        """The server's process at the other end, while it is known to be heard."""

    def ensure(self) -> None:
        """Be listening, on this loop if on no other."""
        task = self._task
        if task is not None and not task.done() and not task.get_loop().is_closed():
            return
        if not self._database.closed:
            self._task = asyncio.get_running_loop().create_task(self._listen())

    async def close(self) -> None:
        """Listen no more. From any loop."""
        task, self._task = self._task, None
        if task is None or task.done() or task.get_loop().is_closed():
            return
        if task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.wait([task])
        else:
            try:
                task.get_loop().call_soon_threadsafe(task.cancel)
            except RuntimeError:
                return  # its loop has just been closed, and it with it

    # -- in its task

    async def _listen(self) -> None:
        failures = 0
        while True:
            try:
                await self._session()
            except Exception as error:
                failures = 1 if self.process_id is not None else failures + 1
                self._log.note(translated(error, self._database.url.where))
            finally:
                self.process_id = None
            if self._deaf > 1:
                await asyncio.sleep(DEAF_PAUSE_SECONDS)
            else:
                longest = min(LONGEST_PAUSE_SECONDS, 0.05 * 2 ** min(failures, 10))
                await asyncio.sleep(longest * random.uniform(0.5, 1))  # noqa: S311

    async def _session(self) -> None:
        """One connection, until it is lost or silent."""
        connection = await connect(
            self._database.url, connect_seconds=HEAR_SECONDS, statement_seconds=HEAR_SECONDS
        )
        self._lost = asyncio.Event()
        try:
            connection.add_termination_listener(self._hang_up)
            await connection.add_listener(self._channel.name, self._heard)
            await connection.add_listener(self._channel.heartbeat, self._heard_beat)
            # What came before that was said to nobody.
            self._watchers.doubt()
            while not self._lost.is_set():
                if not await self._beats():
                    return
                self.process_id = connection.get_server_pid()
                self._deaf = 0
                await _set_within(self._lost, BEAT_SECONDS)
        finally:
            # In no case politely: whoever is silent wouldn't hear it.
            connection.terminate()

    async def _beats(self) -> bool:
        """Whether what is sent is heard."""
        beat = self._beat = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(HEAR_SECONDS):
            await self._database.fetch(_SEND, self._channel.heartbeat, "")
        await asyncio.wait([beat], timeout=HEAR_SECONDS)
        if beat.done():
            return True
        # At the first beat of a connection it is no network that has gone silent: twice, and
        # what is between takes sessions apart.
        if self.process_id is None:
            self._deaf += 1
            if self._deaf == 2:
                LOGGER.warning(
                    "%s: notices of other processes don't arrive, as behind a pooler in "
                    "transaction mode; changes are found by polling alone. Name a direct address "
                    "in the URL to have wake-ups",
                    printable(self._database.url.where),
                )
        return False

    def _heard(self, connection: Connection, process: int, channel: str, payload: object) -> None:
        runs = self._channel.read(str(payload))
        if runs is None or runs:
            self._watchers.wake(runs)

    def _heard_beat(self, *_: object) -> None:
        if self._beat is not None and not self._beat.done():
            self._beat.set_result(None)

    def _hang_up(self, *_: object) -> None:
        if self._lost is not None:
            self._lost.set()


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
