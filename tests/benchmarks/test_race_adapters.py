"""Our adapter does each workload of the race, at tiny sizes, and a failure of one is a note."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from benchmarks.race.adapter import Job
from benchmarks.race.environments import ROOT
from benchmarks.race.field import OURS, System, Workload
from benchmarks.race.places import Places
from benchmarks.race.running import AdapterFailed, Runner, run_adapter

HERE = {**os.environ, "PYTHONPATH": str(ROOT)}
SMALL = Job("lone", count=2, steps=3, seconds=10)


def done(job: Job) -> dict[str, float]:
    """Our adapter's figures, from this Python's environment."""
    return run_adapter(sys.executable, OURS.name, job, HERE)


@pytest.fixture
def prepared(tmp_path) -> Callable[[str], Job]:
    """A job on a file that the adapter has set up."""

    def prepare(workload: str) -> Job:
        job = replace(SMALL, workload=workload, store="sqlite", url=f"sqlite:///{tmp_path}/r.db")
        done(replace(job, workload="prepare"))
        return job

    return prepare


@pytest.mark.parametrize("workload", ["call", "awaited"])
def test_in_memory(workload):
    """Both ways of calling give seconds and a count."""
    figures = done(replace(SMALL, workload=workload))
    assert 0 < figures["seconds"] < 1
    assert figures["count"] == 2


@pytest.mark.parametrize("workload", ["lone", "many", "waiting", "fork", "big"])
def test_on_a_store(workload, prepared):
    """What one process does gives seconds and a count."""
    figures = done(prepared(workload))
    assert 0 < figures["seconds"] < 10
    assert figures["count"] == 2


def test_two_workers(prepared):
    """A client and two worker processes: all instances end, and none before it was submitted."""
    figures = done(prepared("workers"))
    assert figures["count"] == 2
    assert 0 < figures["p50"] <= figures["p99"] < 10
    assert 0 < figures["idle"] < 10


@pytest.mark.crash
def test_a_loop_is_killed_and_goes_on(prepared):
    """It is killed in the step that was named; each process that continues it gets one further."""
    job = replace(prepared("begin"), steps=210)
    begun = done(job)
    assert begun["count"] == 210
    assert begun["early"] > 0
    assert begun["seconds"] > 0
    for _ in range(2):
        gone_on = done(replace(job, workload="go_on"))
        assert 0 < gone_on["seconds"] < 10
        assert gone_on["lost"] == 0


@pytest.mark.crash
def test_rounds_of_a_killed_loop_are_taken():
    """A store is set up and copied, a loop begun on the copy and killed, and each round goes on."""
    workload = Workload(name="go_on", title="", stores=("sqlite",), steps=(3,), seconds=10)
    with Places() as places:
        runner = Runner(places, lambda _: sys.executable, 2, HERE)
        (cell,) = runner.take(workload, [OURS])
    assert (cell.system, cell.store, cell.steps, cell.note) == ("ours", "sqlite", 3, "")
    assert len(cell.values["seconds"]) == 2


def test_a_failure_is_a_note_and_the_others_go_on():
    """Who has no such workload, or can't do it, leaves a cell without figures."""
    absent = System(name="absent", title="Nobody", distributions=(), stores=("memory",))
    workload = Workload(name="call", title="called", stores=("memory",), count=2)
    with Places() as places:
        cells = Runner(places, lambda _: sys.executable, 2).take(workload, [absent])
    assert [(cell.system, cell.values) for cell in cells] == [("absent", {})]
    assert "absent" in cells[0].note
    with pytest.raises(AdapterFailed, match="KeyError: 'knit'"):
        done(replace(SMALL, workload="knit"))
