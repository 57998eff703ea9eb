"""Random graphs for property tests and for the simulator.

A graph is drawn as a *shape*: plain data that says which nodes there are. From one shape come

- ``sequence_of_shape``: the nodes, built by hand;
- ``flow_of_shape``: the same graph written with the public combinators;
- ``expect``: what a run must give: the output, the result at each path, and how many events
  each signal needs.

Values are small ints and what the nodes make of them; every task is a pure function of its name
and its input, so a run has one right answer, however often it is interrupted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from zlib import crc32

from hypothesis import strategies as st

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
from sayiir.values import Again, BranchResult, Done

__all__ = [
    "KINDS",
    "BranchShape",
    "ChildShape",
    "DelayShape",
    "Expectation",
    "ForkShape",
    "LoopShape",
    "MapShape",
    "Shape",
    "SignalShape",
    "Step",
    "Steps",
    "expect",
    "flow_of_shape",
    "payload_of",
    "sequence_of_shape",
    "shapes",
    "shapes_nested",
]

MAX_ITERATIONS = 4
"""Of loops that leave with the last value; the others stop long before their bound."""


@dataclass(frozen=True)
class Step:
    """A task. ``reads``: the step, earlier on every path to here, whose result it takes too."""

    name: str
    reads: str | None = None


@dataclass(frozen=True)
class ForkShape:
    """``named``: arms are called a, b, c …; ``join`` as in ``fork()``."""

    arms: tuple[Steps, ...]
    named: bool = False
    join: Literal["all", "last"] = "all"


@dataclass(frozen=True)
class BranchShape:
    """``key`` names the function that picks; keys are "0", "1" …; ``default`` takes one more."""

    key: str
    arms: tuple[Steps, ...]
    default: Steps | None = None
    merged: bool = False


@dataclass(frozen=True)
class LoopShape:
    """``body``, then a task called ``decide`` that gives Again or Done by the value."""

    body: Steps
    decide: str
    on_max: Literal["fail", "exit_with_last"] = "fail"


@dataclass(frozen=True)
class MapShape:
    """A task called ``spread`` that makes a list of ``count`` ints, then a map over it."""

    spread: str
    count: int
    body: Steps


@dataclass(frozen=True)
class DelayShape:
    """A durable timer."""

    seconds: float


@dataclass(frozen=True)
class SignalShape:
    """A wait; whoever drives the run sends ``payload_of(name)`` for each."""

    name: str
    keep_input: bool = False


@dataclass(frozen=True)
class ChildShape:
    """A workflow of its own, inlined."""

    name: str
    body: Steps


Shape: TypeAlias = (
    Step | ForkShape | BranchShape | LoopShape | MapShape | DelayShape | SignalShape | ChildShape
)
Steps: TypeAlias = tuple[Shape, ...]

KINDS = ("task", "fork", "branch", "loop", "map", "delay", "await_signal", "child")


# -- what tasks do


def fold(name: str, *values: object) -> int:
    """What a task called ``name`` makes of its input: equal everywhere, and different by place."""
    return crc32(f"{name}:{values!r}".encode()) % 1000


def payload_of(signal_name: str) -> int:
    """The payload of every event for a signal, so that it doesn't matter who gets which."""
    return fold("payload", signal_name)


def decided(name: str, value: object) -> Again[int] | Done[int]:
    """What a loop's last task gives."""
    result = fold(name, value)
    return Done(result) if result % 2 else Again(result)


def spread(name: str, count: int, value: object) -> list[int]:
    """What the task before a map gives."""
    return [fold(name, value, index) for index in range(count)]


def key_of(shape: BranchShape, value: object) -> str:
    """Which arm a branch takes; one beyond the last is the default's."""
    return str(fold(shape.key, value) % (len(shape.arms) + (shape.default is not None)))


def arm_names(shape: ForkShape) -> list[str]:
    """The selectors of a fork's arms."""
    return [chr(ord("a") + at) if shape.named else str(at) for at in range(len(shape.arms))]


OnCall: TypeAlias = Callable[[str], None]
"""Called with the task's name before it does anything: to count, to fail, to be killed in."""


def _ignore(name: str) -> None:
    pass


# -- nodes, by hand


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
                last = self.task(decide, lambda value: decided(decide, value))
                nodes = (*self.sequence(body).nodes, TaskNode(decide, last))
                yield Loop("loop", NodeSequence(nodes), max_iterations=_bound(shape), on_max=on_max)
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


def _bound(shape: LoopShape) -> int:
    return 1_000 if shape.on_max == "fail" else MAX_ITERATIONS


def _renamed(node: Node, node_id: str) -> Node:
    from dataclasses import replace

    return replace(node, id=node_id)


def sequence_of_shape(steps: Steps, on_call: OnCall = _ignore) -> NodeSequence:
    """The nodes of a shape, built by hand."""
    return _Builder(on_call).sequence(steps)


