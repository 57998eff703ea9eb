"""What is parked, paused or somebody else's is never scanned: the plans of the hot statements."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from sayiir.stores.inspection import ProgressReport, Retention
from sayiir.stores.records import (
    Checkpoint,
    ClaimRequest,
    InstanceQuery,
    InstanceState,
    Move,
    NewItem,
    Spawn,
    StatusName,
    Wanted,
)
from sayiir.stores.relational import controls
from sayiir.stores.relational.instances import delete
from sayiir.stores.sqlite import claim, commit, inspecting, instances, listing, load
from sayiir.stores.sqlite.connection import open_private
from sayiir.stores.sqlite.retention import delete_finished
from sayiir.stores.sqlite.transaction import Transaction
from tests.stores.sqlite_child import new_instance, result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Recorder:
    """A transaction whose statements are explained as they run."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.plans: list[tuple[str, str]] = []
        self.tx = Transaction(connection, 1_000)
        self.tx.execute = self._execute  # type: ignore[assignment]

    def _execute(self, statement: str, values: Any = ()) -> sqlite3.Cursor:
        for row in self.connection.execute("explain query plan " + statement, values):
            self.plans.append((statement, row[3]))
        return self.connection.execute(statement, values)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    connection = open_private()
    yield Recorder(connection)
    connection.close()


def scans(recorder: Recorder) -> list[tuple[str, str]]:
    """The steps that go through a whole table, or an index that holds more than active items."""
    small = (
        "work_item_leased",
        "work_item_ready",
        "work_item_interrupted",
        "subquery",
        "CONSTANT",
    )
    return [
        (statement, step)
        for statement, step in recorder.plans
        if step.startswith("SCAN") and not any(name in step for name in small)
    ]


def _claim_all(tx: Transaction) -> None:
    claim.claim(tx, ClaimRequest(holder="w", lease_us=1, limit=5))
    for tags in (None, frozenset({"gpu"})):
        known = frozenset({"hash"})
        claim.claim(tx, ClaimRequest(holder="w", lease_us=1, definitions=known, tags=tags))
        claim.claim(tx, ClaimRequest(holder="w", lease_us=1, tags=tags))
    claim.claim(
        tx,
        ClaimRequest(holder="w", lease_us=1, instance_id="one", skip_interruption_waits=True),
    )


def _step(tx: Transaction) -> None:
    new = instances.create(
        tx,
        new_instance("three"),
        replace=True,
        claim=ClaimRequest(holder="w", lease_us=1),
    )
    assert new.claimed is not None
    move = Checkpoint(
        fence=new.claimed.fence, effect=Move("b", ""), result=result("l[0]/a"), prune=("l[0]/",)
    )
    report = ProgressReport(fence=new.claimed.fence, at="a", failures=0, path="a", attempt=1)
    claim.report(tx, [report])
    commit.commit(tx, [move, Checkpoint(fence=new.claimed.fence, effect=Move("c", ""))])


def _people(tx: Transaction) -> None:
    controls.send_event(tx, "one", "go", b"", None)
    controls.send_event(tx, "one", "go", b"", "s")
    controls.request_pause(tx, "one", None, None)
    controls.unpause(tx, "one")
    controls.request_cancel(tx, "one", None, None)
    delete(tx, "one")
    for name in (None, "w"):
        for state in (None, InstanceState.FAILED):
            old = Retention(older_than_us=0, limit=9, workflow_name=name, state=state)
            delete_finished(tx, old)


def _look(tx: Transaction) -> None:
    for status in (None, *StatusName):
        for name in (None, "w"):
            listing.page(tx, InstanceQuery(status=status, workflow_name=name))
        for labels in ((("a", "b"),), (("a", "b"), ("c", "d"))):
            listing.page(tx, InstanceQuery(status=status, labels=labels))
    inspecting.inspect(tx, "one")
    run = tx.run_of("one")
    listing.describe(tx, run)
    listing.results(tx, "one")
    load.count_results(tx, "one", "a")
    load.load(tx, Wanted(run=run.run, results=("a",), joins=("f",), events=(1,), input=True))


@pytest.mark.parametrize("verb", [_claim_all, _step, _people, _look])
def test_every_statement_finds_its_rows_by_an_index(
    recorder: Recorder, verb: Callable[[Transaction], None]
) -> None:
    for name in ("one", "two"):
        instances.create(recorder.tx, new_instance(name), replace=False, claim=None)
    verb(recorder.tx)
    assert recorder.plans
    found = scans(recorder)
    # Pages without a filter walk the instances from the newest on, and stop when they are full.
    walks = [step for statement, step in found if "limit 200" in statement]
    assert [each for each in found if each[1] not in walks] == []


def test_claims_sort_nothing(recorder: Recorder) -> None:
    """The order stands in the index, so that a claim costs what it takes, not what waits."""
    _claim_all(recorder.tx)
    instances.create(recorder.tx, new_instance("one"), replace=False, claim=None)
    _claim_all(recorder.tx)
    steps = [step for _, step in recorder.plans]
    assert not [step for step in steps if "TEMP B-TREE" in step]
    used = {word for step in steps for word in step.split() if word.startswith("work_item_")}
    assert used >= {"work_item_ready", "work_item_due", "work_item_ready_of_run"}


def claim_costs(waiting: int, request: ClaimRequest) -> int:
    """The instructions that SQLite executes for a claim beside so many items of others."""
    connection = open_private()
    root = instances.create(
        Transaction(connection, 1_000),
        new_instance("i"),
        replace=False,
        claim=ClaimRequest(holder="w", lease_us=10**9),
    ).claimed
    assert root is not None
    items = tuple(
        NewItem(index=index, path="", input="", tags=("gpu",), priority=1)
        for index in range(waiting)
    )
    arms = (*items, NewItem(index=waiting, path="mine", input="", priority=5))
    spawn = Checkpoint(
        fence=root.fence, effect=Spawn(path="f", input="", items=arms, total=len(arms))
    )
    commit.commit(Transaction(connection, 1_000), [spawn])
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(step, 1)
    answer = claim.claim(Transaction(connection, 2_000), request)
    connection.close()
    assert [item.path for item in answer.items] == ["mine"]
    return steps


@pytest.mark.parametrize("filters", [{}, {"instance_id": "i"}, {"definitions": ["hash"]}])
def test_a_claim_never_goes_past_what_it_may_not_have(filters: dict[str, Any]) -> None:
    """However many items before its own ask for what the worker can't do."""
    request = ClaimRequest(holder="v", lease_us=1_000, limit=10, tags=frozenset({"eu"}), **filters)
    assert claim_costs(3_000, request) <= claim_costs(10, request) + 200
