"""The rules that look for what is wrong. Each tells from the definition alone, or says nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Never

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.annotations import described, loop_parts
from sayiir.dsl.callables import is_lambda
from sayiir.dsl.nodes import AwaitSignal, Branch, Loop, TaskNode
from sayiir.dsl.walk import inner_sequences, walk
from sayiir.explain.branch_keys import branch_findings
from sayiir.explain.findings import SEVERITIES, Finding
from sayiir.explain.needs import task_places

if TYPE_CHECKING:
    from sayiir.dsl.definition import Definition
    from sayiir.dsl.nodes import NodeSequence
    from sayiir.dsl.spec import TaskSpec
    from sayiir.explain.bounds import WorstCase
    from sayiir.explain.findings import Severity

__all__ = ["MANY_ITERATIONS", "find"]

MANY_ITERATIONS: Final = 10_000
"""From so many iterations on, those of loops around it counted in, a bound is none in practice."""


def find(definition: Definition, worst: WorstCase) -> tuple[Finding, ...]:
    """All findings, the worst first, in the order of the graph."""
    found = [*_of_workflow(definition, worst), *_of_nodes(definition), *_of_tasks(definition)]
    order = {path: number for number, (path, _) in enumerate(walk(definition.root), start=1)}
    return tuple(
        sorted(found, key=lambda one: (SEVERITIES.index(one.severity), order.get(one.path, 0)))
    )


def _of_workflow(definition: Definition, worst: WorstCase) -> Iterator[Finding]:
    limit, most = definition.timeout_seconds, worst.seconds.most
    if limit is not None and most is not None and most > limit:
        yield Finding(
            code="longer-than-workflow-timeout",
            severity="note",
            path="",
            message=f"its nodes may take {most:g} s, and its timeout ends it after {limit:g} s",
            advice="lower timeouts, retries or delays of the nodes, or raise the workflow's",
        )


def _of_nodes(definition: Definition) -> Iterator[Finding]:
    for path, node in walk(definition.root):
        match node:
            case Branch():
                yield from branch_findings(node, path)
            case AwaitSignal():
                yield from _of_wait(node, path)
            case Loop():
                yield from _of_loop(node, path)
            case _:
                pass
    yield from _many_iterations(definition.root)


def _of_wait(node: AwaitSignal, path: str) -> Iterator[Finding]:
    if node.timeout_seconds is None:
        yield Finding(
            code="signal-without-timeout",
            severity="warning",
            path=path,
            message=f"it waits for signal {node.signal_name!r} for ever, if none is sent",
            advice="give timeout=, with default= if it should go on without the event",
        )


def _of_loop(node: Loop, path: str) -> Iterator[Finding]:
    last = node.body.nodes[-1]
    if node.on_max != "fail" or not isinstance(last, TaskNode) or last.task.function is None:
        return
    declared = last.task.signature.output
    parts = None if declared is UNDECLARED else loop_parts(declared)
    if parts is not None and parts[1] is Never:
        yield Finding(
            code="loop-never-done",
            severity="error",
            path=path,
            message=f"it can't end well: {last.task.name} gives {described(declared)}, never Done",
            advice="return Done(value) when it is enough, or write on_max='exit_with_last'",
        )


def _many_iterations(
    sequence: NodeSequence, prefix: str = "", around: int = 1
) -> Iterator[Finding]:
    """A loop multiplies those around it; the outermost that goes beyond the limit is told."""
    for node in sequence.nodes:
        path = prefix + node.id
        times = around * node.max_iterations if isinstance(node, Loop) else around
        if times >= MANY_ITERATIONS > around:
            yield Finding(
                code="loop-many-iterations",
                severity="warning",
                path=path,
                message=f"its body may run {times:,} times in one instance",
                advice="lower max_iterations, or give the workflow a timeout",
            )
        for suffix, body in inner_sequences(node):
            yield from _many_iterations(body, f"{path}{suffix}/", times)


def _of_tasks(definition: Definition) -> Iterator[Finding]:
    """What is said of a task is said once, with all places where it stands."""
    places: dict[TaskSpec, list[str]] = {}
    for path, task in task_places(definition):
        places.setdefault(task, []).append(path)
    keys = {node.key for _, node in _branches(definition)}
    for task, paths in places.items():
        found = [*_of_time(task), *_of_retries(task)]
        if task.function is not None:
            found += _of_types(task, definition, paths[0], is_key=task in keys)
        for code, severity, message, advice in found:
            yield Finding(
                code=code,
                severity=severity,
                path=paths[0],
                message=f"{task.name}: {message}",
                advice=advice,
                more_paths=tuple(paths[1:]),
            )


def _branches(definition: Definition) -> Iterator[tuple[str, Branch]]:
    for path, node in walk(definition.root):
        if isinstance(node, Branch):
            yield path, node


_Found = tuple[str, "Severity", str, str]


def _of_time(task: TaskSpec) -> Iterator[_Found]:
    if task.function is not None and is_lambda(task.function):
        return
    own = "" if task.decorated else "make it a @task and "
    if task.run_in == "thread" and task.timeout_seconds is None:
        # Whether it computes or waits can't be told from here; both want one of the two.
        yield (
            "thread-without-timeout",
            "note",
            "a sync function without timeout: where it hangs it keeps a thread and a slot for "
            "ever, where it computes it keeps Python's lock from all others",
            f"{own}give timeout=; if it computes for long, run_in='process'",
        )
    elif task.run_in == "thread":
        yield (
            "thread-timeout-abandons",
            "note",
            "a thread can't be stopped: after its timeout the call goes on unseen, beside the "
            "next attempt if there is one",
            "look at ctx.check_cancelled() in it, or write run_in='process', which is killed",
        )
    elif task.timeout_seconds is None:
        yield (
            "task-without-timeout",
            "note",
            "no timeout: where it hangs, its instance does",
            f"{own}give timeout=",
        )


def _of_retries(task: TaskSpec) -> Iterator[_Found]:
    retries = task.policy.max_retries
    if retries and not task.idempotent:
        yield (
            "retries-not-idempotent",
            "warning",
            f"up to {retries + 1} attempts, and it isn't declared idempotent: one that failed may "
            "have had its effect",
            "hand ctx.idempotency_key on to what it calls, or make repeating harmless; then "
            "declare idempotent=True",
        )


def _of_types(
    task: TaskSpec, definition: Definition, path: str, *, is_key: bool
) -> Iterator[_Found]:
    signature = task.signature
    shown = is_lambda(task.function) if task.function is not None else False
    if signature.output is UNDECLARED and not is_key:
        edge = definition.edges.get(path, UNDECLARED)
        if edge is UNDECLARED:
            told = (
                "what it gives is declared nowhere: it is stored with tags, and a model is refused"
            )
        else:
            told = f"what it gives isn't declared: it is stored as {described(edge)}, which the "
            told += "next one takes"
        severity: Severity = "warning" if edge is UNDECLARED and not shown else "note"
        yield "output-without-type", severity, told, "annotate what it returns"
    loose = [one.name for one in signature.inputs if one.annotation is UNDECLARED]
    if loose and not shown:
        names = ", ".join(loose)
        told = f"{names} isn't annotated, so nothing is checked there"
        yield "input-without-type", "note", told, f"annotate {names}"
