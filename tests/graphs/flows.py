"""A shape as users write it, with the public combinators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sayiir
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


def flow_of_shape(steps: Steps, on_call: OnCall = ignore_call) -> Any:
    """The flow of a shape, written as users write it."""
    return _FlowBuilder(on_call).flow(steps)


@dataclass
class _FlowBuilder:
    on_call: OnCall
    tasks: dict[str, Any] = field(default_factory=dict)

    def flow(self, steps: Steps) -> Any:
        flow: Any = None
        for shape in steps:
            piece = self._piece(shape)
            flow = piece if flow is None else flow >> piece
        return flow

    def _piece(self, shape: Shape) -> Any:
        match shape:
            case Step(name=name, reads=None):
                return self._task(name, lambda value: fold(name, value))
            case Step(name=name, reads=reads):
                return self._reader(name, self.tasks[reads])
            case ForkShape(named=True):
                names = arm_names(shape)
                arms = [self.flow(arm) for arm in shape.arms]
                return sayiir.fork(**dict(zip(names, arms, strict=True)))
            case ForkShape(join=join):
                return sayiir.fork(*[self.flow(arm) for arm in shape.arms], join=join)
            case BranchShape(default=default):

                def key(value: Any) -> Any:
                    self.on_call(shape.key)
                    return key_of(shape, value)

                key.__name__ = key.__qualname__ = shape.key
                arms_by_key = {str(at): self.flow(arm) for at, arm in enumerate(shape.arms)}
                otherwise = None if default is None else self.flow(default)
                branched = sayiir.branch(key, arms_by_key, default=otherwise)
                return branched.merge() if shape.merged else branched
            case LoopShape(body=body, on_max=on_max):
                last = self._decider(shape)
                whole = self.flow(body) >> last if body else last
                return sayiir.loop(whole, max_iterations=MAX_ITERATIONS, on_max=on_max)
            case MapShape(spread=name, count=count, body=body):
                before = self._task(name, lambda value: spread(name, count, value))
                return before >> self.flow(body).map()
            case DelayShape(seconds=seconds):
                return sayiir.delay(seconds)
            case SignalShape(name=name, keep_input=keep_input):
                return sayiir.await_signal(name, int, keep_input=keep_input)
            case ChildShape(name=name, body=body):
                return sayiir.workflow(name, _FlowBuilder(self.on_call).flow(body))

    def _task(self, name: str, compute: Callable[[Any], Any]) -> Any:
        def call(value):  # type: ignore[no-untyped-def]  # undeclared on purpose
            self.on_call(name)
            return compute(value)

        made = self.tasks[name] = sayiir.task(name)(call)
        return made

    def _decider(self, shape: LoopShape) -> Any:
        def decide(value, ctx):  # type: ignore[no-untyped-def]
            self.on_call(shape.decide)
            return decided(shape, value, ctx.iteration)

        return sayiir.task(shape.decide)(decide)

    def _reader(self, name: str, earlier_task: Any) -> Any:
        found = sayiir.result_of(earlier_task)

        def read(value, earlier=found):  # type: ignore[no-untyped-def]
            self.on_call(name)
            return fold(name, value, earlier)

        made = self.tasks[name] = sayiir.task(name)(read)
        return made
