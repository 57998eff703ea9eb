"""What ``task`` is for type checkers; nothing imports it at run time.

Written by ``tools/generate_task_overloads.py``; change that instead.
"""

# Pyright wants covariant inputs here, and warns that `Any` inputs overlap the last overloads:
# which is why those are the last.
# pyright: reportInvalidTypeVarUse=false, reportOverlappingOverload=false

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ParamSpec, Protocol, TypeVar, final, overload

from sayiir.dsl.context import TaskContext
from sayiir.dsl.task import ClassTask, FunctionTask
from sayiir.durations import Duration
from sayiir.policy import RetryPolicy

__all__ = ["TaskDecorator"]

P = ParamSpec("P")
O = TypeVar("O")  # noqa: E741
R = TypeVar("R")
O_co = TypeVar("O_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)
A1 = TypeVar("A1")
A2 = TypeVar("A2")
A3 = TypeVar("A3")
A4 = TypeVar("A4")
A1_contra = TypeVar("A1_contra", contravariant=True)
A2_contra = TypeVar("A2_contra", contravariant=True)
A3_contra = TypeVar("A3_contra", contravariant=True)
A4_contra = TypeVar("A4_contra", contravariant=True)


@final
class Opaque:
    """Nothing is of this type, so only ``Any`` and ``object`` parameters accept it."""


class Async0(Protocol[P, R_co, O_co]):
    @overload
    def __call__(self) -> Awaitable[O_co]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class Sync0(Protocol[P, O_co]):
    @overload
    def __call__(self) -> O_co: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> O_co: ...


class Async1(Protocol[P, R_co, O_co, A1_contra]):
    @overload
    def __call__(self, a1: A1_contra, /) -> Awaitable[O_co]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class Sync1(Protocol[P, O_co, A1_contra]):
    @overload
    def __call__(self, a1: A1_contra, /) -> O_co: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> O_co: ...


class Async2(Protocol[P, R_co, O_co, A1_contra, A2_contra]):
    @overload
    def __call__(self, a1: A1_contra, a2: A2_contra, /) -> Awaitable[O_co]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class Sync2(Protocol[P, O_co, A1_contra, A2_contra]):
    @overload
    def __call__(self, a1: A1_contra, a2: A2_contra, /) -> O_co: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> O_co: ...


class Async3(Protocol[P, R_co, O_co, A1_contra, A2_contra, A3_contra]):
    @overload
    def __call__(self, a1: A1_contra, a2: A2_contra, a3: A3_contra, /) -> Awaitable[O_co]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class Sync3(Protocol[P, O_co, A1_contra, A2_contra, A3_contra]):
    @overload
    def __call__(self, a1: A1_contra, a2: A2_contra, a3: A3_contra, /) -> O_co: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> O_co: ...


class Async4(Protocol[P, R_co, O_co, A1_contra, A2_contra, A3_contra, A4_contra]):
    @overload
    def __call__(
        self, a1: A1_contra, a2: A2_contra, a3: A3_contra, a4: A4_contra, /
    ) -> Awaitable[O_co]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class Sync4(Protocol[P, O_co, A1_contra, A2_contra, A3_contra, A4_contra]):
    @overload
    def __call__(self, a1: A1_contra, a2: A2_contra, a3: A3_contra, a4: A4_contra, /) -> O_co: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> O_co: ...


class AsyncContext0(Protocol[P, R_co, O_co]):
    @overload
    def __call__(self, *, ctx: TaskContext) -> Awaitable[O_co]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class SyncContext0(Protocol[P, O_co]):
    @overload
    def __call__(self, *, ctx: TaskContext) -> O_co: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> O_co: ...


class AsyncContext1(Protocol[P, R_co, O_co, A1_contra]):
    @overload
    def __call__(self, a1: A1_contra, /, *, ctx: TaskContext) -> Awaitable[O_co]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class SyncContext1(Protocol[P, O_co, A1_contra]):
    @overload
    def __call__(self, a1: A1_contra, /, *, ctx: TaskContext) -> O_co: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> O_co: ...


class AsyncContext2(Protocol[P, R_co, O_co, A1_contra, A2_contra]):
    @overload
    def __call__(self, a1: A1_contra, a2: A2_contra, /, *, ctx: TaskContext) -> Awaitable[O_co]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class SyncContext2(Protocol[P, O_co, A1_contra, A2_contra]):
    @overload
    def __call__(self, a1: A1_contra, a2: A2_contra, /, *, ctx: TaskContext) -> O_co: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> O_co: ...


class AsyncContext3(Protocol[P, R_co, O_co, A1_contra, A2_contra, A3_contra]):
    @overload
    def __call__(
        self, a1: A1_contra, a2: A2_contra, a3: A3_contra, /, *, ctx: TaskContext
    ) -> Awaitable[O_co]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class SyncContext3(Protocol[P, O_co, A1_contra, A2_contra, A3_contra]):
    @overload
    def __call__(
        self, a1: A1_contra, a2: A2_contra, a3: A3_contra, /, *, ctx: TaskContext
    ) -> O_co: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> O_co: ...


class AsyncContext4(Protocol[P, R_co, O_co, A1_contra, A2_contra, A3_contra, A4_contra]):
    @overload
    def __call__(
        self, a1: A1_contra, a2: A2_contra, a3: A3_contra, a4: A4_contra, /, *, ctx: TaskContext
    ) -> Awaitable[O_co]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class SyncContext4(Protocol[P, O_co, A1_contra, A2_contra, A3_contra, A4_contra]):
    @overload
    def __call__(
        self, a1: A1_contra, a2: A2_contra, a3: A3_contra, a4: A4_contra, /, *, ctx: TaskContext
    ) -> O_co: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> O_co: ...


class TaskDecorator(Protocol):
    """``@task`` and ``@task(...)``; see ``sayiir.dsl.task`` for what it does."""

    @overload
    def __call__(self, function: type[Async0[P, R, O]], /) -> ClassTask[object, O, P, R]: ...
    @overload
    def __call__(self, function: type[AsyncContext0[P, R, O]], /) -> ClassTask[object, O, P, R]: ...
    @overload
    def __call__(self, function: type[Sync0[P, O]], /) -> ClassTask[object, O, P, O]: ...
    @overload
    def __call__(self, function: type[SyncContext0[P, O]], /) -> ClassTask[object, O, P, O]: ...
    @overload
    def __call__(self, function: type[Async1[P, R, O, Opaque]], /) -> ClassTask[Any, O, P, R]: ...
    @overload
    def __call__(self, function: type[Async1[P, R, O, A1]], /) -> ClassTask[A1, O, P, R]: ...
    @overload
    def __call__(self, function: type[AsyncContext1[P, R, O, A1]], /) -> ClassTask[A1, O, P, R]: ...
    @overload
    def __call__(self, function: type[Sync1[P, O, Opaque]], /) -> ClassTask[Any, O, P, O]: ...
    @overload
    def __call__(self, function: type[Sync1[P, O, A1]], /) -> ClassTask[A1, O, P, O]: ...
    @overload
    def __call__(self, function: type[SyncContext1[P, O, A1]], /) -> ClassTask[A1, O, P, O]: ...
    @overload
    def __call__(
        self, function: type[Async2[P, R, O, A1, A2]], /
    ) -> ClassTask[tuple[A1, A2], O, P, R]: ...
    @overload
    def __call__(
        self, function: type[AsyncContext2[P, R, O, A1, A2]], /
    ) -> ClassTask[tuple[A1, A2], O, P, R]: ...
    @overload
    def __call__(
        self, function: type[Sync2[P, O, A1, A2]], /
    ) -> ClassTask[tuple[A1, A2], O, P, O]: ...
    @overload
    def __call__(
        self, function: type[SyncContext2[P, O, A1, A2]], /
    ) -> ClassTask[tuple[A1, A2], O, P, O]: ...
    @overload
    def __call__(
        self, function: type[Async3[P, R, O, A1, A2, A3]], /
    ) -> ClassTask[tuple[A1, A2, A3], O, P, R]: ...
    @overload
    def __call__(
        self, function: type[AsyncContext3[P, R, O, A1, A2, A3]], /
    ) -> ClassTask[tuple[A1, A2, A3], O, P, R]: ...
    @overload
    def __call__(
        self, function: type[Sync3[P, O, A1, A2, A3]], /
    ) -> ClassTask[tuple[A1, A2, A3], O, P, O]: ...
    @overload
    def __call__(
        self, function: type[SyncContext3[P, O, A1, A2, A3]], /
    ) -> ClassTask[tuple[A1, A2, A3], O, P, O]: ...
    @overload
    def __call__(
        self, function: type[Async4[P, R, O, A1, A2, A3, A4]], /
    ) -> ClassTask[tuple[A1, A2, A3, A4], O, P, R]: ...
    @overload
    def __call__(
        self, function: type[AsyncContext4[P, R, O, A1, A2, A3, A4]], /
    ) -> ClassTask[tuple[A1, A2, A3, A4], O, P, R]: ...
    @overload
    def __call__(
        self, function: type[Sync4[P, O, A1, A2, A3, A4]], /
    ) -> ClassTask[tuple[A1, A2, A3, A4], O, P, O]: ...
    @overload
    def __call__(
        self, function: type[SyncContext4[P, O, A1, A2, A3, A4]], /
    ) -> ClassTask[tuple[A1, A2, A3, A4], O, P, O]: ...
    @overload
    def __call__(self, function: Async0[P, R, O], /) -> FunctionTask[object, O, P, R]: ...
    @overload
    def __call__(self, function: AsyncContext0[P, R, O], /) -> FunctionTask[object, O, P, R]: ...
    @overload
    def __call__(self, function: Sync0[P, O], /) -> FunctionTask[object, O, P, O]: ...
    @overload
    def __call__(self, function: SyncContext0[P, O], /) -> FunctionTask[object, O, P, O]: ...
    @overload
    def __call__(self, function: Async1[P, R, O, Opaque], /) -> FunctionTask[Any, O, P, R]: ...
    @overload
    def __call__(self, function: Async1[P, R, O, A1], /) -> FunctionTask[A1, O, P, R]: ...
    @overload
    def __call__(self, function: AsyncContext1[P, R, O, A1], /) -> FunctionTask[A1, O, P, R]: ...
    @overload
    def __call__(self, function: Sync1[P, O, Opaque], /) -> FunctionTask[Any, O, P, O]: ...
    @overload
    def __call__(self, function: Sync1[P, O, A1], /) -> FunctionTask[A1, O, P, O]: ...
    @overload
    def __call__(self, function: SyncContext1[P, O, A1], /) -> FunctionTask[A1, O, P, O]: ...
    @overload
    def __call__(
        self, function: Async2[P, R, O, A1, A2], /
    ) -> FunctionTask[tuple[A1, A2], O, P, R]: ...
    @overload
    def __call__(
        self, function: AsyncContext2[P, R, O, A1, A2], /
    ) -> FunctionTask[tuple[A1, A2], O, P, R]: ...
    @overload
    def __call__(
        self, function: Sync2[P, O, A1, A2], /
    ) -> FunctionTask[tuple[A1, A2], O, P, O]: ...
    @overload
    def __call__(
        self, function: SyncContext2[P, O, A1, A2], /
    ) -> FunctionTask[tuple[A1, A2], O, P, O]: ...
    @overload
    def __call__(
        self, function: Async3[P, R, O, A1, A2, A3], /
    ) -> FunctionTask[tuple[A1, A2, A3], O, P, R]: ...
    @overload
    def __call__(
        self, function: AsyncContext3[P, R, O, A1, A2, A3], /
    ) -> FunctionTask[tuple[A1, A2, A3], O, P, R]: ...
    @overload
    def __call__(
        self, function: Sync3[P, O, A1, A2, A3], /
    ) -> FunctionTask[tuple[A1, A2, A3], O, P, O]: ...
    @overload
    def __call__(
        self, function: SyncContext3[P, O, A1, A2, A3], /
    ) -> FunctionTask[tuple[A1, A2, A3], O, P, O]: ...
    @overload
    def __call__(
        self, function: Async4[P, R, O, A1, A2, A3, A4], /
    ) -> FunctionTask[tuple[A1, A2, A3, A4], O, P, R]: ...
    @overload
    def __call__(
        self, function: AsyncContext4[P, R, O, A1, A2, A3, A4], /
    ) -> FunctionTask[tuple[A1, A2, A3, A4], O, P, R]: ...
    @overload
    def __call__(
        self, function: Sync4[P, O, A1, A2, A3, A4], /
    ) -> FunctionTask[tuple[A1, A2, A3, A4], O, P, O]: ...
    @overload
    def __call__(
        self, function: SyncContext4[P, O, A1, A2, A3, A4], /
    ) -> FunctionTask[tuple[A1, A2, A3, A4], O, P, O]: ...
    @overload
    def __call__(
        self, function: Callable[P, Awaitable[O]], /
    ) -> FunctionTask[Any, O, P, Awaitable[O]]: ...
    @overload
    def __call__(self, function: Callable[P, O], /) -> FunctionTask[Any, O, P, O]: ...
    @overload
    def __call__(
        self,
        name: str | None = None,
        /,
        *,
        timeout: Duration | None = None,
        retries: int | RetryPolicy = 0,
        version: str = "",
        tags: Iterable[str] = (),
        priority: int | None = None,
        run_in: str | None = None,
        idempotent: bool = False,
        description: str = "",
    ) -> TaskDecorator: ...
    @overload
    def __call__(
        self,
        *,
        name: str,
        timeout: Duration | None = None,
        retries: int | RetryPolicy = 0,
        version: str = "",
        tags: Iterable[str] = (),
        priority: int | None = None,
        run_in: str | None = None,
        idempotent: bool = False,
        description: str = "",
    ) -> TaskDecorator: ...
