"""What runs on a Dask worker: each call in a process of its own below it, which can be killed."""

# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportUntypedBaseClass=false

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from distributed import WorkerPlugin, get_worker

from sayiir.executors.processes.pool import ProcessPool
from sayiir.executors.protocol import ProcessDied

if TYPE_CHECKING:
    from datetime import datetime

    from sayiir.executors.remote import SentCall
    from sayiir.executors.wire import Kind

__all__ = ["READY", "CallsPlugin", "let_go", "perform", "stop"]

READY = 0
"""What a worker tells before a call begins; everything else it tells is a ``Kind``."""

GO_SECONDS: Final = 30.0
"""How long a call waits for its go: whoever asked for it may have died meanwhile."""


class CallsPlugin(WorkerPlugin):  # type: ignore[misc, unused-ignore]
    """Keeps a pool of processes on the worker, as many as it has threads.

    Attributes:
        name: also the topic of what calls tell.
        waiting: calls that wait for their go, by key; its result is the attempt's deadline.
        running: the asyncio tasks that perform calls, by key.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.waiting: dict[str, asyncio.Future[datetime | None]] = {}
        self.running: dict[str, asyncio.Task[Any]] = {}
        self.pool: ProcessPool | None = None

    def setup(self, worker: Any) -> None:
        """Dask has the plugin on a worker now."""
        self.pool = ProcessPool(max_workers=worker.state.nthreads)

    async def teardown(self, worker: Any) -> None:
        """The plugin or the worker ends."""
        del worker
        if self.pool is not None:
            await self.pool.close()


def _plugin(worker: Any, name: str) -> CallsPlugin | None:
    found = worker.plugins.get(name)
    return found if isinstance(found, CallsPlugin) else None


async def perform(sent: SentCall, key: str, name: str) -> tuple[str, Any]:
    """The Dask task of a call: ("answer", kind and bytes), ("died", why and exit code).

    Its function is called when the client lets it go. So a call that Dask starts again by itself,
    because it lost the worker, isn't run twice in one attempt.
    """
    worker = get_worker()
    plugin = _plugin(worker, name)
    if plugin is None or plugin.pool is None:
        return "died", ("the Dask worker has lost its sayiir plugin", None)
    go: asyncio.Future[datetime | None] = asyncio.get_running_loop().create_future()
    plugin.waiting[key] = go
    task = asyncio.current_task()
    assert task is not None
    plugin.running[key] = task

    async def started() -> datetime | None:
        worker.log_event(name, (key, READY, worker.address))
        async with asyncio.timeout(GO_SECONDS):
            return await go

    try:

        def told(kind: Kind, body: bytes) -> None:
            worker.log_event(name, (key, int(kind), body))

        kind, body = await plugin.pool.perform(lambda: sent, started, told)
        return "answer", (int(kind), body)
    except ProcessDied as died:
        return "died", (str(died), died.exit_code)
    except TimeoutError:
        return "died", (f"nobody has let it begin within {GO_SECONDS:g} s", None)
    except asyncio.CancelledError:
        return "died", ("the call was stopped", None)
    finally:
        plugin.waiting.pop(key, None)
        plugin.running.pop(key, None)


async def let_go(key: str, name: str, deadline: datetime | None, dask_worker: Any) -> None:
    """Let a call begin that waits on this worker."""
    plugin = _plugin(dask_worker, name)
    go = plugin.waiting.get(key) if plugin is not None else None
    if go is not None and not go.done():
        go.set_result(deadline)


async def stop(key: str, name: str, dask_worker: Any) -> None:
    """Stop a call, if it is on this worker; returns when its process is gone."""
    plugin = _plugin(dask_worker, name)
    task = plugin.running.get(key) if plugin is not None else None
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
