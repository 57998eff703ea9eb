"""What may end a loop's body: a delay after the answer, a signal that is the answer."""

from __future__ import annotations

import pytest

from sayiir import Again, Done, RetryPolicy, await_signal, delay, loop, task, workflow
from sayiir.status import Completed
from tests.engine.bench import Bench
from tests.engine.corpus import upto

pytestmark = pytest.mark.anyio


@task
async def ask(n: int) -> Again[int] | Done[str]:
    return Done("enough") if n >= 3 else Again(n + 1)


async def test_a_delay_hands_the_answer_on(bench: Bench) -> None:
    flow = workflow("w", loop(ask >> delay("1h")))
    await bench.runner.run(flow, "i", 0)
    for _ in range(4):
        bench.clock.shift(3601)
        status = await bench.runner.resume(flow, "i")
    assert status == Completed("enough")


async def test_a_signal_answers(bench: Bench) -> None:
    flow = workflow("w", loop(await_signal("answer", Again[int] | Done[str])))
    await bench.runner.run(flow, "i", 0)
    await bench.client.send_event("i", "answer", Again(1))
    await bench.runner.resume(flow, "i")
    await bench.client.send_event("i", "answer", Done("yes"))
    assert await bench.runner.resume(flow, "i") == Completed("yes")


async def test_iterations_are_pruned_though_an_attempt_fails_first(bench: Bench) -> None:
    """The delay that ends the body is left without a write; the failed attempt is the first."""
    failures: dict[int, int] = {}

    @task(retries=RetryPolicy(max_retries=1, initial_delay="1m", jitter="none"))
    async def flaky(n: int) -> Again[int] | Done[int]:
        failures[n] = failures.get(n, 0) + 1
        if failures[n] == 1:
            raise ValueError(n)
        return Again(n + 1) if n < 4 else Done(n)

    flow = workflow("w", loop(flaky >> delay("1h")))
    assert await bench.run(flow, 0) == Completed(4)
    assert await bench.paths() == ["loop[4]/flaky"]


async def test_a_collected_failure_leaves_no_iterations_behind(bench: Bench) -> None:
    @task
    async def breaks(n: int) -> Again[int] | Done[int]:
        if n == 3:
            raise ValueError(n)
        return Again(n + 1)

    body = loop(breaks >> delay("1h"))
    flow = workflow("w", upto >> body.map(on_error="collect") >> len)
    assert await bench.run(flow, 1) == Completed(1)
    assert "map[0]/loop[1]/breaks" not in await bench.paths()
