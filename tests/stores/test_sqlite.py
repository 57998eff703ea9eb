"""The SQLite store keeps the store contract, in a file and in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sayiir.stores.sqlite import SqliteStore
from sayiir.testing.contract import StoreContract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sayiir.clock import Clock
    from sayiir.stores.protocols import Store


class TestSqliteFile(StoreContract):
    folder: Path

    @pytest.fixture(autouse=True)
    def _folder(self) -> Iterator[None]:
        with tempfile.TemporaryDirectory() as folder:
            self.folder = Path(folder)
            self.made = 0
            yield

    async def make_store(self, clock: Clock) -> Store:
        self.made += 1
        return await SqliteStore.open(self.folder / f"{self.made}.db", clock)


class TestSqlitePrivate(StoreContract):
    async def make_store(self, clock: Clock) -> Store:
        return await SqliteStore.open(None, clock)
