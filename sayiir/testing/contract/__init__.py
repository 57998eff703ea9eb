"""The contract of a store as test cases, for authors of stores.

Derive a test class, say how a store is made, and run it with pytest or unittest. Every case
makes a store of its own, so ``make_store`` must give an empty one each time.

    class TestMemory(StoreContract):
        async def make_store(self, clock: Clock) -> Store:
            return MemoryStore(clock)

The text of the contract is in ``docs/reference/stores.md``.
"""

from __future__ import annotations

from sayiir.testing.contract.arms import ArmCases
from sayiir.testing.contract.bench import Bench
from sayiir.testing.contract.cancelling import CancelCases
from sayiir.testing.contract.checkpoints import CheckpointCases
from sayiir.testing.contract.claims import ClaimCases
from sayiir.testing.contract.deadlines import DeadlineCases
from sayiir.testing.contract.failures import FailureCases
from sayiir.testing.contract.instances import InstanceCases
from sayiir.testing.contract.leases import LeaseCases
from sayiir.testing.contract.looking import LookCases
from sayiir.testing.contract.pausing import PauseCases
from sayiir.testing.contract.presence import PresenceCases
from sayiir.testing.contract.signals import SignalCases
from sayiir.testing.contract.sweeping import SweepCases
from sayiir.testing.contract.tags import TagCases
from sayiir.testing.contract.watching import WatchCases

__all__ = ["Bench", "StoreContract"]


class StoreContract(
    InstanceCases,
    ClaimCases,
    LeaseCases,
    CheckpointCases,
    ArmCases,
    FailureCases,
    DeadlineCases,
    SignalCases,
    CancelCases,
    PauseCases,
    WatchCases,
    LookCases,
    SweepCases,
    TagCases,
    PresenceCases,
):
    """What every store does. Each method that begins with ``test_`` holds one property.

    >>> from sayiir.stores.memory import MemoryStore
    >>> class TestMemory(StoreContract):
    ...     async def make_store(self, clock):
    ...         return MemoryStore(clock)
    >>> len(TestMemory.case_names()) > 100
    True
    """

    @classmethod
    def case_names(cls) -> tuple[str, ...]:
        """The names of all cases, sorted."""
        return tuple(sorted(name for name in dir(cls) if name.startswith("test_")))
