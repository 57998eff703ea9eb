"""Each rule finds what it is for, and is silent beside it."""

from __future__ import annotations

from enum import Enum
from typing import Any, Literal

import pytest

from sayiir import (
    Again,
    BranchResult,
    Done,
    LoopResult,
    await_signal,
    branch,
    fork,
    loop,
    resource,
    task,
    workflow,
)
from sayiir.dsl.portable import from_portable, to_portable
from sayiir.explain.explanation import explain
from sayiir.explain.findings import SEVERITIES


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Database:
    pass


@task(timeout=1, run_in="process")
def quiet(n: int) -> int:
    """Nothing is to be said of it."""
    return n


def key_task(annotation: Any) -> Any:
    def key(n: int) -> Any:
        return n

    key.__annotations__["return"] = annotation
    return task(timeout=1, run_in="process")(key)


def codes(flow: Any, **options: Any) -> list[str]:
    return [finding.code for finding in workflow("w", flow, **options).check()]


def branched(annotation: Any, *arms: Any, default: Any = None) -> list[str]:
    flow = branch(key_task(annotation), dict.fromkeys(arms, quiet), default=default)
    return codes(flow)


def test_what_is_fine_is_not_mentioned() -> None:
    assert codes(quiet >> quiet) == []


@pytest.mark.parametrize(
    ("annotation", "arms", "default", "found"),
    [
        (Literal["a", "b"], ("a", "b"), False, []),
        (Literal["a", "b"], ("a",), False, ["branch-key-without-arm"]),
        (Literal["a", "b"], ("a",), True, []),
        (Literal["a", "b"], ("a", "b"), True, ["branch-default-never"]),
        (Literal["a"], ("a", "c"), False, ["branch-arm-never"]),
        (Literal["a", 1], ("a", 1), False, []),
        (Literal[1], ("1",), False, []),
        (bool, (True, False), False, []),
        (bool, (True,), False, ["branch-key-without-arm"]),
        (bool, (True, "yes"), True, ["branch-arm-never"]),
        (Colour, (Colour.RED, Colour.BLUE), False, []),
        (Colour, (Colour.RED,), False, ["branch-key-without-arm"]),
        (Colour, ("red", "green", "blue"), False, ["branch-arm-never"]),
        (Literal["a"] | bool, ("a", True, False), False, []),
        (int, (1, -20), True, []),
        (int, (1, "one"), True, ["branch-arm-never"]),
        (int, (1,), False, ["branch-key-open"]),
        (str, ("a",), False, ["branch-key-open"]),
        (str, ("a",), True, []),
    ],
)
def test_branch_keys(annotation: Any, arms: Any, default: bool, found: list[str]) -> None:
    assert branched(annotation, *arms, default=quiet if default else None) == found


def test_waits_without_timeout() -> None:
    assert codes(await_signal("go", int)) == ["signal-without-timeout"]
    assert codes(await_signal("go", int, timeout="1d")) == []


def loop_task(annotation: Any) -> Any:
    def body(n: int) -> Any:
        return Done(n)

    body.__annotations__["return"] = annotation
    return task(timeout=1, run_in="process")(body)


def test_loops() -> None:
    assert codes(loop(loop_task(LoopResult[int, int]))) == []
    assert codes(loop(loop_task(Again[int]))) == ["loop-never-done"]
    assert codes(loop(loop_task(Again[int]), on_max="exit_with_last")) == []
    decide = loop_task(LoopResult[int, int])
    many = loop(decide, max_iterations=100)
    assert codes(many) == []
    twice = loop(many >> decide, max_iterations=100)
    assert codes(twice) == ["loop-many-iterations"]
    assert workflow("w", twice).check()[0].path == "loop/loop"


def made(**options: Any) -> Any:
    def some(n: int) -> int:
        return n

    return task(**options)(some)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, ["thread-without-timeout"]),
        ({"timeout": 1}, ["thread-timeout-abandons"]),
        ({"run_in": "process"}, ["task-without-timeout"]),
        ({"run_in": "process", "timeout": 1, "retries": 2}, ["retries-not-idempotent"]),
        ({"run_in": "process", "timeout": 1, "retries": 2, "idempotent": True}, []),
    ],
)
def test_tasks(options: Any, found: list[str]) -> None:
    assert codes(made(**options)) == found


