"""The crash explorer finds what is planted, with the smallest schedule, and nothing else."""

from __future__ import annotations

import asyncio
import random
import re
import time
from typing import Any

import pytest

from sayiir import (
    DefinitionError,
    SayiirError,
    SignalUnavailable,
    TaskContext,
    await_signal,
    delay,
    fork,
    task,
    workflow,
)
from sayiir.testing import NotDurable, explore_crashes, fake
from sayiir.testing.crashes import NotRepeatable
from tests.testing import planted
from tests.testing.things import ORDER, Payment, PickUp, charge_card, fulfil_order

OUTPUTS = {
    "tasks": 8,
    "fork": 17,
    "branch": 7,
    "loop": 121,
    "map": 9,
    "delay": 7,
    "signal": 47,
    "default": 8,
    "child": 20,
    "retried": 7,
    "class": 7,
}


def found(workflow: Any, value: Any, **options: Any) -> NotDurable:
    with pytest.raises(NotDurable) as caught:
        explore_crashes(workflow, value, **options)
    return caught.value


@pytest.mark.parametrize("kind", planted.sound)
def test_sound_workflows_of_every_node_kind_pass(kind: str) -> None:
    report = explore_crashes(
        planted.sound[kind],
        3,
        events={"go": [41]} if kind == "signal" else None,
        resources=lambda: {planted.Service: planted.Service()},
    )
    assert report.output == OUTPUTS[kind]
    # Each write is died at twice, and most of the runs ran something again.
    assert report.runs > 2 * report.writes
    assert report.ran_again
    assert report.left_out == 0


def test_an_order_with_fakes_and_events_passes() -> None:
    report = explore_crashes(
        fulfil_order,
        ORDER,
        events={"picked_up": [PickUp(by="Ada")]},
        fakes=[fake(charge_card).raises(ConnectionError).gives(Payment(amount=3))],
    )
    assert report.output == "lamp from B2 for 3.0, to Ada"


def test_a_side_effect_that_may_happen_twice_is_found() -> None:
    error = found(planted.counted, 3)
    (finding,) = error.findings
    assert (finding.kind, finding.task, finding.path) == ("ran again", "charge", "charge")
    # Before the third write, that of its result: the smallest there is.
    assert finding.schedule == "before:2"
    assert "with (6); it had returned" in finding.text
    assert "in process 2, with the same input" in finding.text
    assert "before write 2 (storing the result of charge)" in finding.text
    assert 'explore_crashes(counted, 3, schedule="before:2")' in finding.text
    assert "charge" in explore_crashes(planted.counted, 3, reruns="any").ran_again


def test_a_result_that_depends_on_the_attempt_is_found() -> None:
    (finding,) = found(planted.by_attempt, 3).findings
    assert (finding.kind, finding.path) == ("outcome", "tells_attempt")
    # After the write that stores `double` the next attempt of what follows is its second.
    assert finding.schedule == "after:1"
    assert "the outcome is 'attempt 2 of 6'" in finding.text
    assert "unbroken 'attempt 1 of 6'" in finding.text


@pytest.mark.parametrize(
    ("flow", "name"),
    [(planted.by_global, "cache"), (planted.by_name, "last"), (planted.by_cache, None)],
)
def test_what_a_process_keeps_in_a_module_is_found(flow: Any, name: str | None) -> None:
    (finding,) = found(flow, 3).findings
    assert finding.kind == "outcome"
    assert finding.schedule == "after:1 forget"
    if name is not None:
        assert f"tests.testing.planted.{name}" in finding.text
    assert planted.cache == {}, "the explorer leaves the module as it was"
    assert planted.last == 0


@pytest.mark.parametrize("keep", [["cache"], [planted.cache]])
def test_what_stands_for_the_world_outside_is_kept(keep: list[object]) -> None:
    assert explore_crashes(planted.by_global, 3, keep=keep).output == 3
    assert planted.cache == {}, "each run begins with what was there at first"


def test_an_arm_that_depends_on_its_siblings_timing_is_found() -> None:
    """No crash is needed: in another order it sees another board."""
    (finding,) = found(planted.by_sibling, 3, crash=0, pairs=0).findings
    assert finding.path == "fork[1]/peeks"
    assert re.fullmatch(r"order:\d+", finding.schedule)
    assert "arms ran in an order of their own" in finding.text
    # A crash brings it out too.
    assert found(planted.by_sibling, 3, orders=0).findings
    assert planted.board == {}


@pytest.mark.parametrize("flow", [planted.counted, planted.by_attempt, planted.by_global])
def test_the_line_that_is_printed_repeats_it_exactly(flow: Any) -> None:
    (first,) = found(flow, 3).findings
    for _ in range(3):
        (again,) = found(flow, 3, schedule=first.schedule).findings
        assert again == first


@pytest.mark.parametrize("seed", range(3))
def test_a_seed_draws_the_same_again(seed: int) -> None:
    def told() -> list[str]:
        options: dict[str, Any] = {"seed": seed, "crash": 0, "pairs": 5}
        error = found(planted.by_sibling, 3, **options)
        return [str(error), *(each.schedule for each in error.findings)]

    state = random.getstate()
    assert told() == told()
    assert random.getstate() == state, "nobody else's random numbers change"


def test_two_stops_are_shrunk_to_the_one_that_matters() -> None:
    """Only pairs are drawn, with orders; what is told is one stop, at the earliest write."""
    for seed in range(5):
        (finding,) = found(planted.by_attempt, 3, crash=0, pairs=30, orders=0, seed=seed).findings
        assert finding.schedule in ("before:2", "after:1", "twice:2")


