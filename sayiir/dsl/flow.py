"""``Flow[In, Out]``: an immutable piece of graph, and ``>>``, which makes longer ones."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NoReturn, Self, TypeVar, overload

from sayiir.dsl.callables import plain_spec
from sayiir.dsl.nodes import Map, TaskNode
from sayiir.dsl.sequence import Piece, sequence_of
from sayiir.errors import DefinitionError
from sayiir.ids import check_node_id
from sayiir.values import ItemFailed

if TYPE_CHECKING:
    from sayiir.dsl.fork import NamedArms
    from sayiir.dsl.waits import KeepInputFlow, PassThrough

__all__ = ["Flow", "check_count", "flow_of"]

In = TypeVar("In", contravariant=True)  # users read Flow[In, Out]
Out = TypeVar("Out", covariant=True)
A = TypeVar("A")
C = TypeVar("C")
S = TypeVar("S")
X = TypeVar("X")
Y = TypeVar("Y")
Z = TypeVar("Z")
W = TypeVar("W")


class Flow(Generic[In, Out]):
    """A piece of graph that takes an ``In`` and gives an ``Out``.

    Flows are made by ``@task``, ``fork()``, ``branch()``, ``loop()``, ``delay()``,
    ``await_signal()`` and ``workflow()``, and joined by ``>>``. Nothing changes one: every
    operation gives a new flow.

    >>> from sayiir import Flow, task
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> chain: Flow[int, str] = double >> double >> str
    >>> chain
    <Flow: double >> double#2 >> str>
    """

    __slots__ = ("_piece",)

    _drawn: ClassVar[Callable[[Flow[Any, Any]], str | None] | None] = None
    """Draws a flow as SVG for notebooks: set by what stands above the pure graph, and can draw."""

    def __init__(self, piece: Piece) -> None:
        self._piece = piece

    @property
    def piece(self) -> Piece:
        """The graph that this flow stands for; ``sequence_of`` reads it."""
        return self._piece

    # -- a >> b
    # The order matters: what passes its input on comes before general flows, flows before
    # callables (tasks are both), async before sync, one input before a spread tuple.
    @overload
    def __rshift__(self, following: PassThrough, /) -> Flow[In, Out]: ...
    @overload
    def __rshift__(self, following: KeepInputFlow[S], /) -> Flow[In, tuple[Out, S]]: ...
    @overload
    def __rshift__(self, following: Flow[Out, C], /) -> Flow[In, C]: ...
    @overload
    def __rshift__(self, following: Callable[[Out], Awaitable[C]], /) -> Flow[In, C]: ...
    @overload
    def __rshift__(self, following: Callable[[Out], C], /) -> Flow[In, C]: ...
    @overload
    def __rshift__(
        self: Flow[A, tuple[X, Y]], following: Callable[[X, Y], Awaitable[C]], /
    ) -> Flow[A, C]: ...
    @overload
    def __rshift__(self: Flow[A, tuple[X, Y]], following: Callable[[X, Y], C], /) -> Flow[A, C]: ...
    @overload
    def __rshift__(
        self: Flow[A, tuple[X, Y, Z]], following: Callable[[X, Y, Z], Awaitable[C]], /
    ) -> Flow[A, C]: ...
    @overload
    def __rshift__(
        self: Flow[A, tuple[X, Y, Z]], following: Callable[[X, Y, Z], C], /
    ) -> Flow[A, C]: ...
    @overload
    def __rshift__(
        self: Flow[A, tuple[X, Y, Z, W]], following: Callable[[X, Y, Z, W], Awaitable[C]], /
    ) -> Flow[A, C]: ...
    @overload
    def __rshift__(
        self: Flow[A, tuple[X, Y, Z, W]], following: Callable[[X, Y, Z, W], C], /
    ) -> Flow[A, C]: ...
    @overload
    def __rshift__(self: Flow[A, NamedArms], following: Flow[Any, C], /) -> Flow[A, C]: ...
    @overload
    def __rshift__(
        self: Flow[A, NamedArms], following: Callable[..., Awaitable[C]], /
    ) -> Flow[A, C]: ...
    @overload
    def __rshift__(self: Flow[A, NamedArms], following: Callable[..., C], /) -> Flow[A, C]: ...
    def __rshift__(self, following: Any, /) -> Any:
        """The flow that gives this one's output to ``following``.

        Raises:
            DefinitionError: ``following`` is no flow, task, workflow or callable.
        """
        return Flow[Any, Any]((self.piece, flow_of(following, ">>").piece))

    # -- plain >> flow
    @overload
    def __rrshift__(self, first: Callable[[A], Awaitable[In]], /) -> Flow[A, Out]: ...
    @overload
    def __rrshift__(self, first: Callable[[A], In], /) -> Flow[A, Out]: ...
    def __rrshift__(self, first: Any, /) -> Any:
        """The flow that begins with a plain callable and goes on with this one."""
        return Flow[Any, Any]((flow_of(first, ">>").piece, self.piece))

    # -- a.then(b): as >>, but lambdas get their parameter's type in pyright too
    @overload
    def then(self, following: PassThrough, /) -> Flow[In, Out]: ...
    @overload
    def then(self, following: KeepInputFlow[S], /) -> Flow[In, tuple[Out, S]]: ...
    @overload
    def then(self, following: Flow[Out, C], /) -> Flow[In, C]: ...
    @overload
    def then(self, following: Callable[[Out], Awaitable[C]], /) -> Flow[In, C]: ...
    @overload
    def then(self, following: Callable[[Out], C], /) -> Flow[In, C]: ...
    @overload
    def then(
        self: Flow[A, tuple[X, Y]], following: Callable[[X, Y], Awaitable[C]], /
    ) -> Flow[A, C]: ...
    @overload
    def then(self: Flow[A, tuple[X, Y]], following: Callable[[X, Y], C], /) -> Flow[A, C]: ...
    @overload
    def then(self: Flow[A, NamedArms], following: Flow[Any, C], /) -> Flow[A, C]: ...
    @overload
    def then(self: Flow[A, NamedArms], following: Callable[..., C], /) -> Flow[A, C]: ...
    def then(self, following: Any, /) -> Any:
        """``self >> following``, for checkers that tell lambdas more in calls than in operators.

        Raises:
            DefinitionError: ``following`` is no flow, task, workflow or callable.

        >>> from sayiir import task
        >>> @task
        ... def half(n: int) -> float:
        ...     return n / 2
        >>> half.then(lambda x: x + 1)
        <Flow: half >> lambda>
        """
        return self >> following

    @overload
    def map(
        self, *, max_concurrency: int | None = None, on_error: Literal["fail"] = "fail"
    ) -> Flow[Sequence[In], list[Out]]: ...
    @overload
    def map(
        self, *, max_concurrency: int | None = None, on_error: Literal["collect"]
    ) -> Flow[Sequence[In], list[Out | ItemFailed]]: ...
    def map(
        self, *, max_concurrency: int | None = None, on_error: Literal["fail", "collect"] = "fail"
    ) -> Any:
        """The flow that runs this one for each element of a sequence; outputs keep its order.

        Args:
            max_concurrency: how many elements are worked on at a time; None: no limit here.
            on_error: ``"fail"``: the first failure fails the whole. ``"collect"``: an element
                that fails becomes an ``ItemFailed`` in the output.

        Raises:
            DefinitionError: ``max_concurrency`` is below 1, or ``on_error`` none of the two.

        >>> from sayiir import task
        >>> @task
        ... def double(n: int) -> int:
        ...     return 2 * n
        >>> double.map(max_concurrency=4)
        <Flow: map>
        """
        if max_concurrency is not None:
            check_count("max_concurrency", max_concurrency)
        if on_error not in ("fail", "collect"):
            raise DefinitionError(f"on_error is 'fail' or 'collect', not {on_error!r}")
        return Flow[Any, Any](Map("map", sequence_of(self), max_concurrency, on_error))

    def named(self, node_id: str, /) -> Self:
        """The same flow, its node called ``node_id`` in paths.

        Raises:
            DefinitionError: the flow has several nodes, or the name is not allowed: 1 to 128
                characters without ``/ [ ] #`` and controls.

        >>> from sayiir import delay
        >>> delay("1h").named("cool_down")
        <Flow: cool_down>
        """
        piece = self.piece
        if isinstance(piece, tuple):
            raise DefinitionError(
                f"named({node_id!r}) names one node, but {self!r} has several; name them one by "
                "one, or make a workflow of them"
            )
        renamed = copy.copy(self)
        renamed._piece = replace(piece, id=check_node_id(node_id))
        return renamed

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: a picture, where something is there that can draw it."""
        shown = {"text/plain": repr(self)}
        picture = None if Flow._drawn is None else Flow._drawn(self)
        return shown if picture is None else {"image/svg+xml": picture, **shown}

    def __repr__(self) -> str:
        ids = [node.id for node in sequence_of(self).nodes]
        if len(ids) > 12:
            ids[6:-5] = [f"… {len(ids) - 11} more …"]
        return f"<Flow: {' >> '.join(ids)}>"

    if TYPE_CHECKING:
        # Never there at run time. They pin the variance for protocols that infer the declared
        # input of a flow, and what it gives.
        def _declared_input(self) -> Callable[[In], In]: ...
        def _declared_output(self) -> Out: ...

    else:
        # Checkers reject `|` because it isn't there. Python has no such luck where an operand
        # brings its own, and `a >> b | c` means `(a >> b) | c`.
        def __or__(self, other: object) -> NoReturn:
            """Refused: arms are written ``fork(a, b)``."""
            raise DefinitionError(
                "flows can't be joined by '|'; write fork(a, b) for concurrent arms. Note that "
                "'a >> b | c' means '(a >> b) | c'"
            )

        __ror__ = __or__


def flow_of(part: object, where: str) -> Flow[Any, Any]:
    """A flow as it is; a plain callable as the flow of one task.

    Raises:
        DefinitionError: ``part`` is neither; ``where`` tells what it was given to.
    """
    if isinstance(part, Flow):
        return part  # pyright: ignore[reportUnknownVariableType]
    spec = plain_spec(part, where)
    return Flow(TaskNode(spec.name, spec))


def check_count(name: str, count: object) -> int:
    """A whole number from 1.

    Raises:
        DefinitionError: it isn't.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise DefinitionError(f"{name} is a whole number from 1, not {count!r}")
    return count
