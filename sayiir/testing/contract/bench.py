"""What the contract's cases are written with: one store, one moved clock, short words."""

from __future__ import annotations

import asyncio
import struct
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from sayiir.stores.records import (
    Answer,
    Await,
    Checkpoint,
    ClaimAnswer,
    Claimed,
    ClaimRequest,
    CreateAnswer,
    Effect,
    End,
    Fence,
    InstanceQuery,
    InstanceRecord,
    InstanceState,
    NewInstance,
    NewItem,
    ParkedItem,
    Result,
    Spawn,
    StatusName,
    Wanted,
)
from sayiir.testing.clock import MovedClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from sayiir.clock import Clock
    from sayiir.stores.protocols import Store

__all__ = ["SECOND_US", "Bench", "Maker", "case", "equal", "expect", "raises", "result"]

SECOND_US = 1_000_000
_TEMPLATE = NewInstance(
    instance_id="i",
    run_id="run-of-i",
    workflow_name="orders",
    workflow_version="1",
    definition_hash="hash-1",
    definition=b"definition-1",
    input=b"input",
    root_path="a",
    root_input="input-of-a",
)


class Maker(ABC):
    """Whoever can make the store that the cases run on."""

    @abstractmethod
    async def make_store(self, clock: Clock) -> Store:
        """A new, empty store that takes its time from ``clock``. Every author writes this.

        Args:
            clock: stands still until a case moves it, forwards or backwards.
        """


Contract = TypeVar("Contract", bound=Maker)


def case(
    function: Callable[[Contract, Bench], Coroutine[None, None, None]],
) -> Callable[[Contract], None]:
    """Make the coroutine function a plain test method with a store and a loop of its own.

    So the cases run under pytest and unittest alike, without a plugin for either.
    """

    def test(self: Contract) -> None:
        asyncio.run(_run(self, function))

    # Not functools.wraps: pytest would look through it and ask for a fixture named "bench".
    test.__name__, test.__qualname__ = function.__name__, function.__qualname__
    test.__doc__, test.__module__ = function.__doc__, function.__module__
    return test


async def _run(
    contract: Contract, function: Callable[[Contract, Bench], Coroutine[None, None, None]]
) -> None:
    clock = MovedClock()
    store = await contract.make_store(clock)
    try:
        await function(contract, Bench(store, clock))
    finally:
        await store.close()


# -- expectations


def expect(condition: object, what: str) -> None:
    """Fail the case with ``what`` unless the condition holds."""
    if not condition:
        raise AssertionError(what)


def equal(found: object, wanted: object, what: str = "") -> None:
    """Fail the case unless both are equal."""
    if found != wanted:
        raise AssertionError(f"{what or 'value'}: found {found!r}, wanted {wanted!r}")


async def raises(kind: type[BaseException], awaitable: Awaitable[object]) -> None:
    """Fail the case unless awaiting raises an exception of this kind."""
    try:
        found = await awaitable
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was not raised; the answer was {found!r}")


def result(
    path: str,
    output: bytes = b"out",
    *,
    node_path: str | None = None,
    numbers: tuple[int, ...] = (),
) -> Result:
    """A result at ``path``; ``numbers``: its loop and map numbers, outermost first."""
    ordinal = struct.pack(f">{len(numbers)}I", *numbers)
    return Result(path=path, node_path=node_path or path, ordinal=ordinal, output=output)


# -- the bench


