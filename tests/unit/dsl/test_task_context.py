"""``TaskContext`` outside an engine, and ``get_task_context``."""

from __future__ import annotations

import contextvars
import logging
import threading

import pytest

from sayiir import SayiirError, TaskContext, WorkflowCancelled, get_task_context
from sayiir.dsl.context import CURRENT_ATTEMPT


def test_a_context_without_arguments_serves_tests() -> None:
    context = TaskContext()
    context.heartbeat()
    context.progress(0.5, "half")
    context.check_cancelled()
    assert (context.attempt, context.iteration, context.deadline) == (1, None, None)


def test_calls_reach_the_engine() -> None:
    heard: list[object] = []
    context = TaskContext(
        heartbeat=lambda: heard.append("beat"),
        progress=lambda fraction, message: heard.append((fraction, message)),
        cancellation=lambda: WorkflowCancelled("order-42", "asked", "ops"),
    )
    context.heartbeat()
    context.progress(1)
    assert heard == ["beat", (1.0, None)]
    with pytest.raises(WorkflowCancelled, match="order-42"):
        context.check_cancelled()


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_progress_is_a_fraction(fraction: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        TaskContext().progress(fraction)


def test_log_records_tell_the_place(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="sayiir.task"):
        TaskContext(instance_id="order-42", path="a[0]/b", attempt=3).logger.info("hello")
    (record,) = caplog.records
    facts = vars(record)
    assert facts["sayiir_instance_id"] == "order-42"
    assert facts["sayiir_path"] == "a[0]/b"
    assert facts["sayiir_attempt"] == 3


def test_get_task_context_is_of_the_running_call() -> None:
    with pytest.raises(SayiirError, match="outside a running task"):
        get_task_context()

    class Attempt:
        context = TaskContext(path="a")

    context = Attempt.context
    token = CURRENT_ATTEMPT.set(Attempt())
    try:
        assert get_task_context() is context
        found: list[TaskContext] = []
        copied = contextvars.copy_context()
        thread = threading.Thread(target=lambda: found.append(copied.run(get_task_context)))
        thread.start()
        thread.join()
        assert found == [context]
    finally:
        CURRENT_ATTEMPT.reset(token)
