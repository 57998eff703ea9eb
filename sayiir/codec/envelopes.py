"""Nodes for unions, and for what loops, branches and maps wrap around a value."""

# What a node's methods promise is said once, at Node.
# ruff: noqa: D102

# Values of unknown types are this module's subject, and narrowing one tells only its container.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sayiir.codec import tagged
from sayiir.codec.nodes import Node, Open, Scalar, shape_of
from sayiir.codec.walk import refuse
from sayiir.errors import PayloadError
from sayiir.values import Again, BranchResult, Done, ItemFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.codec.jsontext import Tree
    from sayiir.codec.nodes import Checker
    from sayiir.codec.walk import Walk

__all__ = ["BranchNode", "FailedNode", "MarkNode", "Union"]


class MarkNode(Node):
    """``Again[A]`` or ``Done[B]``: a tag around a value of its own type."""

    __slots__ = ("_inner", "_kind", "_tag")

    def __init__(self, label: str, kind: type[Again[Any]] | type[Done[Any]], inner: Node) -> None:
        super().__init__(label)
        self._kind: Callable[[Any], Any] = kind
        self._tag = "again" if kind is Again else "done"
        self._inner = inner

    def shapes(self) -> frozenset[str]:
        return frozenset({self._tag})

    def accepts(self, value: Any) -> bool:
        return type(value) is self._kind

    def lower(self, value: Any, walk: Walk) -> Tree:
        if type(value) is not self._kind:
            raise refuse(value, self.label)
        walk.enter(1)
        tree = tagged.tagged(self._tag, self._inner.lower(value.value, walk))
        walk.leave()
        return tree

    def lift(self, tree: Tree) -> Any:
        body = tagged.body_of(tree)
        if body is None or body[0] != self._tag or len(body) != 2:
            raise self.misfit(tree)
        return self._kind(self._inner.lift(body[1]))

    def fit(self, value: Any) -> Any:
        if type(value) is not self._kind:
            raise refuse(value, self.label)
        inner = self._inner.fit(value.value)
        return value if inner is value.value else self._kind(inner)


class BranchNode(Node):
    """``BranchResult[B]``: the key that was asked for, and the arm's output."""

    __slots__ = ("_inner",)

    def __init__(self, label: str, inner: Node) -> None:
        super().__init__(label)
        self._inner = inner

    def shapes(self) -> frozenset[str]:
        return frozenset({"branch"})

    def accepts(self, value: Any) -> bool:
        return type(value) is BranchResult

    def lower(self, value: Any, walk: Walk) -> Tree:
        if type(value) is not BranchResult or type(value.branch) is not str:
            raise refuse(value, self.label)
        walk.enter(2)
        key = tagged.text_tree(value.branch)
        tree = tagged.tagged("branch", key, self._inner.lower(value.result, walk))
        walk.leave()
        return tree

    def lift(self, tree: Tree) -> Any:
        body = tagged.body_of(tree)
        if body is None or body[0] != "branch" or len(body) != 3:
            raise self.misfit(tree)
        key = tagged.from_tree(body[1])
        if type(key) is not str:
            raise self.misfit(tree)
        return BranchResult(key, self._inner.lift(body[2]))

    def fit(self, value: Any) -> Any:
        if type(value) is not BranchResult:
            raise refuse(value, self.label)
        inner = self._inner.fit(value.result)
        return value if inner is value.result else BranchResult(value.branch, inner)


class FailedNode(Node):
    """``ItemFailed``: its parts are known, so the tagged encoding serves it whole."""

    __slots__ = ()

    def shapes(self) -> frozenset[str]:
        return frozenset({"failed"})

    def accepts(self, value: Any) -> bool:
        return type(value) is ItemFailed

    def lower(self, value: Any, walk: Walk) -> Tree:
        return tagged.to_tree(self.fit(value), walk)

    def lift(self, tree: Tree) -> Any:
        body = tagged.body_of(tree)
        if body is None or body[0] != "failed":
            raise self.misfit(tree)
        return tagged.from_tree(tree)

    def fit(self, value: Any) -> Any:
        if type(value) is not ItemFailed:
            raise refuse(value, self.label)
        return value


