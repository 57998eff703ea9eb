"""``@task``: its forms, options, names, where it runs, and what it refuses."""

from __future__ import annotations

import functools
import inspect
from datetime import timedelta
from typing import Any

import pytest

from sayiir import DefinitionError, RetryPolicy, TaskContext, result_of, task, workflow_input
from sayiir.dsl.callables import plain_spec
from sayiir.dsl.spec import TaskSpec


def spec_of(anything: Any) -> TaskSpec:
    spec = anything.spec
    assert isinstance(spec, TaskSpec)
    return spec


def add(first: int, second: int) -> int:
    return first + second


def test_a_task_stays_callable_and_introspectable_as_its_function() -> None:
    made = task(add)
    assert made(1, second=2) == 3
    assert made.__name__ == "add"
    assert inspect.signature(made) == inspect.signature(add)


def test_every_form_of_the_decorator() -> None:
    assert task(add).name == "add"
    assert task("plus")(add).name == "plus"
    assert task(name="plus")(add).name == "plus"
    assert task()(add).name == "add"
    assert task("plus", retries=2)(add).spec.policy.max_retries == 2


def test_options_arrive_in_the_spec() -> None:
    policy = RetryPolicy(max_retries=7)
    spec = spec_of(
        task(
            name="x",
            timeout=timedelta(minutes=1),
            retries=policy,
            version="2",
            tags=["a", "b"],
            priority=5,
            run_in="thread",
            idempotent=True,
            description="words",
        )(add)
    )
    assert (spec.timeout_seconds, spec.policy, spec.version) == (60.0, policy, "2")
    assert (spec.tags, spec.priority, spec.run_in) == (("a", "b"), 5, "thread")
    assert (spec.idempotent, spec.description, spec.decorated) == (True, "words", True)


def test_defaults_of_the_spec() -> None:
    spec = spec_of(task(add))
    assert (spec.timeout_seconds, spec.policy.max_retries, spec.version) == (None, 0, "")
    assert (spec.tags, spec.priority, spec.run_in) == ((), None, "thread")


async def async_add(first: int, second: int) -> int:
    return first + second


class AsyncCallable:
    async def __call__(self, value: int) -> int:
        return value


class SyncCallable:
    def __call__(self, value: int) -> int:
        return value

    def method(self, value: int) -> int:
        return value


@pytest.mark.parametrize(
    ("function", "is_async", "run_in"),
    [
        (add, False, "thread"),
        (async_add, True, "loop"),
        (functools.partial(add, 1), False, "thread"),
        (functools.partial(functools.partial(async_add, 1), 2), True, "loop"),
        (AsyncCallable(), True, "loop"),
        (SyncCallable(), False, "thread"),
        (SyncCallable().method, False, "thread"),
        (len, False, "thread"),
        (str, False, "thread"),
        (lambda x: x, False, "loop"),
    ],
)
def test_where_a_callable_runs(function: Any, is_async: bool, run_in: str) -> None:
    spec = plain_spec(function, "here")
    assert (spec.is_async, spec.run_in, spec.decorated) == (is_async, run_in, False)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (add, "add"),
        (lambda x: x, "lambda"),
        (functools.partial(add, 1), "add"),
        (SyncCallable(), "SyncCallable"),
        (SyncCallable().method, "method"),
        (str, "str"),
        (str.upper, "upper"),
        (len, "len"),
    ],
)
def test_names_of_plain_callables(function: Any, name: str) -> None:
    assert plain_spec(function, "here").name == name


def test_a_sync_function_may_run_in_the_loop() -> None:
    assert task(run_in="loop")(add).spec.run_in == "loop"


def generator(value: int) -> Any:
    yield value


async def async_generator(value: int) -> Any:
    yield value


def starred(*values: int) -> int:
    return 0


def double_starred(**values: int) -> int:
    return 0


def keyword_only(value: int, *, flag: bool) -> int:
    return 0


class Holder:
    def method(self, value: int) -> int:
        return value


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (3, "decorates functions"),
        (str, "is a class without"),
        (generator, "is a generator"),
        (async_generator, "is a generator"),
        (starred, "can't be filled"),
        (double_starred, "can't be filled"),
        (keyword_only, "by keyword only"),
        (Holder.method, "is a method"),
        (task(add), "is a task already"),
        (task(add) >> str, "workflow"),
    ],
)
def test_what_can_not_be_a_task(thing: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        task(thing)


def test_a_bound_method_can_be_a_task() -> None:
    assert task(Holder().method)(3) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tags": "gpu"}, "list of texts"),
        ({"tags": ["x"] * 21}, "20 are allowed"),
        ({"tags": ["x" * 65]}, "65 characters"),
        ({"tags": [""]}, "0 characters"),
        ({"tags": [1]}, "a tag is a str"),
        ({"priority": 0}, "from 1"),
        ({"priority": 6}, "from 1"),
        ({"priority": True}, "from 1"),
        ({"timeout": "soon"}, "no duration"),
        ({"timeout": -1}, "not negative"),
        ({"timeout": float("inf")}, "finite"),
        ({"retries": -1}, "not be negative"),
        ({"retries": 1.5}, "whole number"),
        ({"run_in": ""}, "the name of an executor"),
        ({"run_in": 3}, "the name of an executor"),
        ({"name": "a/b"}, "must not hold"),
        ({"name": ""}, "0 characters"),
        ({"name": 3}, "a name is a str"),
        ({"version": 2}, "version is a str"),
    ],
)
def test_options_out_of_their_bounds(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        task(**options)(add)


def test_an_async_function_does_not_run_in_a_thread() -> None:
    with pytest.raises(DefinitionError, match="runs in the loop"):
        task(run_in="thread")(async_add)


def test_a_task_named_twice_is_refused() -> None:
    with pytest.raises(DefinitionError, match="named twice"):
        task("a", name="b")(add)  # type: ignore[call-overload]


def test_calling_a_task_directly_asks_for_what_the_engine_would_fill() -> None:
    first = task(add)

    @task
    def second(value: int, ctx: TaskContext, before: int = result_of(first)) -> int:
        return value + before

    with pytest.raises(TypeError, match=r"pass before=\.\.\."):
        second(1, TaskContext())
    assert second(1, TaskContext(), 2) == 3
    assert second(1, TaskContext(), before=2) == 3

    @task
    def third(*, whole: int = workflow_input(int)) -> int:
        return whole

    with pytest.raises(TypeError, match="workflow_input"):
        third()
    assert third(whole=4) == 4


def test_result_of_takes_tasks_only() -> None:
    for wrong in (add, task(add) >> str, 3):
        with pytest.raises(DefinitionError, match="takes a task"):
            result_of(wrong)  # type: ignore[arg-type]
