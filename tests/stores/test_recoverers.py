"""Scorecard 8: many recover the same instances at one instant, beside ones that just begin."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sayiir import open_store
from sayiir.stores.records import Checkpoint, Claimed, ClaimRequest, End, Result
from tests.stores.sqlite_child import new_instance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sayiir.stores.protocols import Store
    from sayiir.stores.records import NewInstance

AT_ONCE = 10
PROCESSES = 4
MINUTE_US = 60_000_000


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that several share."""
    if request.param == "postgres":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return f"sqlite:///{tmp_path}/recoverers.db"


@pytest.mark.timeout(3_600)  # at the nightly figure
def test_each_lost_instance_and_each_fresh_one_has_one_owner(
    url: str, repetitions: Callable[[int, int], int], report_figure: Callable[[str], None]
) -> None:
    """Lost ones are claimed by name and by whoever sweeps; fresh ones are begun by two at once.

    One in three of the lost ones is replaced at that moment: then the new run alone counts.
    """
    rounds = repetitions(1_000, 10_000)

    async def run() -> int:
        stores = [await open_store(url) for _ in range(PROCESSES)]
        doubles = 0
        for number in range(rounds // AT_ONCE):
            doubles += await _Instant(stores, number).doubles()
        for store in stores:
            await store.close()
        return doubles

    doubles = asyncio.run(run())
    report_figure(f"doubles {doubles} of {rounds:,} rounds, {PROCESSES} recoverers and more")
    assert doubles == 0


class _Instant:
    """Some instances whose holder is lost, some that don't exist yet, and everybody at once."""

    def __init__(self, stores: list[Store], number: int) -> None:
        self._stores = stores
        self._dice = random.Random(number)
        self._lost = [f"lost{number}-{each}" for each in range(AT_ONCE)]
        self._fresh = [f"fresh{number}-{each}" for each in range(AT_ONCE)]
        self._replaced = self._lost[::3]

    async def doubles(self) -> int:
        """How many instances had two owners; fails if one has none."""
        lapsed = ClaimRequest(holder="lost", lease_us=0)
        for name in self._lost:
            await self._store.create(_new(name, "first"), claim=lapsed)
        owned = await self._all_at_once()
        accepted, named = Counter[str](), set[str]()
        for each in owned:
            # Each in a transaction of its own, as the processes they are.
            told = Result(path="a", node_path="a", ordinal=b"", output=each.run_id.encode())
            ending = Checkpoint(fence=each.fence, effect=End(output="r"), result=told)
            [answer] = await self._store.commit([ending])
            accepted[each.instance_id] += answer.accepted
            named.add(each.instance_id)
        # Sweepers may have looked away while an item was being written: then it is still due.
        rest = await self._store.claim(self._claim(limit=2 * AT_ONCE))
        assert not {each.instance_id for each in rest.items} & named
        for each in rest.items:
            await self._store.commit([Checkpoint(fence=each.fence, effect=End(output="r"))])
            accepted[each.instance_id] += 1
        assert set(accepted) == {*self._lost, *self._fresh}
        fences = Counter((each.fence.run, each.fence.epoch) for each in owned)
        twice = sum(count - 1 for count in fences.values())
        for name in (*self._lost, *self._fresh):
            [result] = await self._store.results(name) or [None]
            if name in self._replaced and result is not None:
                assert b"replacing" in result.output
        return twice + sum(count - 1 for count in accepted.values())

    @property
    def _store(self) -> Store:
        return self._dice.choice(self._stores)

    def _claim(self, *, limit: int = 1, name: str | None = None) -> ClaimRequest:
        holder = f"w{self._dice.random()}"
        return ClaimRequest(holder=holder, lease_us=MINUTE_US, limit=limit, instance_id=name)

    async def _all_at_once(self) -> list[Claimed]:
        async def claim(store: Store, request: ClaimRequest) -> tuple[Claimed, ...]:
            return (await store.claim(request)).items

        async def create(store: Store, name: str, *, replacing: bool) -> tuple[Claimed, ...]:
            new = _new(name, f"replacing{self._dice.random()}" if replacing else "fresh")
            answer = await store.create(new, replace=replacing, claim=self._claim())
            return (answer.claimed,) if answer.claimed else ()

        calls = [
            *(claim(store, self._claim(limit=2 * AT_ONCE)) for store in self._stores),
            *(claim(self._store, self._claim(name=name)) for name in self._lost),
            *(create(self._store, name, replacing=True) for name in self._replaced),
            *(create(self._store, name, replacing=False) for name in self._fresh * 2),
        ]
        self._dice.shuffle(calls)
        return [each for items in await asyncio.gather(*calls) for each in items]


def _new(name: str, run: str) -> NewInstance:
    return replace(new_instance(name), run_id=f"{run}-{name}")
