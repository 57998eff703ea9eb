"""The store of a command: from ``--store``, else from ``SAYIIR_STORE``."""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from sayiir.cli.exits import ExitCode, Problem
from sayiir.cli.texts import clean, nearest, shown_url
from sayiir.errors import InstanceNotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from sayiir.client import AsyncWorkflowClient
    from sayiir.stores.protocols import Store

__all__ = [
    "STORE_VARIABLE",
    "ask",
    "open_store_of",
    "store_or_none",
    "store_url",
    "told_url_problems",
]

T = TypeVar("T")

STORE_VARIABLE: Final = "SAYIIR_STORE"
_SCHEMES: Final = ("sqlite", "postgresql", "postgres", "memory")
_NEAR_INSTANCES: Final = 200


class HasStore(Protocol):
    """A client or a runner."""

    async def store(self) -> Store:
        """The open store."""
        ...


def store_url(given: str | None, *, make: bool = False) -> str:
    """The store's URL, checked as far as text can be.

    Args:
        given: what ``--store`` said.
        make: a SQLite file that isn't there may be made; else that is a problem.

    Raises:
        Problem: none is given, it is no URL, it ends with this process, or its file is missing.
    """
    url = store_or_none(given)
    if url is None:
        raise Problem(
            f"which store? give --store sqlite:///file.db, or set {STORE_VARIABLE}",
        )
    scheme, mark, rest = url.partition("://")
    if not mark:
        raise Problem(
            f"{shown_url(url)!r} is no store URL; write sqlite:///file.db or postgresql://host/name",
            hint=(f"a file: sqlite:///{clean(url)}",) if url.endswith((".db", ".sqlite")) else (),
        )
    if scheme.lower() == "memory" or (scheme.lower() == "sqlite" and not rest):
        raise Problem(
            f"{clean(url)} ends with this command; name a store that stays: sqlite:///file.db"
        )
    if scheme.lower() == "sqlite" and not make:
        _refuse_missing_file(url)
    return url


def store_or_none(given: str | None) -> str | None:
    """What ``--store`` says, else the environment; None where neither does."""
    return given or os.environ.get(STORE_VARIABLE) or None


def _refuse_missing_file(url: str) -> None:
    """Asking a file that isn't there would make it, and then answer that nothing is in it."""
    from sayiir.stores.open import sqlite_path

    try:
        path = Path(sqlite_path(url) or "")
    except ValueError as error:
        raise Problem(str(error)) from None
    if path.exists():
        return
    folder = path.parent
    files = [f"sqlite:///{one}" for one in folder.glob("*")] if folder.is_dir() else []
    databases = [one for one in files if one.endswith((".db", ".sqlite", ".sqlite3"))]
    raise Problem(
        f"there is no file {clean(str(path))}; `sayiir migrate` makes one",
        ExitCode.STORE,
        hint=nearest(url, databases),
    )


def ask(
    given: str | None,
    question: Callable[[AsyncWorkflowClient], Awaitable[T]],
    *,
    make: bool = False,
) -> T:
    """What a question to the command's store is answered, on a client that is closed again.

    Raises:
        Problem: the URL can't be one; or an instance isn't there, with the nearest id told.
        StoreError: the store can't be opened.
    """
    return asyncio.run(_ask(store_url(given, make=make), question))


async def _ask(url: str, question: Callable[[AsyncWorkflowClient], Awaitable[T]]) -> T:
    from sayiir.client import AsyncWorkflowClient

    client = AsyncWorkflowClient(url)
    try:
        await open_store_of(client, url)
        try:
            return await question(client)
        except InstanceNotFound as error:
            ids = [info.instance_id for info in await client.list(limit=_NEAR_INSTANCES)]
            hint = nearest(error.instance_id, ids)
            raise Problem(str(error), ExitCode.REFUSED, hint=hint) from None
    finally:
        await client.close()


async def open_store_of(holder: HasStore, url: str) -> None:
    """Open the store of a client, runner or worker.

    Raises:
        Problem: the URL is none that is known.
        StoreError: the store can't be opened.
    """
    with told_url_problems(url):
        await holder.store()


@contextmanager
def told_url_problems(url: str) -> Generator[None]:
    """Inside, a URL that isn't one is a Problem, with the nearest kind of store told."""
    try:
        yield
    except ValueError as error:
        hint = nearest(url.partition("://")[0], _SCHEMES)
        raise Problem(str(error), hint=hint) from None
