"""A pooler that gives each transaction another session of the server, as PgBouncer can."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["Pooler"]

_SSL_REQUEST = 80_877_103
_PROTOCOL = 196_608
_PARAMETERS = ("user", "database", "client_encoding", "application_name")
"""What a client may ask for as it begins; sessions are shared, so they are as they are."""
_IDLE = b"Z\x00\x00\x00\x05I"
"""What ends an answer after which no transaction is open."""


class Session(NamedTuple):
    """A session of the server, and what it said of itself as it began."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    greeting: bytes


class Pooler:
    """Connections to it share a few sessions of the server of the URL, which trusts everybody.

    A session is a client's for one transaction, and the next one has the session that has waited
    longest. The pooler lives on the running loop.

    Args:
        url: of the server, by a socket's folder.
        sessions: how many.
        ignored: startup parameters that are taken and forgotten.
    """

    def __init__(self, url: str, sessions: int = 3, ignored: Container[str] = ()) -> None:
        self._parts = urlsplit(url)
        self._options = dict(parse_qsl(self._parts.query))
        self._count = sessions
        self._ignored = ignored
        self._all: list[Session] = []
        self._free: asyncio.Queue[Session] = asyncio.Queue()
        self._clients: set[asyncio.Task[None]] = set()
        self.transactions = 0

    @property
    def url(self) -> str:
        """The same database and schema, through the pooler."""
        options = {name: value for name, value in self._options.items() if name != "host"}
        port = self._server.sockets[0].getsockname()[1]
        netloc = f"postgres@127.0.0.1:{port}"
        return self._parts._replace(netloc=netloc, query=urlencode(options)).geturl()

    async def __aenter__(self) -> Self:
        for _ in range(self._count):
            self._free.put_nowait(await self._session())
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        for session in self._all:
            session.writer.close()

    async def _session(self) -> Session:
        path = f"{self._options['host']}/.s.PGSQL.5432"
        reader, writer = await asyncio.open_unix_connection(path)
        asked = {"user": "postgres", "database": self._parts.path.strip("/") or "postgres"}
        text = "".join(f"{name}\0{value}\0" for name, value in asked.items()) + "\0"
        writer.write(struct.pack("!ii", len(text) + 8, _PROTOCOL) + text.encode())
        greeting = b""
        while not greeting.endswith(_IDLE):
            greeting += await _message(reader)
        session = Session(reader, writer, greeting)
        self._all.append(session)
        return session

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            if await self._begins(reader, writer):
                await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has hung up, or the pooler ends
        finally:
            writer.close()

    async def _begins(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether it may; by now it knows."""
        while True:
            size, code = struct.unpack("!ii", await reader.readexactly(8))
            body = await reader.readexactly(size - 8)
            if code != _SSL_REQUEST:
                break
            writer.write(b"N")
        if code != _PROTOCOL:
            return False  # someone would have a statement cancelled
        for name in body.decode().split("\0")[:-2:2]:
            if name not in _PARAMETERS and name not in self._ignored:
                fields = f"SFATAL\0C08P01\0Munsupported startup parameter: {name}\0\0".encode()
                writer.write(b"E" + struct.pack("!i", len(fields) + 4) + fields)
                return False
        writer.write(self._all[0].greeting)
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry transactions there and back until the client says goodbye."""
        said = asyncio.ensure_future(_message(reader))
        while (await said)[:1] != b"X":
            session = await self._free.get()
            answered = asyncio.ensure_future(_answered(session, writer))
            try:
                while not answered.done():
                    if said.done():
                        session.writer.write(said.result())
                        said = asyncio.ensure_future(_message(reader))
                    await asyncio.wait({said, answered}, return_when=asyncio.FIRST_COMPLETED)
            except BaseException:
                # Nobody knows what it is in the midst of.
                answered.cancel()
                session.writer.close()
                session = await self._session()
                raise
            finally:
                self._free.put_nowait(session)
            self.transactions += 1


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(int.from_bytes(head[1:]) - 4)


async def _answered(session: Session, writer: asyncio.StreamWriter) -> None:
    """Carry the answers back until one ends outside of a transaction."""
    message = b""
    while message != _IDLE:
        message = await _message(session.reader)
        writer.write(message)
