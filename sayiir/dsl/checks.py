"""What can be told about a graph without following types: checked whenever a workflow is built.

The combinators refuse most of this where it is written. It is checked again here, because a
definition may also come from its portable form, and because the engine relies on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NoReturn

from sayiir.dsl.annotations import mentions_type_variable
from sayiir.dsl.nodes import (
    AwaitSignal,
    Branch,
    ChildWorkflow,
    Delay,
    Fork,
    Loop,
    Map,
    Node,
    NodeSequence,
    TaskNode,
)
from sayiir.dsl.spec import Signature, TaskSpec
from sayiir.dsl.walk import NODE_KINDS, inner_sequences, walk
from sayiir.errors import DefinitionError
from sayiir.ids import check_node_id, has_controls
from sayiir.limits import (
    MAX_DURATION_SECONDS,
    MAX_FORK_ARMS,
    MAX_ID_CHARACTERS,
    MAX_TAG_CHARACTERS,
    MAX_TAGS,
)

__all__ = ["check_header", "check_structure", "check_tasks"]


def check_header(
    name: object,
    version: object,
    timeout_seconds: float | None,
    priority: object,
    tags: Sequence[object],
) -> None:
    """Check what a workflow says of itself.

    Raises:
        DefinitionError: a name that no node could have, a version that isn't text of at most
            128 characters without controls, a timeout that isn't positive and finite, a
            priority that isn't 1 to 5, or more or longer tags than ``limits`` allows.
    """
    name = check_node_id(name)
    if not isinstance(version, str) or len(version) > MAX_ID_CHARACTERS:
        _refuse(name, None, f"a version is text of at most {MAX_ID_CHARACTERS} characters")
    if has_controls(version):
        _refuse(name, None, f"the version {version!r} holds a control character")
    if timeout_seconds is not None and not 0 <= timeout_seconds <= MAX_DURATION_SECONDS:
        _refuse(name, None, f"a timeout is between 0 s and 100 years, not {timeout_seconds!r} s")
    if priority is not None and (
        isinstance(priority, bool) or not isinstance(priority, int) or not 1 <= priority <= 5
    ):
        _refuse(name, None, f"a priority is 1 (most urgent) to 5, not {priority!r}")
    if len(tags) > MAX_TAGS:
        _refuse(name, None, f"{len(tags)} tags are too many; at most {MAX_TAGS}")
    for tag in tags:
        if not isinstance(tag, str) or not 1 <= len(tag) <= MAX_TAG_CHARACTERS:
            _refuse(name, None, f"a tag is text of 1 to {MAX_TAG_CHARACTERS} characters: {tag!r}")
        if has_controls(tag):
            _refuse(name, None, f"the tag {tag!r} holds a control character")


def check_structure(workflow: str, root: NodeSequence) -> None:
    """Check the shape of a graph: nothing empty, ids and selectors unique, bounds, loop ends.

    Raises:
        DefinitionError: with the workflow, the node and the mend.
    """
    if not root.nodes:
        _refuse(workflow, None, "it has no nodes; give it at least one task")
    try:
        _check_ids(workflow, "", root)
        for path, node in walk(root):
            _check_node(workflow, path, node)
            for suffix, body in inner_sequences(node):
                if not body.nodes:
                    _refuse(workflow, path, f"what it holds at {suffix or 'its body'} is empty")
                _check_ids(workflow, f"{path}{suffix}/", body)
    except DefinitionError as error:
        raise _placed(error, workflow) from None


def _check_ids(workflow: str, prefix: str, sequence: NodeSequence) -> None:
    seen: set[str] = set()
    for node in sequence.nodes:
        stem, mark, number = node.id.partition("#")
        check_node_id(stem)
        if mark and not (number.isascii() and number.isdigit()):
            _refuse(workflow, prefix + node.id, "only the language itself puts '#' in an id")
        if node.id in seen:
            _refuse(workflow, prefix + node.id, "another node beside it has the same id")
        seen.add(node.id)


def _check_node(workflow: str, path: str, node: Node) -> None:
    match node:
        case Fork(arms=arms):
            if not 1 <= len(arms) <= MAX_FORK_ARMS:
                _refuse(workflow, path, f"a fork has 1 to {MAX_FORK_ARMS:,} arms, not {len(arms)}")
            _check_selectors(workflow, path, (arm.selector for arm in arms))
        case Branch(arms=branch_arms):
            if not branch_arms:
                _refuse(workflow, path, "a branch has at least one arm beside its default")
            _check_selectors(workflow, path, (arm.selector for arm in branch_arms))
        case Loop(max_iterations=iterations, body=body):
            if iterations < 1:
                _refuse(workflow, path, f"max_iterations is at least 1, not {iterations}")
            _check_loop_end(workflow, path, body)
        case Map(max_concurrency=concurrency):
            if concurrency is not None and concurrency < 1:
                _refuse(workflow, path, f"max_concurrency is at least 1, not {concurrency}")
        case Delay(seconds=seconds):
            _check_duration(workflow, path, seconds)
        case AwaitSignal(signal_name=name, timeout_seconds=seconds):
            check_node_id(name)
            _check_duration(workflow, path, seconds)
        case ChildWorkflow(name=name):
            check_node_id(name)
        case TaskNode(task=task):
            check_node_id(task.name)


def _check_duration(workflow: str, path: str, seconds: float | None) -> None:
    if seconds is not None and not (
        math.isfinite(seconds) and 0 <= seconds <= MAX_DURATION_SECONDS
    ):
        _refuse(workflow, path, f"a duration is between 0 s and 100 years, not {seconds!r} s")


def _check_selectors(workflow: str, path: str, selectors: Iterable[str]) -> None:
    seen: set[str] = set()
    for selector in selectors:
        if selector in seen:
            _refuse(
                workflow,
                path,
                f"two arms are called {selector!r} (keys that are written alike, as 1 and '1', "
                "can't be told apart in paths); name them apart",
            )
        seen.add(selector)


def _check_loop_end(workflow: str, path: str, body: NodeSequence) -> None:
    """A body must end in something that can say Again or Done."""
    for last in _ends(body):
        match last:
            case Delay():
                mend = "a delay only passes its input on; put a task before it"
            case Fork():
                mend = "let a task after the fork look at the results and give Again or Done"
            case Map():
                mend = "let a task after the map look at the results and give Again or Done"
            case AwaitSignal(keep_input=True):
                mend = "let a task after the signal look at the payload and give Again or Done"
            case Branch():
                mend = "write .merge() behind the branch, so that its arms' Again or Done flow on"
            case _:
                continue
        kind = NODE_KINDS[type(last)]
        _refuse(workflow, path, f"its body ends in {last.id!r}, a {kind} node; {mend}")


def _ends(sequence: NodeSequence) -> Iterator[Node]:
    """The nodes whose output a sequence hands on: its last, or those inside a merged branch.

    A delay hands on what came to it: the node before it counts, if there is one.
    """
    if not sequence.nodes:
        return
    producers = [node for node in sequence.nodes if not isinstance(node, Delay)]
    last = producers[-1] if producers else sequence.nodes[-1]
    match last:
        case Branch(merged=True):
            for _, arm in inner_sequences(last):
                yield from _ends(arm)
        case ChildWorkflow(body=body):
            yield from _ends(body)
        case _:
            yield last


def check_tasks(workflow: str, root: NodeSequence) -> None:
    """Check the tasks: readable signatures, no type variables, one function a name.

    The names are checked workflow by workflow: a child may have tasks of its parent's names.

    Raises:
        DefinitionError: with the workflow, the node and the mend.
    """
    _check_scope(workflow, root, "", {})


def _check_scope(
    workflow: str, sequence: NodeSequence, prefix: str, functions: dict[str, TaskSpec]
) -> None:
    for node in sequence.nodes:
        path = prefix + node.id
        match node:
            case TaskNode(task=task) | Branch(key=task):
                _check_task(workflow, path, task)
                other = functions.setdefault(task.name, task) if task.decorated else task
                if other is not task:
                    _refuse(workflow, path, _told_apart(other, task))
            case _:
                pass
        inner = {} if isinstance(node, ChildWorkflow) else functions
        for suffix, body in inner_sequences(node):
            _check_scope(workflow, body, f"{path}{suffix}/", inner)


def _told_apart(one: TaskSpec, other: TaskSpec) -> str:
    if one.function is not None and one.function is other.function:
        return (
            f"the function {one.name!r} was made a task twice, and both are in this workflow; use "
            'one of them in both places, or give one another name with @task("…")'
        )
    return (
        f"two different tasks are called {one.name!r} in this workflow; give one of them another "
        'name with @task("…")'
    )


def _check_task(workflow: str, path: str, task: TaskSpec) -> None:
    try:
        signature = task.signature
    except DefinitionError as error:
        raise _placed(error, workflow, path) from error
    if task.decorated and any(mentions_type_variable(one) for one in _annotations(signature)):
        _refuse(
            workflow,
            path,
            f"task {task.name!r} is generic; a type variable says nothing about how its values "
            "are stored: write the types it is used with, or Any",
        )


def _annotations(signature: Signature) -> Iterator[object]:
    for parameter in (*signature.inputs, *signature.optional):
        yield parameter.annotation
    yield signature.output


def _placed(error: DefinitionError, workflow: str, node: str | None = None) -> DefinitionError:
    return DefinitionError(
        error.problem, workflow=error.workflow or workflow, node=error.node or node
    )


def _refuse(workflow: str, node: str | None, problem: str) -> NoReturn:
    raise DefinitionError(problem, workflow=workflow, node=node)
