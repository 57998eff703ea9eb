"""Class tasks and resources of process tasks: made over there, once a process, and left."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sayiir import (
    CheckpointingRunner,
    Completed,
    DefinitionError,
    get_task_context,
    resource,
    task,
    workflow,
)
from sayiir.executors import ProcessPool

pytestmark = pytest.mark.anyio


class Counter:
    """Tells in which process it lives and how often it was asked."""

    def __init__(self, diary: str = "") -> None:
        self.asked, self.diary = 0, diary

    def write(self, text: str) -> None:
        if self.diary:
            with Path(self.diary).open("a", encoding="utf-8") as file:
                file.write(f"{text}\n")

    def ask(self) -> tuple[int, int]:
        self.asked += 1
        return os.getpid(), self.asked


class EnteredCounter(Counter):
    async def __aenter__(self) -> EnteredCounter:
        self.write("enter")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.write("leave")


@task(run_in="process")
def ask(n: int, counter: Counter = resource(Counter)) -> list[int]:
    return list(counter.ask())


class Asker:
    """A class task: built once a process, with the resource that its process made."""

    def __init__(self, counter: Counter = resource(Counter)) -> None:
        self.counter, self.calls = counter, 0

    def __call__(self, n: int) -> list[int]:
        assert get_task_context().attempt == 1
        self.calls += 1
        return [*self.counter.ask(), self.calls]


class AsyncAsker(Asker):
    async def __call__(self, n: int) -> list[int]:  # type: ignore[override]
        return super().__call__(n)


def run(flow: Any, pool: ProcessPool, resources: dict[Any, Any], times: int) -> list[list[int]]:
    with CheckpointingRunner(
        "memory://", executors={"process": pool}, resources=resources
    ) as runner:
        results = [runner.run(flow, f"i-{n}", n) for n in range(times)]
    for result in results:
        assert isinstance(result, Completed), result
    return [result.output for result in results]


def made_async() -> Any:
    async def make() -> EnteredCounter:
        return EnteredCounter()

    return make()


@pytest.mark.parametrize("factory", [Counter, EnteredCounter, made_async])
async def test_a_resource_is_made_once_in_its_process(factory: Any) -> None:
    async with ProcessPool(max_workers=1) as pool:
        outputs = run(workflow("w", ask), pool, {Counter: factory}, 3)
    assert [asked for _, asked in outputs] == [1, 2, 3]
    assert {pid for pid, _ in outputs} != {os.getpid()}


@pytest.mark.parametrize("kind", [Asker, AsyncAsker])
async def test_a_class_task_is_built_once_in_its_process(kind: Any) -> None:
    flow = workflow("w", task(kind, name="ask_it", run_in="process"))
    async with ProcessPool(max_workers=1) as pool:
        outputs = run(flow, pool, {Counter: Counter}, 3)
    assert [asked for _, asked, _ in outputs] == [1, 2, 3]
    assert [calls for _, _, calls in outputs] == [1, 2, 3]
    assert os.getpid() not in {pid for pid, _, _ in outputs}


async def test_a_function_and_a_class_of_one_process_share_the_resource() -> None:
    flow = workflow("w", ask >> (lambda _: 0) >> task(Asker, name="ask_it", run_in="process"))
    async with ProcessPool(max_workers=1) as pool:
        ((_, asked, _),) = run(flow, pool, {Counter: Counter}, 1)
    assert asked == 2


async def test_runners_that_share_a_pool_share_no_resource_of_another_factory() -> None:
    flow = workflow("w", ask)
    async with ProcessPool(max_workers=1) as pool:
        first = run(flow, pool, {Counter: Counter}, 2)
        second = run(flow, pool, {Counter: EnteredCounter}, 1)
        third = run(flow, pool, {Counter: Counter}, 1)
    assert [asked for _, asked in first + second + third] == [1, 2, 1, 3]


async def test_what_was_entered_over_there_is_left_when_the_pool_is_closed(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    async with ProcessPool(max_workers=1) as pool:
        run(workflow("w", ask), pool, {Counter: lambda: EnteredCounter(str(diary))}, 2)
        assert diary.read_text() == "enter\n"
    assert diary.read_text() == "enter\nleave\n"


def test_an_object_that_lives_here_is_refused_before_anything_is_stored() -> None:
    with (
        CheckpointingRunner("memory://", resources={Counter: Counter()}) as runner,
        pytest.raises(DefinitionError, match="runs in another process"),
    ):
        runner.run(workflow("w", ask), "i", 1)


def test_a_factory_that_cannot_be_pickled_fails_the_task_by_its_name() -> None:
    held: Any = (n for n in [1])
    with CheckpointingRunner(
        "memory://", resources={Counter: lambda: Counter(str(held))}
    ) as runner:
        status = runner.run(workflow("w", ask), "i", 1)
    assert status != Completed([1, 1])
    assert "pickle" in str(getattr(status, "error", "")), status
