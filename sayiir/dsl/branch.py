"""``branch()``: a key picks the one arm that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Never, TypeAlias, TypeVar, cast, overload

from sayiir.dsl.callables import plain_spec
from sayiir.dsl.flow import Flow, flow_of
from sayiir.dsl.keys import key_text
from sayiir.dsl.nodes import Branch, BranchArm, BranchKey, NodeSequence, TaskNode
from sayiir.dsl.sequence import sequence_of
from sayiir.dsl.spec import TaskSpec
from sayiir.errors import DefinitionError
from sayiir.limits import MAX_FORK_ARMS
from sayiir.values import BranchResult

__all__ = ["BranchFlow", "branch"]

A = TypeVar("A")
B = TypeVar("B")
B1 = TypeVar("B1")
B2 = TypeVar("B2")
B3 = TypeVar("B3")
B4 = TypeVar("B4")
C = TypeVar("C")
K = TypeVar("K", bound=BranchKey)
In = TypeVar("In", contravariant=True)  # users read Flow[In, Out]
Out = TypeVar("Out", covariant=True)

Key: TypeAlias = Flow[A, K] | Callable[[A], K]


class BranchFlow(Flow[In, BranchResult[Out]]):
    """A branch: gives a ``BranchResult`` that tells the key and the arm's output."""

    __slots__ = ()

    def merge(self) -> Flow[In, Out]:
        """The branch without the envelope: it gives the arm's output alone.

        >>> branch(len, {0: str, 1: repr}).merge()
        <Flow: branch>
        """
        node = self.piece
        assert isinstance(node, Branch)
        return Flow(replace(node, merged=True))


@overload
def branch(key: Key[A, K], arms: Mapping[K, Flow[A, B]], /) -> BranchFlow[A, B]: ...
@overload
def branch(
    key: Key[A, K], arms: Mapping[K, Flow[A, B]], /, *, default: Flow[A, C]
) -> BranchFlow[A, B | C]: ...
@overload
def branch(key: Key[A, K], arm1: tuple[K, Flow[A, B1]], /) -> BranchFlow[A, B1]: ...
@overload
def branch(
    key: Key[A, K], arm1: tuple[K, Flow[A, B1]], /, *, default: Flow[A, C]
) -> BranchFlow[A, B1 | C]: ...
@overload
def branch(
    key: Key[A, K], arm1: tuple[K, Flow[A, B1]], arm2: tuple[K, Flow[A, B2]], /
) -> BranchFlow[A, B1 | B2]: ...
@overload
def branch(
    key: Key[A, K],
    arm1: tuple[K, Flow[A, B1]],
    arm2: tuple[K, Flow[A, B2]],
    /,
    *,
    default: Flow[A, C],
) -> BranchFlow[A, B1 | B2 | C]: ...
@overload
def branch(
    key: Key[A, K],
    arm1: tuple[K, Flow[A, B1]],
    arm2: tuple[K, Flow[A, B2]],
    arm3: tuple[K, Flow[A, B3]],
    /,
) -> BranchFlow[A, B1 | B2 | B3]: ...
@overload
def branch(
    key: Key[A, K],
    arm1: tuple[K, Flow[A, B1]],
    arm2: tuple[K, Flow[A, B2]],
    arm3: tuple[K, Flow[A, B3]],
    /,
    *,
    default: Flow[A, C],
) -> BranchFlow[A, B1 | B2 | B3 | C]: ...
@overload
def branch(
    key: Key[A, K],
    arm1: tuple[K, Flow[A, B1]],
    arm2: tuple[K, Flow[A, B2]],
    arm3: tuple[K, Flow[A, B3]],
    arm4: tuple[K, Flow[A, B4]],
    /,
) -> BranchFlow[A, B1 | B2 | B3 | B4]: ...
@overload
def branch(
    key: Key[A, K],
    arm1: tuple[K, Flow[A, B1]],
    arm2: tuple[K, Flow[A, B2]],
    arm3: tuple[K, Flow[A, B3]],
    arm4: tuple[K, Flow[A, B4]],
    /,
    *,
    default: Flow[A, C],
) -> BranchFlow[A, B1 | B2 | B3 | B4 | C]: ...
@overload
def branch(
    key: Key[A, K],
    arm1: tuple[K, Flow[A, Any]],
    arm2: tuple[K, Flow[A, Any]],
    arm3: tuple[K, Flow[A, Any]],
    arm4: tuple[K, Flow[A, Any]],
    arm5: tuple[K, Flow[A, Any]],
    /,
    *more: tuple[K, Flow[A, Any]],
    default: Flow[A, Any] | None = None,
) -> BranchFlow[A, Any]: ...
def branch(key: Any, /, *arms: Any, default: Any = None) -> Any:
    """Runs the one arm that ``key`` picks, on the same input.

    Arms are a dict, or pairs where checkers should see arms of different types. The key is a
    task or a callable; its answer is stored before the arm starts, so a resumed run takes the
    same arm.

    Args:
        key: gives a str, bool, int or Enum for the flowing value.
        arms: ``{key: flow, …}``, or ``(key, flow), …``.
        default: runs where no arm has the key; without it, that fails with
            ``BranchKeyNotFound``.

    Raises:
        DefinitionError: no arms, a key twice (1 and ``"1"`` are written alike), a key of
            another type, or a key function that is a flow of several nodes.

    >>> from sayiir import task
    >>> @task
    ... def shout(text: str) -> str:
    ...     return text.upper()
    >>> branch(len, (1, shout), (2, shout), default=shout)
    <Flow: branch>
    """
    held: dict[str, BranchArm] = {}
    for arm_key, arm in _pairs(arms):
        selector = key_text(arm_key)
        if selector in held:
            raise DefinitionError(
                f"the branch keys {held[selector].key!r} and {arm_key!r} are both written "
                f"{selector!r}; each arm needs a key of its own"
            )
        body = sequence_of(flow_of(arm, f"branch arm {selector!r}"))
        held[selector] = BranchArm(arm_key, selector, body)
    if not held:
        raise DefinitionError("branch() has no arms; write branch(key, {'a': flow, ...})")
    if len(held) > MAX_FORK_ARMS:
        raise DefinitionError(f"branch() has {len(held)} arms; {MAX_FORK_ARMS} are allowed")
    otherwise: NodeSequence | None = None
    if default is not None:
        otherwise = sequence_of(flow_of(default, "branch default"))
    node = Branch("branch", _key_spec(key), tuple(held.values()), otherwise)
    return BranchFlow[Any, Never](node)


def _pairs(arms: tuple[Any, ...]) -> Iterable[tuple[BranchKey, Any]]:
    if len(arms) == 1 and isinstance(arms[0], Mapping):
        return cast("Mapping[BranchKey, Any]", arms[0]).items()
    for arm in arms:
        if not isinstance(arm, tuple) or len(arm) != 2:  # pyright: ignore[reportUnknownArgumentType]
            raise DefinitionError(f"branch arms are one dict, or pairs as ('a', flow), not {arm!r}")
    return cast("tuple[tuple[BranchKey, Any], ...]", arms)


def _key_spec(key: object) -> TaskSpec:
    if not isinstance(key, Flow):
        return plain_spec(key, "branch()'s key")
    node = key.piece
    if not isinstance(node, TaskNode):
        raise DefinitionError(f"a branch's key is one task or callable, not {key!r}")
    return node.task
