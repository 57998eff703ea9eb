"""Every error that sayiir raises, in one tree.

``except SayiirError`` catches them all. The message of each says what happened, where
(workflow, instance, path) and what to do next; the same facts are attributes, so that nobody
has to parse a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BlockingCallInLoop",
    "BranchKeyNotFound",
    "DefinitionError",
    "DefinitionMismatch",
    "ExecutorMissing",
    "FailureInfo",
    "InstanceAlreadyExists",
    "InstanceNotFound",
    "InvalidInstanceId",
    "InvalidTransition",
    "LeaseLost",
    "LoopExhausted",
    "PayloadError",
    "SayiirError",
    "SchemaVersionError",
    "SignalTimedOut",
    "SignalUnavailable",
    "StoreError",
    "StoreUnavailable",
    "TaskFailed",
    "TaskProcessDied",
    "TaskTimedOut",
    "UnknownSignal",
    "WorkerLost",
    "WorkflowCancelled",
    "WorkflowFailed",
    "WorkflowTimedOut",
]


class SayiirError(Exception):
    """Base of every error that this library raises."""


class DefinitionError(SayiirError):
    """A flow or workflow can't be built as it is written.

    Raised where it is built (``>>``, ``fork()``, ``@workflow`` …), never when it runs.

    Attributes:
        workflow: name of the workflow, or None where it isn't known yet.
        node: path of the node that is wrong, or None.
    """

    def __init__(
        self, message: str, *, workflow: str | None = None, node: str | None = None
    ) -> None:
        where = [f"workflow {workflow!r}"] if workflow else []
        where += [f"node {node!r}"] if node else []
        super().__init__(f"{', '.join(where)}: {message}" if where else message)
        self.problem = message
        self.workflow = workflow
        self.node = node


class DefinitionMismatch(SayiirError):
    """An instance was made by another definition than the one that was named.

    Attributes:
        instance_id: the instance.
        expected: definition hash of the workflow that the caller named.
        found: definition hash that the instance was created with.
        difference: what changed, one line a node; empty where the stored one is not known.
    """

    def __init__(
        self, instance_id: str, expected: str, found: str, difference: tuple[str, ...] = ()
    ) -> None:
        changes = "".join(f"\n  {line}" for line in difference)
        super().__init__(
            f"instance {instance_id!r} was created by definition {found}, but the workflow "
            f"given has {expected}; use the version that created it, or another instance "
            f"id.{changes}"
        )
        self.instance_id = instance_id
        self.expected = expected
        self.found = found
        self.difference = difference


class ExecutorMissing(SayiirError, LookupError):
    """A task names an executor by ``run_in=`` that nobody gave; nothing was started.

    Attributes:
        executor: the name.
        workflow: the workflow that was to run.
        path: node path of the first task that names it.
        given: the names that were given.
    """

    def __init__(self, executor: str, workflow: str, path: str, given: tuple[str, ...]) -> None:
        names = ", ".join(map(repr, given)) or "none"
        super().__init__(
            f"workflow {workflow!r}, node {path!r}: it runs in the executor {executor!r}, which "
            f"nobody gave (given: {names}); pass executors={{{executor!r}: ...}}"
        )
        self.executor = executor
        self.workflow = workflow
        self.path = path
        self.given = given


class InvalidInstanceId(SayiirError, ValueError):
    """An instance id is empty, too long, not text, or holds control characters."""


class InstanceAlreadyExists(SayiirError):
    """``submit`` or ``run`` met an instance of that id, and the conflict policy is FAIL.

    Attributes:
        instance_id: the id that is taken.
    """

    def __init__(self, instance_id: str) -> None:
        super().__init__(
            f"instance {instance_id!r} exists already; choose another id, continue it with "
            "ensure() or resume(), or use a conflict policy"
        )
        self.instance_id = instance_id


class InstanceNotFound(SayiirError, LookupError):
    """No instance has this id.

    Attributes:
        instance_id: the id that was asked for.
    """

    def __init__(self, instance_id: str) -> None:
        super().__init__(f"there is no instance {instance_id!r} in this store")
        self.instance_id = instance_id


class InvalidTransition(SayiirError):
    """The instance's status doesn't allow the verb: cancelling what is completed, for one.

    Attributes:
        instance_id: the instance.
        verb: what was asked: "cancel", "pause", "unpause", "retry", "delete", "send_event".
        status: name of the status it is in.
    """

    def __init__(self, instance_id: str, verb: str, status: str) -> None:
        super().__init__(f"can't {verb} instance {instance_id!r}: it is {status}")
        self.instance_id = instance_id
        self.verb = verb
        self.status = status


class UnknownSignal(SayiirError, LookupError):
    """An event was sent to a signal or a wait that the definition does not have.

    Attributes:
        instance_id: the instance.
        signal_name: the name that was given.
        known: the signal names that the definition has.
    """

    def __init__(self, instance_id: str, signal_name: str, known: tuple[str, ...]) -> None:
        names = ", ".join(map(repr, known)) or "none"
        super().__init__(
            f"instance {instance_id!r} waits for no signal {signal_name!r}; its workflow has: "
            f"{names}"
        )
        self.instance_id = instance_id
        self.signal_name = signal_name
        self.known = known


class SignalUnavailable(SayiirError):
    """An in-memory run reached a wait, no event is left for it, and it has no timeout.

    Attributes:
        signal_name: the signal.
        path: path of the wait.
    """

    def __init__(self, signal_name: str, path: str) -> None:
        super().__init__(
            f"nothing can arrive for signal {signal_name!r} at {path!r} in memory; pass "
            f"events={{{signal_name!r}: [...]}}, give the wait a timeout, or run it durably"
        )
        self.signal_name = signal_name
        self.path = path


class BlockingCallInLoop(SayiirError):
    """A blocking method was called from the thread of its own event loop.

    Waiting there would wait for itself. Use the async twin that the message names.
    """


class PayloadError(SayiirError):
    """A value can't be stored and come back equal, or stored bytes don't fit the type.

    Also ends an instance: a task that returns such a value fails at once, without retries.

    Attributes:
        path: where it happened, or None outside a run.
        task: the task that gave or should take the value, or None.
        type_name: name of the type that the value has or should have.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        task: str | None = None,
        type_name: str | None = None,
    ) -> None:
        where = [f"task {task!r}"] if task else []
        where += [f"at {path!r}"] if path else []
        super().__init__(f"{' '.join(where)}: {message}" if where else message)
        self.problem = message
        self.path = path
        self.task = task
        self.type_name = type_name

    def located(self, *, path: str, task: str | None = None) -> PayloadError:
        """The same problem, told with its place; what is known already stays."""
        return PayloadError(
            self.problem,
            path=self.path or path,
            task=self.task or task,
            type_name=self.type_name,
        )


