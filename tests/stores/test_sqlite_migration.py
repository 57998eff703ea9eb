"""A file of an older schema is brought to the newest one, with what it holds."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sayiir.errors import SchemaVersionError
from sayiir.stores.inspection import ProgressReport, Retention
from sayiir.stores.records import (
    ClaimRequest,
    End,
    InstanceQuery,
    ItemKey,
    Move,
    NewItem,
    Result,
    Spawn,
)
from sayiir.stores.sqlite import SqliteStore, migrations
from sayiir.stores.sqlite.connection import open_writer
from sayiir.testing import MovedClock
from sayiir.testing.contract.bench import Bench

if TYPE_CHECKING:
    from pathlib import Path

# What the first two versions wrote, by their own columns: an instance that has taken a step and
# was released, one that waits for two arms, of which one is leased by a process that is gone, and
# one that has ended.
OLD_ROWS = """
insert into definition (id, hash, body) values (7, 'hash', x'64'), (9, 'other', x'65');
insert into instance (run, instance_id, run_id, definition, workflow_name, workflow_version,
    state, priority, created_at, finished_at, labels) values
    (1, 'old', 'r1', 7, 'w', '1', 0, 3, 1, null, '[]'),
    (2, 'forked', 'r2', 9, 'w', '1', 0, 3, 1, null, '[]'),
    (3, 'ended', 'r3', 7, 'w', '1', 1, 3, 1, 5, '[]');
insert into instance_input (run, body) values (1, x'69'), (2, x'69'), (3, x'69');
insert into process (id, token) values (1, 'gone');
insert into work_item (run, spawn_path, idx, parent_spawn_path, parent_idx, definition, path,
    input, prio, phase, ready_at, rank, due, epoch, holder, process, lease_until, created, total,
    pending) values
    (1, '', 0, null, null, 7, 'b', 'r:a', 3, 0, 10, 600000010, null, 1, null, null, 0, 0, null, 0),
    (2, '', 0, null, null, 9, 'f', '', 3, 4, 10, null, null, 1, null, null, 0, 2, 2, 2),
    (2, 'f', 0, '', 0, 9, 'f[0]/x', '', 3, 0, 20, 600000020, null, 0, null, null, 0, 0, null, 0),
    (2, 'f', 1, '', 0, 9, 'f[1]/y', '', 3, 0, 20, null, 99, 1, 'w', 1, 99, 0, null, 0);
insert into task_result (run, path, node_path, ordinal, attempts, duration, finished_at, output)
    values (1, 'a', 'a', x'', 1, 0, 10, x'61');
insert into event (run, signal_name, address, payload) values (1, 'go', '', x'00');
"""


def make_old_file(file: Path, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(migrations, "steps", lambda steps=migrations.steps: steps()[:version])
        older.setattr(migrations, "MIN_READER", 1)
        open_writer(file).close()
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(OLD_ROWS)


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_of_an_older_schema_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    """Running instances, leases, kept events: all there; what is newer works on them at once."""
    file, clock = tmp_path / "old.db", MovedClock()
    make_old_file(file, version, monkeypatch)

    async def after() -> None:
        bench = Bench(await SqliteStore.open(file, clock), clock)
        found = await bench.store.inspect("old")
        assert found is not None
        assert [(each.signal_name, each.sent_at_us) for each in found.events] == [("go", None)]
        got = await bench.claim_one(instance_id="old", definitions=frozenset({"hash"}))
        assert (got.path, got.input, got.fence.epoch) == ("b", "r:a", 2)
        report = ProgressReport(fence=got.fence, at="b", failures=0, path="b", attempt=1)
        await bench.store.report([report])
        await bench.commit(got, Move("c", "r:b"))
        await bench.commit(got, End(output="x"))
        await bench.create("new", labels=(("team", "blue"),), definition_hash="hash")
        page = await bench.store.page(InstanceQuery(labels=(("team", "blue"),)))
        assert [record.instance_id for record in page.records] == ["new"]
        assert await bench.store.delete_finished(Retention(older_than_us=0, limit=9)) == 2
        await _arms_go_on(bench)
        await bench.store.close()

    asyncio.run(after())


async def _arms_go_on(bench: Bench) -> None:
    """Both arms are claimed, one after its holder's lease, and bring their parent."""
    request = ClaimRequest(
        holder="w", lease_us=10**9, limit=5, definitions=frozenset({"other"}), tags=frozenset()
    )
    arms = (await bench.store.claim(request)).items
    assert {(arm.fence.item, arm.fence.epoch) for arm in arms} == {
        (ItemKey("f", 0), 1),
        (ItemKey("f", 1), 2),
    }
    result = Result(path="f[0]/x", node_path="f[0]/x", ordinal=b"", output=b"o")
    first = await bench.commit(arms[0], End(output="o"), result=result)
    assert not first.claimed
    (root,) = (await bench.commit(arms[1], End(output="p"))).claimed
    new = NewItem(index=0, path="g[0]/z", input="", tags=("gpu",))
    await bench.commit(root, Spawn(path="g", input="", items=(new,), total=1))
    assert not (await bench.store.claim(request)).items
    able = replace(request, tags=frozenset({"gpu"}))
    assert [item.path for item in (await bench.store.claim(able)).items] == ["g[0]/z"]


def test_versions_that_know_no_queues_leave_the_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A column has another name and meaning: an older version would go wrong."""
    file = tmp_path / "new.db"

    async def opened() -> None:
        await (await SqliteStore.open(file)).close()

    asyncio.run(opened())
    monkeypatch.setattr(migrations, "steps", lambda steps=migrations.steps: steps()[:2])
    with pytest.raises(SchemaVersionError, match="needs a reader of format 3"):
        asyncio.run(opened())
