"""The resources and class-task instances of one runner or process: entered once, left in order."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import TYPE_CHECKING, Any, Self

from sayiir.dsl.inject import type_name
from sayiir.engine.closing import outlasted
from sayiir.engine.resources.registry import Resources
from sayiir.errors import SayiirError
from sayiir.executors.entering import enter, needs_loop
from sayiir.limits import RESOURCE_GRACE_SECONDS
from sayiir.printable import printable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sayiir.dsl.class_call import ClassCall
    from sayiir.executors.entering import Entered, InThread

__all__ = ["ResourcePool"]

logger = logging.getLogger("sayiir.engine")


class _Kept:
    """One thing that is entered and left by one asyncio task of its own.

    Of its own, so that a caller who is cancelled takes nothing from the others who wait for it;
    one for both, because what holds task groups or cancel scopes must be left where it was
    entered.
    """

    def __init__(self, name: str, in_thread: InThread) -> None:
        self.name = name
        self.value: Any = None
        self.error: BaseException | None = None
        self.leaving_error: BaseException | None = None
        self.ready = asyncio.Event()
        self.leaving = asyncio.Event()
        self._in_thread = in_thread
        self._on_thread = False

    async def keep(
        self, enter_it: Callable[[InThread], Awaitable[Entered]], settled: Callable[[_Kept], None]
    ) -> None:
        """Enter it, tell who waits, and leave it when that is asked or the loop ends."""
        try:
            entered = await enter_it(self._called_in_thread)
            self.value = entered.value
        except BaseException as error:  # for those who wait; raised here it would end the loop
            self.error = error
            return
        finally:
            settled(self)
            self.ready.set()
        try:
            await self.leaving.wait()
        except asyncio.CancelledError:
            logger.debug("%s is left because its event loop ends", printable(self.name))
        if entered.leave is not None:
            try:
                await entered.leave()
            except BaseException as error:
                self.leaving_error = error

    async def wait(self) -> Any:
        """The value, as soon as there is one.

        Raises:
            SayiirError: it was closed meanwhile.
            BaseException: whatever entering it raised.
        """
        if not self.ready.is_set():
            await self.ready.wait()
        if self.leaving.is_set() or isinstance(self.error, asyncio.CancelledError):
            raise SayiirError(f"{self.name} is closed, since its runner was closed") from self.error
        if self.error is not None:
            raise self.error
        return self.value

    def leave(self, task: asyncio.Task[None]) -> None:
        """Ask it to leave. What is still being entered in the loop is cancelled, and undone."""
        self.leaving.set()
        if not self.ready.is_set() and not self._on_thread:
            task.cancel()

    async def _called_in_thread(self, call: Callable[[], Any]) -> Any:
        self._on_thread = True
        try:
            return await self._in_thread(call)
        finally:
            self._on_thread = False


class ResourcePool:
    """Makes what tasks ask for on first use, keeps it, and leaves it in reverse order.

    Many may ask at once: it is made once. What failed to be made is tried anew by the next who
    asks. It belongs to one event loop; ``close`` it there, or use it with ``async with``.

    Args:
        resources: what was handed over.
        in_thread: how sync code is called; ``asyncio.to_thread`` by default. A process that runs
            nothing else may call it right there.

    >>> async def main() -> str:
    ...     async with ResourcePool(Resources({str: lambda: "hello"})) as pool:
    ...         return await pool.get(str)
    >>> asyncio.run(main())
    'hello'
    """

    def __init__(
        self, resources: Resources | None = None, in_thread: InThread | None = None
    ) -> None:
        self.resources = resources or Resources()
        self._in_thread: InThread = in_thread or asyncio.to_thread
        self._kept: dict[Any, _Kept] = {}
        self._tasks: dict[_Kept, asyncio.Task[None]] = {}
        self._entered: list[_Kept] = []
        # What is made lives longer than the task that asked first, and must not see its context.
        self._context = contextvars.copy_context()
        self._closing: asyncio.Task[list[BaseException]] | None = None
        self._closed = False

    async def get(self, key: Any) -> Any:
        """The resource of exactly this type.

        Raises:
            DefinitionError: nobody gave it.
            SayiirError: the pool is closed.
            BaseException: whatever making or entering it raised.
        """
        kept = self._kept.get(key)
        if kept is None:
            source = self.resources.source(key)
            make = source.make
            if make is None:
                return source.ready

            async def enter_it(in_thread: InThread) -> Entered:
                entered = await enter(make, in_thread, in_loop=source.in_loop)
                try:
                    source.check(entered.value)
                except TypeError:
                    if entered.leave is not None:
                        await entered.leave()
                    raise
                return entered

            kept = self._begin(key, f"the resource {type_name(key)}", enter_it)
        return await kept.wait()

    async def instance(self, call: ClassCall) -> Callable[..., Any]:
        """The one instance of a class task, built with its resources and entered.

        Raises:
            SayiirError: the pool is closed.
            BaseException: whatever building or entering it raised, or its resources.
        """
        kept = self._kept.get(call)
        if kept is None:

            async def enter_it(in_thread: InThread) -> Entered:
                given = {name: await self.get(key) for name, key in call.needs.items()}
                in_loop = needs_loop(call.kind)
                entered = await enter(lambda: call.kind(**given), in_thread, in_loop=in_loop)
                # The class's own __call__ was looked at, so its instance is what is called.
                entered.value = entered.made
                return entered

            kept = self._begin(call, f"the class task {call.kind.__name__}", enter_it)
        instance: Callable[..., Any] = await kept.wait()
        return instance

    def _begin(
        self, key: Any, name: str, enter_it: Callable[[InThread], Awaitable[Entered]]
    ) -> _Kept:
        if self._closed or self._closing is not None:
            raise SayiirError(f"{name} can't be made: its runner was closed")
        kept = self._kept[key] = _Kept(name, self._in_thread)

        def settled(kept: _Kept) -> None:
            if kept.error is None:
                self._entered.append(kept)
            else:
                del self._kept[key]

        def ended(_: asyncio.Task[None]) -> None:
            self._tasks.pop(kept, None)
            if not kept.ready.is_set():  # cancelled before its first step: nothing of it ran
                kept.error = asyncio.CancelledError()
                settled(kept)
                kept.ready.set()

        coroutine = kept.keep(enter_it, settled)
        loop = asyncio.get_running_loop()
        task = loop.create_task(coroutine, context=self._context.copy())
        self._tasks[kept] = task
        task.add_done_callback(ended)
        return kept

    # -- leaving

    async def close(self) -> None:
        """Leave everything, the last that was entered first. Idempotent.

        Everything is left even if leaving something fails or the caller is cancelled meanwhile;
        the cancellation is raised when it is done. What is still being entered is cancelled; a
        thread that enters something is waited for 10 s, and then leaves it by itself.

        Raises:
            BaseException: what leaving raised; of several things, a group of them.
        """
        errors = await self._left()
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise BaseExceptionGroup("several resources could not be left", errors)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if error is None:
            await self.close()
            return
        for failure in await self._left():  # the error on its way is the one to be raised
            logger.error("leaving a resource failed", exc_info=failure)

    async def _left(self) -> list[BaseException]:
        if self._closing is None and not (self._tasks or self._entered):
            self._closed = True
            return []  # nothing was made, as in most runs: that needs no task
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._leave_all())
        cancelled = await outlasted(self._closing)
        errors = self._closing.result()
        if cancelled is not None:
            raise cancelled
        told, errors[:] = errors[:], []
        return told

    async def _leave_all(self) -> list[BaseException]:
        entering = {kept: task for kept, task in self._tasks.items() if not kept.ready.is_set()}
        for kept, task in entering.items():
            kept.leave(task)
        if entering:
            _, late = await asyncio.wait(entering.values(), timeout=RESOURCE_GRACE_SECONDS)
            for kept, task in entering.items():
                if task in late:
                    logger.warning(
                        "%s was still being made and is left to its thread", printable(kept.name)
                    )
                    task.cancel()
            if late:
                await asyncio.wait(late)
        for kept in reversed(self._entered):
            keeping = self._tasks.get(kept)
            if keeping is not None:
                kept.leave(keeping)
                await asyncio.wait({keeping})
        return [k.leaving_error for k in reversed(self._entered) if k.leaving_error is not None]
