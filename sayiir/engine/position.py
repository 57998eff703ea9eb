"""Places and positions: the graph laid out for walking, and where a strand stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from sayiir.dsl.nodes import Branch, ChildWorkflow, Delay, Fork, Loop, Map, TaskNode
from sayiir.ids import path_segments, quoted_selector
from sayiir.stores.records import ItemKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sayiir.dsl.nodes import Node, NodeSequence
    from sayiir.dsl.spec import TaskSpec
    from sayiir.engine.call_plan import CallPlan
    from sayiir.engine.earlier import Earlier
    from sayiir.engine.refs import Ref, ResultRef

__all__ = ["Frame", "Place", "Position", "locate_frame", "places_of"]


class Place:
    """One node of the graph, with what follows it and the first places inside it.

    Attributes:
        node: the node.
        node_path: its address without loop and map numbers.
        following: the next place in its sequence; None at the sequence's end.
        inner: selector -> first place of that arm; loops, maps and children have ``""`` only,
            a branch's default is ``"*"``.
        selectors: the keys of ``inner``, in order.
        ways: selector -> what the way into that arm adds to a path: ``fork[0]/``.
        order: its number in the order of definition.
        node_id: the last segment of its address.
        acts: user code or a value is needed here: a task, a branch's key, a delay's callable, the
            sequence that a map goes through.
        task: the task, or the one that tells a branch's key.
        first_task: the task that a strand comes to first which arrives here, if it comes to one
            before anything else.
        call: what calling user code here needs, worked out at the first call.
    """

    __slots__ = (
        "acts",
        "call",
        "first_task",
        "following",
        "inner",
        "node",
        "node_id",
        "node_path",
        "order",
        "selectors",
        "task",
        "ways",
    )

    def __init__(self, node: Node, node_path: str, order: int) -> None:
        self.node = node
        self.order = order
        self.node_id = node.id
        self.node_path = node_path
        self.task = self.first_task = _task_of(node)
        asks_until = isinstance(node, Delay) and callable(node.until)
        self.acts = self.task is not None or asks_until or isinstance(node, Map)
        self.following: Place | None = None
        self.inner: dict[str, Place] = {}
        self.selectors: tuple[str, ...] = ()
        self.ways: dict[str, str] = {}
        self.call: CallPlan | None = None


class Frame:
    """One level of nesting on the way to a position: which body of which node, entered how.

    Attributes:
        place: the node that is entered; None for the workflow itself.
        above: the frame that ``place`` stands in.
        prefix: what the paths of everything in this body begin with.
        ordinal: the loop and map numbers so far, four big-endian bytes each.
        number: the iteration, the map index or the fork arm's index.
        strand: a work item begins here.
        children: the inputs of the enclosing child workflows, outermost first; the nearest
            is what ``workflow_input`` gives.
        key: the branch's answer, if this is its arm and the answer is at hand.
        earlier: the run that results are taken from, in an instance that was started again.
    """

    __slots__ = (
        "above",
        "children",
        "earlier",
        "key",
        "number",
        "ordinal",
        "place",
        "prefix",
        "strand",
    )

    def __init__(
        self,
        place: Place | None = None,
        above: Frame | None = None,
        prefix: str = "",
        ordinal: bytes = b"",
        number: int = 0,
        strand: bool = True,
        child_input: Ref | None = None,
    ) -> None:
        self.place = place
        self.above = above
        self.prefix = prefix
        self.ordinal = ordinal
        self.number = number
        self.strand = strand
        above_children: tuple[Ref, ...] = () if above is None else above.children
        self.children: tuple[Ref, ...] = above_children
        if child_input is not None:
            self.children = (*above_children, child_input)
        self.key: ResultRef | None = None
        self.earlier: Earlier | None = None if above is None else above.earlier

    def iteration(self, place: Place, number: int) -> Frame:
        """The frame of a loop's iteration; ``self`` is the frame that the loop stands in."""
        prefix = f"{self.prefix}{place.node.id}[{number}]/"
        return Frame(place, self, prefix, self.ordinal + number.to_bytes(4), number, False)

    def item(self, place: Place, number: int) -> Frame:
        """The frame of a map's item."""
        prefix = f"{self.prefix}{place.node.id}[{number}]/"
        return Frame(place, self, prefix, self.ordinal + number.to_bytes(4), number, True)

    def arm(self, place: Place, selector: str, number: int, *, strand: bool) -> Frame:
        """The frame of a fork's arm (a strand of its own) or of a branch's."""
        prefix = self.prefix + place.ways[selector]
        return Frame(place, self, prefix, self.ordinal, number, strand)

    def child(self, place: Place, child_input: Ref) -> Frame:
        """The frame of an inlined child workflow."""
        prefix = f"{self.prefix}{place.node.id}/"
        return Frame(place, self, prefix, self.ordinal, 0, False, child_input)

    def strand_key(self) -> ItemKey:
        """The key of the work item that runs this body."""
        frame = self.strand_frame()
        if frame.place is None or frame.above is None:
            return ItemKey()
        return ItemKey(frame.above.prefix + frame.place.node.id, frame.number)

    def strand_frame(self) -> Frame:
        """The innermost frame, from here outwards, at which a work item begins."""
        frame = self
        while not frame.strand and frame.above is not None:
            frame = frame.above
        return frame

    def outwards(self) -> Iterator[Frame]:
        """This frame and all that enclose it."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.above


@final
class Position:
    """Where a strand stands: the place to execute next, in which frame, with which input.

    ``prune``: paths of loop iterations that the way here has left behind, each ending in "/".
    """

    __slots__ = ("frame", "input", "place", "prune")

    def __init__(
        self,
        place: Place,
        frame: Frame,
        input: Ref,  # noqa: A002
        prune: tuple[str, ...] = (),
    ) -> None:
        self.place = place
        self.frame = frame
        self.input = input
        self.prune = prune

    @property
    def path(self) -> str:
        """The node's address in the instance."""
        return self.frame.prefix + self.place.node_id

    def __repr__(self) -> str:
        return f"Position({self.path!r})"


