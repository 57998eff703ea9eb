"""What a picture says of a node beside its name, in a few words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sayiir.dsl.nodes import (
    AwaitSignal,
    Branch,
    ChildWorkflow,
    Delay,
    Fork,
    Loop,
    Map,
    TaskNode,
)
from sayiir.render.words import span_text

if TYPE_CHECKING:
    from sayiir.dsl.nodes import Node

__all__ = ["node_detail"]


def node_detail(node: Node) -> str:
    """What is to be known of a node beside its name, in a few words; may be empty."""
    match node:
        case TaskNode(task=spec):
            retries = spec.policy.max_retries
            facts = [f"{retries} retries" if retries > 1 else "1 retry"] if retries else []
            facts += [f"timeout {_limit(spec.timeout_seconds)}"] if spec.timeout_seconds else []
            facts += [f"tags {', '.join(spec.tags)}"] if spec.tags else []
            return ", ".join(facts)
        case Delay():
            return _delay(node)
        case AwaitSignal():
            end = "" if node.timeout_seconds is None else f", {_limit(node.timeout_seconds)}"
            name = f"signal {node.signal_name}" if node.signal_name != node.id else "signal"
            return name + end
        case Branch(key=key):
            return f"by {key.name}"
        case Loop(max_iterations=most):
            return f"at most {most} times"
        case Map(max_concurrency=most):
            return "each element" + ("" if most is None else f", {most} at a time")
        case ChildWorkflow(name=name):
            return "workflow" if name == node.id else f"workflow {name}"
        case Fork(join=join):
            return "last arm's output" if join == "last" else ""


def _delay(node: Delay) -> str:
    if node.seconds is not None:
        return _limit(node.seconds)
    if isinstance(node.until, datetime):
        return f"until {node.until.isoformat()}"
    return f"until {getattr(node.until, '__name__', 'asked')}"


def _limit(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 60 else span_text(seconds)
