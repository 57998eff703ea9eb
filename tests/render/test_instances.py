"""Pictures of instances: what a client gives is what runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    AsyncWorkflowClient,
    CheckpointingRunner,
    Flow,
    InstanceNotFound,
    ItemFailed,
    RetryPolicy,
    WorkflowClient,
    await_signal,
    delay,
    fork,
    task,
    workflow,
)

if TYPE_CHECKING:
    from pathlib import Path

    from sayiir import Workflow


@task
def begin(n: int) -> int:
    return n


@task
def broken(n: int) -> int:
    raise ValueError("bad")


@task
def last(values: tuple[int, int, int]) -> int:
    return sum(values)


@workflow
def waits() -> Flow[int, object]:
    return begin >> fork(begin, begin >> delay("1h"), await_signal("go", int)) >> last


@workflow
def fails() -> Flow[int, int]:
    return begin >> broken >> begin


@task
def odd(n: int) -> int:
    if n % 2 == 0:
        raise ValueError("even")
    return n


@task(retries=RetryPolicy(max_retries=1, initial_delay="60s", jitter="none"))
def flaky(n: int) -> int:
    return odd(n)


@workflow
def collects() -> Flow[Sequence[int], list[int | ItemFailed]]:
    return odd.map(on_error="collect")


@workflow
def tries() -> Flow[Sequence[int], list[int | ItemFailed]]:
    return flaky.map(on_error="collect")


def states_of(flow: Workflow[int, Any], folder: Path) -> dict[str, str]:
    url = f"sqlite:///{folder / 'a.db'}"
    with CheckpointingRunner(url) as runner:
        runner.run(flow, "a", 1)
    with WorkflowClient(url) as client:
        picture = client.picture("a")
    assert picture.states is not None
    assert picture.to_svg() == picture.to_svg()
    assert set(picture._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}
    return {path: picture.states.at(path).name for path, _ in flow.nodes()}


def test_an_arm_that_has_ended_is_done_while_others_wait(tmp_path: Path) -> None:
    assert states_of(waits, tmp_path) == {
        "begin": "done",
        "fork": "running",
        "fork[0]/begin": "done",
        "fork[1]/begin": "done",
        "fork[1]/delay": "waiting",
        "fork[2]/go": "waiting",
        "last": "pending",
    }


def test_a_failure_is_where_it_happened(tmp_path: Path) -> None:
    assert states_of(fails, tmp_path) == {"begin": "done", "broken": "failed", "begin#2": "pending"}


def test_what_a_map_collects_counts_as_failed(tmp_path: Path) -> None:
    """A picture that said only what went well would hide a broken element."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with CheckpointingRunner(url) as runner:
        runner.run(collects, "a", [1, 2, 3, 5])
        picture = runner.client.picture("a")
    assert picture.states is not None
    assert "1 failed" in picture.to_svg()
    assert picture.states.at("map/odd").failed == 1


def test_what_is_tried_again_has_not_failed(tmp_path: Path) -> None:
    """Its last failure is stored as a result too, until it has succeeded."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with CheckpointingRunner(url) as runner:
        runner.run(tries, "a", [1, 2, 3])
        picture = runner.client.picture("a")
    assert picture.states is not None
    assert " failed" not in picture.to_svg()
    assert picture.states.at("map/flaky").failed == 0


def test_an_instance_that_is_not_there() -> None:
    async def main() -> None:
        async with AsyncWorkflowClient("memory://") as client:
            with pytest.raises(InstanceNotFound):
                await client.picture("none")

    asyncio.run(main())


def test_what_failed_after_a_join_is_where_it_failed(tmp_path: Path) -> None:
    """The item's position is the map's still; its error says where it had come to."""

    @task
    def numbers(n: int) -> list[int]:
        return list(range(n))

    @task
    def total(given: list[int]) -> int:
        raise ValueError("bad")

    states = states_of(workflow("w", numbers >> begin.map() >> total), tmp_path)
    assert states == {"numbers": "done", "map": "done", "map/begin": "done", "total": "failed"}
