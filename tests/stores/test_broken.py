"""The contract notices mistakes: stores with one each, and how many of them it catches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sayiir.stores.memory import MemoryStore
from sayiir.testing.contract import StoreContract
from tests.stores import mistakes_of_asking, mistakes_of_looking, mistakes_of_work

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.clock import Clock
    from sayiir.stores.protocols import Store

MISTAKES = (
    *mistakes_of_work.MISTAKES,
    *mistakes_of_asking.MISTAKES,
    *mistakes_of_looking.MISTAKES,
)


class Memory(StoreContract):
    async def make_store(self, clock: Clock) -> Store:
        return MemoryStore(clock)


def first_failing_case() -> str | None:
    """The first case that the memory store, as it is now, doesn't pass."""
    contract = Memory()
    for name in contract.case_names():
        try:
            getattr(contract, name)()
        except Exception:  # whatever a broken store raises tells that it is broken
            return name
    return None


def test_the_contract_catches_broken_stores(report_figure: Callable[[str], None]) -> None:
    """At least 95 of 100 mistakes fail at least one case; the store without any fails none."""
    assert first_failing_case() is None
    missed: list[str] = []
    for mistake in MISTAKES:
        with pytest.MonkeyPatch.context() as monkeypatch:
            mistake.make(monkeypatch)
            if first_failing_case() is None:
                missed.append(mistake.what)
    caught = len(MISTAKES) - len(missed)
    report_figure(f"broken memory stores caught: {caught} of {len(MISTAKES)}")
    assert caught >= 0.95 * len(MISTAKES), f"not caught: {missed}"
