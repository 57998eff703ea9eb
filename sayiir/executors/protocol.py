"""The seam to other places where tasks can run: a call goes out, its result comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sayiir.errors import FailureInfo, TaskProcessDied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sayiir.dsl.context import TaskContext

__all__ = ["Call", "Executor", "ProcessDied", "Setup"]


class Executor(Protocol):
    """Runs the calls of tasks that name it: ``@task(run_in="cluster")``.

    Handed over as ``executors={"cluster": executor}``; who made it closes it.
    """

    async def run(self, call: Call) -> Any:
        """The call's result.

        Many calls may be made at once; those for which there is no room wait here. An executor
        calls ``call.started()`` when a call begins, its process running and ``call.setup`` made:
        the task's timeout counts from then on.

        Being cancelled means to stop: the call runs no longer when this returns.

        Raises:
            ProcessDied: what ran it is gone without an answer. A failure like any other: the
                task's policy says whether it is tried again.
            BaseException: what the function raised.
        """
        ...

    async def close(self) -> None:
        """Stop what runs and let go of everything. Idempotent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a task's function.

    Attributes:
        function: sync or async; an async one is run to its end by asyncio, over there.
        args: its positional arguments.
        kwargs: its named arguments, but for the context and what ``setup`` makes.
        context: this side's context: its facts go over, and its ``progress()`` and
            ``heartbeat()`` take what comes back. It can't be pickled itself.
        context_parameters: names of the parameters that take the other side's context.
        setup: what the function needs over there, made once a process.
        started: tell that the call begins now; answers when it will be stopped, if at all.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    context: TaskContext
    context_parameters: tuple[str, ...] = ()
    setup: tuple[Setup, ...] = ()
    started: Callable[[], datetime | None]


@dataclass(frozen=True, slots=True)
class Setup:
    """Something that a process makes once and then keeps for every call that names its key.

    Attributes:
        key: what it is; with its factory and its needs, equal for calls that share it.
        factory: makes it, or an awaitable of it; can be pickled. If it is an (async) context
            manager, that is entered and not awaited, what it gives is used, and it is left when
            the process ends in good order.
        parameter: the name of the parameter that takes it; None: it is itself what is called,
            in the place of ``Call.function``, entered or not.
        needs: what the factory takes, by its own parameters' names.
        kind: the type that a resource is asked for by: what is used must be of it. None: what
            is used isn't looked at.
    """

    key: str
    factory: Callable[..., Any]
    parameter: str | None = None
    needs: tuple[Setup, ...] = ()
    kind: Any = None


class ProcessDied(TaskProcessDied):
    """The process that ran a call ended by itself; the engine records ``TaskProcessDied``.

    Attributes:
        exit_code: its exit status; negative: the number of the signal that killed it; None:
            nobody knows.
    """

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        kind = TaskProcessDied.__name__
        super().__init__(FailureInfo(kind, kind, message))
        self.exit_code = exit_code

    def __str__(self) -> str:
        return self.info.message
