"""Slips of the pen: each is refused where it is made, with what to write instead."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from sayiir import (
    CheckpointingRunner,
    DefinitionError,
    ExecutorMissing,
    InvalidTransition,
    PayloadError,
    UnknownSignal,
    await_signal,
    branch,
    delay,
    fork,
    loop,
    task,
    workflow,
)
from sayiir.executors import ProcessPool


@task
def inc(n: int) -> int:
    return n + 1


@dataclass
class Order:
    item: str
    pieces: int


@task
def listed(folder: Path) -> str:
    return str(folder)


@task
def sent(order: Order) -> str:
    return order.item


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


def test_what_cant_stand_in_a_chain_is_told_with_what_was_meant() -> None:
    """A task that is called, several in a list, a function instead of a flow."""

    async def later(n: int) -> int:
        return n

    anything: Any = inc
    with pytest.raises(DefinitionError, match="not 2; a task is named there, not called"):
        anything >> inc(1)
    with pytest.raises(DefinitionError, match=r"coroutine .* a task is named there, not called"):
        anything >> later(1)
    with pytest.raises(DefinitionError, match=r"fork arm '0' .* give several one by one, \*unpack"):
        fork([anything, anything])
    with pytest.raises(DefinitionError, match="a function that builds a flow has to return it"):
        anything >> None
    with pytest.raises(DefinitionError, match=r"make it a task: task\(\.\.\.\)"):
        workflow("x", cast("Any", _inc))


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
        assert client.get_task_result("a", "go") is None
        for path in ("icn", "inc[0]", "inc/inc", "in c[", ""):
            for asked in ((path, waiting), (path,)):
                with pytest.raises(ValueError, match="'waiting' has no node at"):
                    client.get_task_result("a", *asked)


@pytest.mark.parametrize(
    ("asked", "given", "told"),
    [
        (listed, 3, "doesn't fit pathlib.Path: Input is not a valid path for"),
        (sent, {"item": "lamp"}, "Order: pieces: Field required"),
        (sent, {}, "Order: 2 errors\nitem\n  Field required"),
    ],
)
def test_a_value_that_doesn_t_fit_is_told_in_the_users_words(
    asked: Any, given: Any, told: str
) -> None:
    """Pydantic's own heading names the validator that it has built, over several lines of it."""
    with pytest.raises(PayloadError) as refused:
        workflow("asking", asked)(given)
    assert told in str(refused.value)
    assert "validation error" not in str(refused.value)


def test_an_event_of_the_wrong_type_is_got_rid_of_by_a_rerun() -> None:
    """The failed wait would take it again; the run from the wait on waits for another."""
    with CheckpointingRunner("memory://") as runner:
        runner.ensure(waiting, "a", 1)
        runner.client.send_event("a", "go", "seven")
        failed = runner.ensure(waiting, "a", 1)
        assert "rerun() the instance from here" in failed.error.message
        runner.rerun(waiting, "a", "b", start="go")
        runner.client.send_event("b", "go", 7)
        assert runner.ensure(waiting, "b", 1).output == 7


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (1, "a value of type int can't be spread over the 2 parameters (n, text)"),
        ((1, "a", 3), "a value of type tuple of 3 can't be spread over the 2 parameters"),
        ({"n": 1, "txet": "a"}, "the mapping has no 'text'; it has 'n', 'txet'"),
        ({}, "the mapping has no 'n', 'text'; it has none"),
        (dict.fromkeys("abcdefghij"), "it has 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', …"),
    ],
)
def test_what_cant_be_spread_is_told_with_what_there_is(given: Any, told: str) -> None:
    """How many values came, or under which names."""

    @task
    def both(n: int, text: str) -> str:
        return text * n

    with pytest.raises(PayloadError) as refused:
        workflow("both", both)(given)
    assert told in str(refused.value)


def test_a_task_below_another_decorator_keeps_its_options_or_is_refused() -> None:
    """What is put around a task calls its function, and knows nothing of retries."""

    def timed(function: Any) -> Any:
        @functools.wraps(function)
        def wrapper(*args: Any) -> Any:
            return function(*args)

        return wrapper

    @task(retries=3)
    @timed
    def well(n: int) -> int:
        return n

    @timed
    @timed
    @task(retries=3)
    def lost(n: int) -> int:
        return n

    assert workflow("well", well)(1) == 1
    for build in (
        lambda: inc >> lost,
        lambda: fork(inc, lost),
        lambda: task(lost),
        lambda: branch(lost, {1: inc}),
        lambda: inc >> timed(waiting),
    ):
        with pytest.raises(DefinitionError, match="whose options would be lost; put the other"):
            build()


def test_a_partial_of_a_task_is_refused() -> None:
    """It would call the task's function, and know nothing of retries; that function is welcome."""

    def scaled(by: int, n: int) -> int:
        return by * n

    by_three = functools.partial(scaled, 3)
    assert workflow("scaled", inc >> by_three)(1) == 6
    assert workflow("scaled", inc >> task(retries=3)(by_three))(1) == 6

    lost: Any = functools.partial(task(retries=3)(scaled), 3)
    for build in (
        lambda: inc >> lost,
        lambda: inc >> functools.partial(lost),
        lambda: fork(inc, lost),
        lambda: task(retries=3)(lost),
        lambda: branch(lost, {1: inc}),
        lambda: inc >> functools.partial(waiting),
    ):
        with pytest.raises(DefinitionError, match=r"is a partial of .* make the partial of"):
            build()


def test_a_wrapper_that_hides_the_parameters_is_told_how_not_to() -> None:
    """The commonest cause of ``*args`` is a decorator."""

    def careless(function: Any) -> Any:
        def wrapper(*args: Any) -> Any:
            return function(*args)

        return wrapper

    with pytest.raises(DefinitionError, match=r"if it says @functools\.wraps"):
        task(careless(_inc))


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("proces", "; pass executors={'proces': ...}, or write run_in='process' if that was meant"),
        ("Thread", "or write run_in='thread' if that was meant"),
        ("clustre", "or write run_in='cluster' if that was meant"),
        ("gpu", "pass executors={'gpu': ...}"),
    ],
)
def test_a_place_to_run_in_that_nobody_has_is_told_with_the_nearest(
    written: str, told: str
) -> None:
    """An executor may have any name, so a slip is found where it isn't among those given."""
    there = task("there", run_in=written)(_inc)
    with pytest.raises(ExecutorMissing) as refused:
        workflow("w", there).run(1, executors={"cluster": ProcessPool()})
    assert str(refused.value).partition("(given: 'cluster')")[2].endswith(told), refused.value
