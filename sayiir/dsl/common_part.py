"""What two definitions have in common before a node: what a run of one may take from the other."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from sayiir.dsl.hashing import node_hashes
from sayiir.dsl.nodes import Branch, Loop
from sayiir.dsl.walk import inner_sequences
from sayiir.ids import path_segments, quoted_selector

if TYPE_CHECKING:
    from sayiir.dsl.definition import Definition
    from sayiir.dsl.hashing import NodeHash
    from sayiir.dsl.nodes import Node, NodeSequence

__all__ = ["changed_before"]


def changed_before(old: Definition, new: Definition, start: str) -> tuple[str, ...]:
    """Node paths of ``new`` before or beside ``start`` that mean something else in ``old``.

    Beside it are the other arms of the forks that it stands in, and the earlier iterations of
    the loops. The node itself, what is inside it and what comes after it may be anything.

    Args:
        old: the definition of an earlier run.
        new: the definition of the next.
        start: a path of ``new``; see ``engine/earlier.py``.

    >>> from sayiir.dsl.build import build_definition
    >>> from sayiir.dsl.nodes import AwaitSignal, NodeSequence
    >>> go, stop = (AwaitSignal(name, signal_name=name) for name in ("go", "stop"))
    >>> old = build_definition("wait", NodeSequence((go,)))
    >>> new = build_definition("wait", NodeSequence((go, stop)))
    >>> changed_before(old, new, "stop"), changed_before(new, old, "go")
    ((), ())
    """
    comparison = _Comparison(node_hashes(old), node_hashes(new))
    comparison.level(old.root, new.root, "", list(path_segments(start)))
    return tuple(comparison.changed)


class _Comparison:
    def __init__(self, old: dict[str, NodeHash], new: dict[str, NodeHash]) -> None:
        self.changed: list[str] = []
        self._old = old
        self._new = new

    def level(
        self,
        old: NodeSequence,
        new: NodeSequence,
        prefix: str,
        segments: list[tuple[str, str | None]],
    ) -> None:
        """One sequence on the way to the start: what stands before it there, then inside."""
        (node_id, selector), *inner = segments
        at = next(index for index, node in enumerate(new.nodes) if node.id == node_id)
        self._same(old.nodes[:at], new.nodes[:at], prefix)
        if not inner:
            return
        holder, path = new.nodes[at], prefix + node_id
        before = old.nodes[at] if at < len(old.nodes) else None
        same_shell = path in self._old and self._old[path].shell == self._new[path].shell
        if before is None or before.id != node_id or not same_shell:
            self.changed.append(path)
            return
        self._inside(before, holder, path, selector, inner)

    def _inside(
        self,
        old: Node,
        new: Node,
        path: str,
        selector: str | None,
        inner: list[tuple[str, str | None]],
    ) -> None:
        olds = dict(inner_sequences(old))
        chosen = ""
        if "" not in olds:
            written = selector or ""
            chosen = f"[{written if written == '*' else quoted_selector(written)}]"
        for suffix, body in inner_sequences(new):
            if suffix not in olds:
                if suffix == chosen:
                    self.changed.append(path + suffix)
                continue  # an arm that is new has no results, and simply runs
            prefix = f"{path}{suffix}/"
            if suffix == chosen:
                self.level(olds[suffix], body, prefix, inner)
                if isinstance(new, Loop) and int(selector or 0) > 0:
                    self._same(olds[suffix].nodes, body.nodes, prefix)
            elif not isinstance(new, Branch):
                self._same(olds[suffix].nodes, body.nodes, prefix)

    def _same(self, old: tuple[Node, ...], new: tuple[Node, ...], prefix: str) -> None:
        for before, now in zip_longest(old, new):
            paths = [prefix + node.id for node in (before, now) if node is not None]
            if len(paths) == 2 and self._old[paths[0]].whole == self._new[paths[1]].whole:
                continue
            if paths[-1] not in self.changed:
                self.changed.append(paths[-1])
