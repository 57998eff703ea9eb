"""``workflow``: makes a ``Workflow`` of a builder function, or of a flow and a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, Protocol, TypeVar, overload

from sayiir.callers import warn_caller
from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.flow import Flow
from sayiir.dsl.options import check_priority, check_tags, check_text, check_timeout
from sayiir.dsl.sequence import sequence_of
from sayiir.durations import Duration
from sayiir.errors import DefinitionError
from sayiir.ids import check_node_id
from sayiir.warning_types import UntypedEdgeWarning
from sayiir.workflow.builder import check_builder, declared_types
from sayiir.workflow.runnable import Workflow

__all__ = ["workflow"]

A = TypeVar("A")
B = TypeVar("B")

_ABSENT: Final = object()
"""Stands where no flow was given: None is a flow that somebody forgot to return."""


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
