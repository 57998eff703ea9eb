"""The other side of a call: what is sent of it, and how a process there performs it."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import pickle
from collections import OrderedDict
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sayiir.dsl.context import CURRENT_ATTEMPT, TaskContext
from sayiir.executors.pickling import pack
from sayiir.executors.shipping import KEPT_FUNCTIONS, ShippedFunctions, load_function

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sayiir.errors import WorkflowCancelled
    from sayiir.executors.protocol import Call, Setup

__all__ = ["Line", "Performer", "SentCall", "sent_call"]


class SentSetup(NamedTuple):
    """A ``Setup`` as plain data.

    Attributes:
        key: tells it from others, by what makes it too: two runners may share a pool.
        factory: its bytes.
        parameter: who takes it.
        needs: what the factory takes.
    """

    key: str
    factory: bytes
    parameter: str | None
    needs: tuple[SentSetup, ...]


class SentCall(NamedTuple):
    """A call as plain data: bytes, texts and numbers alone. A tuple, which is pickled fastest.

    Attributes:
        function: its key and its bytes; no bytes: the process has it already.
        values: args and kwargs, pickled; ``lone``: the only positional argument.
        facts: the plain attributes of its context.
        context_parameters: names of the parameters that take the context.
        setup: what is made for it, once a process.
        log_level: records below it needn't be sent back.
    """

    function: tuple[str, bytes | None]
    values: bytes
    lone: bool
    facts: dict[str, Any]
    context_parameters: tuple[str, ...]
    setup: tuple[SentSetup, ...]
    log_level: int


def sent_call(
    call: Call, functions: ShippedFunctions, deadline: datetime | None, log_level: int
) -> SentCall:
    """What is sent of a call.

    Raises:
        PayloadError: the function, an argument or a factory can't be pickled.
    """
    shipped = functions.of(call.function)
    context = call.context
    facts = {
        "instance_id": context.instance_id,
        "path": context.path,
        "attempt": context.attempt,
        "iteration": context.iteration,
        "deadline": deadline,
        "idempotency_key": context.idempotency_key,
        "traceparent": context.traceparent,
    }
    setup = tuple(_sent_setup(each, functions) for each in call.setup)
    # A lone scalar is the usual input, and is packed faster without a tuple around it.
    lone = len(call.args) == 1 and not call.kwargs
    values = pack(call.args[0] if lone else (call.args, dict(call.kwargs)), "an argument")
    function = (shipped.key, shipped.data)
    return SentCall(function, values, lone, facts, call.context_parameters, setup, log_level)


def _sent_setup(setup: Setup, functions: ShippedFunctions) -> SentSetup:
    factory = functions.of(setup.factory)
    needs = tuple(_sent_setup(each, functions) for each in setup.needs)
    key = ":".join((setup.key, factory.key, *(need.key for need in needs)))
    return SentSetup(key, factory.data, setup.parameter, needs)


@dataclass(frozen=True, slots=True)
class Line:
    """What the context of a running call reaches the engine by; from any thread."""

    heartbeat: Callable[[], None]
    progress: Callable[[float, str | None], None]
    cancellation: Callable[[], WorkflowCancelled | None]


class _Source:
    """The context of the running call, for ``get_task_context()``."""

    def __init__(self, context: TaskContext) -> None:
        self.context = context


class Performer:
    """Performs calls, one at a time; keeps functions, what ``setup`` made, and a loop.

    Attributes:
        running: the asyncio task of the async call that runs, for who wants to cancel it.
    """

    def __init__(self) -> None:
        self._functions: OrderedDict[str, Callable[..., Any]] = OrderedDict()
        self._made: dict[str, Any] = {}
        self._stack = AsyncExitStack()
        self._runner: asyncio.Runner | None = None
        self.running: asyncio.Task[Any] | None = None

    def perform(self, sent: SentCall, line: Line) -> Any:
        """The result of the call; raises what the function raises."""
        context = TaskContext(
            **sent.facts,
            heartbeat=line.heartbeat,
            progress=line.progress,
            cancellation=line.cancellation,
        )
        args, kwargs = _arguments(sent)
        kwargs.update(dict.fromkeys(sent.context_parameters, context))
        function = self._function(*sent.function)
        for setup in sent.setup:
            made = self._setup(setup)
            if setup.parameter is None:
                function = made
            else:
                kwargs[setup.parameter] = made
        token = CURRENT_ATTEMPT.set(_Source(context))
        try:
            value = function(*args, **kwargs)
            return self._awaited(value) if inspect.isawaitable(value) else value
        finally:
            CURRENT_ATTEMPT.reset(token)

    def close(self) -> None:
        """Leave what ``setup`` entered, the last first."""
        try:
            if self._made:
                self._awaited(self._stack.aclose())
        finally:
            if self._runner is not None:
                self._runner.close()

    def _function(self, key: str, data: bytes | None) -> Callable[..., Any]:
        function = self._functions.get(key)
        if function is None:
            if data is None:
                raise LookupError(f"the function {key} was never sent to this process")
            function = self._functions[key] = load_function(data)
        self._functions.move_to_end(key)
        if len(self._functions) > KEPT_FUNCTIONS:
            self._functions.popitem(last=False)
        return function

    def _setup(self, setup: SentSetup) -> Any:
        if setup.key not in self._made:
            given = {str(need.parameter): self._setup(need) for need in setup.needs}
            made: Any = load_function(setup.factory)(**given)
            if inspect.isawaitable(made):
                made = self._awaited(made)
            entered = self._entered(made)
            self._made[setup.key] = made if setup.parameter is None else entered
        return self._made[setup.key]

    def _entered(self, made: Any) -> Any:
        kind: Any = type(made)  # pyright: ignore[reportUnknownVariableType]
        if hasattr(kind, "__aenter__"):
            return self._awaited(self._stack.enter_async_context(made))
        return self._stack.enter_context(made) if hasattr(kind, "__enter__") else made

    def _awaited(self, awaitable: Any) -> Any:
        if self._runner is None:
            self._runner = asyncio.Runner()

        async def run() -> Any:
            self.running = asyncio.current_task()
            try:
                return await awaitable
            finally:
                self.running = None

        return self._runner.run(run(), context=contextvars.copy_context())


def _arguments(sent: SentCall) -> tuple[tuple[Any, ...], dict[str, Any]]:
    values = pickle.loads(sent.values)  # noqa: S301  our own parent process wrote it
    if sent.lone:
        return (values,), {}
    args, kwargs = values
    return args, kwargs