def _task_of(node: Node) -> TaskSpec | None:
    if isinstance(node, TaskNode):
        return node.task
    return node.key if isinstance(node, Branch) else None


def places_of(root: NodeSequence) -> tuple[Place, dict[str, Place]]:
    """The first place of a graph, and every place by its node path."""
    places: dict[str, Place] = {}
    first = _lay_out(root, "", places)
    return first, places


def _lay_out(sequence: NodeSequence, prefix: str, places: dict[str, Place]) -> Place:
    previous: Place | None = None
    first: Place | None = None
    for node in sequence.nodes:
        place = places[prefix + node.id] = Place(node, prefix + node.id, len(places))
        if type(node) is not TaskNode:  # most nodes by far hold nothing
            for selector, body, inner_prefix in _bodies(node, place.node_path):
                place.inner[selector] = _lay_out(body, inner_prefix, places)
                place.ways[selector] = inner_prefix[len(prefix) :]
            place.selectors = tuple(place.inner)
            if isinstance(node, (Loop, ChildWorkflow)):
                place.first_task = place.inner[""].first_task
        if previous is None:
            first = place
        else:
            previous.following = place
        previous = place
    if first is None:
        raise ValueError("a sequence has at least one node")
    return first


def _bodies(node: Node, node_path: str) -> Iterator[tuple[str, NodeSequence, str]]:
    match node:
        case Fork(arms=arms):
            for fork_arm in arms:
                written = quoted_selector(fork_arm.selector)
                yield fork_arm.selector, fork_arm.body, f"{node_path}[{written}]/"
        case Branch(arms=branch_arms, default=default):
            for branch_arm in branch_arms:
                written = quoted_selector(branch_arm.selector)
                yield branch_arm.selector, branch_arm.body, f"{node_path}[{written}]/"
            if default is not None:
                yield "*", default, f"{node_path}[*]/"
        case Loop(body=body) | Map(body=body) | ChildWorkflow(body=body):
            yield "", body, f"{node_path}/"
        case _:
            return


def locate_frame(
    places: dict[str, Place],
    path: str,
    child_inputs: Iterator[Ref],
    earlier: Earlier | None = None,
) -> tuple[Place, Frame]:
    """The place and frame of a path as stores keep it.

    Raises:
        LookupError: the graph has no such path.
        ValueError: the text is no path.
    """
    frame, node_prefix = Frame(), ""
    frame.earlier = earlier
    segments = list(path_segments(path))
    for node_id, selector in segments[:-1]:
        place = places[node_prefix + node_id]
        frame, node_prefix = _entered(place, frame, selector, child_inputs)
    node_id, selector = segments[-1]
    if selector is not None:
        raise LookupError(f"{path!r} names an arm, not a node")
    return places[node_prefix + node_id], frame


def _entered(
    place: Place, frame: Frame, selector: str | None, child_inputs: Iterator[Ref]
) -> tuple[Frame, str]:
    match place.node:
        case Loop():
            return frame.iteration(place, int(selector or "")), f"{place.node_path}/"
        case Map():
            return frame.item(place, int(selector or "")), f"{place.node_path}/"
        case ChildWorkflow():
            return frame.child(place, next(child_inputs)), f"{place.node_path}/"
        case Fork():
            index = place.selectors.index(selector or "")
            entered = frame.arm(place, selector or "", index, strand=True)
        case Branch():
            entered = frame.arm(place, selector or "", 0, strand=False)
        case _:
            raise LookupError(f"nothing is inside {place.node_path!r}")
    written = entered.prefix[len(frame.prefix) + len(place.node.id) :]
    return entered, f"{place.node_path}{written}"
