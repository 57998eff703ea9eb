"""The worker process: takes calls from its socket, one at a time, until its parent is gone."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from sayiir.errors import WorkflowCancelled
from sayiir.executors.outcomes import sent_error
from sayiir.executors.pickling import Answers
from sayiir.executors.remote import Line, Performer
from sayiir.executors.wire import HEADER, Kind, frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.executors.remote import Preparation, SentCall

__all__ = ["main"]

STOPPED = 128 + signal.SIGTERM
"""The exit status of a worker that was told to stop in the middle of a call."""


def main(socket_fd: int, lifeline_fd: int) -> NoReturn:
    """Work until the parent closes the socket or dies."""
    connection = socket.socket(fileno=socket_fd)
    # The program that made it may have set a default timeout for its sockets.
    connection.setblocking(True)
    # A task may fork. Its children must not keep the connection open when this process dies.
    os.register_at_fork(after_in_child=connection.close)
    watcher = threading.Thread(target=_end_with_parent, args=(lifeline_fd,), daemon=True)
    watcher.start()
    worker = _Worker(connection)
    # Ctrl-C on the terminal is for the parent to decide about.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, worker.stop)
    worker.serve()
    _flush()
    sys.exit(0)


def _end_with_parent(lifeline_fd: int) -> None:
    """The parent alone holds the other end: it reads as closed when the parent is gone."""
    os.read(lifeline_fd, 1)
    os.killpg(0, signal.SIGKILL)


class _Worker:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._stream = connection.makefile("rb")
        self._performer = Performer()
        self._answers = Answers()
        self._sending = threading.Lock()
        self._number = 0
        self._stopping = False
        self._logger = logging.getLogger("sayiir.task")
        self._logger.addHandler(_ToParent(self._send))
        self._logger.propagate = False

    def serve(self) -> None:
        """Answer calls until the parent has closed the socket or died."""
        try:
            while (received := self._receive()) is not None:
                kind, self._number, body = received
                message = pickle.loads(body)  # noqa: S301  our own parent process wrote it
                if self._logger.level != message.log_level:
                    self._logger.setLevel(message.log_level)
                self._answer(self._prepared if kind is Kind.PREPARE else self._performed, message)
        except ConnectionError:
            # The parent died with something unread on the line. That is no error of ours to
            # print on its terminal; what a task raises doesn't come to here.
            pass
        finally:
            self._performer.close()

    def stop(self, *_: object) -> None:
        """SIGTERM: end the call, so that its ``finally`` blocks run; SIGKILL follows soon."""
        self._stopping = True
        running = self._performer.running
        if running is None:
            raise SystemExit(STOPPED)
        running.get_loop().call_soon_threadsafe(running.cancel)

    def _prepared(self, sent: Preparation) -> tuple[Kind, bytes]:
        self._performer.prepare(sent)
        return Kind.PREPARED, b""

    def _performed(self, sent: SentCall) -> tuple[Kind, bytes]:
        value = self._performer.perform(sent, self._line(sent.facts["instance_id"]))
        return Kind.RESULT, self._answers.pack(value, "the result")

    def _answer(self, work: Callable[[Any], tuple[Kind, bytes]], sent: Any) -> None:
        try:
            kind, answer = work(sent)
        except BaseException as error:
            if self._stopping:
                raise SystemExit(STOPPED) from error
            kind, answer = Kind.ERROR, pickle.dumps(sent_error(error, self._answers))
        _flush()  # before the answer: what a task prints stands before what follows it
        self._send(kind, answer, self._number)

    # -- the line to the parent

    def _line(self, instance_id: str) -> Line:
        """A call's own: a thread that it leaves behind goes on speaking for that call."""
        number = self._number

        def heartbeat() -> None:
            self._send(Kind.HEARTBEAT, b"", number)

        def progress(fraction: float, message: str | None) -> None:
            self._send(Kind.PROGRESS, pickle.dumps((fraction, message)), number)

        def cancellation() -> WorkflowCancelled | None:
            if self._stopping:
                return WorkflowCancelled(instance_id, "this attempt was given up")
            return None

        return Line(heartbeat, progress, cancellation)

    def _send(self, kind: Kind, body: bytes, number: int = 0) -> None:
        with self._sending:
            self._connection.sendall(frame(kind, body, number))

    def _receive(self) -> tuple[Kind, int, bytes] | None:
        header = self._exactly(HEADER.size)
        if header is None:
            return None
        kind, number, length = HEADER.unpack(header)
        body = self._exactly(length)
        return None if body is None else (Kind(kind), number, body)

    def _exactly(self, length: int) -> bytes | None:
        """So many bytes; None: the parent has closed the socket."""
        data = self._stream.read(length)
        return data if len(data) == length else None


class _ToParent(logging.Handler):
    """Sends the records of ``ctx.logger`` to the parent, whose handlers take them."""

    def __init__(self, send: Any) -> None:
        super().__init__()
        self._to_parent = send

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._to_parent(Kind.LOG, _told(record))
        except Exception:  # as of any handler: a task doesn't fail by what it logs
            self.handleError(record)


def _told(record: logging.LogRecord) -> bytes:
    facts = {name: value for name, value in vars(record).items() if name[:7] == "sayiir_"}
    text = record.getMessage()
    if record.exc_info:
        text = f"{text}\n{logging.Formatter().formatException(record.exc_info)}"
    told = (record.name, record.levelno, record.pathname, record.lineno, text, facts)
    return pickle.dumps((*told, record.created, record.process))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # A task may have closed it, or the reader of a pipe may be gone.
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