@dataclass(frozen=True, slots=True)
class Bench:
    """One store and its clock, and what cases do with them."""

    store: Store
    clock: MovedClock

    def later(self, seconds: float) -> None:
        """Let time pass (or run backwards)."""
        self.clock.shift(seconds)

    @property
    def now_us(self) -> int:
        """The store's time."""
        return self.clock.now_us()

    # -- instances

    async def create(
        self,
        instance_id: str = "i",
        *,
        over: bool = False,
        claim: ClaimRequest | None = None,
        **changes: Any,
    ) -> CreateAnswer:
        """Create an instance; ``changes`` are fields of ``NewInstance``."""
        named = {"instance_id": instance_id, "run_id": f"run-of-{instance_id}"} | changes
        return await self.store.create(replace(_TEMPLATE, **named), replace=over, claim=claim)

    async def start(
        self, instance_id: str = "i", *, holder: str = "w", lease: float = 30.0, **changes: Any
    ) -> Claimed:
        """Create an instance and claim its root."""
        request = ClaimRequest(holder=holder, lease_us=round(lease * SECOND_US))
        answer = await self.create(instance_id, claim=request, **changes)
        if answer.claimed is None:
            raise AssertionError(f"create did not claim the root: {answer!r}")
        return answer.claimed

    async def record(self, instance_id: str = "i") -> InstanceRecord:
        """The instance, which must exist."""
        found = await self.store.describe(instance_id)
        if found is None:
            raise AssertionError(f"there is no instance {instance_id!r}")
        return found

    async def expect_state(self, state: InstanceState, instance_id: str = "i") -> None:
        """Fail the case unless the instance is in this state."""
        equal((await self.record(instance_id)).state, state, "state of the instance")

    async def expect_no_status(self, *statuses: StatusName) -> None:
        """Fail the case if an instance has one of these statuses."""
        for status in statuses:
            page = await self.store.page(InstanceQuery(status=status))
            equal([each.instance_id for each in page.records], [], f"instances {status.value}")

    async def parked(self, instance_id: str = "i") -> list[ParkedItem]:
        """What of the instance waits."""
        return list((await self.record(instance_id)).parked)

    # -- claims

    async def ask(
        self, *, limit: int = 100, holder: str = "w", lease: float = 30.0, **filters: Any
    ) -> ClaimAnswer:
        """Claim; ``filters`` are fields of ``ClaimRequest``."""
        lease_us = round(lease * SECOND_US)
        request = ClaimRequest(holder=holder, lease_us=lease_us, limit=limit, **filters)
        return await self.store.claim(request)

    async def claim(self, **how: Any) -> list[Claimed]:
        """Claim all that is due."""
        return list((await self.ask(**how)).items)

    async def claim_one(self, **how: Any) -> Claimed:
        """Claim; exactly one must be due."""
        claimed = await self.claim(**how)
        if len(claimed) != 1:
            raise AssertionError(f"wanted one item due, found {[each.path for each in claimed]}")
        return claimed[0]

    async def expect_idle(self, **how: Any) -> None:
        """Fail the case if anything is due."""
        equal([each.path for each in await self.claim(**how)], [], "items due")

    # -- checkpoints

    async def write(
        self,
        by: Claimed | Fence,
        effect: Effect,
        *,
        result: Result | None = None,
        prune: tuple[str, ...] = (),
    ) -> Answer:
        """Commit one checkpoint."""
        fence = by.fence if isinstance(by, Claimed) else by
        checkpoint = Checkpoint(fence=fence, effect=effect, result=result, prune=prune)
        answers = await self.store.commit([checkpoint])
        equal(len(answers), 1, "number of answers")
        return answers[0]

    async def commit(
        self,
        by: Claimed | Fence,
        effect: Effect,
        *,
        result: Result | None = None,
        prune: tuple[str, ...] = (),
    ) -> Answer:
        """Commit one checkpoint, which must be accepted."""
        answer = await self.write(by, effect, result=result, prune=prune)
        expect(answer.accepted, f"{effect!r} was refused")
        return answer

    async def expect_stale(self, by: Claimed | Fence) -> None:
        """Fail the case unless a write and a renewal by this fence are refused."""
        fence = by.fence if isinstance(by, Claimed) else by
        path = f"stale/{fence.epoch}"
        answer = await self.write(by, End(output="stale"), result=result(path))
        expect(not answer.accepted, "a stale checkpoint was accepted")
        expect(not answer.claimed, "a stale checkpoint claimed something")
        [loaded] = await self.store.load([Wanted(run=fence.run, results=(path,))])
        equal(loaded.results, {}, "results of a stale checkpoint")
        [state] = await self.store.renew([fence], SECOND_US)
        expect(not state.held, "a stale fence was renewed")

    async def spawn(
        self,
        by: Claimed | Fence,
        count: int,
        *,
        path: str = "f",
        first: int = 0,
        total: int | None = None,
        limit: int | None = None,
        keep: int = 0,
    ) -> Answer:
        """Create ``count`` arms from index ``first`` on; arm 2 of ``f`` begins at ``f[2]/t``."""
        items = tuple(
            NewItem(
                index=index,
                path=f"{path}[{index}]/t",
                input=f"input-{index}",
                element=b"%d" % index,
            )
            for index in range(first, first + count)
        )
        whole = count if total is None else total
        effect = Spawn(path=path, input="join", items=items, total=whole, limit=limit, keep=keep)
        return await self.commit(by, effect)

    async def wait_for(
        self,
        by: Claimed | Fence,
        name: str = "go",
        *,
        path: str = "s",
        timeout: float | None = None,  # noqa: ASYNC109 - the wait's own, in the store
    ) -> Answer:
        """Begin to wait for a signal."""
        timeout_us = None if timeout is None else round(timeout * SECOND_US)
        effect = Await(path=path, input="input", signal_name=name, timeout_us=timeout_us)
        return await self.commit(by, effect)

    async def join(self, run: int, path: str = "f") -> list[tuple[int, str | None, bytes | None]]:
        """How the arms at this spawn path have ended, as index, output, error."""
        [loaded] = await self.store.load([Wanted(run=run, joins=(path,))])
        ends = loaded.joins.get(path, ())
        return [(each.index, each.output, each.error) for each in ends]
