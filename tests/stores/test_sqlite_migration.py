"""A file of an older schema is brought to the newest one, with what it holds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sayiir.stores.inspection import ProgressReport, Retention
from sayiir.stores.records import End, InstanceQuery
from sayiir.stores.sqlite import SqliteStore, migrations
from sayiir.testing import MovedClock
from sayiir.testing.contract.bench import Bench
from tests.stores.sqlite_child import new_instance

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_of_the_first_schema_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Running instances, kept events: all there; labels, reports and sweeps work at once."""
    file, clock = tmp_path / "old.db", MovedClock()
    monkeypatch.setattr(migrations, "steps", lambda steps=migrations.steps: steps()[:1])

    async def before() -> None:
        store = await SqliteStore.open(file, clock)
        await store.create(new_instance("old"))
        await store.create(new_instance("ended"))

        def keep(tx: object) -> None:  # as the version of that schema did
            tx.execute(  # type: ignore[attr-defined]
                "insert into event (run, signal_name, address, payload) values (1, 'go', '', x'00')"
            )
            tx.execute("update instance set state = 1, finished_at = 5 where run = 2")  # type: ignore[attr-defined]

        await store._writing(keep)
        await store.close()

    async def after() -> None:
        bench = Bench(await SqliteStore.open(file, clock), clock)
        found = await bench.store.inspect("old")
        assert found is not None
        assert [(each.signal_name, each.sent_at_us) for each in found.events] == [("go", None)]
        got = await bench.claim_one(instance_id="old")
        report = ProgressReport(fence=got.fence, at="a", failures=0, path="a", attempt=1)
        await bench.store.report([report])
        await bench.commit(got, End(output="x"))
        await bench.create("new", labels=(("team", "blue"),))
        page = await bench.store.page(InstanceQuery(labels=(("team", "blue"),)))
        assert [record.instance_id for record in page.records] == ["new"]
        assert await bench.store.delete_finished(Retention(older_than_us=0, limit=9)) == 2
        await bench.store.close()

    asyncio.run(before())
    monkeypatch.undo()
    asyncio.run(after())
