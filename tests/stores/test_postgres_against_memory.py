"""PostgreSQL does what the reference model does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

import asyncpg
import pytest

from sayiir.stores.postgres.store import PostgresStore
from tests.conftest import NIGHTLY
from tests.stores.against_memory import EXAMPLES, SETTINGS, Stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sayiir.stores.protocols import Store
    from sayiir.testing.clock import MovedClock

TABLES = (
    "work_item",
    "instance",
    "instance_input",
    "element",
    "progress",
    "task_result",
    "event",
    "label",
)


class PostgresStores(Stores):
    url: ClassVar[str]
    loop_of_all: ClassVar[asyncio.AbstractEventLoop]

    def begin(self, clock: MovedClock) -> tuple[asyncio.AbstractEventLoop, Store]:
        loop = self.loop_of_all
        loop.run_until_complete(self._emptied())
        return loop, loop.run_until_complete(PostgresStore.open(self.url, clock))

    async def _emptied(self) -> None:
        """One schema for all examples: making one takes longer than an example."""
        server, _, schema = self.url.partition("schema=")
        connection = await asyncpg.connect(server.rstrip("?&"))
        try:
            if await connection.fetchval("select to_regclass($1)", f'"{schema}".work_item'):
                for table in TABLES:
                    await connection.execute(f'delete from "{schema}".{table}')
        finally:
            await connection.close()

    def teardown(self) -> None:
        for side in self.sides:
            self.loop.run_until_complete(side.store.close())


@pytest.fixture
def _schema_of_all(postgres_schemas: Callable[[], str]) -> Iterator[None]:
    PostgresStores.url = postgres_schemas()
    PostgresStores.loop_of_all = asyncio.new_event_loop()
    yield
    PostgresStores.loop_of_all.close()


TestStores = PostgresStores.TestCase
TestStores.pytestmark = [
    pytest.mark.usefixtures("_schema_of_all"),
    # A minute or two where the machine is free; all of it is waiting for the server.
    pytest.mark.timeout(6 * 3_600 if NIGHTLY else 1_200),
]
TestStores.settings = SETTINGS


@pytest.fixture(autouse=True)
def _figure(repetitions: Callable[[int, int], int], report_figure: Callable[[str], None]) -> None:
    report_figure(f"{repetitions(*EXAMPLES):,} examples of {SETTINGS.stateful_step_count} steps")