def test_async_tasks_are_cancelled_so_a_timeout_is_enough() -> None:
    @task(timeout=1)
    async def fetch(n: int) -> int:
        return n

    @task
    async def hang(n: int) -> int:
        return n

    assert codes(fetch) == []
    assert codes(hang) == ["task-without-timeout"]


def test_edges_without_types() -> None:
    def loose(n):  # type: ignore[no-untyped-def]
        return n

    bare = task("loose", timeout=1, run_in="process")(loose)
    found = {one.code: one for one in workflow("w", bare).check()}
    assert set(found) == {"output-without-type", "input-without-type"}
    assert found["output-without-type"].severity == "warning"
    (one, _) = workflow("w", bare >> quiet).check()
    assert (one.code, one.severity) == ("output-without-type", "note")
    assert "int" in one.message
    assert codes(quiet >> (lambda n: n) >> quiet) == ["output-without-type"]


def test_more_than_the_workflow_s_timeout_allows() -> None:
    assert codes(quiet, timeout=0.5) == ["longer-than-workflow-timeout"]
    assert codes(quiet, timeout=2) == []


def test_a_task_is_told_once_with_all_its_places() -> None:
    some = made()
    (found,) = workflow("w", some >> fork(some, quiet, join="last")).check()
    assert (found.path, found.more_paths) == ("some", ("fork[0]/some",))


def test_the_worst_comes_first() -> None:
    flow = made(retries=1) >> loop(loop_task(Again[int])) >> await_signal("go", int)
    found = workflow("w", flow).check()
    assert [one.severity for one in found] == ["error", "warning", "warning", "note"]
    assert [SEVERITIES.index(one.severity) for one in found] == sorted(
        SEVERITIES.index(one.severity) for one in found
    )
    assert [one.path for one in found[1:3]] == ["some", "go"]


def test_what_whoever_runs_it_must_have() -> None:
    @task(tags=["gpu"], run_in="cluster", timeout=1)
    def train(n: int) -> int:
        return n

    @task(timeout=1)
    async def save(n: int, database: Database = resource(Database)) -> int:
        return n

    @task(timeout=1, run_in="process")
    class Load:
        def __init__(self, database: Database = resource(Database)) -> None:
            self.database = database

        def __call__(self, n: int) -> int:
            return n

    flow = train >> save >> Load >> await_signal("go", int, timeout=1)
    needs = workflow("w", flow, tags=["blue"]).explain().needs
    assert needs.tags == {"blue": ("",), "gpu": ("train",)}
    assert needs.executors == {"cluster": ("train",), "process": ("Load",)}
    assert list(needs.resources.values()) == [("save", "Load")]
    assert needs.signals == {"go": ("go",)}


def test_of_a_stored_definition_only_what_is_kept_there_is_told() -> None:
    """Types don't travel; the rules that need them say nothing rather than something wrong."""

    def result(value: BranchResult[int]) -> int:
        return value.result

    flow = branch(key_task(Literal["a"]), {"b": quiet}) >> result >> await_signal("go", int)
    stored = from_portable(to_portable(workflow("w", flow).definition))
    assert [one.code for one in explain(stored).findings] == [
        "signal-without-timeout",
        "thread-without-timeout",
    ]


def test_the_text_is_plain_and_says_what_to_do() -> None:
    text = str(workflow("w", await_signal("go", int)).explain())
    assert text.splitlines() == [
        "w",
        "attempts at most: 0",
        "takes at most: unbounded",
        "    go: the wait for signal 'go' has no timeout",
        "signals: go",
        "warning signal-without-timeout at go",
        "    it waits for signal 'go' for ever, if none is sent",
        "    give timeout=, with default= if it should go on without the event",
    ]
    assert str(workflow("w", quiet).explain()).endswith("nothing found")
