"""The memory store: the reference model of the store contract, small enough to read.

Plain dictionaries, nothing kept beyond the process. What the other stores do in a transaction
happens here in one synchronous function under a lock, so nothing can come between. Read
``store`` for the verbs, ``rows`` for what is kept, ``tables`` for when an item is due, and
``commits`` and ``claims`` for what the verbs do.
"""

from __future__ import annotations

from sayiir.stores.memory.store import MemoryStore

__all__ = ["MemoryStore"]
