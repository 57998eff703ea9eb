"""Delays, signals, retries, timeouts, conflicts, cancel and pause."""

from __future__ import annotations

import time
from typing import Any

from tests.compat.corpus.program import Corpus, raised, until

corpus = Corpus()
program = corpus.program


def increment(n: int) -> int:
    return n + 1


def approval(s: Any, **options: Any) -> Any:
    flow = s.Flow("approval").then(increment).wait_for_signal("go", **options)
    return flow.then(lambda payload: ["got", payload]).build()


# -- delays


@program(gives=6)
def a_delay_in_memory(s: Any) -> Any:
    return s.run_workflow(s.Flow("w").delay("nap", 0.05).then(increment).build(), 5)


@program(
    gives=("waiting", True, True, True),
    published=("waiting", True, False, True),
    why="delay_id is the name that the flow gave; it was the digits of a hash",
)
def a_delay_parks(s: Any) -> Any:
    workflow = s.Flow("w").delay("nap", "1h").then(increment).build()
    status = s.run_durable_workflow(workflow, "i", 1)
    return status.status, status.is_waiting(), status.delay_id == "nap", "+00:00" in status.wake_at


@program(gives=("waiting", "waiting", "completed", 12))
def a_delay_is_continued(s: Any) -> Any:
    backend = s.InMemoryBackend()
    workflow = s.Flow("w").then(increment).delay("nap", "300ms").then(lambda n: n + 10).build()
    first = s.run_durable_workflow(workflow, "i", 1, backend).status
    early = s.resume_workflow(workflow, "i", backend).status
    last = until(
        lambda: s.resume_workflow(workflow, "i", backend), lambda status: status.is_completed()
    )
    return first, early, last.status, last.output


@program(
    gives=("waiting", "completed", 111),
    published=("waiting", "completed", None),
    why="a child that ends in a delay parks there, and its parent goes on after it",
)
def a_child_that_ends_in_a_delay(s: Any) -> Any:
    backend = s.InMemoryBackend()
    child = s.Flow("child").then(lambda n: n + 10, name="ten").delay("nap", "200ms").build()
    workflow = s.Flow("w").then_flow(child).then(lambda n: n + 100, name="hundred").build()
    first = s.run_durable_workflow(workflow, "i", 1, backend).status
    last = until(
        lambda: s.resume_workflow(workflow, "i", backend), lambda status: status.is_completed()
    )
    return first, last.status, last.output


# -- signals


@program(gives=("awaiting_signal", "go", True, ["got", {"by": "Ada"}]))
def a_signal(s: Any) -> Any:
    backend, workflow = s.InMemoryBackend(), approval(s)
    first = s.run_durable_workflow(workflow, "i", 1, backend)
    s.send_signal("i", "go", {"by": "Ada"}, backend)
    last = s.resume_workflow(workflow, "i", backend)
    return first.status, first.signal_name, first.wake_at is None, last.output


@program(gives=["got", ["first", "second"]])
def signals_are_kept_in_order(s: Any) -> Any:
    backend = s.InMemoryBackend()
    flow = s.Flow("w").wait_for_signal("go", name="one").then(lambda p: p, name="keep")
    flow = flow.wait_for_signal("go", name="two").then(lambda p: ["second was", p])
    workflow = flow.build()
    s.run_durable_workflow(workflow, "i", 1, backend)
    s.send_signal("i", "go", "first", backend)
    s.send_signal("i", "go", "second", backend)
    last = s.resume_workflow(workflow, "i", backend)
    first = s.WorkflowClient(backend).get_task_result("i", "keep")
    return ["got", [first, last.output[1]]]


@program(gives="awaiting_signal")
def resumed_before_the_signal(s: Any) -> Any:
    backend, workflow = s.InMemoryBackend(), approval(s)
    s.run_durable_workflow(workflow, "i", 1, backend)
    return s.resume_workflow(workflow, "i", backend).status


@program(gives=("awaiting_signal", True, "failed", None))
def a_signal_times_out(s: Any) -> Any:
    backend, workflow = s.InMemoryBackend(), approval(s, timeout="200ms")
    first = s.run_durable_workflow(workflow, "i", 1, backend)
    last = until(
        lambda: s.resume_workflow(workflow, "i", backend),
        lambda status: not status.is_awaiting_signal(),
    )
    return first.status, first.wake_at is not None, last.status, last.output


@program(
    gives="BackendError",
    published="nothing: None",
    why="a message for an instance that isn't there is refused: nobody would ever be told of it",
)
def a_signal_for_nobody(s: Any) -> Any:
    backend = s.InMemoryBackend()
    return raised(lambda: s.send_signal("nobody", "go", 1, backend))


@program(
    gives="BackendError",
    published="completed",
    why="a message is for an instance that is there; kept for an id, it could reach a later run of "
    "it, or nobody: submit first, then send",
)
def a_signal_before_its_instance(s: Any) -> Any:
    backend = s.InMemoryBackend()
    workflow = s.Flow("w").wait_for_signal("go").build()
    try:
        s.send_signal("i", "go", 1, backend)
    except s.BackendError as error:
        return type(error).__name__
    return s.run_durable_workflow(workflow, "i", None, backend).status


