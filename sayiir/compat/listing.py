"""``Workflow.iter_nodes()``: the nodes of a workflow as one list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sayiir.compat.decorators import RetryPolicy
from sayiir.compat.steps import (
    ChildStep,
    DelayStep,
    ForkStep,
    LoopStep,
    RouteStep,
    SignalStep,
    Step,
    TaskStep,
    key_order,
)

__all__ = ["NodeInfo", "node_infos"]


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """One node.

    Attributes:
        id: its id.
        kind: ``"task"``, ``"fork"``, ``"delay"``, ``"await_signal"``, ``"branch"``, ``"loop"`` or
            ``"child_workflow"``.
        predecessor_id: the node before it, or that holds it; None for the first.
        timeout_secs: a task's timeout, a delay's length, or how long a signal is waited for.
        retry_policy: of a task.
        priority: of a task, 1 to 5.

    >>> NodeInfo("double", "task")
    NodeInfo(id='double', kind='task')
    """

    id: str
    kind: str
    predecessor_id: str | None = None
    timeout_secs: float | None = None
    retry_policy: RetryPolicy | None = None
    priority: int | None = None

    def __repr__(self) -> str:
        return f"NodeInfo(id={self.id!r}, kind={self.kind!r})"


def node_infos(steps: tuple[Step, ...], before: str | None = None) -> Iterator[NodeInfo]:
    """The nodes in the order in which they run, what a node holds right behind it."""
    for step in steps:
        yield from _infos(step, before)
        before = step.join.id if isinstance(step, ForkStep) else step.id


def _infos(step: Step, before: str | None) -> Iterator[NodeInfo]:
    match step:
        case TaskStep():
            yield _task(step, before)
        case DelayStep(seconds=seconds):
            yield NodeInfo(step.id, "delay", before, seconds)
        case SignalStep(timeout_seconds=seconds):
            yield NodeInfo(step.id, "await_signal", before, seconds)
        case ForkStep(branches=chains, join=join):
            yield NodeInfo(step.id, "fork", before)
            for chain in chains:
                yield from node_infos(chain, step.id)
            yield _task(join, step.id)
        case RouteStep(branches=branches, default=default):
            yield NodeInfo(step.id, "branch", before)
            ordered = sorted(branches, key=lambda branch: key_order(branch[0]))
            for chain in (*(chain for _, chain in ordered), default or ()):
                yield from node_infos(chain, step.id)
        case LoopStep(body=body):
            yield NodeInfo(step.id, "loop", before)
            yield _task(body, step.id)
        case ChildStep(steps=inner):
            yield NodeInfo(step.id, "child_workflow", before)
            yield from node_infos(inner, step.id)


def _task(step: TaskStep, before: str | None) -> NodeInfo:
    metadata = step.metadata
    if metadata is None:
        return NodeInfo(step.id, "task", before)
    return NodeInfo(
        step.id, "task", before, metadata.timeout_secs, metadata.retries, metadata.priority
    )
