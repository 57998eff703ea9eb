"""Creating and deleting instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.errors import InvalidTransition
from sayiir.stores.records import CreateAnswer
from sayiir.stores.relational.codes import READY, RUNNING, STATES
from sayiir.stores.relational.moves import Keeper, claimed, hold, remove_run
from sayiir.stores.relational.rows import Item

if TYPE_CHECKING:
    from sayiir.stores.records import ClaimRequest, NewInstance
    from sayiir.stores.relational.protocol import Rows
    from sayiir.stores.relational.rows import Run

__all__ = ["begin", "delete", "make_room", "root_of"]


def make_room(rows: Rows, new: NewInstance, *, replace: bool) -> Run | None:
    """Remove the run that has the id, where it is to be replaced; else the run that stays."""
    before = rows.find_instance(new.instance_id)
    if before is None:
        return None
    if not replace or before.definition_hash != new.definition_hash:
        return before
    remove_run(rows, before)
    return None


def begin(rows: Rows, run: Run, new: NewInstance, claim: ClaimRequest | None) -> CreateAnswer:
    """Insert the root item of an instance whose row was inserted."""
    root = root_of(rows, run, new, claim)
    rows.insert(run, [root])
    return CreateAnswer(claimed=None if claim is None else claimed(rows, run, root))


def root_of(rows: Rows, run: Run, new: NewInstance, claim: ClaimRequest | None) -> Item:
    """The root item of a new instance; it is still to be filed and inserted."""
    root = Item(
        run=run.run,
        spawn_path="",
        idx=0,
        parent_spawn_path=None,
        parent_idx=None,
        queue=rows.queue_of(run, new.root_tags),
        path=new.root_path,
        input=new.root_input,
        prio=new.root_priority or new.priority,
        phase=READY,
        ready_at=rows.now,
    )
    if claim is not None:
        hold(rows, root, Keeper(claim.holder, rows.now + claim.lease_us))
    return root


def delete(rows: Rows, instance_id: str) -> None:
    """Remove a finished instance with all that belongs to it."""
    run = rows.run_of(instance_id)
    if run.state == RUNNING:
        raise InvalidTransition(instance_id, "delete", STATES[run.state].value)
    remove_run(rows, run)
