"""A worker process, seen from its parent: started, called, killed."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
import socket
import subprocess
import time
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sayiir.executors.processes.interpreter import interpreter, search_path
from sayiir.executors.protocol import ProcessDied
from sayiir.executors.remote import Preparation
from sayiir.executors.shipping import KEPT_FUNCTIONS
from sayiir.executors.wire import FrameReader, Kind, frame
from sayiir.limits import PROCESS_READY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import datetime

    from sayiir.executors.remote import SentCall, SentSetup

__all__ = ["WorkerProcess"]

logger = logging.getLogger("sayiir.executors")

GRACE_SECONDS: Final = 0.4
"""How long a worker that was told to stop may take before it is killed."""
REAP_SECONDS: Final = 0.4
"""How long a killed process is waited for; the system may take longer, we don't."""
CHUNK_BYTES: Final = 256 * 1024
_POLL_SECONDS: Final = 0.002
_ANSWERS: Final = frozenset({Kind.RESULT, Kind.ERROR, Kind.PREPARED})

_START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from sayiir.executors.processes.worker import main; "
    "main(int(sys.argv[2]), int(sys.argv[3]))"
)


class WorkerProcess:
    """One worker; bound to no event loop but during a call.

    Args:
        lifeline_fd: the reading end of a pipe whose other end only this process holds.

    Raises:
        OSError: the system can't start it.
        SayiirError: this Python doesn't know its own executable.
    """

    def __init__(self, lifeline_fd: int) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            with theirs:
                self._process = _popen(theirs.fileno(), lifeline_fd)
        except BaseException:
            ours.close()
            raise
        self._connection = ours
        # It may hold the beginning of what a thread tells after its call's end.
        self._reader = FrameReader()
        self._number = 0
        # What it has: functions, the one used longest ago first, and what setup made.
        self._known: OrderedDict[str, None] = OrderedDict()
        self._made: set[str] = set()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can take a call."""
        return self._process.poll() is None

    async def call(
        self,
        sent: SentCall,
        started: Callable[[], Awaitable[datetime | None]],
        told: Callable[[Kind, bytes], None],
    ) -> tuple[Kind, bytes] | None:
        """The answer to a call, RESULT or ERROR; None: the process died without one.

        ``started`` is asked for the deadline when everything is there that the call needs;
        ``told`` gets what comes before the answer. Raising, or cancelled in the middle, it
        leaves a worker that can't be used any more: ``kill`` it.

        Raises:
            ProcessDied: the worker wasn't ready in time.
        """
        self._number += 1
        preparation = self._missing(sent)
        if preparation is not None:
            try:
                async with asyncio.timeout(PROCESS_READY_SECONDS):
                    answer = await self._answer(Kind.PREPARE, preparation, told)
            except TimeoutError:
                raise ProcessDied(
                    f"worker process {self.pid} was not ready within {PROCESS_READY_SECONDS:g} s: "
                    "it starts, imports the task's module and makes its resources in that time"
                ) from None
            if answer is None or answer[0] is not Kind.PREPARED:
                return answer
            # Only now: what failed over there, or was never reached, is sent again.
            self._made.update(setup.key for setup in _with_needs(sent.setup))
        if sent.function is not None:
            self._known[sent.function[0]] = None
            self._known.move_to_end(sent.function[0])
        deadline = await started()
        begun = sent._replace(
            function=sent.function and (sent.function[0], None),
            setup=tuple(each._replace(factory=None, needs=(), kind=None) for each in sent.setup),
            facts={**sent.facts, "deadline": deadline},
        )
        return await self._answer(Kind.CALL, begun, told)

    def _missing(self, sent: SentCall) -> Preparation | None:
        """What the worker doesn't have yet of what a call needs; None: it has everything."""
        function = None
        if sent.function is not None and sent.function[0] not in self._known:
            key, data = sent.function
            assert data is not None
            function = (key, data)
        if function is None and all(each.key in self._made for each in sent.setup):
            return None
        forget: list[str] = []
        while function is not None and len(self._known) >= KEPT_FUNCTIONS:
            forget.append(self._known.popitem(last=False)[0])
        setup = tuple(map(self._without_made, sent.setup))
        return Preparation(function, setup, tuple(forget), sent.log_level)

    def _without_made(self, setup: SentSetup) -> SentSetup:
        if setup.key in self._made:
            return setup._replace(factory=None, needs=(), kind=None)
        return setup._replace(needs=tuple(map(self._without_made, setup.needs)))

    async def _answer(
        self, asked: Kind, message: Preparation | SentCall, told: Callable[[Kind, bytes], None]
    ) -> tuple[Kind, bytes] | None:
        """What the worker answers to a message; None: it died without an answer."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[Kind, bytes] | None] = loop.create_future()
        number, connection = self._number, self._connection
        descriptor = connection.fileno()
        left = memoryview(frame(asked, pickle.dumps(message, protocol=5), number))

        def readable() -> None:
            try:
                data = connection.recv(CHUNK_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data and not answer.done():
                answer.set_result(None)
            for kind, whose, body in self._reader.feed(data):
                if kind is Kind.LOG:  # says by itself where it comes from
                    _tell(told, kind, body)
                elif whose != number:
                    continue  # of a thread that an earlier call has left behind
                elif kind not in _ANSWERS:
                    _tell(told, kind, body)
                elif not answer.done():
                    answer.set_result((kind, body))

        def writable() -> None:
            nonlocal left
            try:
                left = left[connection.send(left) :]
            except BlockingIOError:
                pass
            except OSError:  # it died; the reading side learns that, and why is asked there
                left = left[:0]
            if not left:
                loop.remove_writer(descriptor)

        try:
            loop.add_reader(descriptor, readable)
            writable()
            if left:
                loop.add_writer(descriptor, writable)
            return await answer
        finally:
            loop.remove_reader(descriptor)
            loop.remove_writer(descriptor)

    async def kill(self) -> int | None:
        """End it with all that it started, within a second; its exit status, if known by then.

        Being cancelled meanwhile only hurries it.
        """
        self._signal(signal.SIGTERM)
        with suppress(asyncio.CancelledError):
            await _until(self._hung_up, GRACE_SECONDS)
        # Nobody has asked for its status yet, so its number can't have become another's.
        self._signal(signal.SIGKILL)
        with suppress(asyncio.CancelledError):
            await _until(self._is_over, REAP_SECONDS)
        return self._let_go()

    async def ended(self) -> int | None:
        """The exit status of a process that has hung up; what it started is killed."""
        # Its own end has begun and keeps its status; what it started is in its group, and the
        # group's number stays its own until somebody asks for that status.
        self._signal(signal.SIGKILL)
        with suppress(asyncio.CancelledError):
            await _until(self._is_over, REAP_SECONDS)
        return self._let_go()

    def hang_up(self) -> None:
        """Tell an idle worker to end in good order."""
        self._connection.close()

    def kill_now(self, seconds: float) -> None:
        """Wait so long for the end of a worker that was told, then kill it; blocks.

        Its connection stays open: a call may watch it, in a loop that would never learn of that.
        """
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(REAP_SECONDS)

    def _is_over(self) -> bool:
        return not self.alive

    def _let_go(self) -> int | None:
        self._connection.close()
        return self._process.returncode

    def _hung_up(self) -> bool:
        try:
            return not self._connection.recv(CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            # Gone already; on macOS a group of nothing but ended processes is refused.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


def _with_needs(setup: tuple[SentSetup, ...]) -> Iterator[SentSetup]:
    for each in setup:
        yield each
        yield from _with_needs(each.needs)


async def _until(condition: Callable[[], bool], seconds: float) -> None:
    """Look again every few milliseconds: there is nothing portable to wait on."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at and not condition():  # noqa: ASYNC110
        await asyncio.sleep(_POLL_SECONDS)


def _tell(told: Callable[[Kind, bytes], None], kind: Kind, body: bytes) -> None:
    try:
        told(kind, body)
    except Exception:  # what a task tells of itself must not cost its result
        logger.exception("could not take what a worker process told")


def _popen(socket_fd: int, lifeline_fd: int) -> subprocess.Popen[bytes]:
    command = [*interpreter(), "-c", _START, search_path()]
    return subprocess.Popen(  # noqa: S603  our own interpreter, our own code
        [*command, str(socket_fd), str(lifeline_fd)],
        stdin=subprocess.DEVNULL,
        pass_fds=(socket_fd, lifeline_fd),
        # A group of its own: the terminal's Ctrl-C doesn't reach it, and what a task starts is
        # killed with it.
        process_group=0,
    )
