"""The checked, hashed form of a workflow: what the engine interprets and stores name by hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sayiir.dsl.nodes import NodeSequence

__all__ = ["Definition", "ResultRead"]


@dataclass(frozen=True, slots=True)
class ResultRead:
    """Where ``result_of`` finds its value.

    Attributes:
        parameter: the parameter that it fills.
        node_paths: the node paths that may hold it: one, or one an arm of a branch.
        shared_numbers: how many leading loop and map numbers of the reader's path the source
            shares; among the results whose numbers begin so, the highest is the one.
        same_strand: no fork arm or map item lies between the reader's strand and the source,
            so that whoever runs the reader has run the source, or can read it once.
    """

    parameter: str
    node_paths: tuple[str, ...]
    shared_numbers: int = 0
    same_strand: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Definition:
    """A workflow's graph with all that was derived from it when it was built.

    Attributes:
        name: the workflow's name.
        version: the workflow's version, ``""`` by default.
        root: the graph.
        definition_hash: 32 hexadecimal digits, see ``dsl/hashing.py``.
        input_type: declared type of the workflow's input (UNDECLARED if unknown).
        output_type: declared type of its output (UNDECLARED if unknown).
        input_edge: the type that the input is encoded by.
        edges: node path of a task -> the type its output is encoded by.
        element_edges: node path of a map -> the type its elements are encoded by.
        reads: node path of a task -> where its ``result_of`` parameters come from.
        kept: node paths of all tasks that some ``result_of`` reads.
        timeout_seconds: of the whole run; None: no limit.
        priority: 1 (most urgent) to 5.
        tags: tags of the workflow.
        description: for people.
        input_digest: where it was read from its portable form: the schema digest written there
            (``dsl/schema.py``), since types don't travel; else empty.
        output_digest: the same of the output.
    """

    name: str
    version: str
    root: NodeSequence
    definition_hash: str
    input_type: Any
    output_type: Any
    input_edge: Any
    edges: Mapping[str, Any]
    element_edges: Mapping[str, Any]
    reads: Mapping[str, tuple[ResultRead, ...]]
    kept: frozenset[str]
    timeout_seconds: float | None = None
    priority: int | None = None
    tags: tuple[str, ...] = ()
    description: str = ""
    input_digest: str = ""
    output_digest: str = ""
