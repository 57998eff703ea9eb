"""``DaskExecutor``: heavy tasks on a Dask cluster that the user has."""

# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false

from __future__ import annotations

import asyncio
import logging
import pickle
import threading
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

from sayiir.errors import SayiirError
from sayiir.executors.outcomes import error_from
from sayiir.executors.protocol import ProcessDied
from sayiir.executors.remote import sent_call
from sayiir.executors.shipping import ShippedFunctions
from sayiir.executors.wire import Kind, tell
from sayiir.logs import log_facts
from sayiir.printable import printable

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from distributed import Client

    from sayiir.executors.protocol import Call

__all__ = ["DaskExecutor"]

logger = logging.getLogger("sayiir.executors")

STOP_SECONDS: Final = 2.0
"""How long a cancelled call waits for the cluster to say that it is stopped."""


class DaskExecutor:
    """Runs calls on the workers of a Dask cluster: ``executors={"cluster": DaskExecutor(...)}``.

    The workers need sayiir, and the modules that tasks are in. Each call runs in a process below
    a Dask worker, so that it can be killed; a worker runs as many at once as it has threads. A
    call is made once: if its Dask worker is lost, it fails as ``TaskProcessDied``, and the
    task's own retries decide, not Dask's.

    Args:
        client_or_address: a ``distributed.Client``, or the scheduler's address.

    Raises:
        SayiirError: ``distributed`` isn't installed.
    """

    def __init__(self, client_or_address: Client | str) -> None:
        try:
            from distributed import Client
            from distributed.scheduler import KilledWorker
        except ImportError as error:
            raise SayiirError(
                "DaskExecutor needs the package distributed: pip install 'sayiir-py[dask]'"
            ) from error
        self._address = client_or_address if isinstance(client_or_address, str) else None
        self._client: Any = None if self._address else client_or_address
        self._client_class: Any = Client
        self._lost: type[Exception] = KilledWorker
        self._name = f"sayiir-{uuid.uuid4().hex}"
        self._functions = ShippedFunctions()
        self._calls: dict[str, _Running] = {}
        self._opening = threading.Lock()
        self._ready = False
        self._closed = False

    async def run(self, call: Call) -> Any:
        """The call's result, from wherever Dask puts it.

        Raises:
            ProcessDied: its process, or the Dask worker above it, is gone.
            PayloadError: function, arguments or result can't be pickled.
            SayiirError: the executor is closed.
            BaseException: what the function raised.
        """
        await asyncio.to_thread(self._open)
        level = logging.getLogger("sayiir.task").getEffectiveLevel()
        sent = sent_call(call, self._functions, level)
        key = f"{self._name}-{uuid.uuid4().hex}"
        running = self._calls[key] = _Running(call, asyncio.get_running_loop())
        try:
            answer = asyncio.wrap_future(self._on_client(self._submitted(key, sent)))
            outcome, facts = await _first_of(answer, running.lost)
            if running.lost.done():
                await self._stop(key, running)  # the second start waits over there for its go
        except BaseException:
            await self._stop(key, running)
            raise
        finally:
            del self._calls[key]
        if outcome == "died":
            raise ProcessDied(*facts)
        kind, body = facts
        if kind == Kind.ERROR:
            raise error_from(pickle.loads(body))  # noqa: S301  our own worker wrote it
        return pickle.loads(body)  # noqa: S301

    async def close(self) -> None:
        """Take the plugin off the workers; close the client if it was made here. Idempotent."""
        await asyncio.to_thread(self._close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # -- in a thread

    def _open(self) -> None:
        from sayiir.executors.dask_worker import CallsPlugin

        with self._opening:
            if self._closed:
                raise SayiirError("this DaskExecutor has been closed")
            if self._ready:
                return
            if self._client is None:
                self._client = self._client_class(self._address, set_as_default=False)
            self._on_client(self._prepared(CallsPlugin(self._name))).result()
            self._ready = True

    async def _prepared(self, plugin: Any) -> None:
        await self._client.register_plugin(plugin, self._name)
        self._client.subscribe_topic(self._name, self._told)

    def _close(self) -> None:
        with self._opening:
            if self._closed:
                return
            self._closed = True
            if self._ready:
                with suppress(OSError):  # the cluster has gone before us
                    self._on_client(self._taken_off()).result(STOP_SECONDS)
            if self._address is not None and self._client is not None:
                self._client.close()

    async def _taken_off(self) -> None:
        self._client.unsubscribe_topic(self._name)
        await self._client.unregister_worker_plugin(self._name)

    # -- in the client's loop

    def _on_client(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._client.loop.asyncio_loop)

    async def _submitted(self, key: str, sent: Any) -> tuple[str, Any]:
        from sayiir.executors.dask_worker import perform

        future = self._client.submit(perform, sent, key, self._name, key=key, pure=False)
        try:
            return await future  # type: ignore[no-any-return]
        except self._lost as error:
            return "died", (f"Dask lost the worker: {error}", None)
        finally:
            future.release()

    def _told(self, event: Any) -> None:
        key, kind, body = event[1]
        running = self._calls.get(key)
        if running is not None:  # else it is over already
            running.loop.call_soon_threadsafe(self._heard, key, running, kind, body)

    async def _let_go(self, key: str, running: _Running, address: str, deadline: Any) -> None:
        from sayiir.executors.dask_worker import let_go

        run = self._client.run
        await run(let_go, key, self._name, deadline, workers=[address], on_error="ignore")

    async def _stopped(self, key: str, address: str | None) -> bool:
        """Whether everybody who was asked has answered; all are, where nobody has begun it."""
        from sayiir.executors.dask_worker import stop

        workers = None if address is None else [address]
        run = self._client.run
        try:
            answers = await run(stop, key, self._name, workers=workers, on_error="return")
        except OSError:
            return False
        silent = address is not None and address not in answers
        return not silent and not any(isinstance(each, Exception) for each in answers.values())

    # -- in the loop of the call

    def _heard(self, key: str, running: _Running, kind: int, body: Any) -> None:
        from sayiir.executors.dask_worker import READY

        if kind != READY:
            tell(running.call, Kind(kind), body)
        elif running.address is None:
            running.address = body
            deadline = running.call.started()
            self._on_client(self._let_go(key, running, body, deadline))
        elif not running.lost.done():
            # Dask has begun it again by itself: it has lost the worker that it was on.
            why = f"the Dask worker {running.address} was lost while it ran this"
            running.address = body
            running.lost.set_result(("died", (why, None)))

    async def _stop(self, key: str, running: _Running) -> None:
        stopping = self._on_client(self._stopped(key, running.address))
        stopped = asyncio.wrap_future(stopping)
        with suppress(asyncio.CancelledError):
            await asyncio.wait([stopped], timeout=STOP_SECONDS)
        if not stopped.done() or stopped.cancelled() or stopped.exception() or not stopped.result():
            context, where = running.call.context, running.address or "the cluster's workers"
            logger.warning(
                "%r of instance %r may still run: %s did not confirm within %g s that it stopped",
                context.path,
                context.instance_id,
                printable(where),
                STOP_SECONDS,
                extra=log_facts(
                    instance_id=context.instance_id, path=context.path, attempt=context.attempt
                ),
            )


class _Running:
    """A call on its way. ``address``: the Dask worker that has begun it last."""

    def __init__(self, call: Call, loop: asyncio.AbstractEventLoop) -> None:
        self.call = call
        self.loop = loop
        self.address: str | None = None
        self.lost: asyncio.Future[tuple[str, Any]] = loop.create_future()


async def _first_of(
    answer: asyncio.Future[tuple[str, Any]], lost: asyncio.Future[tuple[str, Any]]
) -> tuple[str, Any]:
    """What comes first; the answer is given up where it doesn't."""
    try:
        await asyncio.wait((answer, lost), return_when=asyncio.FIRST_COMPLETED)
        return answer.result() if answer.done() else lost.result()
    finally:
        answer.cancel()
