"""URLs open the stores that they name, and say what is wrong with them."""

from __future__ import annotations

import asyncio
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest

from sayiir.errors import StoreError
from sayiir.stores import open as opening
from sayiir.stores.memory import MemoryStore
from sayiir.stores.open import open_store, sqlite_path
from sayiir.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    from sayiir.clock import Clock


def opened(url: str) -> type:
    async def main() -> type:
        store = await open_store(url)
        await store.close()
        return type(store)

    return asyncio.run(main())


def test_each_scheme_opens_its_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three slashes before a relative path, four before an absolute one."""
    monkeypatch.chdir(tmp_path)
    assert opened("memory://") is MemoryStore
    assert opened("sqlite://") is SqliteStore
    assert opened("sqlite:///here.db") is SqliteStore
    assert opened(f"sqlite:///{tmp_path}/there%20now.db") is SqliteStore
    assert {"here.db", "there now.db"} <= {file.name for file in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "is no store URL"),
        ("orders.db", "sqlite:///file.db"),
        ("sqlite:orders.db", "is no store URL"),
        ("sqlite://orders.db", "three slashes"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///a.db?mode=ro", "no options"),
        ("memory://shared", "has no name"),
        ("oracle://db/orders", "'oracle' is no known kind"),
        ("mysql://db/orders", "known are memory://"),
    ],
)
def test_a_bad_url_is_told_with_what_is_known(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("?", r"\?")):
        opened(url)


def test_a_file_that_cant_be_made_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no directory"):
        opened(f"sqlite:///{tmp_path}/missing/orders.db")
    with pytest.raises(StoreError, match="is a directory"):
        opened(f"sqlite:///{tmp_path}")


async def open_other(url: str, clock: Clock) -> MemoryStore:
    assert url == "other://somewhere"
    return MemoryStore(clock)


def test_third_parties_register_by_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point named by the scheme is an async function of URL and clock."""
    points = [
        EntryPoint("other", f"{__name__}:open_other", opening.ENTRY_POINT_GROUP),
        EntryPoint("broken", "no_such_module:open", opening.ENTRY_POINT_GROUP),
    ]
    monkeypatch.setattr(opening, "_entry_points", lambda: points)
    monkeypatch.setattr(EntryPoint, "load", _load)
    assert opened("other://somewhere") is MemoryStore
    with pytest.raises(StoreError, match="can't be loaded"):
        opened("broken://somewhere")
    with pytest.raises(ValueError, match="other://"):
        opened("unknown://somewhere")


def _load(point: EntryPoint) -> object:
    if point.name == "broken":
        raise ImportError("no module named no_such_module")
    return open_other


def test_paths_are_unquoted_once() -> None:
    assert sqlite_path("sqlite:///a%253F.db") == "a%3F.db"