def test_a_stop_is_told_at_the_earliest_write() -> None:
    """Whatever task runs again, the count is wrong; the first that can is the one to look at."""
    calls: list[int] = []

    @task(idempotent=True)
    async def step(n: int) -> int:
        calls.append(n)
        return n

    def three(output: object) -> None:
        count = len(calls)
        calls.clear()
        assert count == 3

    flow = workflow("steps", step >> step >> step)
    for seed in range(3):
        options: dict[str, Any] = {"crash": 0, "pairs": 10, "orders": 0, "seed": seed}
        (finding,) = found(flow, 3, check=three, **options).findings
        # A stop after a write, drawn first, stays one; each is moved as far ahead as it can be.
        assert finding.schedule in ("before:1", "twice:1")


def test_a_failure_that_is_expected_is_an_outcome_too() -> None:
    assert explore_crashes(planted.failing, 3).output is None


def test_what_differs_by_itself_is_told_before_anything_is_judged() -> None:
    with pytest.raises(NotRepeatable, match="two runs that nobody stopped differ"):
        explore_crashes(planted.by_chance, 3)
    report = explore_crashes(planted.by_chance, 3, same=lambda one, other: int(one) == int(other))
    assert int(report.output) == 6
    assert explore_crashes(planted.by_chance, 3, fakes={planted.draws: 7.5}).output == 7.5


def test_a_retry_of_its_own_is_no_second_run() -> None:
    @task(retries=2)
    def flaky(n: int, ctx: TaskContext) -> int:
        if ctx.attempt == 1:
            raise ConnectionError
        return n

    flow = workflow("flaky_one", flaky)
    assert explore_crashes(flow, 3, schedule="unbroken").output == 3
    assert found(flow, 3).findings[0].kind == "ran again"


def test_random_numbers_are_those_of_the_seed() -> None:
    def drawn(seed: int) -> float:
        flow = planted.by_chance
        return explore_crashes(
            flow, 3, seed=seed, schedule="unbroken", same=lambda one, other: True
        ).output

    assert drawn(1) == drawn(1) != drawn(2)


def test_a_check_of_ones_own_is_told_with_its_schedule() -> None:
    charged: list[int] = []

    @task(idempotent=True)
    def pay(n: int) -> int:
        charged.append(n)
        return n

    def once(output: object) -> None:
        count = len(charged)
        charged.clear()
        assert count == 1, f"charged {count} times"

    (finding,) = found(workflow("paying", pay), 3, check=once).findings
    assert (finding.kind, finding.schedule) == ("check", "before:1")
    assert "check= says: charged 2 times" in finding.text


def test_a_wait_without_event_or_timeout_is_told() -> None:
    waiting = workflow("waiting", await_signal("go", int))
    with pytest.raises(SignalUnavailable, match="'go'"):
        explore_crashes(waiting, None)
    assert explore_crashes(waiting, None, events={"go": [3]}).output == 3


def test_it_works_where_a_loop_runs() -> None:
    async def main() -> int:
        return explore_crashes(planted.sound["tasks"], 3).output

    assert asyncio.run(main()) == 8


def test_a_task_may_run_a_loop_of_its_own() -> None:
    """A sync task runs on a thread there too."""

    @task(idempotent=True)
    def runs_a_loop(n: int) -> int:
        async def inner() -> int:
            await asyncio.sleep(0)
            return n

        return asyncio.run(inner())

    @task(idempotent=True)
    async def uses_a_thread(n: int) -> int:
        return await asyncio.to_thread(lambda: n + 1)

    flow = workflow("own_loop", fork(runs_a_loop, uses_a_thread))
    assert explore_crashes(flow, 3).output == (3, 4)


def test_a_timeout_takes_no_time() -> None:
    @task(timeout="2m", idempotent=True)
    async def hangs(n: int) -> int:
        await asyncio.sleep(3_600)
        return n

    began = time.perf_counter()
    report = explore_crashes(workflow("hanging", hangs >> delay("1d")), 3, pairs=0, orders=0)
    assert (report.output, report.ran_again) == (None, {"hangs": report.ran_again["hangs"]})
    assert time.perf_counter() - began < 30


def test_a_task_that_never_ends_is_told() -> None:
    @task
    async def forever(n: int) -> int:
        await asyncio.Event().wait()
        return n

    with pytest.raises(SayiirError, match="nothing is left that could go on"):
        explore_crashes(workflow("forever", forever), 3)


def test_what_is_left_out_is_counted() -> None:
    report = explore_crashes(planted.sound["tasks"], 3, most=10)
    assert report.left_out > 0
    # The reference is run three times, and nothing else beside the ten.
    assert report.runs == 13


def test_slips_are_told() -> None:
    flow = planted.sound["tasks"]
    with pytest.raises(ValueError, match="none of before:N, after:N"):
        explore_crashes(flow, 3, schedule="befor:3")
    with pytest.raises(ValueError, match="crash is"):
        explore_crashes(flow, 3, crash="always")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="reruns is"):
        explore_crashes(flow, 3, reruns="none")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="pairs is a number"):
        explore_crashes(flow, 3, pairs=-1)
    with pytest.raises(DefinitionError, match="no workflow here has"):
        explore_crashes(flow, 3, fakes={charge_card: 1})
    with pytest.raises(DefinitionError, match="Service"):
        explore_crashes(planted.sound["class"], 3)
