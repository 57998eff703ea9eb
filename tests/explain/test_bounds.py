"""Worst cases: sums along sequences, maxima over forks, products over loops, reasons where none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayiir import (
    Done,
    LoopResult,
    RetryPolicy,
    await_signal,
    branch,
    delay,
    fork,
    loop,
    task,
    workflow,
)
from sayiir.dsl.portable import from_portable, to_portable
from sayiir.explain.bounds import backoff_seconds, worst_case
from sayiir.explain.explanation import explain


@task(timeout="10s")
def quick(n: int) -> int:
    return n


@task(timeout="60s", retries=RetryPolicy(max_retries=2, initial_delay="4s"))
def slow(n: int) -> int:
    """Three times a minute, with waits of 4 and 8 s."""
    return n


@task
def endless(n: int) -> int:
    return n


@task(timeout="1s")
def which(n: int) -> str:
    return "a"


@task(timeout="2s")
def decide(n: int) -> LoopResult[int, int]:
    return Done(n)


@task(timeout="5s")
def listed(n: int) -> list[int]:
    return [n]


def worst(flow: Any) -> tuple[float | None, float | None]:
    found = worst_case(workflow("w", flow).definition.root)
    return found.attempts.most, found.seconds.most


def reasons(flow: Any) -> list[tuple[str, str]]:
    found = worst_case(workflow("w", flow).definition.root)
    return [(one.path, one.text) for one in found.seconds.reasons]


@pytest.mark.parametrize(
    ("flow", "attempts", "seconds"),
    [
        (quick >> quick, 2, 20),
        (slow, 3, 192),
        (fork(quick >> quick, slow), 5, 192),
        (branch(which, {"a": quick, "b": slow}).merge(), 4, 193),
        (branch(which, {"a": quick}, default=slow >> quick).merge(), 5, 203),
        (loop(slow >> decide, max_iterations=5), 20, 970),
        (quick >> delay("1h") >> quick, 2, 3620),
        (await_signal("go", int, timeout="1h") >> quick, 1, 3610),
        (workflow("child", slow) >> quick, 4, 202),
        (loop(loop(decide, max_iterations=3) >> decide, max_iterations=4), 16, 32),
        (loop(fork(slow, quick, join="last") >> decide, max_iterations=2), 10, 388),
    ],
)
def test_worst_cases(flow: Any, attempts: int, seconds: float) -> None:
    assert worst(flow) == (attempts, seconds)


def test_why_there_is_no_bound_is_told_for_each_place() -> None:
    until = datetime(2030, 1, 1, tzinfo=UTC)
    flow = fork(endless, quick >> await_signal("go", int), delay(until=until), join="last")
    assert reasons(flow) == [
        ("fork[0]/endless", "the task has no timeout"),
        ("fork[1]/go", "the wait for signal 'go' has no timeout"),
        ("fork[2]/delay", "it waits until 2030-01-01T00:00:00+00:00, however long that is"),
    ]
    asked = delay(until=lambda _: datetime.now(UTC) + timedelta(days=1))
    assert reasons(asked) == [("delay", "when the delay ends is asked when it begins")]


def test_a_map_has_a_duration_where_all_elements_go_at_once_and_never_a_number_of_attempts() -> (
    None
):
    assert worst(listed >> slow.map()) == (None, 197)
    assert worst(listed >> slow.map(max_concurrency=2)) == (None, None)
    (reason,) = worst_case(workflow("w", listed >> slow.map()).definition.root).attempts.reasons
    assert reason.path == "map"
    assert reason.text.endswith("for each at most 3 attempts")


def test_the_workflow_s_timeout_bounds_everything() -> None:
    bounded = workflow("w", endless >> await_signal("go", int), timeout="1h")
    assert bounded.explain().duration.most == 3600
    assert workflow("w", quick, timeout="1h").explain().duration.most == 10


def test_from_a_stored_definition_nothing_is_made_up() -> None:
    """The portable form keeps how often is retried, not how long is waited between."""
    stored = from_portable(to_portable(workflow("w", slow >> quick).definition))
    found = explain(stored)
    assert (found.attempts.most, found.duration.most) == (4, None)
    assert "aren't kept" in found.duration.reasons[0].text


@given(
    st.integers(0, 60),
    st.floats(0, 400),
    st.floats(1, 5),
    st.floats(0.5, 400),
)
def test_all_waits_together_are_the_sum_of_each(
    retries: int, first: float, multiplier: float, longest: float
) -> None:
    policy = RetryPolicy(
        max_retries=retries,
        initial_delay=min(first, longest),
        backoff_multiplier=multiplier,
        max_delay=longest,
    )
    waits = [policy.delay_bound_seconds(one) for one in range(1, retries + 1)]
    assert backoff_seconds(policy) == pytest.approx(sum(waits))


def test_a_great_many_retries_are_summed_at_once() -> None:
    policy = RetryPolicy(max_retries=10**9, initial_delay=1, backoff_multiplier=1)
    assert backoff_seconds(policy) == 10**9
    grows = RetryPolicy(max_retries=10**9, initial_delay=1, backoff_multiplier=1.000_000_1)
    assert backoff_seconds(grows) >= 10**9
