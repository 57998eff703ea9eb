"""One attempt of one task, as its ``TaskContext`` shows it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import xxhash

from sayiir.dsl.context import TaskContext
from sayiir.dsl.nodes import Loop
from sayiir.errors import WorkflowCancelled
from sayiir.limits import MAX_PROGRESS_MESSAGE_CHARACTERS

if TYPE_CHECKING:
    from sayiir.dsl.spec import TaskSpec
    from sayiir.engine.position import Frame, Position
    from sayiir.engine.work import Work
    from sayiir.stores.inspection import ProgressReport

__all__ = ["Attempt"]


class Attempt:
    """One attempt; makes its context when user code asks for it.

    Attributes:
        given_up: timed out or cancelled; set while the call may still run on its thread.
    """

    _at: tuple[str, int]
    """Where the item stood, and with how many failures; known once the context is."""

    __slots__ = ("_at", "_context", "_position", "_spec", "_work", "given_up")

    def __init__(self, work: Work, position: Position, spec: TaskSpec) -> None:
        self._work = work
        self._position = position
        self._spec = spec
        self._context: TaskContext | None = None
        self.given_up = False

    @property
    def context(self) -> TaskContext:
        """What user code sees."""
        if self._context is None:
            self._context = self._made()
        return self._context

    @property
    def told(self) -> str:
        """Which attempt it is and why it was left, for the log."""
        run = self._work.run
        where = f"instance {run.instance_id!r}" if run.instance_id else "a run in memory"
        why = "stopped with it" if self._work.stopping else "timed out or given up"
        return f"task {self._spec.name!r} of {where} at {self._position.path!r} ({why})"

    def _made(self) -> TaskContext:
        work, path = self._work, self._position.path
        self._at = (work.position.path, work.failures)
        ends = [] if self._spec.timeout_seconds is None else [self._spec.timeout_seconds]
        if work.deadline_at is not None:
            ends.append(max(work.deadline_at - time.monotonic(), 0.0))
        deadline = datetime.now(UTC) + timedelta(seconds=min(ends)) if ends else None
        return TaskContext(
            instance_id=work.run.instance_id,
            path=path,
            attempt=work.attempt,
            iteration=_iteration(self._position.frame),
            deadline=deadline,
            idempotency_key=idempotency_key(work.run.run_id, path),
            traceparent=work.run.traceparent,
            heartbeat=self._heartbeat,
            progress=self._progress,
            cancellation=self._cancellation,
        )

    # Both are called from any thread, in the innermost loop for all we know: one assignment.

    def _progress(self, fraction: float | None, message: str | None) -> None:
        if not self.given_up:
            self._work.said = (self, fraction, message)

    def _heartbeat(self) -> None:
        said = self._work.said
        if said is None or said[0] is not self:
            self._progress(None, None)
        else:
            self._progress(said[1], said[2])

    def report(self, fraction: float | None, message: str | None) -> ProgressReport | None:
        """What the attempt said, for the store; None once it was given up."""
        if self.given_up:
            return None
        if message is not None:
            # Lone surrogates and NULs are more than some stores can keep.
            message = message.encode(errors="replace").decode().replace("\0", "?")
            message = message[:MAX_PROGRESS_MESSAGE_CHARACTERS]
        from sayiir.stores.inspection import ProgressReport

        context, (at, failures) = self.context, self._at
        return ProgressReport(
            fence=self._work.fence,
            at=at,
            failures=failures,
            path=context.path,
            attempt=context.attempt,
            fraction=fraction,
            message=message,
        )

    def _cancellation(self) -> WorkflowCancelled | None:
        if self.given_up or self._work.stopping:
            return WorkflowCancelled(self._work.run.instance_id, "this attempt was given up")
        return None


def idempotency_key(run_id: str, path: str) -> str:
    """The key of a step: equal for all its attempts, different for everything else."""
    return xxhash.xxh3_128_hexdigest(f"{run_id}\0{path}".encode())


def _iteration(frame: Frame) -> int | None:
    for outer in frame.outwards():
        if outer.place is not None and isinstance(outer.place.node, Loop):
            return outer.number
    return None
