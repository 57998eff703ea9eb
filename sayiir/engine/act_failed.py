"""The error between acts and driver: an act did not come to an outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sayiir.dsl.spec import TaskSpec
    from sayiir.policy import RetryPolicy

__all__ = ["ActFailed"]


class ActFailed(Exception):
    """An act did not come to an outcome.

    Attributes:
        error: what was raised.
        task: name of the task that raised, or None.
        policy: its retry policy; None: never retried.
        stopped: the item was interrupted on request, this is no failure.
        deadline: the workflow's own timeout passed, this is no failure of the task.
    """

    def __init__(
        self,
        error: BaseException,
        spec: TaskSpec | None = None,
        policy: RetryPolicy | None = None,
        *,
        stopped: bool = False,
        deadline: bool = False,
    ) -> None:
        super().__init__(error)
        self.error = error
        self.task = spec.name if spec is not None else None
        self.policy = policy
        self.stopped = stopped
        self.deadline = deadline
