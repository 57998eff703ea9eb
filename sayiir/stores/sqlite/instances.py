"""Creating instances, and their definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.errors import StoreError
from sayiir.stores.records import CreateAnswer
from sayiir.stores.relational import instances
from sayiir.stores.relational.labels import encode_labels
from sayiir.stores.sqlite.listing import describe

if TYPE_CHECKING:
    from sayiir.stores.records import ClaimRequest, NewInstance
    from sayiir.stores.relational.rows import Run
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["create", "definition"]


def create(
    tx: Transaction, new: NewInstance, *, replace: bool, claim: ClaimRequest | None
) -> CreateAnswer:
    """Create the instance and its root item, unless the id is taken."""
    before = instances.make_room(tx, new, replace=replace)
    if before is not None:
        return CreateAnswer(existing=describe(tx, before))
    return instances.begin(tx, _insert(tx, new), new, claim)


def _insert(tx: Transaction, new: NewInstance) -> Run:
    tx.execute(
        "insert into instance (instance_id, run_id, definition, workflow_name, workflow_version, "
        "priority, timeout, deadline_at, created_at, labels, traceparent) "
        "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new.instance_id,
            new.run_id,
            _definition_number(tx, new),
            new.workflow_name,
            new.workflow_version,
            new.priority,
            new.timeout_us,
            None if new.timeout_us is None else tx.now + new.timeout_us,
            tx.now,
            encode_labels(new.labels),
            new.traceparent,
        ),
    )
    run = tx.find_instance(new.instance_id)
    if run is None:
        raise StoreError(f"instance {new.instance_id!r} was inserted and isn't there")
    if new.labels:
        tx.executemany(
            "insert into label (name, value, run) values (?, ?, ?)",
            [(name, value, run.run) for name, value in dict(new.labels).items()],
        )
    tx.execute("insert into instance_input (run, body) values (?, ?)", (run.run, new.input))
    return run


def _definition_number(tx: Transaction, new: NewInstance) -> int:
    known = tx.execute(
        "select id from definition where hash = ?", (new.definition_hash,)
    ).fetchone()
    if known is not None:
        return int(known[0])
    added = tx.execute(
        "insert into definition (hash, body) values (?, ?)", (new.definition_hash, new.definition)
    )
    return added.lastrowid or 0


def definition(tx: Transaction, definition_hash: str) -> bytes | None:
    """The portable definition that was stored under this hash, or None."""
    row = tx.execute(
        "select cast(body as blob) from definition where hash = ?", (definition_hash,)
    ).fetchone()
    return None if row is None else bytes(row[0])