class Union(Node):
    """One of several types.

    Where their JSON could be taken for one another, the tree says which one it is, by the
    type's name: members may be reordered and added later.
    """

    __slots__ = ("_labels", "_members", "_wrapped")

    def __init__(self, label: str, members: list[Node]) -> None:
        super().__init__(label)
        # A place without a type takes anything, so it is asked last.
        self._members = sorted(members, key=lambda member: isinstance(member, Open))
        labels = Counter(member.label for member in members)
        self._labels = [
            member.label if labels[member.label] == 1 else f"{member.label}#{index}"
            for index, member in enumerate(self._members)
        ]
        self._wrapped: list[bool] | None = None

    def shapes(self) -> frozenset[str]:
        shapes = frozenset[str]().union(*(member.shapes() for member in self._members))
        return shapes | {"union"} if any(self._marked()) else shapes

    def accepts(self, value: Any) -> bool:
        return any(member.accepts(value) for member in self._members)

    def _marked(self) -> list[bool]:
        # Asked late: members may be types that are still being compiled when this is made.
        if self._wrapped is None:
            self._wrapped = [
                not (member.identity or isinstance(member, Open))
                and any(
                    other is not member and member.shapes() & other.shapes()
                    for other in self._members
                )
                for member in self._members
            ]
        return self._wrapped

    def lower(self, value: Any, walk: Walk) -> Tree:
        error: PayloadError | None = None
        depth = walk.depth
        for index, member in enumerate(self._members):
            if not member.accepts(value):
                continue
            try:
                tree = member.lower(value, walk)
            except PayloadError as problem:
                error, walk.depth = problem, depth
                continue
            if self._marked()[index]:
                return tagged.tagged("union", self._labels[index], tree)
            return tree
        raise error or refuse(value, self.label)

    def lift(self, tree: Tree) -> Any:
        shape = shape_of(tree)
        if shape == "union":
            body = tagged.body_of(tree) or []
            if len(body) == 3 and body[1] in self._labels:
                return self._members[self._labels.index(body[1])].lift(body[2])
            raise self.misfit(tree)
        marked = self._marked()
        bare = [
            member
            for member, is_marked in zip(self._members, marked, strict=True)
            if not is_marked and shape in member.shapes()
        ]
        if bare:
            return bare[0].lift(tree)
        # Stored before the type became a union: right only if there is no doubt. The look is
        # a shallow one, because trying each member in turn would take forever in hostile bytes.
        likely = [
            member
            for member in self._members
            if shape in member.shapes() and member.resembles(tree)
        ]
        if len(likely) != 1:
            raise self.misfit(tree)
        return likely[0].lift(tree)

    def fit(self, value: Any) -> Any:
        exact = [member for member in self._members if member.accepts(value)]
        others = [member for member in self._members if member not in exact]
        error: PayloadError | None = None
        for member in (*exact, *others):
            try:
                return member.fit(value)
            except PayloadError as problem:
                error = problem
        raise refuse(value, self.label) from error

    def checker(self, *, plain: bool = False) -> Checker | None:
        # Only what JSON keeps apart by itself; the rest says its member's name.
        checks = [member.checker(plain=plain) for member in self._members]
        known = [check for check in checks if check is not None]
        apart = all(
            not member.shapes() & other.shapes()
            for index, member in enumerate(self._members)
            for other in self._members[:index]
        )
        scalars = all(isinstance(member, Scalar) and member.is_json for member in self._members)
        optional = len(self._members) == 2 and any(
            member.shapes() == frozenset({"null"}) for member in self._members
        )
        if len(known) != len(checks) or not apart or not (scalars or optional):
            return None
        return lambda value: any(check(value) for check in known)
