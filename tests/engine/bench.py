"""What the engine's tests are written with: a runner on a moved clock, and short words."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sayiir.client import AsyncWorkflowClient
from sayiir.errors import StoreUnavailable
from sayiir.runner import AsyncCheckpointingRunner
from sayiir.status import AwaitingSignal, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.status import WorkflowStatus
    from sayiir.stores.protocols import Store
    from sayiir.testing.clock import MovedClock
    from sayiir.workflow import Workflow

LEASE_OVER_SECONDS = 60.0


class Bench:
    """One store with a runner and a client; more of either on request."""

    def __init__(self, store: Store, clock: MovedClock) -> None:
        self.store = store
        self.clock = clock
        self._runners: list[AsyncCheckpointingRunner] = []
        self.runner = self.new_runner()
        self.client = AsyncWorkflowClient(store)

    def new_runner(self, store: Any = None, **options: Any) -> AsyncCheckpointingRunner:
        """A runner as another process would have it."""
        runner = AsyncCheckpointingRunner(store or self.store, clock=self.clock, **options)
        self._runners.append(runner)
        return runner

    async def close(self) -> None:
        """Let all threads go."""
        for runner in self._runners:
            await runner.close()

    async def run(self, workflow: Workflow[Any, Any], value: Any, name: str = "i") -> Any:
        """Create the instance, and run it to its end; time passes as it is needed."""
        status = await self.runner.run(workflow, name, value)
        return await self.to_end(workflow, status, name)

    async def to_end(
        self, workflow: Workflow[Any, Any], status: WorkflowStatus[Any], name: str = "i"
    ) -> Any:
        """Move the clock to whatever falls due next, until the instance has ended."""
        for _ in range(1000):
            match status:
                case Waiting(wake_at=wake_at) | AwaitingSignal(wake_at=wake_at) if wake_at:
                    assert wake_at.timestamp() * 1e6 > self.clock.now_us() - 1
                    self.clock.set(wake_at)
                case _:
                    return status
            status = await self.runner.resume(workflow, name)
        raise AssertionError(f"no end in sight: {status}")

    async def paths(self, name: str = "i") -> list[str]:
        """The paths of all stored results, in the order they were committed."""
        entries = await self.store.results(name)
        return [entry.path for entry in entries if entry.output is not None]


class CrashingStore:
    """A store whose process dies at one of its writes: before it, or after it unanswered.

    Args:
        store: what is written to.
        at: the number of the commit that is the last one, from 1.
        written: whether that commit still reaches the store.
    """

    def __init__(self, store: Store, at: int, *, written: bool) -> None:
        self._store = store
        self._at = at
        self._written = written
        self.commits = 0
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not asyncio.iscoroutinefunction(method):
            return method

        async def call(*args: Any, **kwargs: Any) -> Any:
            if self.dead:
                raise StoreUnavailable("the process is dead")
            if name == "commit":
                self.commits += 1
                if self.commits == self._at:
                    self.dead = True
                    if self._written:
                        await method(*args, **kwargs)
                    raise StoreUnavailable("the process died")
            return await method(*args, **kwargs)

        return call


async def eventually(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    """Wait in real time until the condition holds: for what threads do."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)
