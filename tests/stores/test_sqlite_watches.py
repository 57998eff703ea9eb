"""Whom a commit of the SQLite writer wakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sayiir.clock import SystemClock
from sayiir.stores.relational.watch import Watchers
from sayiir.stores.sqlite.worker import Job
from sayiir.stores.sqlite.writer import Writer

if TYPE_CHECKING:
    from sayiir.stores.sqlite.transaction import Transaction

pytestmark = pytest.mark.anyio


def changes(transaction: Transaction) -> None:
    transaction.changed.add(1)


async def test_who_begins_to_watch_after_a_commit_is_not_woken_by_it() -> None:
    """Its results are told first, so a watch may be made between the commit and the waking."""
    watchers = Watchers(SystemClock())
    writer = Writer(None, SystemClock(), watchers)
    writer.open()
    before, elsewhere = watchers.add(1), watchers.add(2)
    writer.run([Job(changes)])
    after = watchers.add(1)
    writer.told()
    assert [await each.changed(0) for each in (before, elsewhere, after)] == [True, False, False]
    writer.told()
    assert not await before.changed(0), "once for each commit"
    writer.close()
