"""Which work item, and the right to write for it."""

from __future__ import annotations

from sayiir.frozen import frozen

__all__ = ["ROOT", "Fence", "ItemKey"]


@frozen(order=True)
class ItemKey:
    """A work item within its run: the path of the node that spawned it, and its index there.

    The root is ``ItemKey("", 0)``; the second arm of ``fork`` is ``ItemKey("fork", 1)``. All
    items below an item have a ``spawn_path`` that begins with that item's strand and ``/``.
    """

    spawn_path: str = ""
    index: int = 0


ROOT = ItemKey()


@frozen
class Fence:
    """The right to write: this run, this item, this lease. Epochs of an item only grow.

    ``run`` is the store's own number for a run (one creation of an instance), never reused.
    """

    run: int
    item: ItemKey
    epoch: int
