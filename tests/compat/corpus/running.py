"""Runs in memory and durable ones: what they give, what they raise."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.compat.corpus.program import Corpus, raised

corpus = Corpus()
program = corpus.program


def increment(n: int) -> int:
    return n + 1


def double(n: int) -> int:
    return n * 2


def boom(n: int) -> int:
    raise ValueError("no good")


@program(gives=44)
def many_steps(s: Any) -> Any:
    flow = s.Flow("w").then(increment).then(double, name="twice").then(double).then(lambda n: n)
    return s.run_workflow(flow.build(), 10)


@program(
    gives=(13, "completed"),
    published=(11, "completed"),
    why="each step runs, whatever it is called; by name, the second and third were taken for done",
)
def the_same_task_again_durably(s: Any) -> Any:
    flow = s.Flow("w").then(increment).then(increment).then(increment)
    status = s.run_durable_workflow(flow.build(), "a", 10)
    return status.output, status.status


@program(
    gives=20,
    published=100,
    why="each step runs the function it was given; the registry kept the last one of a name",
)
def two_functions_of_one_name(s: Any) -> Any:
    flow = s.Flow("w").then(lambda n: n + 1, name="f").then(lambda n: n * 10, name="f")
    return s.run_workflow(flow.build(), 1)


@program(
    gives=102,
    published=3,
    why="a child has a scope of its own, so a task of the parent's name keeps its own function",
)
def child_with_a_task_of_the_parents_name(s: Any) -> Any:
    child = s.Flow("child").then(lambda n: n + 100, name="f").build()
    flow = s.Flow("w").then(lambda n: n + 1, name="f").then_flow(child)
    return s.run_workflow(flow.build(), 1)


@program(gives=12)
def child_workflow(s: Any) -> Any:
    child = s.Flow("child").then(double).then(lambda n: n + 1).build()
    return s.run_workflow(s.Flow("w").then(increment).then_flow(child).then(increment).build(), 4)


@program(gives=("TaskError", "ValueError: no good"))
def a_task_fails(s: Any) -> Any:
    try:
        s.run_workflow(s.Flow("w").then(boom).build(), 1)
    except s.WorkflowError as error:
        return type(error).__name__, str(error).splitlines()[0]


@program(gives=("failed", "ValueError: no good", None, True))
def a_task_fails_durably(s: Any) -> Any:
    status = s.run_durable_workflow(s.Flow("w").then(boom).build(), "a", 1)
    return status.status, status.error, status.output, status.is_failed()


@program(
    gives="ValueError('no good')",
    published="None",
    why="the exception that the task raised is kept, with its traceback",
)
def cause_of_a_failure(s: Any) -> Any:
    try:
        s.run_workflow(s.Flow("w").then(boom).build(), 1)
    except s.TaskError as error:
        return repr(error.__cause__)


@program(gives="WorkflowError")
def run_workflow_that_fails_durably(s: Any) -> Any:
    workflow, backend = s.Flow("w").then(boom).build(), s.InMemoryBackend()
    return raised(lambda: s.run_workflow(workflow, 1, instance_id="a", backend=backend))


@program(gives=(2, 2))
def run_workflow_with_an_instance(s: Any) -> Any:
    workflow, backend = s.Flow("w").then(increment).build(), s.InMemoryBackend()
    output = s.run_workflow(workflow, 1, instance_id="a", backend=backend)
    return output, s.WorkflowClient(backend).status("a").output


@program(gives=3)
def async_tasks(s: Any) -> Any:
    @s.task
    async def slowly(n: int) -> int:
        await asyncio.sleep(0.01)
        return n + 1

    return s.run_workflow(s.Flow("w").then(slowly).then(slowly, name="again").build(), 1)


@program(gives=("A", 3))
def other_callables(s: Any) -> Any:
    class Adds:
        def __call__(self, n: int) -> int:
            return n + 2

    return (
        s.run_workflow(s.Flow("w").then(str.upper).build(), "a"),
        s.run_workflow(s.Flow("w").then(Adds()).build(), 1),
    )


@program(gives="TaskError")
def a_function_without_parameters(s: Any) -> Any:
    return raised(lambda: s.run_workflow(s.Flow("w").then(lambda: 1).build(), None))


@program(gives=7)
def a_function_with_defaults(s: Any) -> Any:
    return s.run_workflow(s.Flow("w").then(lambda n, more=5: n + more).build(), 2)


@program(
    gives="SystemExit",
    published="TaskError",
    why="an exit belongs to the program, and leaves the instance as it was, to be continued",
)
def a_task_exits(s: Any) -> Any:
    def leave(_: Any) -> None:
        raise SystemExit(3)

    return raised(lambda: s.run_workflow(s.Flow("w").then(leave).build(), None))


@program(
    gives=("KeyboardInterrupt", "completed"),
    published=("nothing", "failed"),
    why="Ctrl-C stops the program, not the instance: the same line continues it",
)
def ctrl_c_and_again(s: Any) -> Any:
    pressed: list[int] = []

    def slow(n: int) -> int:
        if not pressed:
            pressed.append(1)
            raise KeyboardInterrupt
        return n

    workflow, backend = s.Flow("w").then(slow).build(), s.InMemoryBackend()
    first = "nothing"
    try:
        s.run_durable_workflow(workflow, "a", 1, backend)
    except KeyboardInterrupt:
        first = "KeyboardInterrupt"
    return first, s.resume_workflow(workflow, "a", backend).status


@program(gives=("w", None, None))
def workflow_facts(s: Any) -> Any:
    workflow = s.Flow("w").then(increment).build()
    return workflow.workflow_id, workflow.metadata, s.get_task_context()


@program(gives={"a": [1, {"b": None}]})
def workflow_metadata(s: Any) -> Any:
    workflow = s.Flow("w", metadata={"a": [1, {"b": None}]}).then(increment).build()
    workflow.metadata["a"].append(2)
    return workflow.metadata


@program(gives=("w", "w", "child's", {"of": "parent"}))
def context_in_a_child(s: Any) -> Any:
    def asks(_: Any) -> list:
        ctx = s.get_task_context()
        return [ctx.workflow_id, ctx.instance_id, ctx.task_id, ctx.workflow_metadata]

    child = s.Flow("child", metadata={"of": "child"}).then(asks, name="child's").build()
    flow = s.Flow("w", metadata={"of": "parent"}).then_flow(child)
    return tuple(s.run_workflow(flow.build(), None))


@program(gives=10)
def engine_classes(s: Any) -> Any:
    workflow = s.Flow("w").then(increment).then(double).build()
    inner, registry = workflow._inner, workflow._task_registry
    status = s.DurableEngine(s.InMemoryBackend()).run(inner, "a", 4, registry)
    assert s.WorkflowEngine().run(inner, 4, registry) == status.output
    return status.output


@program(gives=[3, {"branch": "big", "result": 30}])
def flow_builder_with_a_registry(s: Any) -> Any:
    builder = s.FlowBuilder("w")
    builder.then("f", s.TaskMetadata(timeout_secs=5))
    builder.add_fork([[("g", None)], [("h", None)]], "j")
    engine = s.WorkflowEngine()
    functions = {"f": increment, "g": double, "h": increment, "j": lambda d: d["h"]}
    routed = s.FlowBuilder("r")
    branch_id = routed.add_branch([("big", [("tenfold", None)])], None)
    keyed = {f"{branch_id}::key_fn": lambda n: "big", "tenfold": lambda n: n * 10}
    return [
        engine.run(builder.build(), 1, functions),
        engine.run(routed.build(), 3, keyed),
    ]
