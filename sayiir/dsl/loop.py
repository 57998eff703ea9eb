"""``loop()``: run a flow again and again until it says that it is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol, TypeVar, overload

from sayiir.dsl.flow import Flow, check_count, flow_of
from sayiir.dsl.nodes import Loop
from sayiir.dsl.sequence import sequence_of
from sayiir.errors import DefinitionError
from sayiir.values import LoopResult

__all__ = ["loop"]

A = TypeVar("A")
B = TypeVar("B")
S_co = TypeVar("S_co", covariant=True)


class Body(Protocol[A, S_co]):
    """A flow, seen so that ``A`` is the input that it declares and no subtype of it.

    ``Flow`` alone would let ``Again[str]`` fit an ``int`` loop, at the type "nothing".
    """

    def _declared_input(self) -> Callable[[A], A]: ...
    def _declared_output(self) -> S_co: ...


@overload
def loop(
    body: Body[A, LoopResult[A, B]],
    /,
    *,
    max_iterations: int = 10,
    on_max: Literal["fail"] = "fail",
    history: Literal["last", "all"] = "last",
) -> Flow[A, B]: ...
@overload
def loop(
    body: Body[A, LoopResult[A, B]],
    /,
    *,
    max_iterations: int = 10,
    on_max: Literal["exit_with_last"],
    history: Literal["last", "all"] = "last",
) -> Flow[A, A | B]: ...
@overload
def loop(
    body: Callable[[A], Awaitable[LoopResult[A, B]]],
    /,
    *,
    max_iterations: int = 10,
    on_max: Literal["fail"] = "fail",
    history: Literal["last", "all"] = "last",
) -> Flow[A, B]: ...
@overload
def loop(
    body: Callable[[A], Awaitable[LoopResult[A, B]]],
    /,
    *,
    max_iterations: int = 10,
    on_max: Literal["exit_with_last"],
    history: Literal["last", "all"] = "last",
) -> Flow[A, A | B]: ...
@overload
def loop(
    body: Callable[[A], LoopResult[A, B]],
    /,
    *,
    max_iterations: int = 10,
    on_max: Literal["fail"] = "fail",
    history: Literal["last", "all"] = "last",
) -> Flow[A, B]: ...
@overload
def loop(
    body: Callable[[A], LoopResult[A, B]],
    /,
    *,
    max_iterations: int = 10,
    on_max: Literal["exit_with_last"],
    history: Literal["last", "all"] = "last",
) -> Flow[A, A | B]: ...
def loop(
    body: Any,
    /,
    *,
    max_iterations: int = 10,
    on_max: Literal["fail", "exit_with_last"] = "fail",
    history: Literal["last", "all"] = "last",
) -> Any:
    """Runs ``body`` until it gives ``Done(value)``; ``Again(value)`` is its next input.

    Args:
        body: any flow whose last step gives ``Again`` or ``Done``.
        max_iterations: how often the body runs at most, from 1.
        on_max: what another ``Again`` does then: ``"fail"`` the instance with ``LoopExhausted``,
            or ``"exit_with_last"``: its value is the output.
        history: which iterations' task results are kept: the ``"last"`` one's, or ``"all"``.

    Raises:
        DefinitionError: an option is out of its bounds.

    >>> from sayiir import Again, Done, task
    >>> @task
    ... def halve(n: int) -> Again[int] | Done[str]:
    ...     return Again(n // 2) if n > 1 else Done("one")
    >>> loop(halve, max_iterations=64)
    <Flow: loop>
    """
    check_count("max_iterations", max_iterations)
    if on_max not in ("fail", "exit_with_last"):
        raise DefinitionError(f"on_max is 'fail' or 'exit_with_last', not {on_max!r}")
    if history not in ("last", "all"):
        raise DefinitionError(f"history is 'last' or 'all', not {history!r}")
    node = Loop(
        "loop",
        sequence_of(flow_of(body, "loop()")),
        max_iterations,
        on_max,
        history,
    )
    return Flow[Any, Any](node)
