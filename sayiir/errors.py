"""Every error that sayiir raises, in one tree.

``except SayiirError`` catches them all. The message of each says what happened, where
(workflow, instance, path) and what to do next; the same facts are attributes, so that nobody
has to parse a message.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
    "RerunRefused",
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
    """Base of every error that this library raises.

    >>> issubclass(StoreError, SayiirError), issubclass(TaskFailed, SayiirError)
    (True, True)
    """


class DefinitionError(SayiirError):
    """A flow or workflow can't be built as it is written.

    Raised where it is built (``>>``, ``fork()``, ``@workflow`` …), never when it runs; and before
    it runs, where its tasks need resources that nobody gave.

    Attributes:
        workflow: name of the workflow, or None where it isn't known yet.
        node: path of the node that is wrong, or None.

    >>> from sayiir import task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> try:
    ...     workflow("wrong", double.map() >> double)
    ... except DefinitionError as error:
    ...     error.workflow, error.node
    ('wrong', 'double')
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

    >>> from sayiir import CheckpointingRunner, await_signal, workflow
    >>> with CheckpointingRunner("memory://") as runner:
    ...     _ = runner.ensure(workflow("w", await_signal("go", int)), "a", None)
    ...     try:
    ...         runner.ensure(workflow("w", await_signal("go", int) >> str), "a", None)
    ...     except DefinitionMismatch as mismatch:
    ...         mismatch.difference[-1]
    "str: added: task after 'go'"
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


class RerunRefused(SayiirError, ValueError):
    """An instance can't be started again from that node; nothing was created.

    Attributes:
        instance_id: the earlier instance.
        start: path of the node.
        changed: node paths before it that the workflow given and the earlier one don't share.

    >>> from sayiir import CheckpointingRunner, task, workflow
    >>> @task
    ... def inverse(n: int) -> float:
    ...     return 1 / n
    >>> shown = workflow("w", inverse >> str)
    >>> with CheckpointingRunner("memory://") as runner:
    ...     _ = runner.run(shown, "a", 0)
    ...     try:
    ...         runner.rerun(shown, "a", "b", start="str")
    ...     except RerunRefused as refused:
    ...         print(refused)
    instance 'a' can't be started again from 'str': it has no result for 'inverse', which comes \
before that
    """

    def __init__(
        self, instance_id: str, start: str, why: str, changed: tuple[str, ...] = ()
    ) -> None:
        super().__init__(f"instance {instance_id!r} can't be started again from {start!r}: {why}")
        self.instance_id = instance_id
        self.start = start
        self.changed = changed


def _or_meant(executor: str, given: tuple[str, ...]) -> str:
    """The place to run in that a name is probably a slip of, if it is near one."""
    from difflib import get_close_matches  # only for who has made a mistake

    near = get_close_matches(executor.lower(), ("process", "thread", "loop", *given), n=1)
    return f", or write run_in={near[0]!r} if that was meant" if near else ""


class ExecutorMissing(SayiirError, LookupError):
    """A task names an executor by ``run_in=`` that nobody gave; nothing was started.

    Attributes:
        executor: the name.
        workflow: the workflow that was to run.
        path: node path of the first task that names it.
        given: the names that were given.

    >>> from sayiir import task, workflow
    >>> @task(run_in="cluster")
    ... def heavy(n: int) -> int:
    ...     return n * n
    >>> workflow("squares", heavy >> heavy)(3)
    Traceback (most recent call last):
    sayiir.errors.ExecutorMissing: workflow 'squares', node 'heavy': it runs in the executor ...
    """

    def __init__(self, executor: str, workflow: str, path: str, given: tuple[str, ...]) -> None:
        names = ", ".join(map(repr, given)) or "none"
        super().__init__(
            f"workflow {workflow!r}, node {path!r}: it runs in the executor {executor!r}, which "
            f"nobody gave (given: {names}); pass executors={{{executor!r}: ...}}"
            f"{_or_meant(executor, given)}"
        )
        self.executor = executor
        self.workflow = workflow
        self.path = path
        self.given = given


class InvalidInstanceId(SayiirError, ValueError):
    """An instance id is empty, too long, not text, or holds control characters.

    >>> from sayiir import WorkflowClient
    >>> with WorkflowClient("memory://") as client:
    ...     client.status("")
    Traceback (most recent call last):
    sayiir.errors.InvalidInstanceId: ...
    """


class InstanceAlreadyExists(SayiirError):
    """``submit`` or ``run`` met an instance of that id, and the conflict policy is FAIL.

    Attributes:
        instance_id: the id that is taken.

    >>> from sayiir import CheckpointingRunner, await_signal, workflow
    >>> waits = workflow("waits", await_signal("go", int))
    >>> with CheckpointingRunner("memory://") as runner:
    ...     _ = runner.run(waits, "a", None)
    ...     runner.run(waits, "a", None)
    Traceback (most recent call last):
    sayiir.errors.InstanceAlreadyExists: instance 'a' exists already; ...
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
        store: where it was looked for: a URL without its password, or the kind of store.

    >>> from sayiir import WorkflowClient
    >>> with WorkflowClient("memory://") as client:
    ...     client.status("a")
    Traceback (most recent call last):
    sayiir.errors.InstanceNotFound: there is no instance 'a' in memory:// (each opening is ...)
    """

    def __init__(self, instance_id: str, store: str = "this store") -> None:
        super().__init__(f"there is no instance {instance_id!r} in {store}")
        self.instance_id = instance_id
        self.store = store


