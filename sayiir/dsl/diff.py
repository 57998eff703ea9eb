"""What changed between two definitions, node by node."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from sayiir.dsl.definition import Definition
from sayiir.dsl.nodes import Fork, Node, NodeSequence
from sayiir.dsl.portable import header_fields, node_fields
from sayiir.dsl.walk import NODE_KINDS, inner_sequences

__all__ = ["Change", "Defined", "diff"]

_COUNTED: Final = frozenset(
    {
        "name",
        "version",
        "task name",
        "task version",
        "key name",
        "key version",
        "reads",
        "named",
        "order of arms",
        "join",
        "merged",
        "on_max",
        "on_error",
        "signal_name",
        "has_default",
        "keep_input",
    }
)
"""Fields that the hash counts; ``hashing.py`` decides, and a test holds the two together."""


class Defined(Protocol):
    """What has a definition: a ``Workflow``."""

    @property
    def definition(self) -> Definition:
        """The definition."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """One change between two definitions.

    Attributes:
        node: node path, in the new definition unless it was removed; empty for the workflow.
        what: ``"added"``, ``"removed"``, ``"moved"`` or ``"changed"``.
        detail: what of it changed, and how.
        counted: whether it changes the definition hash.
    """

    node: str
    what: Literal["added", "removed", "moved", "changed"]
    detail: str
    counted: bool = True

    def __str__(self) -> str:
        note = "" if self.counted else " (not counted in the hash)"
        return f"{self.node or 'workflow'}: {self.what}{self.detail and ': '}{self.detail}{note}"


def diff(old: Definition | Defined, new: Definition | Defined) -> tuple[Change, ...]:
    """What changed from ``old`` to ``new``, in definition order; empty if nothing did.

    Some change is ``counted`` exactly where the definition hashes differ. Digests of types
    and bodies are compared where both are known.

    >>> from sayiir.dsl.build import build_definition
    >>> from sayiir.dsl.nodes import AwaitSignal
    >>> go, stop = (AwaitSignal(name, signal_name=name) for name in ("go", "stop"))
    >>> old = build_definition("wait", NodeSequence((go,)))
    >>> new = build_definition("wait", NodeSequence((go, stop)), version="2")
    >>> for change in diff(old, new):
    ...     print(change)
    workflow: changed: version from '' to '2'
    stop: added: await_signal after 'go'
    """
    before = old if isinstance(old, Definition) else old.definition
    after = new if isinstance(new, Definition) else new.definition
    return tuple(_definitions(before, after))


def _definitions(old: Definition, new: Definition) -> Iterator[Change]:
    fields_old, fields_new = header_fields(old), header_fields(new)
    for digest in ("input_digest", "output_digest"):
        if digest not in fields_old or digest not in fields_new:
            fields_old.pop(digest, None)
            fields_new.pop(digest, None)
    yield from _fields("", fields_old, fields_new)
    yield from _sequences(old, old.root, new, new.root, "")


def _sequences(
    old: Definition, before: NodeSequence, new: Definition, after: NodeSequence, prefix: str
) -> Iterator[Change]:
    olds = {node.id: node for node in before.nodes}
    news = {node.id: node for node in after.nodes}
    for node_id, node in olds.items():
        if node_id not in news:
            yield Change(prefix + node_id, "removed", NODE_KINDS[type(node)])
    places = {node_id: at for at, node_id in enumerate(olds)}
    stayed = _longest_rise([(places[one], one) for one in news if one in places])
    previous = ""
    for node_id, node in news.items():
        path = prefix + node_id
        where = f"after {previous!r}" if previous else "at the beginning"
        previous = node_id
        known = olds.get(node_id)
        if known is None:
            yield Change(path, "added", f"{NODE_KINDS[type(node)]} {where}")
            continue
        if node_id not in stayed:
            yield Change(path, "moved", where)
        yield from _nodes(old, known, new, node, path)


def _nodes(
    old: Definition, before: Node, new: Definition, after: Node, path: str
) -> Iterator[Change]:
    if type(before) is not type(after):
        kinds = f"from {NODE_KINDS[type(before)]} to {NODE_KINDS[type(after)]}"
        yield Change(path, "changed", f"kind {kinds}")
        return
    yield from _fields(
        path,
        _flat(before, node_fields(before, path, old.reads)),
        _flat(after, node_fields(after, path, new.reads)),
    )
    olds, news = dict(inner_sequences(before)), dict(inner_sequences(after))
    yield from (Change(path + suffix, "removed", "arm") for suffix in olds if suffix not in news)
    for suffix, body in news.items():
        if suffix in olds:
            yield from _sequences(old, olds[suffix], new, body, f"{path}{suffix}/")
        else:
            yield Change(path + suffix, "added", "arm")


def _flat(node: Node, fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a node that can be compared one by one."""
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        if name in ("task", "key"):
            flat.update({f"{name} {inner}": one for inner, one in value.items()})
        elif name == "reads":
            # Where loops and maps lie between is told by the paths, and by the nodes themselves.
            flat[name] = {one["parameter"]: one["node_paths"] for one in value}
        else:
            flat[name] = value
    if isinstance(node, Fork):
        flat["order of arms"] = [arm.selector for arm in node.arms]
    return flat


def _fields(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    if set(old.get("order of arms", ())) != set(new.get("order of arms", ())):
        # Which arms came and went is told arm by arm.
        old = {name: value for name, value in old.items() if name != "order of arms"}
        new = {name: value for name, value in new.items() if name != "order of arms"}
    for name in dict.fromkeys((*old, *new)):
        before, now = old.get(name), new.get(name)
        if name.endswith(" body_digest"):
            # A function whose source isn't at hand may be the same: nothing is told of it.
            if before and now and before != now:
                yield Change(path, "changed", f"body of the {name.split()[0]}", counted=False)
        elif before != now:
            detail = f"{name} from {before!r} to {now!r}"
            yield Change(path, "changed", detail, counted=name in _COUNTED)


def _longest_rise(places: list[tuple[int, str]]) -> set[str]:
    """Of ids with their old places, in new order: the most that kept their order."""
    ends: list[int] = []  # the smallest end of a rise, by its length
    tops: list[int] = []  # which element that end is
    before: list[int] = []  # for each element, the one it follows in its rise
    for at, (place, _) in enumerate(places):
        length = bisect_left(ends, place)
        before.append(tops[length - 1] if length else -1)
        ends[length : length + 1] = [place]
        tops[length : length + 1] = [at]
    kept: set[str] = set()
    at = tops[-1] if tops else -1
    while at >= 0:
        kept.add(places[at][1])
        at = before[at]
    return kept
