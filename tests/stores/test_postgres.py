"""The PostgreSQL store keeps the store contract, with and without prepared statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sayiir.stores.postgres.store import PostgresStore
from sayiir.testing.contract import StoreContract

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.clock import Clock
    from sayiir.stores.protocols import Store


class TestPostgres(StoreContract):
    options = ""
    make_url: Callable[[], str]

    @pytest.fixture(autouse=True)
    def _schemas(self, postgres_schemas: Callable[[], str]) -> None:
        self.make_url = postgres_schemas

    async def make_store(self, clock: Clock) -> Store:
        return await PostgresStore.open(self.make_url() + self.options, clock)


class TestPostgresUnprepared(TestPostgres):
    """As behind a pooler that gives each transaction another session."""

    options = "&prepared=off"
