"""What a run of a shape must give."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sayiir.values import BranchResult, Done
from tests.graphs.shapes import (
    MAX_ITERATIONS,
    BranchShape,
    ChildShape,
    DelayShape,
    ForkShape,
    LoopShape,
    MapShape,
    SignalShape,
    Step,
    Steps,
    arm_names,
    decided,
    fold,
    key_of,
    payload_of,
    spread,
)


@dataclass
class Expectation:
    """What a run gives.

    ``results``: path of each task that ran (and of each branch's key) -> its plain result, loops'
    decisions as Again and Done. ``signals``: how many events each signal needs.
    """

    output: Any = None
    results: dict[str, Any] = field(default_factory=dict)
    signals: Counter[str] = field(default_factory=Counter)


def expect(steps: Steps, value: Any) -> Expectation:
    """What a run of the graph with this input must give."""
    expectation = Expectation()
    expectation.output = _run(steps, value, "", {}, expectation)
    return expectation


def _run(steps: Steps, value: Any, prefix: str, seen: dict[str, Any], out: Expectation) -> Any:
    """``seen``: results by name, of what precedes here in this workflow."""
    counts: Counter[str] = Counter()

    def path_of(node_id: str) -> str:
        counts[node_id] += 1
        number = counts[node_id]
        return f"{prefix}{node_id}" + (f"#{number}" if number > 1 else "")

    for shape in steps:
        match shape:
            case Step(name=name, reads=reads):
                extra = () if reads is None else (seen[reads],)
                value = seen[name] = out.results[path_of(name)] = fold(name, value, *extra)
            case ForkShape(arms=arms, named=named, join=join):
                path, names = path_of("fork"), arm_names(shape)
                outputs = [
                    _run(arm, value, f"{path}[{selector}]/", seen, out)
                    for selector, arm in zip(names, arms, strict=True)
                ]
                if join == "last":
                    value = outputs[-1]
                else:
                    value = dict(zip(names, outputs, strict=True)) if named else tuple(outputs)
            case BranchShape(arms=arms, default=default, merged=merged):
                path, key = path_of("branch"), key_of(shape, value)
                out.results[path] = key
                taken = default if int(key) == len(arms) else arms[int(key)]
                selector = "*" if int(key) == len(arms) else key
                assert taken is not None
                value = _run(taken, value, f"{path}[{selector}]/", dict(seen), out)
                value = value if merged else BranchResult(key, value)
            case LoopShape():
                value = _run_loop(shape, value, path_of("loop"), seen, out)
            case MapShape(spread=name, count=count, body=body):
                elements = out.results[path_of(name)] = spread(name, count, value)
                path = path_of("map")
                value = [
                    _run(body, element, f"{path}[{at}]/", dict(seen), out)
                    for at, element in enumerate(elements)
                ]
            case DelayShape():
                path_of("delay")
            case SignalShape(name=name, keep_input=keep_input):
                path_of(name)
                out.signals[name] += 1
                payload = payload_of(name)
                value = (value, payload) if keep_input else payload
            case ChildShape(name=name, body=body):
                value = _run(body, value, f"{path_of(name)}/", {}, out)
    return value


def _run_loop(
    shape: LoopShape, value: Any, path: str, seen: dict[str, Any], out: Expectation
) -> Any:
    for iteration in range(MAX_ITERATIONS):
        prefix = f"{path}[{iteration}]/"
        value = _run(shape.body, value, prefix, seen, out)
        decision = out.results[f"{prefix}{shape.decide}"] = decided(shape, value, iteration)
        value = decision.value
        if isinstance(decision, Done):
            break
    return value
