"""Forks, routes and loops."""

from __future__ import annotations

import threading
from typing import Any

from tests.compat.corpus.program import Corpus, aside, raised

corpus = Corpus()
program = corpus.program


def increment(n: int) -> int:
    return n + 1


def double(n: int) -> int:
    return n * 2


@program(gives=[("increment", 6), ("lambda_0", 1), ("named", 10)])
def join_by_names(s: Any) -> Any:
    seen: list[Any] = []
    fork = s.Flow("w").fork().branch(increment).branch(lambda n: 1).branch(double, name="named")
    s.run_workflow(fork.join(lambda d: seen.extend(d.items())).build(), 5)
    return seen


@program(
    gives="ValueError",
    published="nothing: {'increment': 13}",
    why="two results of one name are one result lost; the builder says so, and name= mends it",
)
def two_branches_of_one_name(s: Any) -> Any:
    def run() -> Any:
        fork = s.Flow("w").fork().branch(increment).branch(increment, double)
        return s.run_workflow(fork.join(lambda d: {"increment": d["increment"] + 1}).build(), 5)

    return raised(run)


@program(gives=6)
def forks_in_a_row(s: Any) -> Any:
    flow = s.Flow("w").fork().branch(increment).branch(double).join(lambda d: sum(d.values()))
    flow = flow.fork().branch(increment, name="a").branch(double, name="b")
    return s.run_workflow(flow.join(lambda d: d["b"] - d["a"]).build(), 2)


@program(
    gives=True,
    published=False,
    why="branches of a fork run at the same time, as documented",
)
def branches_run_together(s: Any) -> Any:
    gate = threading.Barrier(2)

    def meets(_: Any) -> bool:
        try:
            gate.wait(3)
        except threading.BrokenBarrierError:
            return False
        return True

    fork = s.Flow("w").fork().branch(meets, name="a").branch(meets, name="b")
    workflow = fork.join(lambda d: d["a"] and d["b"]).build()
    return s.run_durable_workflow(workflow, "i", None).output


@program(gives="failed")
def a_branch_fails(s: Any) -> Any:
    def boom(_: Any) -> Any:
        raise ValueError("no good")

    fork = s.Flow("w").fork().branch(increment).branch(boom)
    return s.run_durable_workflow(fork.join(lambda d: d).build(), "i", 1).status


@program(gives=[4, "even"])
def route_in_the_middle(s: Any) -> Any:
    route = (
        s.Flow("w")
        .then(increment)
        .route(lambda n: "even" if n % 2 == 0 else "odd", keys=["even", "odd"])
    )
    route.branch("even", double).branch("odd", increment, name="more")
    flow = route.done().then(lambda envelope: [envelope["result"], envelope["branch"]])
    return s.run_workflow(flow.build(), 1)


@program(gives=["big", 40, "big", 42])
def two_routes(s: Any) -> Any:
    def size(n: Any) -> str:
        return "big"

    first = s.Flow("w").route(size, keys=["big"]).branch("big", double).done()
    flow = first.then(lambda e: [e["branch"], e["result"]])
    second = flow.route(size, keys=["big"]).branch("big", lambda seen: [*seen, seen[1] + 2])
    flow = second.done().then(lambda e: [*e["result"][:2], e["branch"], e["result"][2]])
    return s.run_workflow(flow.build(), 20)


@program(gives=("TaskError", "failed"))
def no_branch_for_the_key(s: Any) -> Any:
    route = s.Flow("w").route(lambda n: "other", keys=["a"]).branch("a", increment)
    workflow = route.done().build()
    return (
        raised(lambda: s.run_workflow(workflow, 1)),
        s.run_durable_workflow(workflow, "i", 1).status,
    )


@program(
    gives={"branch": "a", "result": 2},
    published="ValueError",
    why="a key needs a branch or the default, it is documented: the default alone serves them all",
)
def a_route_with_nothing_but_a_default(s: Any) -> Any:
    try:
        route = s.Flow("w").route(lambda n: "a", keys=["a"]).default_branch(increment)
        return s.run_workflow(route.done().build(), 1)
    except ValueError as error:
        return type(error).__name__


@program(
    gives={"branch": "1", "result": 2},
    published="DeserializationError",
    why="a key that is a number picks the branch of its text",
)
def a_key_that_is_a_number(s: Any) -> Any:
    route = s.Flow("w").route(lambda n: n, keys=["1"]).branch("1", increment)
    try:
        return s.run_workflow(route.done().build(), 1)
    except Exception as error:
        return type(error).__name__


