"""The portable form of a definition: JSON that any tool can read without importing its code.

What it looks like is written down in ``docs/reference/definition.md``. Functions and types don't
travel: a definition that comes back can be drawn, compared and hashed, but not run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sayiir.dsl.definition import Definition, ResultRead
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
from sayiir.dsl.portable_read import FORMAT_NAME, FORMAT_VERSION, read_definition
from sayiir.dsl.schema import schema_digest
from sayiir.dsl.spec import TaskSpec
from sayiir.dsl.walk import NODE_KINDS, inner_sequences

__all__ = ["from_portable", "header_fields", "node_fields", "to_portable"]

_Reads = Mapping[str, tuple[ResultRead, ...]]

_COMPACT: Final = (",", ":")


def to_portable(definition: Definition) -> bytes:
    """The definition as JSON: the same bytes for the same definition.

    >>> from sayiir.dsl.build import build_definition
    >>> from sayiir.dsl.nodes import Delay
    >>> rest = build_definition("rest", NodeSequence((Delay("delay", seconds=3.0),)))
    >>> from_portable(to_portable(rest)).definition_hash == rest.definition_hash
    True
    """
    content = {
        "format": FORMAT_NAME,
        "format_version": FORMAT_VERSION,
        "hash": definition.definition_hash,
        **header_fields(definition),
        "nodes": _sequence(definition.root, "", definition.reads),
    }
    return json.dumps(content, separators=_COMPACT).encode("ascii")


def from_portable(data: bytes) -> Definition:
    """The definition that ``to_portable`` wrote; its tasks have no functions, its edges no types.

    Raises:
        PayloadError: the bytes aren't JSON of this format and version, a field is missing or of
            another type, a bound is exceeded, or the content doesn't have the hash it names.
    """
    return read_definition(data)


def header_fields(definition: Definition) -> dict[str, Any]:
    """What a definition says of itself, without its nodes."""
    return {
        "name": definition.name,
        "version": definition.version,
        **_given(
            description=definition.description,
            timeout_seconds=definition.timeout_seconds,
            priority=definition.priority,
            tags=list(definition.tags),
            input_digest=definition.input_digest or schema_digest(definition.input_type),
            output_digest=definition.output_digest or schema_digest(definition.output_type),
        ),
    }


def node_fields(node: Node, path: str, reads: _Reads) -> dict[str, Any]:
    """All that is written of a node, except for what it holds inside."""
    return {"kind": NODE_KINDS[type(node)], "id": node.id, **_details(node, path, reads)}


def _details(node: Node, path: str, reads: _Reads) -> dict[str, Any]:
    match node:
        case TaskNode(task=task):
            return {"task": _task(task), **_reads(path, reads)}
        case Fork(named=named, join=join):
            return {"named": named, "join": join}
        case Branch(key=key, merged=merged):
            return {"key": _task(key), "merged": merged, **_reads(path, reads)}
        case Loop(max_iterations=iterations, on_max=on_max, history=history):
            return {"max_iterations": iterations, "on_max": on_max, "history": history}
        case Map(max_concurrency=concurrency, on_error=on_error):
            return {"on_error": on_error, **_given(max_concurrency=concurrency)}
        case Delay(seconds=seconds, until=until):
            moment = until.isoformat() if isinstance(until, datetime) else None
            return _given(seconds=seconds, until=moment)
        case AwaitSignal():
            return {
                "signal_name": node.signal_name,
                "has_default": node.has_default,
                "keep_input": node.keep_input,
                **_given(timeout_seconds=node.timeout_seconds),
            }
        case ChildWorkflow(name=name, version=version):
            return {"name": name, "version": version}


def _sequence(sequence: NodeSequence, prefix: str, reads: _Reads) -> list[dict[str, Any]]:
    return [_node(node, prefix + node.id, reads) for node in sequence.nodes]


def _node(node: Node, path: str, reads: _Reads) -> dict[str, Any]:
    fields = node_fields(node, path, reads)
    if type(node) is TaskNode:  # most nodes by far hold nothing
        return fields
    inside = [_sequence(body, f"{path}{suffix}/", reads) for suffix, body in inner_sequences(node)]
    match node:
        case Fork(arms=arms):
            pairs = zip(arms, inside, strict=True)
            fields["arms"] = [{"selector": arm.selector, "nodes": body} for arm, body in pairs]
        case Branch(arms=branch_arms, default=default):
            if default is not None:
                fields["default"] = inside.pop()
            branch_pairs = zip(branch_arms, inside, strict=True)
            fields["arms"] = [
                {"selector": arm.selector, "nodes": body} for arm, body in branch_pairs
            ]
        case Loop() | Map() | ChildWorkflow():
            (fields["nodes"],) = inside
        case _:
            pass
    return fields


def _task(task: TaskSpec) -> dict[str, Any]:
    return {
        "name": task.name,
        **_given(
            version=task.version,
            plain=not task.decorated,
            is_async=task.is_async,
            timeout_seconds=task.timeout_seconds,
            max_retries=task.policy.max_retries or None,
            tags=list(task.tags),
            priority=task.priority,
            idempotent=task.idempotent,
            description=task.description,
            body_digest=task.body_digest,
        ),
        "run_in": task.run_in,
    }


def _reads(path: str, reads: _Reads) -> dict[str, Any]:
    if path not in reads:
        return {}
    return _given(
        reads=[
            {
                "parameter": read.parameter,
                "node_paths": list(read.node_paths),
                "shared_numbers": read.shared_numbers,
                "same_strand": read.same_strand,
            }
            for read in reads.get(path, ())
        ]
    )


def _given(**fields: Any) -> dict[str, Any]:
    """The fields that say something: absent means None, false or empty."""
    return {
        name: value
        for name, value in fields.items()
        if value or (value is not None and value is not False and value not in ("", []))
    }
