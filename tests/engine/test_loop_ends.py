"""What may end a loop's body: a delay after the answer, a signal that is the answer."""

from __future__ import annotations

import pytest

from sayiir import Again, Done, await_signal, delay, loop, task, workflow
from sayiir.status import Completed
from tests.engine.bench import Bench

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