@program(
    gives=("paused", 1, {"branch": "a", "result": 2}),
    published=("completed", 1, {"branch": "a", "result": 2}),
    why="a pause holds between any two steps, those of a branch too; the key is not asked again",
)
def a_route_is_stopped_and_continued(s: Any) -> Any:
    asked: list[int] = []
    backend = s.InMemoryBackend()

    def key(_: Any) -> str:
        asked.append(1)
        return "a"

    def stops(n: int) -> int:
        aside(lambda: s.pause_workflow("i", backend))
        return n

    route = s.Flow("w").route(key, keys=["a"]).branch("a", stops, increment)
    workflow = route.done().build()
    first = s.run_durable_workflow(workflow, "i", 1, backend)
    if first.is_paused():
        s.unpause_workflow("i", backend)
    return first.status, len(asked), s.resume_workflow(workflow, "i", backend).output


@program(gives=[64, 5])
def loop_until_done(s: Any) -> Any:
    calls: list[int] = []

    def body(n: int) -> Any:
        calls.append(n)
        return s.LoopResult.again(n * 2) if n < 64 else s.LoopResult.done(n)

    return [s.run_workflow(s.Flow("w").loop(body).build(), 4), len(calls)]


@program(gives=("TaskError", "failed"))
def loop_that_never_ends(s: Any) -> Any:
    workflow = s.Flow("w").loop(lambda n: s.LoopResult.again(n + 1), max_iterations=3).build()
    return (
        raised(lambda: s.run_workflow(workflow, 1)),
        s.run_durable_workflow(workflow, "i", 1).status,
    )


@program(gives=(4, 4))
def loop_that_exits_with_the_last(s: Any) -> Any:
    def flow(on_max: Any) -> Any:
        again = s.Flow("w").loop(
            lambda n: s.LoopResult.again(n + 1), max_iterations=3, on_max=on_max
        )
        return again.build()

    text = s.run_workflow(flow("exit_with_last"), 1)
    return text, s.run_durable_workflow(flow(s.OnMax.EXIT_WITH_LAST), "i", 1).output


@program(
    gives="TaskError",
    published="DeserializationError",
    why="a body that returns something else is an error of its task, under an exported class",
)
def loop_body_that_says_neither(s: Any) -> Any:
    return raised(lambda: s.run_workflow(s.Flow("w").loop(lambda n: n).build(), 1))


@program(
    gives=12,
    published=1,
    why="a loop is addressed by its place, so a task called as the loop is hides nothing",
)
def a_task_called_loop_0(s: Any) -> Any:
    def body(n: int) -> Any:
        return s.LoopResult.again(n + 1) if n < 12 else s.LoopResult.done(n)

    flow = s.Flow("w").then(lambda n: n, name="loop_0").loop(body, max_iterations=50)
    status = s.run_durable_workflow(flow.build(), "i", 1)
    return status.output


@program(gives=("async", 3))
def async_loop_body(s: Any) -> Any:
    async def body(n: int) -> Any:
        return s.LoopResult.again(n + 1) if n < 3 else s.LoopResult.done(n)

    return "async", s.run_workflow(s.Flow("w").loop(body).build(), 1)


@program(gives=("paused", "completed", 5))
def a_loop_is_stopped_and_continued(s: Any) -> Any:
    backend = s.InMemoryBackend()

    def body(n: int) -> Any:
        if n == 3:
            aside(lambda: s.pause_workflow("i", backend))
        return s.LoopResult.again(n + 1) if n < 5 else s.LoopResult.done(n)

    workflow = s.Flow("w").loop(body).build()
    first = s.run_durable_workflow(workflow, "i", 1, backend).status
    s.unpause_workflow("i", backend)
    last = s.resume_workflow(workflow, "i", backend)
    return first, last.status, last.output


@program(
    gives=("paused", "a1 b1 a2", {"a1": 2, "b1": 102}),
    published=("paused", "a1 a2 b1", {"a1": 2, "b1": 102}),
    why="a pause holds between any two steps, those of a fork too, and each arm goes on by itself",
)
def a_fork_is_stopped_and_continued(s: Any) -> Any:
    backend = s.InMemoryBackend()
    ran: list[str] = []
    b1_ran = threading.Event()

    def a1(n: int) -> int:
        ran.append("a1")
        b1_ran.wait(2)
        aside(lambda: s.pause_workflow("i", backend))
        return n

    def a2(n: int) -> int:
        ran.append("a2")
        return n + 1

    def b1(n: int) -> int:
        ran.append("b1")
        b1_ran.set()
        return n + 101

    workflow = s.Flow("w").fork().branch(a1, a2).branch(b1).join(lambda d: d).build()
    first = s.run_durable_workflow(workflow, "i", 1, backend)
    if first.is_paused():
        s.unpause_workflow("i", backend)
    status = s.resume_workflow(workflow, "i", backend)
    return first.status, " ".join([*sorted(ran[:2]), *ran[2:]]), status.output
