"""SQLite does what the reference model does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sayiir.stores.sqlite import SqliteStore
from tests.conftest import NIGHTLY
from tests.stores.against_memory import EXAMPLES, SETTINGS, Stores

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.stores.protocols import Store
    from sayiir.testing.clock import MovedClock


class SqliteStores(Stores):
    def begin(self, clock: MovedClock) -> tuple[asyncio.AbstractEventLoop, Store]:
        loop = asyncio.new_event_loop()
        return loop, loop.run_until_complete(SqliteStore.open(None, clock))


TestStores = SqliteStores.TestCase
if NIGHTLY:
    TestStores.pytestmark = [pytest.mark.timeout(6 * 3_600)]
TestStores.settings = SETTINGS


@pytest.fixture(autouse=True)
def _figure(repetitions: Callable[[int, int], int], report_figure: Callable[[str], None]) -> None:
    report_figure(f"{repetitions(*EXAMPLES):,} examples of {SETTINGS.stateful_step_count} steps")
