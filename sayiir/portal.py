"""The portal of a blocking object: a thread with an event loop, and the way into it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from sayiir.errors import BlockingCallInLoop, StoreUnavailable

__all__ = ["Portal"]

P = ParamSpec("P")
T = TypeVar("T")

_CLEAN_UP_SECONDS = 10.0
"""How long an interrupted call may take to give its leases back."""


class Portal:
    """A thread with an event loop, and the way into it."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._running: AbstractContextManager[BlockingPortal] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread_id: int | None = None
        self._lock = threading.Lock()
        self._closed = False

    def call(
        self, function: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The result of an async call in the portal's loop.

        An exception here (Ctrl-C above all) cancels the call and waits until it has let go of
        what it held.

        Raises:
            BlockingCallInLoop: called from the portal's own thread.
            StoreUnavailable: the owner was closed.
        """
        loop = self._started()
        if threading.get_ident() == self._thread_id:
            raise BlockingCallInLoop(
                f"{self._owner} was called from its own event loop and would wait for itself; "
                f"use Async{self._owner} there, or make the task a sync function"
            )
        left = threading.Event()

        async def call() -> T:
            try:
                return await function(*args, **kwargs)
            finally:
                left.set()

        # Not through the portal's own call: its cancel scope would cancel the clean-up as well.
        future = asyncio.run_coroutine_threadsafe(call(), loop)
        try:
            return future.result()
        except BaseException:
            if future.cancel():
                left.wait(_CLEAN_UP_SECONDS)
            raise

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise StoreUnavailable(f"this {self._owner} has been closed")
            if self._loop is None:
                self._running = start_blocking_portal("asyncio", name=f"sayiir-{self._owner}")
                portal = self._running.__enter__()
                self._loop = portal.call(asyncio.get_running_loop)
                self._thread_id = portal.call(threading.get_ident)
            return self._loop

    def close(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a last call and end the thread. Idempotent."""
        if self._closed:
            return
        if self._loop is not None:
            self.call(function)
        with self._lock:
            self._closed = True
            running, self._running, self._loop = self._running, None, None
        if running is not None:
            running.__exit__(None, None, None)
