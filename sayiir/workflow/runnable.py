"""``Workflow``: a named, closed, hashed flow that can be run, drawn and used as a child."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, overload

from sayiir.dsl.flow import Flow
from sayiir.dsl.nodes import ChildWorkflow
from sayiir.dsl.walk import walk
from sayiir.errors import DefinitionError, WorkflowFailed
from sayiir.ids import check_node_id

if TYPE_CHECKING:
    from sayiir.clock import Clock
    from sayiir.dsl.definition import Definition
    from sayiir.dsl.nodes import Node
    from sayiir.dsl.sequence import Piece
    from sayiir.engine.program import Program
    from sayiir.events import Listener
    from sayiir.executors.protocol import Executor
    from sayiir.explain.explanation import Explanation
    from sayiir.explain.findings import Finding
    from sayiir.render.svg_style import Theme

__all__ = ["Workflow"]

B = TypeVar("B")
# Not contravariant, as a flow's is: `self: Workflow[None, B]` must mean None and nothing else.
In = TypeVar("In")
Out = TypeVar("Out", covariant=True)

Events: TypeAlias = Mapping[str, Sequence[Any]]
Resources: TypeAlias = Mapping[Any, Any]
Executors: TypeAlias = "Mapping[str, Executor]"


class Workflow(Flow[In, Out], Generic[In, Out]):
    """A flow with a name and a definition hash. Made by ``workflow``.

    As a part of another flow it is a child with its own scope of paths.

    Attributes:
        definition: the checked graph with all that was derived from it.

    >>> from sayiir import task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> four_times = workflow("four_times", double >> double)
    >>> [path for path, _ in four_times.nodes()]
    ['double', 'double#2']
    """

    __slots__ = ("_compiled", "definition")

    definition: Definition

    def __init__(self, definition: Definition) -> None:
        super().__init__(
            ChildWorkflow(
                check_node_id(definition.name),
                definition.name,
                definition.version,
                definition.root,
                definition.input_type,
                definition.output_type,
            )
        )
        self.definition = definition
        self._compiled: Program | None = None

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.definition.name

    @property
    def version(self) -> str:
        """The workflow's version, ``""`` where none was given."""
        return self.definition.version

    @property
    def definition_hash(self) -> str:
        """32 hexadecimal digits that change when what the workflow means does."""
        return self.definition.definition_hash

    @property
    def piece(self) -> Piece:
        """The workflow as a child of another flow.

        Raises:
            DefinitionError: it has a timeout or a priority, which only a whole instance can.
        """
        for option, value in (
            ("timeout", self.definition.timeout_seconds),
            ("priority", self.definition.priority),
        ):
            if value is not None:
                raise DefinitionError(
                    f"a workflow with a {option} can't be a child: {option} belongs to a whole "
                    f"instance. Make one without it from the same flow",
                    workflow=self.name,
                )
        return super().piece

    def nodes(self) -> Iterator[tuple[str, Node]]:
        """Every node with its node path, in the order of definition, children included."""
        return walk(self.definition.root)

    def to_mermaid(self) -> str:
        """The graph as the text of a Mermaid flowchart, from top to bottom."""
        from sayiir.render.mermaid import mermaid_flowchart

        return mermaid_flowchart(self.definition)

    def to_dot(self) -> str:
        """The graph in the language of Graphviz, from top to bottom."""
        from sayiir.render.dot import dot_digraph

        return dot_digraph(self.definition)

    def to_svg(self, *, theme: Theme = "auto") -> str:
        """The graph as an SVG picture.

        Args:
            theme: ``"light"``, ``"dark"``, or ``"auto"``, which follows the reader's system.

        Raises:
            ValueError: there is no such theme.
        """
        from sayiir.render.picture import Picture

        return Picture(self.definition).to_svg(theme=theme)

    def check(self) -> tuple[Finding, ...]:
        """What looks wrong in the definition, the worst first; nothing is run for it."""
        return self.explain().findings

    def explain(self) -> Explanation:
        """Worst cases, needs and findings, from the definition alone; ``print`` shows them."""
        from sayiir.explain.explanation import explain

        return explain(self.definition)

    # -- runs in memory
    @overload
    def __call__(self: Workflow[None, B], /) -> B: ...
    @overload
    def __call__(self: Workflow[object, B], /) -> B: ...
    @overload
    def __call__(self, value: In, /) -> Out: ...
    def __call__(self, value: Any = None, /) -> Any:
        """Runs in memory, now, and gives the output: ``run(input)``."""
        return self.run(value)

    @overload
    def run(
        self: Workflow[None, B],
        /,
        *,
        clock: Clock | None = None,
        events: Events | None = None,
        resources: Resources | None = None,
        on_event: Listener | None = None,
        executors: Executors | None = None,
    ) -> B: ...
    @overload
    def run(
        self: Workflow[object, B],
        /,
        *,
        clock: Clock | None = None,
        events: Events | None = None,
        resources: Resources | None = None,
        on_event: Listener | None = None,
        executors: Executors | None = None,
    ) -> B: ...
    @overload
    def run(
        self,
        value: In,
        /,
        *,
        clock: Clock | None = None,
        events: Events | None = None,
        resources: Resources | None = None,
        on_event: Listener | None = None,
        executors: Executors | None = None,
    ) -> Out: ...
    def run(
        self,
        value: Any = None,
        /,
        *,
        clock: Clock | None = None,
        events: Events | None = None,
        resources: Resources | None = None,
        on_event: Listener | None = None,
        executors: Executors | None = None,
    ) -> Any:
        """Runs in memory and gives the output; works inside a running event loop too.

        Args:
            value: the workflow's input.
            clock: what delays and timeouts sleep on; the machine's clock by default.
            events: what ``await_signal`` receives, by signal name, in order.
            resources: what tasks ask for by ``resource(Type)``: an object of it, a factory, or an
                (async) context manager or a factory of one, left at the end of the run.
            on_event: told what happens, as a runner tells it; see ``sayiir.events``.
            executors: where tasks run that name one by ``run_in=``. For ``"process"`` a pool of
                processes is made on first use, and closed with the run, where none is given.

        Raises:
            DefinitionError: a task needs a resource that isn't given.
            ExecutorMissing: a task names an executor that isn't given.
            WorkflowFailed: one of its subclasses says why; ``__cause__`` is the user's own
                exception.
            PayloadError: a value can't be stored and come back equal.
            SignalUnavailable: a wait has no event left and no timeout.
            UnknownSignal: ``events`` names a signal that the workflow doesn't have.
            TypeError: the events of a signal are no list; or the clock, the listener or an
                executor is none.
        """
        # asyncio is a third of what `import sayiir` would cost; who only builds doesn't need it.
        from sayiir.loops.blocking import run_blocking

        try:
            return run_blocking(
                lambda: self._run(value, clock, events, resources, on_event, executors)
            )
        except WorkflowFailed as error:
            # What tells is the cause, with the user's own frames; ours would only hide it.
            raise error.with_traceback(None)  # noqa: B904

    @overload
    async def arun(
        self: Workflow[None, B],
        /,
        *,
        clock: Clock | None = None,
        events: Events | None = None,
        resources: Resources | None = None,
        on_event: Listener | None = None,
        executors: Executors | None = None,
    ) -> B: ...
    @overload
    async def arun(
        self: Workflow[object, B],
        /,
        *,
        clock: Clock | None = None,
        events: Events | None = None,
        resources: Resources | None = None,
        on_event: Listener | None = None,
        executors: Executors | None = None,
    ) -> B: ...
    @overload
    async def arun(
        self,
        value: In,
        /,
        *,
        clock: Clock | None = None,
        events: Events | None = None,
        resources: Resources | None = None,
        on_event: Listener | None = None,
        executors: Executors | None = None,
    ) -> Out: ...
    async def arun(
        self,
        value: Any = None,
        /,
        *,
        clock: Clock | None = None,
        events: Events | None = None,
        resources: Resources | None = None,
        on_event: Listener | None = None,
        executors: Executors | None = None,
    ) -> Any:
        """As ``run``, in the event loop that is running."""
        return await self._run(value, clock, events, resources, on_event, executors)

    async def _run(
        self,
        value: Any,
        clock: Clock | None,
        events: Events | None,
        resources: Resources | None,
        on_event: Listener | None,
        executors: Executors | None,
    ) -> Any:
        from sayiir.engine.in_memory import run_in_memory
        from sayiir.run_options import check_clock, check_executors, check_listener

        check_clock(clock)
        check_listener(on_event)
        check_executors(executors)
        return await run_in_memory(
            self._program(),
            value,
            clock=clock,
            events=events,
            resources=resources,
            on_event=on_event,
            executors=executors,
        )

    def _program(self) -> Program:
        """The definition with its codec plans, made at the first run and kept for the next."""
        if self._compiled is None:
            from sayiir.codec.json_codec import JsonCodec
            from sayiir.engine.program import Program

            # Two threads may both make one; they are equal, and one of them stays.
            self._compiled = Program(self.definition, JsonCodec())
        return self._compiled

    def __repr__(self) -> str:
        return f"<Workflow {self.name} {self.definition_hash[:8]}>"


def _drawn(flow: Flow[Any, Any]) -> str | None:
    from sayiir.render.flows import flow_svg, shown_svg

    return shown_svg(flow.definition) if isinstance(flow, Workflow) else flow_svg(flow)


Flow._drawn = _drawn  # pyright: ignore[reportPrivateUsage]  # the graph itself can't draw
