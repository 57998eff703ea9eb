"""Closes a graph into a Definition: all checks, then all that is derived from it."""

from __future__ import annotations

from typing import Any

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.annotations import plain
from sayiir.dsl.checks import check_header, check_structure, check_tasks
from sayiir.dsl.definition import Definition
from sayiir.dsl.edges import find_edges
from sayiir.dsl.hashing import definition_hash
from sayiir.dsl.nodes import NodeSequence
from sayiir.dsl.reads import resolve_reads
from sayiir.dsl.typeflow import TypeFlow

__all__ = ["build_definition"]


def build_definition(
    name: str,
    sequence: NodeSequence,
    *,
    version: str = "",
    input_type: Any = UNDECLARED,
    output_type: Any = UNDECLARED,
    timeout_seconds: float | None = None,
    priority: int | None = None,
    tags: tuple[str, ...] = (),
    description: str = "",
) -> Definition:
    """The checked, hashed definition of a workflow.

    Args:
        name: the workflow's name.
        sequence: its graph.
        version: counted in the definition hash.
        input_type: what the builder declares to take; UNDECLARED if it doesn't say.
        output_type: what the builder declares to give; UNDECLARED: what the last node gives.
        timeout_seconds: of a whole run; None: no limit.
        priority: 1 (most urgent) to 5; None: the default.
        tags: for workers that take only some work.
        description: for people.

    Raises:
        DefinitionError: the graph is wrong in a way that can be told now; with the workflow, the
            node and the mend.

    >>> from sayiir.dsl.nodes import TaskNode
    >>> from sayiir.dsl.spec import TaskSpec
    >>> step = TaskNode("len", TaskSpec(name="len", function=len, decorated=False))
    >>> build_definition("count", NodeSequence((step,))).definition_hash
    '...'
    """
    check_header(name, version, timeout_seconds, priority, tags)
    check_structure(name, sequence)
    check_tasks(name, sequence)
    reads = resolve_reads(sequence, name)
    flow = TypeFlow(name)
    given = flow.check(sequence, input_type, output_type)
    edges = find_edges(sequence, input_type, output_type, flow.elements)
    return Definition(
        name=name,
        version=version,
        root=sequence,
        definition_hash=definition_hash(name, version, sequence, reads),
        input_type=input_type,
        output_type=_output_type(output_type, given),
        input_edge=edges.input_edge,
        edges=edges.edges,
        element_edges=edges.element_edges,
        reads=reads,
        kept=frozenset(
            path for found in reads.values() for read in found for path in read.node_paths
        ),
        timeout_seconds=timeout_seconds,
        priority=priority,
        tags=tags,
        description=description,
    )


def _output_type(declared: Any, given: Any) -> Any:
    if declared is not UNDECLARED or given is UNDECLARED:
        return declared
    return plain(given)
