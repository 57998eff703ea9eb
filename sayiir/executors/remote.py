"""The other side of a call: what is sent of it, and how a process there performs it."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import pickle
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sayiir.dsl.context import CURRENT_ATTEMPT, TaskContext
from sayiir.executors.checking import check_made
from sayiir.executors.entering import is_async_manager, is_awaited, is_manager, needs_loop
from sayiir.executors.pickling import pack
from sayiir.executors.shipping import ShippedFunctions, load_function

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.errors import WorkflowCancelled
    from sayiir.executors.protocol import Call, Setup

__all__ = ["Line", "Performer", "Preparation", "SentCall", "SentSetup", "sent_call"]


class SentSetup(NamedTuple):
    """A ``Setup`` as plain data.

    Attributes:
        key: tells it from others, by what makes it too: two runners may share a pool.
        factory: its bytes; None: the process has made it already.
        parameter: who takes it.
        needs: what the factory takes.
        kind: the bytes of the type that it must be of.
    """

    key: str
    factory: bytes | None
    parameter: str | None
    needs: tuple[SentSetup, ...]
    kind: bytes | None


class SentCall(NamedTuple):
    """A call as plain data: bytes, texts and numbers alone. A tuple, which is pickled fastest.

    Attributes:
        function: its key and its bytes; no bytes: the process has it already. None: what is
            called comes of ``setup``.
        values: args and kwargs, pickled; ``lone``: the only positional argument.
        facts: the plain attributes of its context.
        context_parameters: names of the parameters that take the context.
        setup: what is made for it, once a process.
        log_level: records below it needn't be sent back.
    """

    function: tuple[str, bytes | None] | None
    values: bytes
    lone: bool
    facts: dict[str, Any]
    context_parameters: tuple[str, ...]
    setup: tuple[SentSetup, ...]
    log_level: int


class Preparation(NamedTuple):
    """What a process has to have before a call begins, as plain data.

    Sent apart from the call: reading it runs nothing, and what fails in it is told as that.

    Attributes:
        function: its key and its bytes; None: it is there.
        setup: what isn't made yet; of what is made, the keys alone.
        forget: keys of functions that are kept no longer. Only who sends counts them.
        log_level: as in the call.
    """

    function: tuple[str, bytes] | None
    setup: tuple[SentSetup, ...]
    forget: tuple[str, ...]
    log_level: int


def sent_call(call: Call, functions: ShippedFunctions, log_level: int) -> SentCall:
    """What is sent of a call; its deadline is known only when it begins.

    Raises:
        PayloadError: the function, an argument or a factory can't be pickled.
    """
    function: tuple[str, bytes | None] | None = None
    if all(each.parameter is not None for each in call.setup):
        shipped = functions.of(call.function)
        function = (shipped.key, shipped.data)
    context = call.context
    facts = {
        "instance_id": context.instance_id,
        "path": context.path,
        "attempt": context.attempt,
        "iteration": context.iteration,
        "deadline": None,
        "idempotency_key": context.idempotency_key,
        "traceparent": context.traceparent,
    }
    setup = tuple(_sent_setup(each, functions) for each in call.setup)
    # A lone scalar is the usual input, and is packed faster without a tuple around it.
    lone = len(call.args) == 1 and not call.kwargs
    values = pack(call.args[0] if lone else (call.args, dict(call.kwargs)), "an argument")
    return SentCall(function, values, lone, facts, call.context_parameters, setup, log_level)


def _sent_setup(setup: Setup, functions: ShippedFunctions) -> SentSetup:
    factory = functions.of(setup.factory)
    needs = tuple(_sent_setup(each, functions) for each in setup.needs)
    kind = None if setup.kind is None else functions.of(setup.kind)
    key = ":".join(
        (setup.key, factory.key, kind.key if kind else "", *(need.key for need in needs))
    )
    return SentSetup(key, factory.data, setup.parameter, needs, kind.data if kind else None)


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
        self._functions: dict[str, Callable[..., Any]] = {}
        self._made: dict[str, Any] = {}
        self._stack = AsyncExitStack()
        self._runner: asyncio.Runner | None = None
        self.running: asyncio.Task[Any] | None = None

    def prepare(self, sent: Preparation) -> None:
        """Load and make what a call needs; raises what the user's modules and factories raise.

        What failed is asked for anew by the next call; what was made before that stays.
        """
        for key in sent.forget:
            self._functions.pop(key, None)
        loaded = None if sent.function is None else load_function(sent.function[1])
        for setup in sent.setup:
            self._setup(setup)
        if sent.function is not None and loaded is not None:  # last: all of it is there, or none
            self._functions[sent.function[0]] = loaded

    def perform(self, sent: SentCall, line: Line) -> Any:
        """The result of a call that was prepared; raises what the function raises."""
        context = TaskContext(
            **sent.facts,
            heartbeat=line.heartbeat,
            progress=line.progress,
            cancellation=line.cancellation,
        )
        args, kwargs = _arguments(sent)
        kwargs.update(dict.fromkeys(sent.context_parameters, context))
        function: Any = None if sent.function is None else self._functions[sent.function[0]]
        for setup in sent.setup:
            made = self._made[setup.key]
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

    def _setup(self, setup: SentSetup) -> Any:
        if setup.key not in self._made:
            if setup.factory is None:
                raise LookupError(f"{setup.key} was never made in this process")
            given = {str(need.parameter): self._setup(need) for need in setup.needs}
            self._made[setup.key] = self._kept(
                setup, partial(load_function(setup.factory), **given)
            )
        return self._made[setup.key]

    def _kept(self, setup: SentSetup, make: Callable[[], Any]) -> Any:
        """What the engine makes and enters of it too; sync code is called with no loop around."""
        made = self._awaited(_called(make)) if needs_loop(make) else make()
        if is_awaited(made):
            made = self._awaited(made)
        own, used = AsyncExitStack(), made
        if is_async_manager(made):
            used = self._awaited(own.enter_async_context(_Held(made)))
        elif is_manager(made):
            used = own.enter_context(made)
        try:
            if setup.kind is not None:
                check_made(used, load_function(setup.kind))
        except BaseException:
            self._awaited(own.aclose())
            raise
        self._stack.push_async_exit(own)
        return made if setup.parameter is None else used

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


class _Held:
    """An async context manager that one asyncio task of its own enters and leaves.

    What holds task groups or cancel scopes must be left in the task that entered it, and calls
    have each their own.
    """

    def __init__(self, manager: Any) -> None:
        self._manager = manager
        self._leaving = asyncio.Event()
        self._holding: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Any:
        loop = asyncio.get_running_loop()
        entered: asyncio.Future[Any] = loop.create_future()
        self._holding = loop.create_task(self._hold(entered))
        try:
            # It ends without having entered where that raises, or is cancelled with the call.
            await asyncio.wait((entered, self._holding), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._holding.cancel()
            await asyncio.wait((self._holding,))
            raise
        return entered.result() if entered.done() else self._holding.result()

    async def __aexit__(self, *_: object) -> None:
        self._leaving.set()
        if self._holding is not None:
            await self._holding

    async def _hold(self, entered: asyncio.Future[Any]) -> None:
        async with self._manager as value:
            entered.set_result(value)
            await self._leaving.wait()


async def _called(make: Callable[[], Any]) -> Any:
    made = make()
    return await made if is_awaited(made) else made


def _arguments(sent: SentCall) -> tuple[tuple[Any, ...], dict[str, Any]]:
    values = pickle.loads(sent.values)  # noqa: S301  our own parent process wrote it
    if sent.lone:
        return (values,), {}
    args, kwargs = values
    return args, kwargs
