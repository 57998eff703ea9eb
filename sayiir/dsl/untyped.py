"""Edges that nobody annotates: what flows there is checked by nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.callables import is_lambda
from sayiir.dsl.nodes import ChildWorkflow, TaskNode
from sayiir.dsl.walk import walk

if TYPE_CHECKING:
    from sayiir.dsl.definition import Definition

__all__ = ["told_untyped", "untyped_outputs"]

_MOST_NAMED = 5


def untyped_outputs(definition: Definition) -> tuple[str, ...]:
    """Node paths of tasks that don't say what they give, where nobody says what is taken either.

    Lambdas and plain callables are left out: there the text itself is short, or somebody else's.
    So are children, of which this was told when they were built.
    """
    found = [
        path
        for path, node in walk(definition.root)
        if isinstance(node, TaskNode)
        and node.task.decorated
        and node.task.signature.output is UNDECLARED
        and definition.edges.get(path, UNDECLARED) is UNDECLARED
        and not (node.task.function is None or is_lambda(node.task.function))
    ]
    if not found:
        return ()
    children = tuple(
        f"{path}/" for path, node in walk(definition.root) if isinstance(node, ChildWorkflow)
    )
    return tuple(path for path in found if not path.startswith(children))


def told_untyped(definition: Definition) -> str | None:
    """What to warn of when the workflow is built, in one line; None: nothing."""
    paths = untyped_outputs(definition)
    if not paths:
        return None
    named = ", ".join(paths[:_MOST_NAMED])
    more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    return (
        f"workflow {definition.name!r}: what {named}{more} gives is annotated nowhere, so it is "
        "checked by nothing and a model is refused; annotate what the function returns"
    )