class InvalidTransition(SayiirError):
    """The instance's status doesn't allow the verb: cancelling what is completed, for one.

    Attributes:
        instance_id: the instance.
        verb: what was asked: "cancel", "pause", "unpause", "retry", "delete", "send_event".
        status: name of the status it is in.

    >>> from sayiir import WorkflowClient, await_signal, workflow
    >>> with WorkflowClient("memory://") as client:
    ...     _ = client.submit(workflow("waits", await_signal("go", int)), "a", None)
    ...     client.unpause("a")
    Traceback (most recent call last):
    sayiir.errors.InvalidTransition: can't unpause instance 'a': it is ...
    """

    def __init__(self, instance_id: str, verb: str, status: str) -> None:
        what = "send an event to" if verb == "send_event" else verb
        super().__init__(f"can't {what} instance {instance_id!r}: it is {status}")
        self.instance_id = instance_id
        self.verb = verb
        self.status = status


class UnknownSignal(SayiirError, LookupError):
    """An event was sent to a signal or a wait that the definition does not have.

    Attributes:
        instance_id: the instance, or None for an in-memory run.
        signal_name: the name that was given.
        known: the signal names that the definition has.

    >>> from sayiir import WorkflowClient, await_signal, workflow
    >>> with WorkflowClient("memory://") as client:
    ...     _ = client.submit(workflow("waits", await_signal("go", int)), "a", None)
    ...     client.send_event("a", "stop")
    Traceback (most recent call last):
    sayiir.errors.UnknownSignal: instance 'a' waits for no signal 'stop'; its workflow has: 'go'
    """

    def __init__(self, instance_id: str | None, signal_name: str, known: tuple[str, ...]) -> None:
        names = ", ".join(map(repr, known)) or "none"
        who = f"instance {instance_id!r}" if instance_id is not None else "the workflow"
        super().__init__(f"{who} waits for no signal {signal_name!r}; its workflow has: {names}")
        self.instance_id = instance_id
        self.signal_name = signal_name
        self.known = known


class SignalUnavailable(SayiirError):
    """An in-memory run reached a wait, no event is left for it, and it has no timeout.

    Attributes:
        signal_name: the signal.
        path: path of the wait.

    >>> from sayiir import await_signal, workflow
    >>> waits = workflow("waits", await_signal("go", int))
    >>> waits.run(None, events={"go": [3]})
    3
    >>> waits.run(None)
    Traceback (most recent call last):
    sayiir.errors.SignalUnavailable: nothing can arrive for signal 'go' at 'go' in memory; ...
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

    >>> from sayiir import CheckpointingRunner, task, workflow
    >>> with CheckpointingRunner("memory://") as runner:
    ...
    ...     @task
    ...     async def inside(n: int) -> str:
    ...         try:
    ...             return runner.client.list()
    ...         except BlockingCallInLoop as error:
    ...             return type(error).__name__
    ...
    ...     print(runner.run(workflow("w", inside), "a", 1))
    Completed(output='BlockingCallInLoop')
    """


class PayloadError(SayiirError):
    """A value can't be stored and come back equal, or stored bytes don't fit the type.

    Also ends an instance: a task that returns such a value fails at once, without retries.

    Attributes:
        path: where it happened, or None outside a run.
        task: the task that gave or should take the value, or None.
        type_name: name of the type that the value has or should have.

    >>> from sayiir import task, workflow
    >>> @task
    ... def opened(name: str) -> object:
    ...     return iter(name)
    >>> try:
    ...     workflow("w", opened)("a")
    ... except PayloadError as error:
    ...     error.task, error.path
    ('opened', 'opened')
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

    def about(self, what: str) -> PayloadError:
        """The same problem, told of the value that has it."""
        return PayloadError(
            f"{what}: {self.problem}", path=self.path, task=self.task, type_name=self.type_name
        )


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


class WorkflowCancelled(SayiirError):
    """``result()`` was asked of a cancelled instance.

    Attributes:
        instance_id: the instance.
        reason: what ``cancel`` was given, or None.
        cancelled_by: what ``cancel`` was given, or None.

    >>> from sayiir import WorkflowClient, await_signal, workflow
    >>> with WorkflowClient("memory://") as client:
    ...     _ = client.submit(workflow("waits", await_signal("go", int)), "a", None)
    ...     client.cancel("a", reason="not needed", cancelled_by="ops")
    ...     client.result("a")
    Traceback (most recent call last):
    sayiir.errors.WorkflowCancelled: instance 'a' was cancelled by ops: not needed
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
    """A store could not do what it was asked; the message says what and why.

    >>> from sayiir import WorkflowClient
    >>> try:
    ...     WorkflowClient("sqlite:////no/such/folder/orders.db").store()
    ... except StoreError as error:
    ...     print(error)
    there is no directory /no/such/folder to keep orders.db in
    """


class StoreUnavailable(StoreError):
    """The store can't be reached, is full or is closed. What was acknowledged is kept.

    >>> import asyncio
    >>> from sayiir import open_store
    >>> async def use_a_closed_store() -> None:
    ...     store = await open_store("memory://")
    ...     await store.close()
    ...     await store.describe("a")
    >>> asyncio.run(use_a_closed_store())
    Traceback (most recent call last):
    sayiir.errors.StoreUnavailable: the memory store is closed
    """


class LeaseLost(StoreError):
    """A write was refused because another worker has the work item now.

    >>> issubclass(LeaseLost, StoreError)
    True
    """


class SchemaVersionError(StoreError):
    """The database holds a format that this version can't use; it was left as it was.

    >>> issubclass(SchemaVersionError, StoreError)
    True
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
