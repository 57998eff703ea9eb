"""What the log says of a run, what its lines carry, and that nothing is printed unasked."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    AsyncCheckpointingRunner,
    AsyncPooledWorker,
    RetryPolicy,
    TaskContext,
    WorkflowFailed,
    fork,
    task,
    workflow,
)
from sayiir.logs import log_facts
from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

FACTS = (*log_facts(instance_id="", run_id="", workflow="", path="", attempt=1),)


def facts(record: logging.LogRecord) -> dict[str, Any]:
    return {name: vars(record)[name] for name in FACTS if name in vars(record)}


def of_engine(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "sayiir.engine"]


@task(retries=RetryPolicy(max_retries=1, initial_delay=0.001))
async def breaks(n: int) -> int:
    raise ValueError(f"no\n{n}")


async def test_a_retry_and_a_failure_are_told_with_their_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "sayiir")
    flow = workflow("w", breaks)
    async with AsyncCheckpointingRunner("memory://") as runner:
        await runner.run(flow, "a", 1)
        run_id = (await runner.client.describe("a")).run_id
    retried, failed = of_engine(caplog)
    common = {
        "sayiir_instance_id": "a",
        "sayiir_run_id": run_id,
        "sayiir_workflow": "w",
        "sayiir_path": "breaks",
    }
    assert (retried.levelname, facts(retried)) == ("INFO", {**common, "sayiir_attempt": 1})
    assert (failed.levelname, facts(failed)) == ("WARNING", {**common, "sayiir_attempt": 2})
    assert failed.getMessage() == "instance a failed at breaks with ValueError: no\\n1"


async def test_collected_items_are_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    flow = workflow("w", task("one")(_odd).map(on_error="collect"))
    async with AsyncCheckpointingRunner("memory://") as runner:
        await runner.run(flow, "a", [1, 2])
    assert of_engine(caplog) == []
    caplog.set_level(logging.INFO, "sayiir")
    async with AsyncCheckpointingRunner("memory://") as runner:
        await runner.run(flow, "a", [1, 2])
    (record,) = of_engine(caplog)
    assert facts(record)["sayiir_path"] == "map[0]/one"


async def _odd(n: int) -> int:
    if n % 2:
        raise ValueError(n)
    return n


async def test_in_memory_it_is_raised_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "sayiir")
    with pytest.raises(WorkflowFailed):
        await workflow("w", fork(breaks, breaks)).arun(1)
    assert of_engine(caplog) == []


async def test_a_task_s_own_extra_is_kept_beside_its_facts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "sayiir")

    @task
    async def pay(cents: int, ctx: TaskContext) -> int:
        ctx.logger.info("paid", extra={"cents": cents})
        return cents

    async with AsyncCheckpointingRunner("memory://") as runner:
        await runner.run(workflow("w", pay), "a", 950)
    (record,) = [record for record in caplog.records if record.name == "sayiir.task"]
    assert vars(record)["cents"] == 950
    wanted = {"sayiir_instance_id": "a", "sayiir_path": "pay", "sayiir_attempt": 1}
    assert facts(record) == wanted


async def test_a_worker_says_when_it_begins_and_drains(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sayiir")
    async with AsyncPooledWorker("memory://", workflows=[workflow("w", breaks)], worker_id="w-1"):
        pass
    said = [r.getMessage() for r in caplog.records if r.name == "sayiir.worker"]
    assert said[0].startswith("worker w-1 runs up to 100 items at a time of w")
    assert said[1].startswith("worker w-1 takes nothing new")


PROGRAM = """
import logging, sys
from sayiir import CheckpointingRunner, task, workflow

@task
def breaks(n: int) -> int:
    raise ValueError(n)

{setting}
with CheckpointingRunner("memory://") as runner:
    runner.run(workflow("w", breaks), "a", 1)
"""


@pytest.mark.parametrize(
    ("setting", "lines"), [("", 0), ("logging.basicConfig()", 1), ("logging.raiseExceptions", 0)]
)
def test_nothing_is_printed_unless_the_program_sets_up_logging(
    tmp_path: Path, setting: str, lines: int
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(setting=setting), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == ""
    assert done.stderr.count("\n") == lines, done.stderr
