"""A workflow whose tasks are called through somebody: counted, watched, or faked."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from sayiir.dsl.class_call import AsyncClassCall, ClassCall
from sayiir.dsl.nodes import Branch, ChildWorkflow, Fork, Loop, Map, NodeSequence, TaskNode
from sayiir.ids import quoted_selector
from sayiir.workflow import Workflow

if TYPE_CHECKING:
    from sayiir.dsl.nodes import Node
    from sayiir.dsl.spec import TaskSpec
    from sayiir.engine.threads import TaskThreads

__all__ = ["Around", "called_really", "instrumented"]

Real: TypeAlias = Callable[..., Any]


class Around(Protocol):
    """Who stands around each call of a task."""

    async def call(
        self, spec: TaskSpec, node_path: str, real: Real, args: Any, kwargs: Any
    ) -> object:
        """The task's result. ``real``: its function, or the instance of its class."""
        ...

    def faked(self, spec: TaskSpec, node_path: str) -> bool:
        """Whether the real thing is never called there."""
        ...


def instrumented(workflow: Workflow[Any, Any], around: Around) -> Workflow[Any, Any]:
    """The same workflow, to the hash and the types, with each task called through ``around``.

    All tasks run in this process then, those too that name an executor.
    """
    root = _sequence(workflow.definition.root, "", around)
    return Workflow(replace(workflow.definition, root=root))


async def called_really(
    spec: TaskSpec, real: Real, args: Any, kwargs: Any, threads: TaskThreads
) -> object:
    """Call the task as the engine would, what names an executor on a thread."""
    if spec.is_async:
        return await real(*args, **kwargs)
    if spec.run_in == "loop":
        value = real(*args, **kwargs)
    else:
        value = await threads.run(partial(real, *args, **kwargs))
    return await value if inspect.isawaitable(value) else value


def _sequence(sequence: NodeSequence, prefix: str, around: Around) -> NodeSequence:
    return NodeSequence(tuple(_node(node, prefix + node.id, around) for node in sequence.nodes))


def _node(node: Node, path: str, around: Around) -> Node:
    def inside(sequence: NodeSequence, selector: str = "") -> NodeSequence:
        return _sequence(sequence, f"{path}{selector}/", around)

    match node:
        case TaskNode(task=task):
            return replace(node, task=_task(task, path, around))
        case Fork(arms=arms):
            return replace(
                node,
                arms=tuple(
                    replace(arm, body=inside(arm.body, f"[{quoted_selector(arm.selector)}]"))
                    for arm in arms
                ),
            )
        case Branch(key=key, arms=branch_arms, default=default):
            return replace(
                node,
                key=_task(key, path, around),
                arms=tuple(
                    replace(arm, body=inside(arm.body, f"[{quoted_selector(arm.selector)}]"))
                    for arm in branch_arms
                ),
                default=None if default is None else inside(default, "[*]"),
            )
        case Loop(body=body) | Map(body=body) | ChildWorkflow(body=body):
            return replace(node, body=inside(body))
        case _:
            return node


def _task(spec: TaskSpec, node_path: str, around: Around) -> TaskSpec:
    real = spec.function
    if real is None:
        return spec
    # Read here, from the function that has it.
    signature = spec.signature
    function: Callable[..., Awaitable[object]]
    if isinstance(real, ClassCall) and not around.faked(spec, node_path):
        function = _class_call(spec, real, node_path, around)
    else:

        async def call(*args: Any, **kwargs: Any) -> object:
            return await around.call(spec, node_path, real, args, kwargs)

        function = call
    return replace(spec, function=function, is_async=True, run_in="loop", known_signature=signature)


def _class_call(spec: TaskSpec, built: ClassCall, node_path: str, around: Around) -> ClassCall:
    """Stands for an instance of a subclass, whose call goes through ``around``."""
    kind = built.kind

    async def call(self: Any, *args: Any, **kwargs: Any) -> object:
        real = partial(kind.__call__, self)
        return await around.call(spec, node_path, real, args, kwargs)

    watched = type(kind)(kind.__name__, (kind,), {"__call__": call, "__module__": kind.__module__})
    made: Any = built
    return AsyncClassCall(watched, made.__wrapped__, built.needs)
