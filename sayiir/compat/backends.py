"""Backends: a store, what runs instances on it, and the thread that both live on."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Self, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from sayiir.callers import called_from_here, warn_caller
from sayiir.compat.errors import told_as_compat
from sayiir.compat.tracing import task_spans
from sayiir.policy import ConflictPolicy
from sayiir.portal import Portal
from sayiir.warning_types import SayiirWarning

if TYPE_CHECKING:
    from sayiir.client import AsyncWorkflowClient
    from sayiir.runner import AsyncCheckpointingRunner
    from sayiir.stores.protocols import Store

__all__ = ["Backend", "InMemoryBackend", "PostgresBackend", "SqliteBackend", "postgres_url"]

P = ParamSpec("P")
T = TypeVar("T")


class _Runners:
    """A store that is opened on first use, with a runner for each conflict policy."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._store: Store | None = None
        self._runners: dict[tuple[ConflictPolicy, bool], AsyncCheckpointingRunner] = {}
        """By policy, and by whether they tell spans: tracing may begin and end between runs."""

    async def store(self) -> Store:
        if self._store is None:
            from sayiir.stores.open import open_store

            self._store = await open_store(self._url)
        return self._store

    async def runner(self, policy: ConflictPolicy) -> AsyncCheckpointingRunner:
        store, spans = await self.store(), task_spans()
        which = (policy, spans is not None)
        if which not in self._runners:
            from sayiir.runner import AsyncCheckpointingRunner

            self._runners[which] = AsyncCheckpointingRunner(
                store, conflict_policy=policy, on_event=spans
            )
        return self._runners[which]

    async def close(self) -> None:
        runners, self._runners = self._runners, {}
        store, self._store = self._store, None
        for runner in runners.values():
            await runner.close()
        if store is not None:
            await store.close()


