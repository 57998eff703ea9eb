"""The memory store keeps the store contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.stores.memory import MemoryStore
from sayiir.testing.contract import StoreContract

if TYPE_CHECKING:
    from sayiir.clock import Clock
    from sayiir.stores.protocols import Store


class TestMemory(StoreContract):
    async def make_store(self, clock: Clock) -> Store:
        return MemoryStore(clock)
