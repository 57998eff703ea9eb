"""``fork()``: arms that get the same input and run concurrently."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, overload

from sayiir.dsl.flow import Flow, flow_of
from sayiir.dsl.nodes import Arm, Fork
from sayiir.dsl.sequence import sequence_of
from sayiir.errors import DefinitionError
from sayiir.limits import MAX_FORK_ARMS, MAX_ID_CHARACTERS

__all__ = ["NamedArms", "fork"]

A = TypeVar("A")
B = TypeVar("B")
B1 = TypeVar("B1")
B2 = TypeVar("B2")
B3 = TypeVar("B3")
B4 = TypeVar("B4")
B5 = TypeVar("B5")
B6 = TypeVar("B6")
B7 = TypeVar("B7")
B8 = TypeVar("B8")
M = TypeVar("M")
A_contra = TypeVar("A_contra", contravariant=True)
B_co = TypeVar("B_co", covariant=True)


class PlainAsync(Protocol[A_contra, B_co]):
    """An async function, told apart from a task, which has no ``__qualname__`` for checkers."""

    __qualname__: str

    def __call__(self, value: A_contra, /) -> Awaitable[B_co]: ...


class PlainSync(Protocol[A_contra, B_co]):
    """A sync function, told apart from a task as ``PlainAsync`` is."""

    __qualname__: str

    def __call__(self, value: A_contra, /) -> B_co: ...


ForkArm: TypeAlias = Flow[A, B] | PlainAsync[A, B] | PlainSync[A, B]
LooseArm: TypeAlias = Flow[A, Any] | Callable[[A], Any]


class NamedArms(dict[str, Any]):
    """For checkers: what a named fork gives. What follows it is checked when it is built."""


@overload
def fork(arm1: ForkArm[A, B1], /) -> Flow[A, tuple[B1]]: ...
@overload
def fork(arm1: ForkArm[A, B1], arm2: ForkArm[A, B2], /) -> Flow[A, tuple[B1, B2]]: ...
@overload
def fork(
    arm1: ForkArm[A, B1], arm2: ForkArm[A, B2], arm3: ForkArm[A, B3], /
) -> Flow[A, tuple[B1, B2, B3]]: ...
@overload
def fork(
    arm1: ForkArm[A, B1], arm2: ForkArm[A, B2], arm3: ForkArm[A, B3], arm4: ForkArm[A, B4], /
) -> Flow[A, tuple[B1, B2, B3, B4]]: ...
@overload
def fork(
    arm1: ForkArm[A, B1],
    arm2: ForkArm[A, B2],
    arm3: ForkArm[A, B3],
    arm4: ForkArm[A, B4],
    arm5: ForkArm[A, B5],
    /,
) -> Flow[A, tuple[B1, B2, B3, B4, B5]]: ...
@overload
def fork(
    arm1: ForkArm[A, B1],
    arm2: ForkArm[A, B2],
    arm3: ForkArm[A, B3],
    arm4: ForkArm[A, B4],
    arm5: ForkArm[A, B5],
    arm6: ForkArm[A, B6],
    /,
) -> Flow[A, tuple[B1, B2, B3, B4, B5, B6]]: ...
@overload
def fork(
    arm1: ForkArm[A, B1],
    arm2: ForkArm[A, B2],
    arm3: ForkArm[A, B3],
    arm4: ForkArm[A, B4],
    arm5: ForkArm[A, B5],
    arm6: ForkArm[A, B6],
    arm7: ForkArm[A, B7],
    /,
) -> Flow[A, tuple[B1, B2, B3, B4, B5, B6, B7]]: ...
@overload
def fork(
    arm1: ForkArm[A, B1],
    arm2: ForkArm[A, B2],
    arm3: ForkArm[A, B3],
    arm4: ForkArm[A, B4],
    arm5: ForkArm[A, B5],
    arm6: ForkArm[A, B6],
    arm7: ForkArm[A, B7],
    arm8: ForkArm[A, B8],
    /,
) -> Flow[A, tuple[B1, B2, B3, B4, B5, B6, B7, B8]]: ...
@overload
def fork(arm1: LooseArm[A], /, *arms: LooseArm[A]) -> Flow[A, tuple[Any, ...]]: ...
@overload
def fork(
    arm1: LooseArm[A], /, *arms: LooseArm[A], join: Literal["all"]
) -> Flow[A, tuple[Any, ...]]: ...
@overload
def fork(arm1: LooseArm[A], /, *arms: LooseArm[A], join: Literal["last"]) -> Flow[A, Any]: ...
@overload
def fork(  # type: ignore[overload-overlap]  # an arm called `into` is refused when it is built
    *, into: Callable[..., M], **arms: LooseArm[A]
) -> Flow[A, M]: ...
@overload
def fork(**arms: LooseArm[A]) -> Flow[A, NamedArms]: ...
def fork(*arms: Any, join: Any = "all", into: Any = None, **named: Any) -> Any:
    """Runs its arms concurrently, each on the same input, and joins their outputs.

    ``fork(a, b)`` gives a tuple in the arms' order, which is spread over the next task's
    inputs. ``fork(x=a, y=b)`` gives a dict, for a task that takes a mapping, a model with those
    fields, or inputs so named.

    Args:
        arms: flows, tasks, workflows and plain callables.
        join: ``"all"``, or ``"last"``: the last arm's output alone (positional arms only).
        into: a model, dataclass or TypedDict that is made of the named arms' outputs.
        named: the same by name.

    Raises:
        DefinitionError: no arms, positional and named ones mixed, or an arm called ``join`` or
            ``into``, which mean something else.

    >>> fork(len, str)
    <Flow: fork>
    """
    _check_options(join, into, arms, named)
    if len(arms) + len(named) > MAX_FORK_ARMS:
        raise DefinitionError(
            f"fork() has {len(arms) + len(named)} arms; {MAX_FORK_ARMS} are allowed. Use .map() "
            "to run one flow over many elements"
        )
    selected = named.items() if named else ((str(index), arm) for index, arm in enumerate(arms))
    bodies = tuple(
        Arm(selector, sequence_of(flow_of(arm, f"fork arm {selector!r}")))
        for selector, arm in selected
    )
    return Flow[Any, Any](Fork("fork", bodies, named=bool(named), into=into, join=join))


def _check_options(
    join: object, into: object, arms: tuple[object, ...], named: dict[str, object]
) -> None:
    for option, value in (("join", join), ("into", into)):
        if isinstance(value, Flow):
            raise DefinitionError(f"an arm can't be called {option!r}: choose another name")
    if not arms and not named:
        raise DefinitionError("fork() has no arms; write fork(a, b) or fork(x=a, y=b)")
    if arms and named:
        raise DefinitionError(
            f"fork() has arms with and without names; name all of them or none: {sorted(named)}"
        )
    if join not in ("all", "last"):
        raise DefinitionError(f"join is 'all' or 'last', not {join!r}")
    if named and join == "last":
        raise DefinitionError("join='last' is for positional arms: named ones have no last")
    if into is not None and not named:
        raise DefinitionError("into= needs named arms: fork(x=a, y=b, into=Model)")
    for name in named:
        if not 1 <= len(name) <= MAX_ID_CHARACTERS:
            raise DefinitionError(
                f"the arm name {name[:40]!r} has {len(name)} characters; 1 to "
                f"{MAX_ID_CHARACTERS} are allowed"
            )
