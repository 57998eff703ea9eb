"""A definition made ready to run: its places laid out, its codec plans and signatures at hand."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.nodes import AwaitSignal, Loop, Map
from sayiir.dsl.portable import to_portable
from sayiir.engine.checkpoints import move_to
from sayiir.engine.earlier import Earlier, earlier_from_text
from sayiir.engine.executing import executor_names
from sayiir.engine.position import Frame, Position, locate_frame, places_of
from sayiir.engine.refs import InputRef, ResultRef, ref_from_text, ref_to_text
from sayiir.engine.resources import needs_of
from sayiir.errors import StoreError
from sayiir.ids import path_segments, quoted_selector

if TYPE_CHECKING:
    from sayiir.codec.protocol import Codec, Plan
    from sayiir.dsl.definition import Definition
    from sayiir.dsl.spec import TaskSpec
    from sayiir.engine.position import Place
    from sayiir.engine.refs import Ref
    from sayiir.engine.resources import Need
    from sayiir.stores.records import Move

__all__ = ["Program"]


class Program:
    """A definition with a codec, compiled once and shared by all runs of a process.

    Attributes:
        definition: what was compiled.
        codec: turns its values into bytes.
        places: node path -> place.
    """

    def __init__(self, definition: Definition, codec: Codec) -> None:
        self.definition = definition
        self.codec = codec
        self._first, self.places = places_of(definition.root)
        self._plans: dict[str, Plan] = {}
        self._element_plans: dict[str, Plan] = {}
        self._asked_last: tuple[str, Plan] | None = None
        self._tags: dict[TaskSpec | None, tuple[str, ...]] = {}

    # -- positions

    def start(self, instance_input: InputRef | None = None) -> Position:
        """Where every instance begins."""
        return Position(self._first, Frame(), instance_input or InputRef())

    @cached_property
    def beginning(self) -> Move:
        """The same as a store keeps it."""
        return move_to(self, self.start())

    def locate(self, path: str, input_text: str) -> Position:
        """The position that a store kept as text.

        Raises:
            StoreError: the definition has no such position, or the text is damaged.
        """
        try:
            text, children, earlier = input_text, list[str](), None
            if text[:1] == "e":
                run, start, begins, text = earlier_from_text(text)
                earlier = Earlier(run, start, begins, self.places)
            if text[:1] == "c":
                text, *children = json.loads(text[1:])
            inputs = [ref_from_text(child) for child in children]
            place, frame = locate_frame(self.places, path, iter(inputs), earlier)
            return Position(place, frame, ref_from_text(text))
        except (
            LookupError,
            ValueError,
            TypeError,
            StopIteration,
            AttributeError,
            OverflowError,
            RecursionError,
        ) as error:
            raise StoreError(
                f"workflow {self.definition.name!r} has no position {path!r} with input "
                f"{input_text[:80]!r}: the stored row is damaged"
            ) from error

    def input_text(self, position: Position) -> str:
        """The position's input as a store keeps it, with the inputs of enclosing children.

        In an instance that was started again, the earlier run goes along.
        """
        ref, frame = position.input, position.frame
        # What the place before has given, most of the time: written here it saves a call a step.
        text = f"r{ref.marks}:{ref.path}" if type(ref) is ResultRef else ref_to_text(ref)
        if frame.children:
            inputs = [text, *map(ref_to_text, frame.children)]
            text = "c" + json.dumps(inputs, separators=(",", ":"))
        return text if frame.earlier is None else frame.earlier.marked(text)

    def node_path(self, path: str) -> str:
        """A path without the numbers of loops and maps.

        Raises:
            LookupError: the definition has no such path.
            ValueError: the text is no path.
        """
        node_path = ""
        for node_id, selector in path_segments(path):
            node_path += ("/" if node_path else "") + node_id
            place = self.places[node_path]
            if selector is not None and not isinstance(place.node, (Loop, Map)):
                node_path += f"[{selector if selector == '*' else quoted_selector(selector)}]"
        return node_path

    # -- plans

    def plan(self, node_path: str) -> Plan:
        """How the output of the task (or the key of the branch) at ``node_path`` is stored."""
        plan = self._plans.get(node_path)
        if plan is None:
            place = self.places.get(node_path)
            plan = self.codec.plan(self._edge(node_path, place))
            self._plans[node_path] = plan
        return plan

    def _edge(self, node_path: str, place: Place | None) -> Any:
        if place is not None and isinstance(place.node, AwaitSignal):
            return place.node.payload_type
        return self.definition.edges.get(node_path, UNDECLARED)

    def event_type(self, node_path: str) -> Any:
        """The type that the wait at ``node_path`` takes."""
        return self._edge(node_path, self.places.get(node_path))

    def element_plan(self, node_path: str) -> Plan:
        """How the elements of the map at ``node_path`` are stored."""
        plan = self._element_plans.get(node_path)
        if plan is None:
            edge = self.definition.element_edges.get(node_path, UNDECLARED)
            plan = self._element_plans[node_path] = self.codec.plan(edge)
        return plan

    def plan_of_elements(self, spawn_path: str) -> Plan:
        """The same by the path of the map in an instance: a hundred items ask one after the other.

        Raises:
            LookupError: the definition has no such path.
            ValueError: the text is no path.
        """
        if self._asked_last is None or self._asked_last[0] != spawn_path:
            self._asked_last = spawn_path, self.element_plan(self.node_path(spawn_path))
        return self._asked_last[1]

    @cached_property
    def input_plan(self) -> Plan:
        """How the instance's input is stored."""
        return self.codec.plan(self.definition.input_edge)

    @cached_property
    def executor_names(self) -> dict[str, str]:
        """Executors that its tasks name: name -> path of the first such task."""
        return executor_names(self.places.values())

    @cached_property
    def tagged(self) -> bool:
        """Whether it asks anything of workers anywhere."""
        if self.definition.tags:
            return True
        return any(place.task is not None and place.task.tags for place in self.places.values())

    def tags_of(self, task: TaskSpec | None) -> tuple[str, ...]:
        """What a worker has to have for a task (None: for what is none): its tags, sorted."""
        tags = self._tags.get(task)
        if tags is None:
            own = () if task is None else task.tags
            tags = self._tags[task] = tuple(sorted({*self.definition.tags, *own}))
        return tags

    @cached_property
    def portable(self) -> bytes:
        """The definition as stores keep it."""
        return to_portable(self.definition)

    @cached_property
    def needs(self) -> tuple[Need, ...]:
        """The resources that its tasks ask for."""
        return needs_of(self.places.values())

    def workflow_input(self, frame: Frame) -> Ref:
        """The input of the nearest workflow that encloses the frame."""
        return frame.children[-1] if frame.children else InputRef()
