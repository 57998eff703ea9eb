"""Draws shapes at random, for hypothesis."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.graphs.shapes import (
    KINDS,
    BranchShape,
    ChildShape,
    DelayShape,
    ForkShape,
    LoopShape,
    MapShape,
    Shape,
    SignalShape,
    Step,
    Steps,
)


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
