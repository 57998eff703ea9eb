"""Instances that a client submits and a worker runs."""

from __future__ import annotations

from typing import Any

from tests.compat.corpus.program import Corpus, until

corpus = Corpus()
program = corpus.program


def increment(n: int) -> int:
    return n + 1


def double(n: int) -> int:
    return n * 2


def served(s: Any, workflow: Any, value: Any, during: Any = None) -> Any:
    """The status of an instance that a worker was given, once it has ended (or after 5 s)."""
    backend = s.InMemoryBackend()
    client = s.WorkflowClient(backend)
    client.submit(workflow, "i", value)
    handle = s.Worker("worker-1", backend, poll_interval=0.05).start([workflow])
    try:
        if during is not None:
            during(client)
        ends = ("completed", "failed", "cancelled")
        return until(lambda: client.status("i"), lambda status: status.status in ends, seconds=5)
    finally:
        handle.shutdown()
        handle.join()


@program(gives=("completed", 6))
def a_worker(s: Any) -> Any:
    workflow = s.Flow("w").then(increment).then(double).build()
    status = served(s, workflow, 2)
    return status.status, status.output


@program(
    gives=("completed", {"increment": 3, "double": 4}),
    published=("completed", 6),
    why="the join gets the branches' results; there, a branch was run on what another had given",
)
def a_fork_on_a_worker(s: Any) -> Any:
    workflow = s.Flow("w").fork().branch(increment).branch(double).join(lambda d: d).build()
    status = served(s, workflow, 2)
    return status.status, status.output


@program(
    gives=("completed", [8, 14]),
    published=("in_progress", None),
    why="a worker runs any graph as the embedded runner does; there, forks in a row never end",
)
def forks_in_a_row_on_a_worker(s: Any) -> Any:
    flow = s.Flow("w").fork().branch(increment).branch(double).join(lambda d: sum(d.values()))
    flow = flow.fork().branch(increment, name="a").branch(double, name="b")
    status = served(s, flow.join(lambda d: [d["a"], d["b"]]).build(), 2)
    return status.status, status.output


@program(
    gives=("completed", {"branch": "a", "result": 3}),
    published=("in_progress", None),
    why="a worker runs any graph as the embedded runner does; there, routes never end",
)
def a_route_on_a_worker(s: Any) -> Any:
    route = s.Flow("w").route(lambda n: "a", keys=["a"]).branch("a", increment)
    status = served(s, route.done().build(), 2)
    return status.status, status.output


@program(
    gives=("completed", 5),
    published=("in_progress", None),
    why="a worker runs any graph as the embedded runner does; there, loops never end",
)
def a_loop_on_a_worker(s: Any) -> Any:
    def body(n: int) -> Any:
        return s.LoopResult.again(n + 1) if n < 5 else s.LoopResult.done(n)

    status = served(s, s.Flow("w").loop(body).build(), 2)
    return status.status, status.output


@program(
    gives=("completed", 3),
    published=("in_progress", None),
    why="a worker runs any graph as the embedded runner does; there, a leading delay never ends",
)
def a_leading_delay_on_a_worker(s: Any) -> Any:
    status = served(s, s.Flow("w").delay("nap", "50ms").then(increment).build(), 2)
    return status.status, status.output


@program(
    gives="failed",
    published="in_progress",
    why="a task without retries left fails its instance, on a worker as elsewhere",
)
def a_failing_task_on_a_worker(s: Any) -> Any:
    def boom(_: Any) -> Any:
        raise ValueError("no good")

    return served(s, s.Flow("w").then(boom).build(), 2).status


@program(gives=("completed", ["got", 7]))
def a_signal_on_a_worker(s: Any) -> Any:
    flow = s.Flow("w").then(increment).wait_for_signal("go").then(lambda p: ["got", p])

    def send(client: Any) -> None:
        until(lambda: client.status("i"), lambda status: status.is_awaiting_signal(), seconds=5)
        client.send_signal("i", "go", 7)

    status = served(s, flow.build(), 2, send)
    return status.status, status.output


@program(
    gives="cancelled",
    published="in_progress",
    why="an instance that waits is cancelled when it is asked for",
)
def cancelled_while_it_waits_for_a_worker(s: Any) -> Any:
    flow = s.Flow("w").wait_for_signal("go").then(increment)

    def cancel(client: Any) -> None:
        until(lambda: client.status("i"), lambda status: status.is_awaiting_signal(), seconds=5)
        client.cancel("i")

    return served(s, flow.build(), 2, cancel).status


@program(gives=("completed", 3))
def a_tagged_task_on_a_worker(s: Any) -> Any:
    status = served(s, s.Flow("w").then(s.task(tags=["io"])(lambda n: n + 1), name="t").build(), 2)
    return status.status, status.output
