"""Random graphs for property tests and for the simulator.

A graph is drawn as a *shape*: plain data that says which nodes there are. From one shape come

- ``sequence_of_shape``: the nodes, built by hand;
- ``flow_of_shape``: the same graph written with the public combinators;
- ``expect``: what a run must give: the output, the result at each path, and how many events
  each signal needs.

Values are small ints and what the nodes make of them; every task is a pure function of its name
and its input, so a run has one right answer, however often it is interrupted.
"""

from tests.graphs.drawing import shapes, shapes_nested
from tests.graphs.expecting import Expectation, expect
from tests.graphs.flows import flow_of_shape
from tests.graphs.nodes import sequence_of_shape
from tests.graphs.shapes import (
    KINDS,
    MAX_ITERATIONS,
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
    payload_of,
)

__all__ = [
    "KINDS",
    "MAX_ITERATIONS",
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
