"""A shape as nodes, built by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sayiir.dsl.context import TaskContext
from sayiir.dsl.nodes import (
    Arm,
    AwaitSignal,
    Branch,
    BranchArm,
    ChildWorkflow,
    Delay,
    Fork,
    Loop,
    Map,
    Node,
    NodeSequence,
    TaskNode,
)
from sayiir.dsl.spec import Injected, Injection, Parameter, Signature, TaskSpec
from tests.graphs.shapes import (
    MAX_ITERATIONS,
    BranchShape,
    ChildShape,
    DelayShape,
    ForkShape,
    LoopShape,
    MapShape,
    OnCall,
    Shape,
    SignalShape,
    Step,
    Steps,
    arm_names,
    decided,
    fold,
    ignore_call,
    key_of,
    spread,
)


@dataclass
class _Builder:
    on_call: OnCall
    specs: dict[str, TaskSpec] = field(default_factory=dict)

    def sequence(self, steps: Steps) -> NodeSequence:
        nodes = [node for shape in steps for node in self._nodes(shape)]
        seen: Counter[str] = Counter()
        unique: list[Node] = []
        for node in nodes:
            seen[node.id] += 1
            count = seen[node.id]
            unique.append(node if count == 1 else _renamed(node, f"{node.id}#{count}"))
        return NodeSequence(tuple(unique))

    def _nodes(self, shape: Shape) -> Iterator[Node]:
        match shape:
            case Step(name=name):
                yield TaskNode(name, self.step(shape))
            case ForkShape(arms=arms, named=named, join=join):
                pairs = zip(arm_names(shape), arms, strict=True)
                built = tuple(Arm(selector, self.sequence(arm)) for selector, arm in pairs)
                yield Fork("fork", built, named=named, join=join)
            case BranchShape(arms=arms, default=default, merged=merged):
                yield Branch(
                    "branch",
                    self.task(shape.key, lambda value: key_of(shape, value), plain=True),
                    tuple(
                        BranchArm(str(at), str(at), self.sequence(arm))
                        for at, arm in enumerate(arms)
                    ),
                    default=None if default is None else self.sequence(default),
                    merged=merged,
                )
            case LoopShape(body=body, decide=decide, on_max=on_max):
                nodes = (*self.sequence(body).nodes, TaskNode(decide, self.decider(shape)))
                bound = MAX_ITERATIONS
                yield Loop("loop", NodeSequence(nodes), max_iterations=bound, on_max=on_max)
            case MapShape(spread=name, count=count, body=body):
                yield TaskNode(name, self.task(name, lambda value: spread(name, count, value)))
                yield Map("map", self.sequence(body))
            case DelayShape(seconds=seconds):
                yield Delay("delay", seconds=seconds)
            case SignalShape(name=name, keep_input=keep_input):
                yield AwaitSignal(name, name, payload_type=int, keep_input=keep_input)
            case ChildShape(name=name, body=body):
                inner = _Builder(self.on_call)
                yield ChildWorkflow(name, name, "", inner.sequence(body))

    def step(self, shape: Step) -> TaskSpec:
        name, on_call = shape.name, self.on_call
        if shape.reads is None:
            return self.task(name, lambda value: fold(name, value))

        def read(value: Any, earlier: int) -> int:
            on_call(name)
            return fold(name, value, earlier)

        found = Injected("earlier", Injection.RESULT_OF, task=self.specs[shape.reads])
        spec = self.specs[name] = TaskSpec(
            name=name,
            function=read,
            known_signature=Signature(inputs=(Parameter("value"),), injected=(found,)),
        )
        return spec

    def decider(self, shape: LoopShape) -> TaskSpec:
        on_call = self.on_call

        def decide(value: Any, ctx: TaskContext) -> Any:
            on_call(shape.decide)
            return decided(shape, value, ctx.iteration)

        context = Injected("ctx", Injection.CONTEXT)
        signature = Signature(inputs=(Parameter("value"),), injected=(context,))
        return TaskSpec(name=shape.decide, function=decide, known_signature=signature)

    def task(self, name: str, compute: Callable[[Any], Any], *, plain: bool = False) -> TaskSpec:
        on_call = self.on_call

        def call(value: Any) -> Any:
            on_call(name)
            return compute(value)

        spec = self.specs[name] = TaskSpec(
            name=name,
            function=call,
            decorated=not plain,
            known_signature=Signature(inputs=(Parameter("value"),)),
        )
        return spec


def _renamed(node: Node, node_id: str) -> Node:
    return replace(node, id=node_id)


def sequence_of_shape(steps: Steps, on_call: OnCall = ignore_call) -> NodeSequence:
    """The nodes of a shape, built by hand."""
    return _Builder(on_call).sequence(steps)
