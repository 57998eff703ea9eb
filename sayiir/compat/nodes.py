"""From steps to the native graph."""

from __future__ import annotations

from typing import Any

from sayiir.compat.calls import spec_of
from sayiir.compat.context import WorkflowFacts
from sayiir.compat.names import escaped
from sayiir.compat.steps import (
    Chain,
    ChildStep,
    DelayStep,
    ForkStep,
    LoopStep,
    RouteStep,
    SignalStep,
    Step,
    TaskStep,
)
from sayiir.dsl.flow import Flow
from sayiir.dsl.nodes import (
    Arm,
    AwaitSignal,
    Branch,
    BranchArm,
    ChildWorkflow,
    Delay,
    Fork,
    Loop,
    Node,
    NodeSequence,
    TaskNode,
)
from sayiir.dsl.sequence import Piece, sequence_of

__all__ = ["flow_of_steps"]


def flow_of_steps(steps: tuple[Step, ...], workflow: WorkflowFacts) -> Flow[Any, Any]:
    """The native flow of at least one step.

    Raises:
        DefinitionError: a task's options are out of their bounds.
    """
    nodes = [node for step in steps for node in _nodes(step, workflow)]
    piece: Piece = nodes[0]
    for node in nodes[1:]:
        piece = (piece, node)
    return Flow(piece)


def _nodes(step: Step, workflow: WorkflowFacts) -> list[Node]:
    match step:
        case TaskStep():
            return [_task(step, workflow)]
        case DelayStep(id=step_id, seconds=seconds):
            return [Delay(escaped(step_id), seconds=seconds)]
        case SignalStep():
            return [
                AwaitSignal(
                    escaped(step.id),
                    signal_name=escaped(step.signal_name),
                    timeout_seconds=step.timeout_seconds,
                )
            ]
        case ForkStep(branches=chains, join=join):
            arms = tuple(Arm(chain[0].id, _sequence(chain, workflow)) for chain in chains)
            return [Fork("fork", arms, named=True), _task(join, workflow)]
        case RouteStep():
            return [_branch(step, workflow)]
        case LoopStep(id=step_id, body=body):
            call = TaskNode(escaped(body.id), spec_of(body, workflow, loop_body=True))
            return [Loop(step_id, NodeSequence((call,)), step.max_iterations, step.on_max)]
        case ChildStep(id=step_id, name=name, steps=steps):
            held = sequence_of(flow_of_steps(steps, workflow))
            return [ChildWorkflow(escaped(step_id), escaped(name), "", held)]


def _task(step: TaskStep, workflow: WorkflowFacts) -> TaskNode:
    return TaskNode(escaped(step.id), spec_of(step, workflow))


def _sequence(chain: Chain, workflow: WorkflowFacts) -> NodeSequence:
    return sequence_of(flow_of_steps(chain, workflow))


def _branch(step: RouteStep, workflow: WorkflowFacts) -> Branch:
    branches = step.branches
    if not branches and step.default is not None:
        # A default alone: the engine's branch has at least one arm, which then is the same.
        branches = ((_any_key(step), step.default),)
    return Branch(
        step.id,
        spec_of(step.key, workflow),
        tuple(BranchArm(key, key, _sequence(chain, workflow)) for key, chain in branches),
        None if step.default is None else _sequence(step.default, workflow),
    )


def _any_key(step: RouteStep) -> str:
    return f"{step.id}::default"