@dataclass(frozen=True, slots=True)
class FailureInfo:
    """What is kept of a failure: in the store, in ``Failed.error`` and in ``ItemFailed``.

    Attributes:
        kind: name of the sayiir error class that ended it, as ``"TaskFailed"``.
        type_name: qualified name of the exception that user code raised, else of ``kind``.
        message: text of that exception.
        traceback: the formatted traceback; empty where there was none.
        task: name of the task, or None (a workflow's timeout has none).
        path: path of the node that failed; empty for the workflow as a whole.
        attempt: the attempt that failed last, from 1.
        details: what the error class needs to be raised again (limits, names): text values.
    """

    kind: str
    type_name: str
    message: str
    traceback: str = ""
    task: str | None = None
    path: str = ""
    attempt: int = 1
    details: tuple[tuple[str, str], ...] = ()

    def detail(self, name: str, default: str = "") -> str:
        """One of the details by its name."""
        return dict(self.details).get(name, default)


class WorkflowFailed(SayiirError):
    """An instance failed. The subclasses tell why; ``info`` holds what was recorded.

    Attributes:
        info: the recorded failure.
        instance_id: the instance, or None for an in-memory run.
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
    """A task raised and had no retry left."""


class TaskTimedOut(WorkflowFailed):
    """A task ran longer than its timeout and had no retry left."""


class TaskProcessDied(WorkflowFailed):
    """The process that ran a task ended by itself, and no retry was left."""


class WorkerLost(WorkflowFailed):
    """Ten workers in a row were lost while they ran the same task: it kills them."""


class SignalTimedOut(WorkflowFailed):
    """A wait's timeout passed without an event, and it has no default."""


class WorkflowTimedOut(WorkflowFailed):
    """The workflow's own timeout passed."""


class LoopExhausted(WorkflowFailed):
    """A loop asked for another iteration beyond ``max_iterations`` with ``on_max="fail"``."""


class BranchKeyNotFound(WorkflowFailed):
    """A branch's key picked no arm, and it has no default."""


class WorkflowCancelled(SayiirError):
    """``result()`` was asked of a cancelled instance.

    Attributes:
        instance_id: the instance.
        reason: what ``cancel`` was given, or None.
        cancelled_by: what ``cancel`` was given, or None.
    """

    def __init__(
        self, instance_id: str | None, reason: str | None = None, cancelled_by: str | None = None
    ) -> None:
        by = f" by {cancelled_by}" if cancelled_by else ""
        why = f": {reason}" if reason else ""
        super().__init__(f"instance {instance_id!r} was cancelled{by}{why}")
        self.instance_id = instance_id
        self.reason = reason
        self.cancelled_by = cancelled_by


class StoreError(SayiirError):
    """A store could not do what it was asked; the message says what and why."""


class StoreUnavailable(StoreError):
    """The store can't be reached, is full or is closed. What was acknowledged is kept."""


class LeaseLost(StoreError):
    """A write was refused because another worker has the work item now."""


class SchemaVersionError(StoreError):
    """The database holds a format that this version can't use; it was left as it was."""


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
