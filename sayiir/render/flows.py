"""A flow that belongs to no workflow yet, as a picture."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.definition import Definition
from sayiir.dsl.sequence import sequence_of
from sayiir.dsl.walk import walk
from sayiir.render.picture import Picture

if TYPE_CHECKING:
    from sayiir.dsl.flow import Flow

__all__ = ["flow_svg", "shown_svg"]

MOST_NODES: Final = 1_000
"""A larger graph isn't drawn unasked: a notebook keeps what it shows."""


def shown_svg(definition: Definition) -> str | None:
    """The picture that a notebook shows of a definition; None where it would be too large."""
    if next(islice(walk(definition.root), MOST_NODES, None), None) is not None:
        return None
    return Picture(definition).to_svg()


def flow_svg(flow: Flow[Any, Any]) -> str | None:
    """The flow as SVG. Nothing of it is checked: it may still become part of another."""
    definition = Definition(
        name="flow",
        version="",
        root=sequence_of(flow),
        definition_hash="",
        input_type=UNDECLARED,
        output_type=UNDECLARED,
        input_edge=UNDECLARED,
        edges={},
        element_edges={},
        reads={},
        kept=frozenset(),
    )
    return shown_svg(definition)