class Backend:
    """Where instances are kept. Every function that takes one may share it, from any thread.

    Close it, use it in a ``with`` statement, or leave it to the end of the program.
    """

    def __init__(self, url: str) -> None:
        self._runners = _Runners(url)
        self._portal = Portal(type(self).__name__)
        self._url = url
        # Programs for the published package close no backend, and may make one for each run.
        finalizer = weakref.finalize(self, _close_aside, self._portal, self._runners.close)
        finalizer.atexit = False

    @property
    def url(self) -> str:
        """The store's URL; those of memory name a store that nobody else can open."""
        return self._url

    def store(self) -> Store:
        """The open store, for the native client and runner.

        Raises:
            BackendError: it can't be opened.
        """
        with told_as_compat():
            return self._portal.call(self._runners.store)

    def run(
        self,
        policy: str | None,
        act: Callable[[AsyncCheckpointingRunner], Coroutine[Any, Any, T]],
    ) -> T:
        """What comes of an act with the runner of a conflict policy.

        Raises:
            ValueError: there is no such policy.
            WorkflowError: what the act raised, or one of its subclasses.
        """
        chosen = ConflictPolicy.FAIL if policy is None else ConflictPolicy(policy)

        async def call() -> T:
            return await act(await self._runners.runner(chosen))

        with told_as_compat(), called_from_here():
            return self._portal.call(call)

    def ask(
        self,
        act: Callable[[AsyncWorkflowClient], Coroutine[Any, Any, T]],
        policy: str | None = None,
    ) -> T:
        """What comes of an act with a client.

        Raises:
            ValueError: there is no such conflict policy.
            WorkflowError: what the act raised, or one of its subclasses.
        """
        return self.run(policy, lambda runner: act(runner.client))

    def close(self) -> None:
        """Give back what runs, and close the store. Idempotent."""
        self._portal.close(self._runners.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _close_aside(portal: Portal, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    def leave() -> None:
        try:
            portal.close(close)
        except Exception:
            # The program may be ending meanwhile. What was acknowledged is stored, closed or not.
            logging.getLogger("sayiir.compat").debug("a forgotten backend is open", exc_info=True)

    # The collector runs on any thread, the portal's own included, and must not wait.
    threading.Thread(target=leave, daemon=True).start()


class InMemoryBackend(Backend):
    """Keeps instances in memory, as long as it lives.

    >>> with InMemoryBackend() as backend:
    ...     print(backend)
    InMemoryBackend()
    """

    def __init__(self) -> None:
        super().__init__("memory://")


class SqliteBackend(Backend):
    """Keeps instances in a SQLite file, which several processes may share.

    Args:
        path: the file, or a URL as ``sqlite:///orders.db``.

    Raises:
        BackendError: the file can't be opened.
        ValueError: the URL is none of SQLite.

    >>> import os, tempfile
    >>> with SqliteBackend(os.path.join(tempfile.mkdtemp(), "orders.db")) as backend:
    ...     backend
    SqliteBackend()
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        text = os.fspath(path)
        if "://" not in text:
            text = f"sqlite:///{quote(text)}"
        if not text.startswith("sqlite://"):
            raise ValueError(f"{text!r} is no SQLite file, nor a URL as 'sqlite:///orders.db'")
        super().__init__(text)
        self.store()


_WITHOUT_EFFECT: Final = {
    "min_connections": "connections are opened when they are needed",
    "acquire_timeout_secs": "calls are bounded by the store itself",
    "idle_timeout_secs": "connections are kept",
    "max_lifetime_secs": "connections are renewed when they break",
    "statement_timeout_secs": "calls are bounded by the store itself",
    "idle_in_transaction_session_timeout_secs": "no transaction waits for user code",
}


class PostgresBackend(Backend):
    """Keeps instances in PostgreSQL; tables are made when it is first opened.

    The other options of the published package are accepted, with a warning: the store here
    needs none of them.

    Args:
        url: ``postgresql://user@host/database``, with the options of PostgreSQL's own URLs and
            of ours (``?schema=``).
        max_connections: at most so many connections for each event loop.
        min_connections: no effect.
        acquire_timeout_secs: no effect.
        idle_timeout_secs: no effect.
        max_lifetime_secs: no effect.
        statement_timeout_secs: no effect.
        idle_in_transaction_session_timeout_secs: no effect.

    Raises:
        ValueError: the URL or an option is wrong.
        BackendError: the server can't be reached.
    """

    def __init__(
        self,
        url: str,
        *,
        max_connections: int | None = None,
        min_connections: int | None = None,
        acquire_timeout_secs: float | None = None,
        idle_timeout_secs: float | None = None,
        max_lifetime_secs: float | None = None,
        statement_timeout_secs: float | None = None,
        idle_in_transaction_session_timeout_secs: float | None = None,
    ) -> None:
        given = {
            "min_connections": min_connections,
            "acquire_timeout_secs": acquire_timeout_secs,
            "idle_timeout_secs": idle_timeout_secs,
            "max_lifetime_secs": max_lifetime_secs,
            "statement_timeout_secs": statement_timeout_secs,
            "idle_in_transaction_session_timeout_secs": idle_in_transaction_session_timeout_secs,
        }
        super().__init__(postgres_url(url, max_connections))
        _warn_of_options([name for name, value in given.items() if value is not None])
        self.store()

    def __repr__(self) -> str:
        return "PostgresBackend(...)"


def _warn_of_options(names: list[str]) -> None:
    if names:
        told = "; ".join(f"{name}: {_WITHOUT_EFFECT[name]}" for name in names)
        warn_caller(f"PostgresBackend has options without effect ({told})", SayiirWarning)


def postgres_url(url: str, max_connections: int | None = None) -> str:
    """The store's URL for the published package's URL and options.

    Raises:
        ValueError: it is no PostgreSQL URL.

    >>> postgres_url("postgres://db/shop?sslmode=require", 20)
    'postgresql://db/shop?sslmode=require&pool=20'
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        # Without the URL: it may hold a password.
        raise ValueError("PostgresBackend takes a URL as 'postgresql://user@host/database'")
    if parts.fragment:
        raise ValueError("the PostgreSQL URL has a '#'; in a password write it as %23")
    options = parse_qsl(parts.query, keep_blank_values=True)
    if max_connections is not None:
        options.append(("pool", str(max_connections)))
    query = f"?{urlencode(options, quote_via=quote)}" if options else ""
    # By hand: urlunsplit writes no "//" where a socket stands in the options instead of a host.
    return f"postgresql://{parts.netloc}{parts.path}{query}"
