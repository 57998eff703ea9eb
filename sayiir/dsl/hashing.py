"""The definition hash and the continuation hashes: XXH3-128 over a canonical encoding.

Every digest is taken over a *frame*: a label and parts, each with its length in front, so that
no text can imitate structure. A sequence is a right fold, ``H(node, H(rest))``: the hash at a
position is the hash of what is still to be done from there. Inside an arm or a body the fold
begins with the kind of end, the hash of the node that holds it and what follows that node, so a
continuation includes everything around it, and a loop isn't circular.

What is counted and what isn't is in ``docs/reference/definition.md``; the golden vectors in the
tests pin the bytes. ``FORMAT`` changes whenever any of it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import xxhash

from sayiir.dsl.nodes import (
    AwaitSignal,
    Branch,
    ChildWorkflow,
    Delay,
    Fork,
    Loop,
    Map,
    Node,
    NodeSequence,
    TaskNode,
)
from sayiir.dsl.walk import NODE_KINDS, inner_sequences, walk

if TYPE_CHECKING:
    from sayiir.dsl.definition import Definition, ResultRead
    from sayiir.dsl.spec import TaskSpec

__all__ = ["FORMAT", "NodeHash", "continuation_hashes", "definition_hash", "node_hashes"]

FORMAT: Final = "sayiir definition 1"

_Reads = Mapping[str, "tuple[ResultRead, ...]"]


def definition_hash(name: str, version: str, root: NodeSequence, reads: _Reads) -> str:
    """The definition's hash: 32 hexadecimal digits.

    Args:
        name: the workflow's name.
        version: the workflow's version.
        root: its graph; its nesting has been bounded by ``walk``.
        reads: its ``result_of`` dependencies, as ``Definition.reads`` has them.
    """
    start = _Digests(reads).sequence(root, "", _END)
    return _digest("workflow", _text(FORMAT), _text(name), _text(version), start).hex()


def continuation_hashes(definition: Definition) -> dict[str, str]:
    """For every node path: the hash of what is to be done from there to the workflow's end.

    The workflow's name and version are not in it, so that two versions can be compared.
    """
    digests = _Digests(definition.reads)
    digests.sequence(definition.root, "", _END)
    found: dict[str, str] = {}
    _continue(definition.root, "", _END, digests, found)
    return found


@dataclass(frozen=True, slots=True)
class NodeHash:
    """What a node means by itself, whatever comes before or after it.

    Attributes:
        shell: of the node without what it holds.
        whole: of the node with what it holds.
    """

    shell: bytes
    whole: bytes


def node_hashes(definition: Definition) -> dict[str, NodeHash]:
    """For every node path: the hash of the node alone, and with what it holds."""
    digests = _Digests(definition.reads)
    digests.sequence(definition.root, "", _END)
    return {
        path: NodeHash(digests.shell(node, path), digests.own[path])
        for path, node in walk(definition.root)
    }


def _continue(
    sequence: NodeSequence, prefix: str, end: bytes, digests: _Digests, found: dict[str, str]
) -> bytes:
    after = end
    for node in reversed(sequence.nodes):
        path = prefix + node.id
        own = digests.own[path]
        for suffix, body in inner_sequences(node):
            terminator = _digest("end of", _text(NODE_KINDS[type(node)]), _text(suffix), own, after)
            _continue(body, f"{path}{suffix}/", terminator, digests, found)
        after = _digest("then", own, after)
        found[path] = after.hex()
    return after


class _Digests:
    """The own hash of each node: with what it holds, without what follows it."""

    def __init__(self, reads: _Reads) -> None:
        self.own: dict[str, bytes] = {}
        self._reads = reads

    def sequence(self, sequence: NodeSequence, prefix: str, end: bytes) -> bytes:
        after = end
        for node in reversed(sequence.nodes):
            path = prefix + node.id
            self.own[path] = own = self._node(node, path)
            after = _digest("then", own, after)
        return after

    def _node(self, node: Node, path: str) -> bytes:
        held = [
            (suffix, self.sequence(body, f"{path}{suffix}/", _END))
            for suffix, body in inner_sequences(node)
        ]
        if isinstance(node, Branch):
            # The arms of a branch are a mapping: in which order they were written says nothing.
            held.sort()
        arms = [_frame("arm", _text(suffix), digest) for suffix, digest in held]
        kind = _text(NODE_KINDS[type(node)])
        return _digest("node", kind, _text(node.id), *self._details(node, path), *arms)

    def shell(self, node: Node, path: str) -> bytes:
        """The hash of a node without what it holds."""
        kind = _text(NODE_KINDS[type(node)])
        return _digest("shell", kind, _text(node.id), *self._details(node, path))

    def _details(self, node: Node, path: str) -> tuple[bytes, ...]:
        """All that is counted of a node beside its kind, its id and what it holds."""
        match node:
            case TaskNode(task=task):
                return (self._task(task, path),)
            case Fork(named=named, join=join):
                return _text("named" if named else "positional"), _text(join)
            case Branch(key=key, merged=merged):
                return self._task(key, path), _flag(merged)
            case Loop(on_max=on_max):
                return (_text(on_max),)
            case Map(on_error=on_error):
                return (_text(on_error),)
            case Delay():
                return ()
            case AwaitSignal(signal_name=name, has_default=default, keep_input=keep):
                return _text(name), _flag(default), _flag(keep)
            case ChildWorkflow(name=name, version=version):
                return _text(name), _text(version)

    def _task(self, task: TaskSpec, path: str) -> bytes:
        # By parameter, not in order: which parameter gets which result is meaning, the order
        # in which keyword parameters are written is not.
        reads = sorted(self._reads.get(path, ()), key=lambda read: read.parameter)
        return _frame(
            "task",
            _text(task.name),
            _text(task.version),
            *(
                _frame("read", _text(read.parameter), *map(_text, read.node_paths))
                for read in reads
            ),
        )


def _text(text: str) -> bytes:
    # A branch key may be any str, lone surrogates too.
    return text.encode("utf-8", "surrogatepass")


def _flag(flag: bool) -> bytes:
    return b"yes" if flag else b"no"


def _frame(label: str, *parts: bytes) -> bytes:
    pieces = [len(parts).to_bytes(8, "big")]
    for part in (_text(label), *parts):
        pieces += (len(part).to_bytes(8, "big"), part)
    return b"".join(pieces)


def _digest(label: str, *parts: bytes) -> bytes:
    return xxhash.xxh3_128_digest(_frame(label, *parts))


_END: Final = _digest("end")
