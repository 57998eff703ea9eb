"""Slips of the pen: each is refused where it is made, with what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

from sayiir import (
    CheckpointingRunner,
    DefinitionError,
    InvalidTransition,
    UnknownSignal,
    await_signal,
    branch,
    delay,
    fork,
    loop,
    task,
    workflow,
)


@task
def inc(n: int) -> int:
    return n + 1


waiting = workflow("waiting", inc >> await_signal("go", int))


@pytest.mark.parametrize("timeout", [0, 0.0, "0s"])
def test_a_timeout_of_nothing_is_refused(timeout: Any) -> None:
    """Nothing can run within it."""
    with pytest.raises(DefinitionError, match="task 'inc': nothing can run within a timeout of 0"):
        task(timeout=timeout)(inc.__wrapped__ if hasattr(inc, "__wrapped__") else _inc)
    with pytest.raises(DefinitionError, match="workflow 'w': nothing can run"):
        workflow("w", inc, timeout=timeout)


def _inc(n: int) -> int:
    return n + 1


_inc.__name__ = "inc"


def test_a_flow_that_is_none_is_refused() -> None:
    """A function that forgot to return it, most likely; ``workflow("x")`` is a decorator."""
    forgotten: Any = None
    with pytest.raises(DefinitionError, match="'x': it is made of a flow, not of None"):
        workflow("x", forgotten)
    assert workflow("x")(lambda: inc).name == "x"


@pytest.mark.parametrize("combinator", [delay, fork, branch, loop, await_signal, workflow, task])
def test_a_combinator_without_its_parentheses_is_refused(combinator: Any) -> None:
    """Where the chain or the fork is built."""
    name = combinator.__name__
    with pytest.raises(DefinitionError, match=rf"{name}' itself; call it .*: {name}\(\.\.\.\)"):
        inc >> combinator
    with pytest.raises(DefinitionError, match="itself; call it"):
        fork(inc, combinator)
    with pytest.raises(DefinitionError, match="itself; call it"):
        branch(lambda n: "a", {"a": combinator})


def test_a_function_of_the_same_name_is_a_task() -> None:
    """Only the library's own is meant."""

    def delay(n: int) -> int:
        return n * 10

    assert workflow("w", inc >> delay)(1) == 20


def test_events_for_a_run_in_memory_are_looked_at_first() -> None:
    """Before any task has run."""
    ran: list[int] = []

    @task
    def mark(n: int) -> int:
        ran.append(n)
        return n

    marking = workflow("marking", mark >> await_signal("go", int))
    with pytest.raises(UnknownSignal, match=r"waits for no signal 'gone'; its workflow has: 'go'"):
        marking.run(1, events={"gone": [1]})
    wrong: Any
    for wrong in (5, "abc"):
        with pytest.raises(TypeError, match="the events of signal 'go' are a list"):
            marking.run(1, events={"go": wrong})
    wrong = [5]
    with pytest.raises(TypeError, match="events is a mapping"):
        marking.run(1, events=wrong)
    assert ran == []
    assert marking.run(1, events={"go": [5]}) == 5


def test_verbs_that_come_too_late_are_told_in_words() -> None:
    """The verb's name is no sentence."""
    with CheckpointingRunner("memory://") as runner:
        runner.ensure(waiting, "a", 1)
        runner.client.cancel("a")
        with pytest.raises(InvalidTransition, match="can't send an event to instance 'a': it is c"):
            runner.client.send_event("a", "go", 1)


def test_a_path_that_the_workflow_cant_have_is_refused() -> None:
    """A path that has no result yet gives the default; a mistyped one doesn't."""
    with CheckpointingRunner("memory://") as runner:
        runner.ensure(waiting, "a", 1)
        client = runner.client
        assert client.get_task_result("a", "inc", waiting) == 2
        assert client.get_task_result("a", "go", waiting, default="none yet") == "none yet"
        for path in ("icn", "inc[0]", "inc/inc", "in c[", ""):
            with pytest.raises(ValueError, match="'waiting' has no node at"):
                client.get_task_result("a", path, waiting)
