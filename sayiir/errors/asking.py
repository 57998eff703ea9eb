"""What was asked can't be done: of an instance, of a signal, from this thread."""

from __future__ import annotations

from sayiir.errors.base import SayiirError

__all__ = [
    "BlockingCallInLoop",
    "InstanceAlreadyExists",
    "InstanceNotFound",
    "InvalidInstanceId",
    "InvalidTransition",
    "RerunRefused",
    "SignalUnavailable",
    "UnknownSignal",
    "WorkflowCancelled",
]


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