@program(gives=("awaiting_signal", "go", ["got", 7]))
def a_signal_before_its_wait(s: Any) -> Any:
    backend = s.InMemoryBackend()
    flow = s.Flow("w").wait_for_signal("ready").wait_for_signal("go").then(lambda p: ["got", p])
    workflow = flow.build()
    s.run_durable_workflow(workflow, "i", None, backend)
    s.send_signal("i", "go", 7, backend)
    first = s.resume_workflow(workflow, "i", backend).status
    s.send_signal("i", "ready", 1, backend)
    return first, "go", s.resume_workflow(workflow, "i", backend).output


@program(
    gives="WorkflowError",
    published="nothing: None",
    why="a message that no step waits for is refused: it would be kept and never read",
)
def a_signal_that_is_not_waited_for(s: Any) -> Any:
    backend = s.InMemoryBackend()
    s.run_durable_workflow(approval(s), "i", 1, backend)
    return raised(lambda: s.send_signal("i", "goo", 1, backend))


@program(
    gives="WorkflowError",
    published="TaskError",
    why="no task failed: in memory nothing can send a signal",
)
def a_signal_in_memory(s: Any) -> Any:
    return raised(lambda: s.run_workflow(approval(s), 1))


# -- retries and timeouts


@program(
    gives=("failed", 1),
    published=("failed", 2),
    why="retries=0 is no retry",
)
def no_retries(s: Any) -> Any:
    calls: list[int] = []

    @s.task(retries=0)
    def fails(n: int) -> int:
        calls.append(n)
        raise ValueError("no good")

    status = s.run_durable_workflow(s.Flow("w").then(fails).build(), "i", 1)
    return status.status, len(calls)


@program(gives=("completed", 3))
def retries_durably(s: Any) -> Any:
    calls: list[int] = []

    @s.task(retries=s.RetryPolicy(max_retries=3, initial_delay_secs=0.01))
    def fails_twice(n: int) -> int:
        calls.append(n)
        if len(calls) < 3:
            raise ValueError("not yet")
        return n

    backend, workflow = s.InMemoryBackend(), s.Flow("w").then(fails_twice).build()
    s.run_durable_workflow(workflow, "i", 1, backend)
    status = until(
        lambda: s.resume_workflow(workflow, "i", backend), lambda status: not status.is_waiting()
    )
    return status.status, len(calls)


@program(gives=("failed", 3))
def retries_are_used_up(s: Any) -> Any:
    calls: list[int] = []

    @s.task(retries=s.RetryPolicy(2, 0.01, 1.0))
    def fails(n: int) -> int:
        calls.append(n)
        raise ValueError("no good")

    status = s.run_durable_workflow(s.Flow("w").then(fails).build(), "i", 1)
    return status.status, len(calls)


@program(
    gives="failed",
    published="completed",
    why="a timeout is enforced",
)
def a_timeout(s: Any) -> Any:
    @s.task(timeout="100ms")
    def slow(n: int) -> int:
        time.sleep(0.6)
        return n

    return s.run_durable_workflow(s.Flow("w").then(slow).build(), "i", 1).status


# -- conflicts


@program(gives="InstanceAlreadyExistsError")
def an_id_that_is_taken(s: Any) -> Any:
    backend, workflow = s.InMemoryBackend(), s.Flow("w").then(increment).build()
    s.run_durable_workflow(workflow, "i", 1, backend)
    return raised(lambda: s.run_durable_workflow(workflow, "i", 1, backend))


@program(gives=(2, 2, 6))
def conflict_policies(s: Any) -> Any:
    backend, workflow = s.InMemoryBackend(), s.Flow("w").then(increment).build()
    first = s.run_durable_workflow(workflow, "i", 1, backend).output
    used = s.run_durable_workflow(workflow, "i", 1, backend, conflict_policy="use_existing").output
    anew = s.run_durable_workflow(workflow, "i", 5, backend, conflict_policy="terminate_existing")
    return first, used, anew.output


@program(gives="ValueError")
def an_unknown_conflict_policy(s: Any) -> Any:
    workflow = s.Flow("w").then(increment).build()
    return raised(lambda: s.run_durable_workflow(workflow, "i", 1, conflict_policy="maybe"))


@program(gives="WorkflowError")
def an_empty_instance_id(s: Any) -> Any:
    return raised(lambda: s.run_durable_workflow(s.Flow("w").then(increment).build(), "", 1))


# -- steering


@program(
    gives=("cancelled", "why", "me", "cancelled"),
    published=("awaiting_signal", None, None, "cancelled"),
    why="nothing of it runs, so it is cancelled at once, and not when it is resumed",
)
def cancel_what_waits(s: Any) -> Any:
    backend, workflow = s.InMemoryBackend(), approval(s)
    s.run_durable_workflow(workflow, "i", 1, backend)
    s.cancel_workflow("i", backend, "why", "me")
    now = s.WorkflowClient(backend).status("i")
    later = s.resume_workflow(workflow, "i", backend)
    return now.status, now.reason, now.cancelled_by, later.status


