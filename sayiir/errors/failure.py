"""How an instance fails: what is kept of it, and the errors that this is raised as."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sayiir.errors.base import SayiirError
from sayiir.errors.payload import PayloadError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BranchKeyNotFound",
    "FailureInfo",
    "LoopExhausted",
    "SignalTimedOut",
    "TaskFailed",
    "TaskProcessDied",
    "TaskTimedOut",
    "WorkerLost",
    "WorkflowFailed",
    "WorkflowTimedOut",
    "failure_of",
]


@dataclass(frozen=True, slots=True)
class FailureInfo:
    """What is kept of a failure: in the store, in ``Failed.error`` and in ``ItemFailed``.

    Attributes:
        kind: name of the sayiir error class that ended it, as ``"TaskFailed"``.
        type_name: qualified name of the exception that user code raised, else of ``kind``.
        message: text of that exception.
        traceback: the formatted traceback from the user's first frame on; empty where there
            was none. Print it: ``repr`` leaves it out.
        task: name of the task, or None (a workflow's timeout has none).
        path: path of the node that failed; empty for the workflow as a whole.
        attempt: the attempt that failed last, from 1.
        details: what the error class needs to be raised again (limits, names): text values.
    """

    kind: str
    type_name: str
    message: str
    traceback: str = field(default="", repr=False)
    task: str | None = None
    path: str = ""
    attempt: int = 1
    details: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def detail(self, name: str, default: str = "") -> str:
        """One of the details by its name."""
        return dict(self.details).get(name, default)


class WorkflowFailed(SayiirError):
    """An instance failed. The subclasses tell why; ``info`` holds what was recorded.

    Attributes:
        info: the recorded failure.
        instance_id: the instance, or None for an in-memory run.

    >>> from sayiir import task, workflow
    >>> @task
    ... def inverse(n: int) -> float:
    ...     return 1 / n
    >>> try:
    ...     workflow("w", inverse)(0)
    ... except WorkflowFailed as error:
    ...     error.info.path, error.info.type_name
    ('inverse', 'ZeroDivisionError')
    """

    def __init__(self, info: FailureInfo, instance_id: str | None = None) -> None:
        place = f" at {info.path!r}" if info.path else ""
        who = f"instance {instance_id!r}" if instance_id is not None else "the workflow"
        super().__init__(
            f"{who} failed{place} (attempt {info.attempt}): {info.type_name}: {info.message}"
        )
        self.info = info
        self.instance_id = instance_id


class TaskFailed(WorkflowFailed):
    """A task raised and had no retry left.

    >>> from sayiir import task, workflow
    >>> @task
    ... def inverse(n: int) -> float:
    ...     return 1 / n
    >>> try:
    ...     workflow("w", inverse)(0)
    ... except TaskFailed as error:
    ...     error.__cause__  # in memory: the task's own exception
    ZeroDivisionError('division by zero')
    """


class TaskTimedOut(WorkflowFailed):
    """A task ran longer than its timeout and had no retry left.

    >>> import asyncio
    >>> from sayiir import task, workflow
    >>> @task(timeout="10ms")
    ... async def hang(n: int) -> None:
    ...     await asyncio.sleep(60)
    >>> workflow("w", hang)(1)
    Traceback (most recent call last):
    sayiir.errors.TaskTimedOut: the workflow failed at 'hang' (attempt 1): ...
    """


class TaskProcessDied(WorkflowFailed):
    """The process that ran a task ended by itself, and no retry was left.

    >>> issubclass(TaskProcessDied, WorkflowFailed)
    True
    """


class WorkerLost(WorkflowFailed):
    """Ten workers in a row were lost while they ran the same task: it kills them.

    >>> issubclass(WorkerLost, WorkflowFailed)
    True
    """


class SignalTimedOut(WorkflowFailed):
    """A wait's timeout passed without an event, and it has no default.

    >>> from sayiir import await_signal, workflow
    >>> workflow("w", await_signal("go", int, timeout="1ms"))(None)
    Traceback (most recent call last):
    sayiir.errors.SignalTimedOut: the workflow failed at 'go' (attempt 1): ...
    """


class WorkflowTimedOut(WorkflowFailed):
    """The workflow's own timeout passed.

    >>> from sayiir import delay, workflow
    >>> workflow("w", delay("1h") >> str, timeout="1ms")(1)
    Traceback (most recent call last):
    sayiir.errors.WorkflowTimedOut: the workflow failed (attempt 1): ...
    """


class LoopExhausted(WorkflowFailed):
    """A loop asked for another iteration beyond ``max_iterations`` with ``on_max="fail"``.

    >>> from sayiir import Again, loop, workflow
    >>> workflow("w", loop(lambda n: Again(n + 1), max_iterations=2))(0)
    Traceback (most recent call last):
    sayiir.errors.LoopExhausted: ... the loop 'loop' asked for more than 2 iterations
    """


class BranchKeyNotFound(WorkflowFailed):
    """A branch's key picked no arm, and it has no default.

    >>> from sayiir import branch, task, workflow
    >>> @task
    ... def keep(text: str) -> str:
    ...     return text
    >>> workflow("w", branch(len, {1: keep}))("abc")
    Traceback (most recent call last):
    sayiir.errors.BranchKeyNotFound: ... the key is '3'; the branch has '1' and no default
    """


def failure_of(info: FailureInfo, instance_id: str | None = None) -> SayiirError:
    """The exception that a recorded failure stands for.

    >>> failure_of(FailureInfo("TaskTimedOut", "TaskTimedOut", "after 3 s", path="a"))
    TaskTimedOut("the workflow failed at 'a' (attempt 1): TaskTimedOut: after 3 s")
    """
    if info.kind == PayloadError.__name__:
        return PayloadError(info.message, path=info.path, task=info.task)
    return _BY_NAME.get(info.kind, WorkflowFailed)(info, instance_id)


_BY_NAME: Mapping[str, type[WorkflowFailed]] = {
    kind.__name__: kind
    for kind in (
        TaskFailed,
        TaskTimedOut,
        TaskProcessDied,
        WorkerLost,
        SignalTimedOut,
        WorkflowTimedOut,
        LoopExhausted,
        BranchKeyNotFound,
    )
}
