"""What the corpus can't ask of both packages: names, hashes, registries, statuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sayiir import DefinitionError, InstanceNotFound
from sayiir.compat import (
    BackendError,
    Flow,
    FlowBuilder,
    InMemoryBackend,
    TaskError,
    WorkflowClient,
    WorkflowEngine,
    WorkflowStatus,
    cancel_workflow,
    resume_workflow,
    run_durable_workflow,
    run_workflow,
    send_signal,
    task,
)


@pytest.mark.parametrize("name", ["a/b", "[x]", "100% done", "a#2", "line\nfeed", "Send Reminder"])
def test_any_name_runs_and_is_found_again(name: str) -> None:
    """Names that no path can hold are written otherwise in paths, and read back."""
    backend = InMemoryBackend()
    flow = Flow(name).then(lambda n: n + 1, name=name).wait_for_signal(name)
    workflow = flow.then(lambda payload: payload, name=f"{name}!").build()
    status = run_durable_workflow(workflow, "i", 1, backend)
    assert (status.signal_name, status.signal_id) == (name, name)
    send_signal("i", name, 7, backend)
    assert resume_workflow(workflow, "i", backend).output == 7
    client = WorkflowClient(backend)
    assert client.get_task_result("i", name) == 2
    assert client.get_task_result("i", f"{name}!") == 7
    assert workflow.workflow_id == name


def test_the_hash_is_switched_and_only_shown() -> None:
    """`hash_format` changes what is told, not what instances are bound to."""
    flow = Flow("w").then(lambda n: n, name="f")
    native, published = flow.build(), flow.build(hash_format="1.0")
    assert native.definition_hash == native.native.definition_hash
    assert len(published.definition_hash) == 64
    backend = InMemoryBackend()
    run_durable_workflow(native, "i", 1, backend)
    assert resume_workflow(published, "i", backend).output == 1
    with pytest.raises(ValueError, match="hash_format"):
        flow.build(hash_format="2.0")  # type: ignore[arg-type]


def test_errors_keep_the_native_one_as_their_cause() -> None:
    """Whoever wants to know more finds the native error, with its attributes."""
    with pytest.raises(BackendError) as caught:
        cancel_workflow("nobody", InMemoryBackend())
    assert isinstance(caught.value.__cause__, InstanceNotFound)
    assert caught.value.__cause__.instance_id == "nobody"
    with pytest.raises(ValueError, match="timeout of 0") as refused:
        Flow("w").then(task(timeout=0)(lambda n: n), name="f").build()
    assert isinstance(refused.value.__cause__, DefinitionError)


def test_a_task_that_the_registry_lacks_is_told() -> None:
    """A builder's workflow without a function fails with the id that is missing."""
    builder = FlowBuilder("w")
    builder.then("f")
    with pytest.raises(TaskError, match="no function for task 'f'"):
        WorkflowEngine().run(builder.build(), 1, {})


def test_another_registry_replaces_the_functions() -> None:
    """The engine classes run the functions that they are given."""
    child = Flow("child").then(lambda n: n + 1, name="g").build()
    flow = Flow("w").then(lambda n: n, name="f").fork().branch(lambda n: n, name="a")
    workflow = flow.join(lambda d: d["a"], name="j").then_flow(child).build()
    functions = {**workflow._task_registry, "a": lambda n: n * 10, "g": lambda n: -n}
    assert WorkflowEngine().run(workflow, 4) == 5
    assert WorkflowEngine().run(workflow, 4, functions) == -40


def test_a_backoff_that_parks_names_its_task() -> None:
    """A task that is tried again later is told like a delay: by its id, after the whole wait."""
    from sayiir.compat import RetryPolicy

    begun = datetime.now(UTC)

    @task(retries=RetryPolicy(1, 600.0))
    def fails(n: int) -> int:
        raise ValueError("not now")

    status = run_durable_workflow(Flow("w").then(fails).build(), "i", 1)
    assert (status.status, status.delay_id) == ("waiting", "fails")
    assert status.wake_at is not None
    assert datetime.fromisoformat(status.wake_at) >= begun + timedelta(seconds=600)


def test_a_status_shows_what_it_has() -> None:
    """Nothing is shown that the status doesn't have."""
    status = WorkflowStatus(status="cancelled", reason="enough")
    assert repr(status) == "WorkflowStatus(status='cancelled', reason='enough')"


def test_an_envelope_is_a_dict_wherever_it_goes() -> None:
    """A route's output is a dict for every step that may follow, and for who asks."""
    seen: list[object] = []

    def keep(value: object) -> object:
        seen.append(value)
        return value

    def routed() -> Flow:
        route = Flow("w").route(lambda n: "a", keys=["a"]).branch("a", lambda n: n)
        return route.done()

    wanted = {"branch": "a", "result": 1}
    child = Flow("child").then(keep).build()
    after = [
        routed().then(keep),
        routed().delay("d", 0).then(keep),
        routed().then_flow(child),
        routed().fork().branch(keep).join(lambda d: d),
        routed().loop(lambda v: {"_loop": "done", "value": keep(v)}),
        routed().route(keep_key(seen), keys=["b"]).branch("b", keep).done(),
    ]
    for flow in after:
        run_workflow(flow.build(), 1)
    assert seen == [wanted] * 7
    assert run_durable_workflow(routed().build(), "i", 1).output == wanted


def keep_key(seen: list[object]):
    def key(value: object) -> str:
        seen.append(value)
        return "b"

    return key
