"""The portal of a blocking object: a thread with an event loop, and the way into it."""

from __future__ import annotations

import asyncio
import os
import threading
import warnings
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

from sayiir.errors import BlockingCallInLoop, StoreError, StoreUnavailable
from sayiir.loops import OwnLoop

__all__ = ["Portal"]

P = ParamSpec("P")
T = TypeVar("T")

_CLEAN_UP_SECONDS = 10.0
"""How long what is cancelled may take to clean up: a call to give its leases back, or a task
that still runs when the portal is closed."""


_SIGNAL_SECONDS = 0.1
"""So late, at the latest, is a signal's handler called while a call is waited for."""


class _Exit:
    """A task asked the process to exit; that is for the thread that called."""

    __slots__ = ("error",)

    def __init__(self, error: KeyboardInterrupt | SystemExit) -> None:
        self.error = error


class Portal:
    """A thread with an event loop, and the way into it.

    Args:
        owner: the blocking class, as users know it.
        clean_up_seconds: how long a call that was left (by Ctrl-C) is waited for.
    """

    def __init__(self, owner: str, clean_up_seconds: float = _CLEAN_UP_SECONDS) -> None:
        self._owner = owner
        self._clean_up_seconds = clean_up_seconds
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._process_id: int | None = None
        """Where the thread lives; None before it is started. A forked child has none of it."""

    def call(
        self, function: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The result of an async call in the portal's loop.

        An exception here (Ctrl-C above all) cancels the call and waits until it has let go of
        what it held.

        Raises:
            BlockingCallInLoop: called from the portal's own thread.
            StoreUnavailable: the owner was closed.
            StoreError: the thread was left behind in the process that this one was forked from.
        """
        if self._forked:
            raise StoreError(
                f"this {self._owner} was opened by process {self._process_id} and can't be used "
                f"in its forked child {os.getpid()}; open one there"
            )
        self._refuse_own_thread()
        loop = self._started()
        left = threading.Event()

        async def call() -> T | _Exit:
            try:
                return await function(*args, **kwargs)
            except (KeyboardInterrupt, SystemExit) as error:
                # Raised in the loop it would end the loop, and this portal with it.
                return _Exit(error)
            finally:
                left.set()

        future = asyncio.run_coroutine_threadsafe(call(), loop)
        try:
            outcome = _waited_for(future)
        except BaseException:
            if future.cancel():
                left.wait(self._clean_up_seconds)
            raise
        if isinstance(outcome, _Exit):
            raise outcome.error
        return outcome

    def _refuse_own_thread(self) -> None:
        if threading.current_thread() is self._thread:
            raise BlockingCallInLoop(
                f"{self._owner} was called from its own event loop and would wait for itself; "
                f"use Async{self._owner} there, or make the task a sync function"
            )

    @property
    def _forked(self) -> bool:
        """Whether the thread, and perhaps who held the lock, stayed in a parent process."""
        return self._process_id not in (None, os.getpid())

    def _started(self) -> asyncio.AbstractEventLoop:
        # Before the lock: whoever is forked while it is held must not wait for it.
        self._process_id = os.getpid()
        with self._lock:
            if self._closed:
                raise StoreUnavailable(f"this {self._owner} has been closed")
            if self._loop is None:
                started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
                # A daemon: a program that ends without close() ends, and doesn't wait for it.
                self._thread = threading.Thread(
                    target=_run_loop, args=(started,), name=f"sayiir-{self._owner}", daemon=True
                )
                self._thread.start()
                self._loop, self._stopping = started.result()
            return self._loop

    def close(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a last call and end the thread. Idempotent; nothing in a forked child.

        Raises:
            BlockingCallInLoop: called from the portal's own thread; nothing is closed.
        """
        if self._closed or self._forked:
            return
        self._refuse_own_thread()
        try:
            if self._loop is not None:
                self.call(function)
        finally:
            with self._lock:
                self._closed = True
                loop, self._loop = self._loop, None
            if loop is not None and self._stopping is not None and self._thread is not None:
                loop.call_soon_threadsafe(self._stopping.set)
                self._thread.join(self._clean_up_seconds)
                if self._thread.is_alive():
                    warnings.warn(
                        f"{self._owner} is closed, but a task in its event loop has not ended "
                        f"{self._clean_up_seconds:g} s after it was cancelled; it is left behind",
                        RuntimeWarning,
                        stacklevel=3,
                    )


def _waited_for(future: Future[T]) -> T:
    """The call's result. A signal that comes just before a wait begins is only seen after it."""
    while True:
        try:
            return future.result(_SIGNAL_SECONDS)
        except TimeoutError:
            if future.done():  # now, or it is the call's own error
                return future.result()


def _run_loop(started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    """Run an event loop in this thread until it is told to stop, and close it."""

    async def serve() -> None:
        stopping = asyncio.Event()
        started.set_result((asyncio.get_running_loop(), stopping))
        await stopping.wait()

    with asyncio.Runner(loop_factory=OwnLoop) as runner:
        runner.run(serve())