@program(gives=("cancelled", "why", "me", True))
def cancel_and_resume(s: Any) -> Any:
    backend, workflow = s.InMemoryBackend(), approval(s)
    s.run_durable_workflow(workflow, "i", 1, backend)
    s.cancel_workflow("i", backend, reason="why", cancelled_by="me")
    status = s.resume_workflow(workflow, "i", backend)
    return status.status, status.reason, status.cancelled_by, status.is_cancelled()


@program(gives=("paused", "why", "me", "awaiting_signal", ["got", 1]))
def pause_unpause_resume(s: Any) -> Any:
    backend, workflow = s.InMemoryBackend(), approval(s)
    s.run_durable_workflow(workflow, "i", 1, backend)
    s.pause_workflow("i", backend, "why", "me")
    paused = s.resume_workflow(workflow, "i", backend)
    s.unpause_workflow("i", backend)
    waits = s.resume_workflow(workflow, "i", backend).status
    s.send_signal("i", "go", 1, backend)
    last = s.resume_workflow(workflow, "i", backend)
    return paused.status, paused.reason, paused.paused_by, waits, last.output


@program(gives=["BackendError"] * 5)
def steering_what_is_not_there(s: Any) -> Any:
    backend, workflow = s.InMemoryBackend(), approval(s)
    return [
        raised(lambda: s.resume_workflow(workflow, "i", backend)),
        raised(lambda: s.cancel_workflow("i", backend)),
        raised(lambda: s.pause_workflow("i", backend)),
        raised(lambda: s.unpause_workflow("i", backend)),
        raised(lambda: s.WorkflowClient(backend).status("i")),
    ]


@program(gives=["BackendError"] * 3 + ["completed"])
def steering_what_is_done(s: Any) -> Any:
    backend, workflow = s.InMemoryBackend(), s.Flow("w").then(increment).build()
    s.run_durable_workflow(workflow, "i", 1, backend)
    return [
        raised(lambda: s.cancel_workflow("i", backend)),
        raised(lambda: s.pause_workflow("i", backend)),
        raised(lambda: s.unpause_workflow("i", backend)),
        s.resume_workflow(workflow, "i", backend).status,
    ]


@program(gives="WorkflowError")
def resumed_with_another_workflow(s: Any) -> Any:
    backend = s.InMemoryBackend()
    s.run_durable_workflow(approval(s), "i", 1, backend)
    other = s.Flow("approval").then(increment).then(str).build()
    return raised(lambda: s.resume_workflow(other, "i", backend))


@program(
    gives="awaiting_signal",
    published="WorkflowError",
    why="a timeout or a retry is no part of what an instance means, and may change while it waits",
)
def resumed_with_another_timeout(s: Any) -> Any:
    backend = s.InMemoryBackend()
    s.run_durable_workflow(approval(s), "i", 1, backend)
    patient = approval(s, timeout="1h")
    try:
        return s.resume_workflow(patient, "i", backend).status
    except s.WorkflowError as error:
        return type(error).__name__


# -- the client


@program(gives=("in_progress", "in_progress", "completed", 2))
def submit_and_resume(s: Any) -> Any:
    backend, workflow = s.InMemoryBackend(), s.Flow("w").then(increment).build()
    client = s.WorkflowClient(backend)
    submitted, asked = client.submit(workflow, "i", 1).status, client.status("i").status
    last = s.resume_workflow(workflow, "i", backend)
    return submitted, asked, last.status, last.output


@program(gives=("InstanceAlreadyExistsError", "in_progress"))
def submit_twice(s: Any) -> Any:
    backend, workflow = s.InMemoryBackend(), s.Flow("w").then(increment).build()
    client = s.WorkflowClient(backend)
    client.submit(workflow, "i", 1)
    using = s.WorkflowClient(backend, conflict_policy="use_existing")
    return raised(lambda: client.submit(workflow, "i", 1)), using.submit(workflow, "i", 1).status


@program(gives=(2, "2!", None, None))
def task_results(s: Any) -> Any:
    backend = s.InMemoryBackend()
    workflow = s.Flow("w").then(increment).then(lambda n: f"{n}!").build()
    s.run_durable_workflow(workflow, "i", 1, backend)
    client = s.WorkflowClient(backend)
    ids = ("increment", "lambda_0", "lambda_1", "nothing")
    return tuple(client.get_task_result("i", task_id) for task_id in ids)


@program(gives=("paused", "cancelled", "by me"))
def client_steers(s: Any) -> Any:
    backend, workflow = s.InMemoryBackend(), approval(s)
    client = s.WorkflowClient(backend)
    s.run_durable_workflow(workflow, "i", 1, backend)
    client.pause("i", reason="a while", paused_by="me")
    paused = s.resume_workflow(workflow, "i", backend).status
    client.unpause("i")
    client.send_signal("i", "go", 1)
    client.cancel("i", reason="enough", cancelled_by="by me")
    last = s.resume_workflow(workflow, "i", backend)
    return paused, last.status, last.cancelled_by
