"""How an instance stands, as values for ``match``; and what lists and histories are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

from sayiir.errors import FailureInfo
from sayiir.render.shown import Shown

__all__ = [
    "AwaitingSignal",
    "Cancelled",
    "Completed",
    "Failed",
    "InProgress",
    "InstanceInfo",
    "InstancePage",
    "Parked",
    "Paused",
    "TaskResult",
    "TaskResults",
    "Waiting",
    "WorkflowStatus",
]

Out = TypeVar("Out", covariant=True)


@dataclass(frozen=True, slots=True)
class Parked:
    """One strand that waits.

    Attributes:
        path: path of the delay, the wait or the task that backs off.
        wake_at: when it goes on at the latest (aware, UTC); None: only an event wakes it.
        signal_name: the signal it waits for; None for a timer.
    """

    path: str
    wake_at: datetime | None
    signal_name: str | None = None


@dataclass(frozen=True, slots=True)
class InProgress(Shown):
    """Something of it runs or could run now. ``parked``: strands that wait beside that.

    >>> from sayiir import WorkflowClient, await_signal, workflow
    >>> with WorkflowClient("memory://") as client:  # submitted, and nobody runs it yet
    ...     client.submit(workflow("waits", await_signal("go", int)), "a", None)
    InProgress(parked=())
    """

    parked: tuple[Parked, ...] = ()


@dataclass(frozen=True, slots=True)
class Completed(Shown, Generic[Out]):
    """It is done.

    Attributes:
        output: the workflow's output; plain JSON data where the workflow wasn't named.

    >>> from sayiir import CheckpointingRunner, task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> with CheckpointingRunner("memory://") as runner:
    ...     match runner.run(workflow("w", double >> double), "a", 3):
    ...         case Completed(output):
    ...             print(output)
    12
    """

    output: Out


@dataclass(frozen=True, slots=True)
class Failed(Shown):
    """A failure ended it; ``retry`` continues it from its last checkpoints.

    Attributes:
        error: what was recorded.

    >>> from sayiir import CheckpointingRunner, task, workflow
    >>> @task
    ... def inverse(n: int) -> float:
    ...     return 1 / n
    >>> with CheckpointingRunner("memory://") as runner:
    ...     match runner.run(workflow("w", inverse), "a", 0):
    ...         case Failed(error):
    ...             print(error.path, error.message)
    inverse division by zero
    """

    error: FailureInfo


@dataclass(frozen=True, slots=True)
class Cancelled(Shown):
    """Somebody cancelled it.

    >>> from sayiir import WorkflowClient, await_signal, workflow
    >>> with WorkflowClient("memory://") as client:
    ...     _ = client.submit(workflow("waits", await_signal("go", int)), "a", None)
    ...     client.cancel("a", reason="not needed")
    ...     client.status("a")
    Cancelled(reason='not needed', cancelled_by=None)
    """

    reason: str | None = None
    cancelled_by: str | None = None


@dataclass(frozen=True, slots=True)
class Paused(Shown):
    """Somebody paused it, and nothing of it runs any more. ``unpause`` lets it go on.

    >>> from sayiir import WorkflowClient, await_signal, workflow
    >>> with WorkflowClient("memory://") as client:
    ...     _ = client.submit(workflow("waits", await_signal("go", int)), "a", None)
    ...     client.pause("a", paused_by="ops")
    ...     client.status("a")
    Paused(reason=None, paused_by='ops', parked=())
    """

    reason: str | None = None
    paused_by: str | None = None
    parked: tuple[Parked, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting(Shown):
    """All its strands wait, the earliest for a time: a delay or a retry's backoff.

    Attributes:
        wake_at: that time (aware, UTC).
        path: where it waits.
        parked: all strands that wait, the earliest first (at most 100).

    >>> from sayiir import CheckpointingRunner, delay, workflow
    >>> with CheckpointingRunner("memory://") as runner:
    ...     status = runner.run(workflow("later", delay("1h") >> str), "a", 1)
    >>> type(status).__name__, status.path
    ('Waiting', 'delay')
    """

    wake_at: datetime
    path: str
    parked: tuple[Parked, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class AwaitingSignal(Shown):
    """All its strands wait, the earliest for a signal.

    Attributes:
        signal_name: send an event to this name.
        wake_at: when the wait times out (aware, UTC), or None.
        path: where it waits.
        parked: all strands that wait, the earliest first (at most 100).

    >>> from sayiir import CheckpointingRunner, await_signal, workflow
    >>> with CheckpointingRunner("memory://") as runner:
    ...     status = runner.run(workflow("waits", await_signal("go", int)), "a", None)
    >>> status.signal_name, status.wake_at
    ('go', None)
    """

    signal_name: str
    wake_at: datetime | None
    path: str
    parked: tuple[Parked, ...] = field(default=())


WorkflowStatus: TypeAlias = (
    InProgress | Completed[Out] | Failed | Cancelled | Paused | Waiting | AwaitingSignal
)
"""How an instance stands: one of seven classes, made for ``match``.

>>> from sayiir import CheckpointingRunner, delay, workflow
>>> with CheckpointingRunner("memory://") as runner:
...     match runner.run(workflow("later", delay("1h") >> str), "a", 1):
...         case Completed(output):
...             print("done:", output)
...         case Waiting(path=path) | AwaitingSignal(path=path):
...             print("waits at", path)
...         case other:
...             print(other)
waits at delay
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceInfo(Shown):
    """One line of a list of instances.

    Attributes:
        instance_id: its id.
        run_id: this creation of it.
        workflow_name: name of its workflow.
        workflow_version: version of its workflow.
        definition_hash: the definition it runs.
        status: name of its status class, as ``"AwaitingSignal"``.
        priority: 1 (most urgent) to 5.
        labels: what it was labelled with.
        created_at: when it was created (aware, UTC).
        finished_at: when it ended, or None.

    >>> from sayiir import WorkflowClient, await_signal, workflow
    >>> with WorkflowClient("memory://") as client:
    ...     _ = client.submit(workflow("waits", await_signal("go", int)), "a", None)
    ...     for info in client.list(status="InProgress"):
    ...         print(info.instance_id, info.workflow_name, info.priority)
    a waits 3
    """

    instance_id: str
    run_id: str
    workflow_name: str
    workflow_version: str
    definition_hash: str
    status: str
    priority: int
    labels: Mapping[str, str]
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class InstancePage(Shown):
    """A page of a list, to iterate over.

    Attributes:
        items: the instances, newest first.
        cursor: given to the next call; None after the last page.
    """

    items: tuple[InstanceInfo, ...]
    cursor: str | None

    def __iter__(self) -> Iterator[InstanceInfo]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult(Shown):
    """One line of an instance's history.

    Attributes:
        path: the node that ran.
        output: what it gave (a branch's own path: the key); None where it failed.
        error: the last failure where it has not succeeded, else None.
        attempts: how often it was started; 0: never, the result is an earlier run's (``rerun``).
        started_at: when its last attempt began (aware, UTC).
        finished_at: when its checkpoint was written (aware, UTC).
    """

    path: str
    output: Any
    error: FailureInfo | None
    attempts: int
    started_at: datetime
    finished_at: datetime


class TaskResults(list[TaskResult]):
    """An instance's history: a list that a notebook shows as a table."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        from sayiir.render.tables import results_html, results_text

        return {"text/html": results_html(self), "text/plain": results_text(self)}

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """The same in IPython's terminal, which has words of its own for lists."""
        from sayiir.render.tables import results_text

        printer.text(results_text(self))
