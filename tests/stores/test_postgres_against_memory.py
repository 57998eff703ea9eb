"""PostgreSQL does what the reference model does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

import pytest

from sayiir.stores.postgres.store import PostgresStore
from sayiir.testing.clock import MovedClock
from tests.conftest import NIGHTLY
from tests.stores.against_memory import EXAMPLES, SETTINGS, Stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sayiir.stores.protocols import Store

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


class ClockOfAll:
    """Shows the time of the running example's clock."""

    running: MovedClock

    def now_us(self) -> int:
        return self.running.now_us()

    async def sleep(self, seconds: float) -> None:
        await self.running.sleep(seconds)


class PostgresStores(Stores):
    """One store for all examples: to prepare its statements anew takes longer than an example."""

    loop_of_all: ClassVar[asyncio.AbstractEventLoop]
    store_of_all: ClassVar[PostgresStore]
    clock_of_all: ClassVar[ClockOfAll]

    def begin(self, clock: MovedClock) -> tuple[asyncio.AbstractEventLoop, Store]:
        self.clock_of_all.running = clock
        self.loop_of_all.run_until_complete(self._emptied())
        return self.loop_of_all, self.store_of_all

    async def _emptied(self) -> None:
        for table in TABLES:
            await self.store_of_all._database.execute(f"delete from @{table}")

    def teardown(self) -> None:
        self.loop.run_until_complete(self.sides[0].store.close())


@pytest.fixture
def _store_of_all(postgres_schemas: Callable[[], str]) -> Iterator[None]:
    loop, clock = asyncio.new_event_loop(), ClockOfAll()
    clock.running = MovedClock()
    store = loop.run_until_complete(PostgresStore.open(postgres_schemas(), clock))
    PostgresStores.loop_of_all, PostgresStores.store_of_all = loop, store
    PostgresStores.clock_of_all = clock
    yield
    loop.run_until_complete(store.close())
    loop.close()


TestStores = PostgresStores.TestCase
TestStores.pytestmark = [
    pytest.mark.usefixtures("_store_of_all"),
    # A minute or two where the machine is free; all of it is waiting for the server.
    pytest.mark.timeout(6 * 3_600 if NIGHTLY else 1_200),
]
TestStores.settings = SETTINGS


@pytest.fixture(autouse=True)
def _figure(repetitions: Callable[[int, int], int], report_figure: Callable[[str], None]) -> None:
    report_figure(f"{repetitions(*EXAMPLES):,} examples of {SETTINGS.stateful_step_count} steps")
