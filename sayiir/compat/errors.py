"""The published package's exceptions, and ours told as them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sayiir.errors import (
    BlockingCallInLoop,
    DefinitionError,
    FailureInfo,
    InstanceAlreadyExists,
    InstanceNotFound,
    InvalidTransition,
    PayloadError,
    SayiirError,
    StoreError,
    WorkflowFailed,
)

__all__ = [
    "BackendError",
    "InstanceAlreadyExistsError",
    "TaskError",
    "WorkflowError",
    "failure_text",
    "told_as_compat",
]


class WorkflowError(RuntimeError):
    """Above all errors of workflows and stores.

    ``__cause__`` is the error of the native interface, with its attributes.

    >>> issubclass(TaskError, WorkflowError), issubclass(BackendError, WorkflowError)
    (True, True)
    """


class TaskError(WorkflowError):
    """A task failed in a run in memory; ``__cause__`` is its own exception.

    >>> from sayiir.compat import Flow, run_workflow
    >>> try:
    ...     run_workflow(Flow("inverse").then(lambda n: 1 / n).build(), 0)
    ... except TaskError as error:
    ...     print(error, "|", repr(error.__cause__))
    ZeroDivisionError: division by zero | ZeroDivisionError('division by zero')
    """


class BackendError(WorkflowError):
    """The store has no such instance, the instance's status refuses the call, or it can't be used.

    >>> from sayiir.compat import InMemoryBackend, cancel_workflow
    >>> cancel_workflow("a", InMemoryBackend())
    Traceback (most recent call last):
    sayiir.compat.errors.BackendError: there is no instance 'a' in memory:// (each opening is ...)
    """


class InstanceAlreadyExistsError(WorkflowError):
    """The instance id is taken, and the conflict policy is ``"fail"``.

    >>> from sayiir.compat import Flow, InMemoryBackend, run_durable_workflow
    >>> backend, workflow = InMemoryBackend(), Flow("w").then(lambda n: n).build()
    >>> _ = run_durable_workflow(workflow, "a", 1, backend)
    >>> run_durable_workflow(workflow, "a", 1, backend)
    Traceback (most recent call last):
    sayiir.compat.errors.InstanceAlreadyExistsError: instance 'a' exists already; ...
    """


@contextmanager
def told_as_compat() -> Generator[None]:
    """Raises native errors as those that programs for the published package catch."""
    try:
        yield
    except DefinitionError as error:
        # What is wrong with a graph is a ValueError there.
        raise ValueError(str(error)) from error
    except WorkflowFailed as error:
        # In memory the cause is the task's own exception, which tells more than ours.
        raise TaskError(failure_text(error.info)) from (error.__cause__ or error)
    except BlockingCallInLoop as error:
        # The native message names an async twin, which backends don't have.
        raise WorkflowError(
            "an async task can't wait for its own backend: make it a sync function, or write "
            "await asyncio.to_thread(function, ...)"
        ) from error
    except SayiirError as error:
        raise _kind(error)(str(error)) from error


def _kind(error: SayiirError) -> type[WorkflowError]:
    match error:
        case InstanceAlreadyExists():
            return InstanceAlreadyExistsError
        case InstanceNotFound() | InvalidTransition() | StoreError():
            return BackendError
        case PayloadError(task=str()):
            return TaskError
        case _:
            return WorkflowError


def failure_text(info: FailureInfo) -> str:
    """A recorded failure as one line: type and message of a task's exception, else the message.

    >>> failure_text(FailureInfo("TaskFailed", "shop.CardDeclined", "no funds"))
    'CardDeclined: no funds'
    """
    if info.kind != "TaskFailed":
        return info.message
    return f"{info.type_name.rpartition('.')[2]}: {info.message}"
