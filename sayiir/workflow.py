"""``Workflow``: a named, closed, hashed flow that can be run, drawn and used as a child."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeAlias, TypeVar, overload

from sayiir.callers import warn_caller
from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.builder import check_builder, declared_types
from sayiir.dsl.flow import Flow
from sayiir.dsl.nodes import ChildWorkflow
from sayiir.dsl.options import check_priority, check_tags, check_text, check_timeout
from sayiir.dsl.run_options import check_clock, check_executors, check_listener
from sayiir.dsl.sequence import sequence_of
from sayiir.dsl.walk import walk
from sayiir.durations import Duration
from sayiir.errors import DefinitionError, WorkflowFailed
from sayiir.ids import check_node_id
from sayiir.warning_types import UntypedEdgeWarning

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

__all__ = ["Workflow", "workflow"]

A = TypeVar("A")
B = TypeVar("B")
# Not contravariant, as a flow's is: `self: Workflow[None, B]` must mean None and nothing else.
In = TypeVar("In")
Out = TypeVar("Out", covariant=True)

Events: TypeAlias = Mapping[str, Sequence[Any]]
Resources: TypeAlias = Mapping[Any, Any]
Executors: TypeAlias = "Mapping[str, Executor]"

_ABSENT: Final = object()
"""Stands where no flow was given: None is a flow that somebody forgot to return."""


class Workflow(Flow[In, Out], Generic[In, Out]):
    """A flow with a name and a definition hash. Made by ``workflow``.

    As a part of another flow it is a child with its own scope of paths.

    Attributes:
        definition: the checked graph with all that was derived from it.

    >>> from sayiir import task
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
        from sayiir.blocking_run import run_blocking

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


class WorkflowDecorator(Protocol):
    """What ``@workflow(...)`` gives: takes the builder, gives the workflow."""

    def __call__(self, builder: Callable[[], Flow[A, B]], /) -> Workflow[A, B]: ...


@overload
def workflow(builder: Callable[[], Flow[A, B]], /) -> Workflow[A, B]: ...
@overload
def workflow(
    name: str,
    flow: Flow[A, B],
    /,
    *,
    version: str = "",
    timeout: Duration | None = None,
    priority: int | None = None,
    tags: Iterable[str] = (),
    description: str = "",
) -> Workflow[A, B]: ...
@overload
def workflow(
    name: str,
    /,
    *,
    version: str = "",
    timeout: Duration | None = None,
    priority: int | None = None,
    tags: Iterable[str] = (),
    description: str = "",
) -> WorkflowDecorator: ...
@overload
def workflow(
    *,
    name: str | None = None,
    version: str = "",
    timeout: Duration | None = None,
    priority: int | None = None,
    tags: Iterable[str] = (),
    description: str = "",
) -> WorkflowDecorator: ...
def workflow(
    builder: Any = None,
    flow: Any = _ABSENT,
    /,
    *,
    name: str | None = None,
    version: str = "",
    timeout: Duration | None = None,
    priority: int | None = None,
    tags: Iterable[str] = (),
    description: str = "",
) -> Any:
    """Makes a workflow of a builder function, or of a flow: ``workflow("name", flow)``.

    The builder is called once, here. Its annotation ``-> Flow[In, Out]`` declares the input and
    the output, and what it builds is checked against that.

    Args:
        builder: a function without parameters that returns a flow; or the workflow's name.
        flow: the flow, where the name comes first.
        name: 1 to 128 characters without ``/ [ ] #``; the builder's own by default.
        version: counts for the definition hash.
        timeout: of a whole instance; its end fails it with ``WorkflowTimedOut``.
        priority: of its instances: 1 (most urgent) to 5.
        tags: at most 20, of 1 to 64 characters.
        description: for people.

    Raises:
        DefinitionError: the graph can't run as it is written; the message names workflow, node
            and mend.

    Warns:
        UntypedEdgeWarning: what a task gives is annotated nowhere.

    >>> from sayiir import Flow, task
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> @workflow
    ... def four_times() -> Flow[int, int]:
    ...     return double >> double
    >>> four_times.name, four_times.version
    ('four_times', '')
    """
    if isinstance(builder, str):
        if name is not None:
            raise DefinitionError(f"the workflow is named twice: {builder!r} and {name!r}")
        name, builder = builder, None

    build = partial(
        _build,
        version=version,
        timeout=timeout,
        priority=priority,
        tags=tags,
        description=description,
    )

    def decorate(builder: Callable[[], Flow[Any, Any]], /) -> Workflow[Any, Any]:
        own_name = check_builder(builder, name)
        return build(own_name, builder(), declared_types(builder, own_name))

    if flow is not _ABSENT:
        if name is None:
            raise DefinitionError("workflow(name, flow) takes the name first")
        return build(name, flow, (UNDECLARED, UNDECLARED))
    return decorate if builder is None else decorate(builder)


def _build(
    name: str,
    flow: object,
    declared: tuple[Any, Any],
    *,
    version: str,
    timeout: Duration | None,
    priority: int | None,
    tags: Iterable[str],
    description: str,
) -> Workflow[Any, Any]:
    owner = f"workflow {check_node_id(name)!r}"
    if not isinstance(flow, Flow):
        mend = "make it a task: task(...)" if callable(flow) else "a builder returns what it builds"
        raise DefinitionError(f"it is made of a flow, not of {flow!r}; {mend}", workflow=name)
    from sayiir.dsl.build import build_definition
    from sayiir.dsl.untyped import told_untyped

    definition = build_definition(
        name,
        sequence_of(flow),  # pyright: ignore[reportUnknownArgumentType]
        version=check_text("version", version, owner),
        input_type=declared[0],
        output_type=declared[1],
        timeout_seconds=check_timeout(timeout, owner),
        priority=check_priority(priority, owner),
        tags=check_tags(tags, owner),
        description=check_text("description", description, owner),
    )
    untyped = told_untyped(definition)
    if untyped is not None:
        warn_caller(untyped, UntypedEdgeWarning)
    return Workflow(definition)