# -- the same with the public combinators


def flow_of_shape(steps: Steps, on_call: OnCall = _ignore) -> Any:
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
        import sayiir

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
            case LoopShape(body=body, decide=decide, on_max=on_max):
                last = self._task(decide, lambda value: decided(decide, value))
                whole = self.flow(body) >> last if body else last
                return sayiir.loop(whole, max_iterations=_bound(shape), on_max=on_max)
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
        import sayiir

        def call(value):  # type: ignore[no-untyped-def]  # undeclared on purpose
            self.on_call(name)
            return compute(value)

        made = self.tasks[name] = sayiir.task(name)(call)
        return made

    def _reader(self, name: str, earlier_task: Any) -> Any:
        import sayiir

        found = sayiir.result_of(earlier_task)

        def read(value, earlier=found):  # type: ignore[no-untyped-def]
            self.on_call(name)
            return fold(name, value, earlier)

        made = self.tasks[name] = sayiir.task(name)(read)
        return made


# -- what must come out


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
    for iteration in range(_bound(shape)):
        prefix = f"{path}[{iteration}]/"
        value = _run(shape.body, value, prefix, seen, out)
        decision = out.results[f"{prefix}{shape.decide}"] = decided(shape.decide, value)
        value = decision.value
        if isinstance(decision, Done):
            break
    return value


# -- drawing shapes


@st.composite
def shapes(draw: st.DrawFn, *, depth: int = 3, longest: int = 3) -> Steps:
    """Graphs of every node kind, nested up to ``depth`` deep, ``longest`` nodes in a row."""
    return _Drawing(draw, longest).steps(depth, ())


@st.composite
def shapes_nested(draw: st.DrawFn, kinds: tuple[str, ...]) -> Steps:
    """A small graph in which the given kinds (fork, branch, loop, map, child) hold each other."""
    drawing = _Drawing(draw, longest=2)
    steps = drawing.steps(0, ())
    for kind in reversed(kinds):
        steps = (*drawing.leaves(1), drawing.holder(kind, steps), *drawing.leaves(1))
    return steps


@dataclass
class _Drawing:
    draw: st.DrawFn
    longest: int
    count: int = 0

    def name(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def steps(self, depth: int, seen: tuple[str, ...]) -> Steps:
        found: list[Shape] = []
        for _ in range(self.draw(st.integers(1, self.longest))):
            shape = self.shape(depth, seen)
            found.append(shape)
            if isinstance(shape, Step):
                seen = (*seen, shape.name)
        return tuple(found)

    def shape(self, depth: int, seen: tuple[str, ...]) -> Shape:
        kinds = KINDS if depth else ("task", "task", "delay", "await_signal")
        kind = self.draw(st.sampled_from(kinds))
        if kind not in ("task", "delay", "await_signal"):
            inner = () if kind == "child" else seen
            return self.holder(kind, self.steps(depth - 1, inner), depth, inner)
        return self.leaf(kind, seen)

    def leaf(self, kind: str, seen: tuple[str, ...] = ()) -> Shape:
        if kind == "delay":
            return DelayShape(float(self.draw(st.integers(0, 60))))
        if kind == "await_signal":
            return SignalShape(self.name("signal"), self.draw(st.booleans()))
        reads = self.draw(st.sampled_from((None, *seen)))
        return Step(self.name("step"), reads)

    def leaves(self, most: int) -> Steps:
        kinds = st.sampled_from(("task", "delay", "await_signal"))
        return tuple(self.leaf(self.draw(kinds)) for _ in range(self.draw(st.integers(0, most))))

    def holder(self, kind: str, body: Steps, depth: int = 1, seen: tuple[str, ...] = ()) -> Shape:
        """A node of a kind that holds others, with ``body`` in it."""
        match kind:
            case "fork":
                others = [self.steps(depth - 1, seen) for _ in range(self.draw(st.integers(0, 2)))]
                named = self.draw(st.booleans())
                join = "all" if named else self.draw(st.sampled_from(("all", "last")))
                return ForkShape((body, *others), named, join)  # type: ignore[arg-type]
            case "branch":
                others = [self.steps(depth - 1, seen) for _ in range(self.draw(st.integers(0, 2)))]
                default = self.steps(depth - 1, seen) if self.draw(st.booleans()) else None
                merged = self.draw(st.booleans())
                return BranchShape(self.name("key"), (body, *others), default, merged)
            case "loop":
                on_max = self.draw(st.sampled_from(("fail", "exit_with_last")))
                return LoopShape(body, self.name("decide"), on_max)  # type: ignore[arg-type]
            case "map":
                return MapShape(self.name("spread"), self.draw(st.integers(0, 3)), body)
            case _:
                return ChildShape(self.name("child"), body)
