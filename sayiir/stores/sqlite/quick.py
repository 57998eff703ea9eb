"""The checkpoints that make up most of all, in one statement each.

An item that keeps its lease moves on; a root ends; an arm ends and others are open. The statement
finds its row by the fence and checks all that the quick way asks for, so nothing is read
before. Where it changes no row, the long way in ``commit`` finds out why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.stores.records import Answer, Checkpoint, End, Fence, InstanceState, Move
from sayiir.stores.relational.codes import ENDED, READY, RUNNING, STATE_CODES
from sayiir.stores.sqlite.ends import end_arm
from sayiir.stores.sqlite.transaction import encode_tags

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from sayiir.stores.sqlite.ends import Parents
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["DONE", "quick_way", "step"]

DONE: Final = Answer()
"""Written, and nothing to be told."""

# The step of an item that is READY and keeps its lease: most checkpoints by far. It finds its
# row by the fence, so nothing has to be read before, and it touches no index. An item that
# waited, spawned or changes its priority or tags has more to do, and takes the long way.
_STEP: Final = f"""
update work_item set path = ?1, input = ?2, interruptions = 0,
    failures = case when path = ?1 then failures else 0 end,
    interruptions_ever = case when path = ?1 then interruptions_ever else 0 end,
    error = case when path = ?1 then error end,
    failed = case when path = ?1 then failed else 0 end
where run = ?3 and spawn_path = ?4 and idx = ?5 and epoch = ?6
    and holder is not null and phase = {READY}
    and total is null and signal_name is null and event_id is null
    and (select tags from queue where queue.id = work_item.queue) = ?8
    and (
        select state = {RUNNING} and control = 0 and coalesce(?7, priority) = prio
        from instance where instance.run = ?3
    )
"""  # noqa: S608 - numbers of our own

# A root that ends while none of its arms is open, and its instance with it.
_END_ROOT: Final = f"""
update work_item set phase = {ENDED}, holder = null, process = null, rank = null, due = null,
    wait_until = null, failures = 0, interruptions = 0, interruptions_ever = 0, failed = 0,
    output = ?1, error = null, error_at = ?2
where run = ?3 and spawn_path = '' and idx = 0 and epoch = ?4 and holder is not null
    and pending = 0
    and (select state = {RUNNING} and control = 0 from instance where instance.run = ?3)
"""  # noqa: S608 - numbers of our own
_COMPLETE: Final = (
    f"update instance set state = {STATE_CODES[InstanceState.COMPLETED]}, finished_at = ?, "  # noqa: S608
    "output = ? where run = ?"
)


def quick_way(tx: Transaction, checkpoint: Checkpoint, parents: Parents) -> Answer | None:
    """Write the checkpoint in one statement, or give None and write nothing."""
    if checkpoint.prune:
        return None
    effect, fence = checkpoint.effect, checkpoint.fence
    if isinstance(effect, Move):
        if effect.hand_over:
            return None
        done = step(tx.execute, fence, effect)
    elif isinstance(effect, End):
        arm = bool(fence.item.spawn_path)
        done = end_arm(tx, fence, effect, parents) if arm else _end_root(tx, fence, effect)
    else:
        return None
    if not done:
        return None
    tx.forget_item(fence.run, fence.item)
    if checkpoint.result is not None:
        tx.add_result(fence.run, checkpoint.result)
    return DONE


def step(execute: Callable[..., sqlite3.Cursor], fence: Fence, move: Move) -> bool:
    """Move an item on that keeps its lease; False: it is none that can, and is as it was."""
    item = fence.item
    stepped = execute(
        _STEP,
        (
            move.path,
            move.input,
            fence.run,
            item.spawn_path,
            item.index,
            fence.epoch,
            move.priority,
            encode_tags(move.tags) if move.tags else "[]",
        ),
    )
    return stepped.rowcount > 0


def _end_root(tx: Transaction, fence: Fence, end: End) -> bool:
    ended = tx.execute(_END_ROOT, (end.output, tx.now, fence.run, fence.epoch))
    if not ended.rowcount:
        return False
    tx.execute(_COMPLETE, (tx.now, end.output, fence.run))
    tx.forget_instance(fence.run)
    tx.changed.add(fence.run)
    return True
