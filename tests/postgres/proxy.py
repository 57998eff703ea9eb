"""A network between the store and the server that a test can cut, or make silent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Link", "Proxy"]


_IDLE = b"Z\x00\x00\x00\x05I"
"""The end of every answer after which no transaction is open."""
_CARRIED_OUT = (b"B", b"Q\x00\x00\x00\x0bcommit\x00")
"""What is said before it, if something was carried out: a bound statement, or the commit."""


class Link:
    """One connection through the proxy."""

    def __init__(
        self, proxy: Proxy, client: asyncio.StreamWriter, server: asyncio.StreamWriter
    ) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._last = b""
        self.said = bytearray()
        """What the client has sent."""
        self.silent = False
        """Whether every byte of either side is dropped, with the connection left open."""
        self.mute = False
        """Whether the server's answers are dropped, though it gets what the client sends."""

    async def carry_there(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65_536):
            self.said += data
            self._last = data
            if not self.silent:
                self._server.write(data)
        self.cut()

    async def carry_back(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65_536):
            if self._is_swallowed(data):
                break
            if not self.silent and not self.mute:
                self._client.write(data)
        self.cut()

    def _is_swallowed(self, data: bytes) -> bool:
        """Whether this is the answer to wait for: that something is committed."""
        if not (self._proxy.swallow_in and data.endswith(_IDLE)):
            return False
        if not self._last.startswith(_CARRIED_OUT) or b"LISTEN" in self.said:
            return False
        self._proxy.swallow_in -= 1
        self._proxy.swallowed += self._proxy.swallow_in == 0
        return self._proxy.swallow_in == 0

    def cut(self) -> None:
        """Close it, both ways."""
        self._client.close()
        self._server.close()


class Proxy:
    """Connections to it go on to the server of the URL. It lives on the running loop."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._options = dict(parse_qsl(self._parts.query))
        self.links: list[Link] = []
        self.swallow_in = 0
        """Which answer to a commit, from now, is dropped and its connection cut; 0: none."""
        self.swallowed = 0
        """How many were."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._port = 0

    @property
    def url(self) -> str:
        """The same database and schema, through the proxy."""
        user, at, _ = self._parts.netloc.rpartition("@")
        options = {name: value for name, value in self._options.items() if name != "host"}
        netloc = f"{user}{at}127.0.0.1:{self._port}"
        return self._parts._replace(netloc=netloc, query=urlencode(options)).geturl()

    def listening(self) -> list[Link]:
        """The links that something is listened for on."""
        return [link for link in self.links if b"LISTEN" in link.said]

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for link in self.links:
            link.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        folder = self._options.get("host", "")
        if folder.startswith("/"):
            back, server = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")
        else:
            port = self._parts.port or 5432
            back, server = await asyncio.open_connection(self._parts.hostname, port)
        link = Link(self, writer, server)
        self.links.append(link)
        for way in (link.carry_there(reader), link.carry_back(back)):
            task = asyncio.ensure_future(_until_cut(way))
            self._tasks.add(task)


async def _until_cut(way: object) -> None:
    try:
        await way  # type: ignore[misc]
    except ConnectionError:
        return
