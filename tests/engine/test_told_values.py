"""Values that don't fit, and waits that end too soon: who, where, and what to do."""

from __future__ import annotations

import pytest

from sayiir import (
    CheckpointingRunner,
    Failed,
    PayloadError,
    WorkflowClient,
    await_signal,
    task,
    workflow,
)


@task
def inc(n: int) -> int:
    return n + 1


adding = workflow("adding", inc)
waiting = workflow("waiting", inc >> await_signal("go", int) >> inc)


def _unlinked(error: BaseException) -> str:
    assert "further information" not in str(error)
    return str(error)


def test_an_input_that_doesnt_fit_names_workflow_and_instance() -> None:
    """And says it in pydantic's words, without pydantic's links."""
    wrong: object = "x"
    with CheckpointingRunner("memory://") as runner:
        for create in (runner.ensure, runner.run, runner.client.submit):
            with pytest.raises(PayloadError) as durable:
                create(adding, "order-42", wrong)
            told = _unlinked(durable.value)
            assert told.startswith("the input of workflow 'adding' for instance 'order-42': ")
            assert "valid integer" in told
    with pytest.raises(PayloadError) as direct:
        adding(wrong)
    assert _unlinked(direct.value).startswith("the input of workflow 'adding': the value doesn't")


def test_an_event_that_doesnt_fit_names_signal_and_remedy() -> None:
    """At once where the workflow is given, else where the wait meets it."""
    with CheckpointingRunner("memory://") as runner:
        runner.ensure(waiting, "a", 1)
        with pytest.raises(PayloadError) as at_once:
            runner.client.send_event("a", "go", "x", workflow=waiting)
        assert "the event for signal 'go' of instance 'a': " in _unlinked(at_once.value)
        runner.client.send_event("a", "go", "x")
        status = runner.ensure(waiting, "a", 1)
        assert isinstance(status, Failed)
        told = status.error.message
        assert "sent to signal 'go': the value doesn't fit int" in told
        assert "retry()" in told
        assert "workflow=..." in told
        assert "further information" not in told
    with pytest.raises(PayloadError, match="at 'go': the value") as direct:
        waiting.run(1, events={"go": ["x"]})
    assert "retry" not in _unlinked(direct.value)


def test_a_result_that_comes_too_late_says_how_it_stands() -> None:
    """Instance, seconds and status."""
    with WorkflowClient("memory://") as client:
        client.submit(waiting, "a", 1)
        with pytest.raises(TimeoutError, match=r"'a' has not ended within 0\.05 s: it is InProgr"):
            client.result("a", waiting, timeout=0.05)
