"""Creating instances, and their definitions."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final

from sayiir.errors import StoreError
from sayiir.stores.records import CreateAnswer
from sayiir.stores.relational import instances
from sayiir.stores.relational.codes import RUNNING
from sayiir.stores.relational.due import schedule
from sayiir.stores.relational.labels import encode_labels
from sayiir.stores.relational.moves import claimed
from sayiir.stores.relational.rows import Run
from sayiir.stores.sqlite.listing import describe

if TYPE_CHECKING:
    from sayiir.stores.records import ClaimRequest, NewInstance
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["create", "definition"]

_INSERT: Final = (
    "insert into instance (instance_id, run_id, definition, workflow_name, workflow_version, "
    "priority, timeout, deadline_at, created_at, labels, traceparent) "
    "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (instance_id) do nothing"
)
_ROOT: Final = (
    "run", "spawn_path", "idx", "queue", "path", "input", "prio", "phase", "ready_at", "rank",
    "due", "epoch", "holder", "process", "lease_until",
)  # fmt: skip
"""What a root has from the start; no item of a new run can be there already."""
_INSERT_ROOT: Final = (
    f"insert into work_item ({', '.join(_ROOT)}) values ({', '.join('?' * len(_ROOT))})"  # noqa: S608
)
_root_values = attrgetter(*_ROOT)


def create(
    tx: Transaction, new: NewInstance, *, replace: bool, claim: ClaimRequest | None
) -> CreateAnswer:
    """Create the instance and its root item, unless the id is taken."""
    run = _insert(tx, new)
    if run is None:
        before = instances.make_room(tx, new, replace=replace)
        if before is not None:
            return CreateAnswer(existing=describe(tx, before))
        run = _insert(tx, new)
        if run is None:
            raise StoreError(f"instance {new.instance_id!r} was removed and is still there")
    root = instances.root_of(tx, run, new, claim)
    schedule(run, root)
    tx.execute(_INSERT_ROOT, _root_values(root))
    tx.changed.add(run.run)
    return CreateAnswer(claimed=None if claim is None else claimed(tx, run, root))


def _insert(tx: Transaction, new: NewInstance) -> Run | None:
    """The new run, but for its root item; None: the id is taken."""
    number = _definition_number(tx, new)
    deadline_at = None if new.timeout_us is None else tx.now + new.timeout_us
    labels = encode_labels(new.labels)
    values = (
        new.instance_id,
        new.run_id,
        number,
        new.workflow_name,
        new.workflow_version,
        new.priority,
        new.timeout_us,
        deadline_at,
        tx.now,
        labels,
        new.traceparent,
    )
    inserted = tx.execute(_INSERT, values)
    if not inserted.rowcount:
        return None
    run = Run(
        run=inserted.lastrowid or 0,
        instance_id=new.instance_id,
        run_id=new.run_id,
        definition=number,
        workflow_name=new.workflow_name,
        workflow_version=new.workflow_version,
        state=RUNNING,
        control=0,
        reason=None,
        requested_by=None,
        priority=new.priority,
        timeout=new.timeout_us,
        deadline_at=deadline_at,
        created_at=tx.now,
        finished_at=None,
        parks=0,
        output=None,
        error=None,
        labels=labels,
        traceparent=new.traceparent,
        definition_hash=new.definition_hash,
    )
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
