"""The saga keeps what its README says: all of a trip or nothing of it, however often it dies."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from examples.saga.companies import COMPANIES, Companies, LineDown
from examples.saga.models import Booking, Trip, TripRequest
from examples.saga.workflow import book_hotel, book_trip, cancel_hotel
from sayiir import CheckpointingRunner, TaskContext, TaskFailed
from tests.docs.readmes import assert_sessions, example_environment, run_python

# Kills its own process when the n-th thing is said: each of them before it is done, or after it
# and before its checkpoint. A real SIGKILL.
KILLED: Final = """
import os, runpy, signal, sys
from examples.saga.companies import Companies
when, kill_at = sys.argv[1], int(sys.argv[2])
asked = 0

def watched(verb):
    def ask(*arguments):
        global asked
        asked += 1
        if when == "before" and asked == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return verb(*arguments)
        finally:
            if when == "after" and asked == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
    return ask

for name in ("book", "cancel", "pay"):
    setattr(Companies, name, watched(getattr(Companies, name)))
sys.argv = ["saga", *sys.argv[3:]]
runpy.run_module("examples.saga", run_name="__main__")
"""


def book(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_python(folder, "-m", "examples.saga", *arguments)


def test_the_sessions_of_the_readme(tmp_path: Path) -> None:
    assert_sessions("saga", tmp_path, least=7)


# -- killed


@pytest.mark.crash
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("refusing", "steps"), [(["--no-funds"], 7), (["--sold-out", "hotel"], 3), ([], 4)]
)
def test_a_trip_that_is_killed_at_every_step_ends_as_an_unbroken_one(
    when: str, refusing: list[str], steps: int, tmp_path: Path
) -> None:
    """One process for each step: it gets one further, and dies at the next."""
    for kill_at in [1, *([2] * (steps - 1))]:
        died = run_python(tmp_path, "-c", KILLED, when, str(kill_at), "Ada", *refusing)
        assert died.returncode == -signal.SIGKILL, died.stdout + died.stderr
    done = book(tmp_path, "Ada", *refusing)
    companies = Companies(tmp_path / "trips" / "companies.db")
    made = companies.bookings_of("Ada")
    assert len(made) == {"--no-funds": 3, "--sold-out": 1}.get("".join(refusing[:1]), 3)
    if refusing:
        assert done.returncode == 1
        assert "stays at home" in done.stdout
        assert not any(made.values())
        assert companies.payments_of("Ada") == 0
    else:
        assert done.returncode == 0
        assert all(made.values())
        assert companies.payments_of("Ada") == 1


def test_ctrl_c_leaves_the_trip_where_it_is(tmp_path: Path) -> None:
    trip = subprocess.Popen(
        [sys.executable, "-m", "examples.saga", "Ada", "--seconds", "0.5"],
        cwd=tmp_path,
        env=example_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert trip.stdout is not None
    assert trip.stdout.readline() == "flight: booked flight-1 for Ada\n"
    trip.send_signal(signal.SIGINT)
    said, complained = trip.communicate(timeout=30)
    assert trip.returncode == 130
    assert complained == "interrupted; the same command continues\n", said
    assert "travels" not in said
    again = book(tmp_path, "Ada")
    assert again.returncode == 0
    assert "Ada travels: flight-1, hotel-1, car-1" in again.stdout


# -- wrong input


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([" "], 2, "a traveller has a name"),
        (["a\tb"], 1, "holds a control character"),
        (["Ada", "--sold-out", "boat"], 2, "invalid choice: 'boat'"),
        (["Ada", "--seconds", "soon"], 2, "'soon' is no number"),
        (["Ada", "--out", "taken"], 2, "--out taken: File exists"),
    ],
)
def test_wrong_input_is_told_in_a_line(
    arguments: list[str], code: int, told: str, tmp_path: Path
) -> None:
    (tmp_path / "taken").touch()
    refused = book(tmp_path, *arguments)
    assert (refused.returncode, refused.stdout) == (code, "")
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr


# -- as one would test a workflow of one's own


@pytest.mark.parametrize("sold_out", COMPANIES)
def test_what_was_booked_is_taken_back_in_reverse_order(
    sold_out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    companies = Companies(tmp_path / "c.db", sold_out=frozenset({sold_out}))
    trip = book_trip.run(TripRequest(traveller="Ada"), resources={Companies: companies})
    assert trip == Trip(traveller="Ada", refusal=f"no {sold_out} is left")
    said = capsys.readouterr().out.splitlines()
    booked = [line.split()[2] for line in said if " booked " in line]
    cancelled = [line.split()[2] for line in said if " cancelled " in line]
    assert booked == [f"{company}-1" for company in COMPANIES[: COMPANIES.index(sold_out)]]
    assert cancelled == booked[::-1]


def test_a_lost_answer_is_asked_for_again_and_books_once(tmp_path: Path) -> None:
    companies = Companies(tmp_path / "c.db", bad_line=frozenset(COMPANIES))
    trip = book_trip.run(TripRequest(traveller="Ada"), resources={Companies: companies})
    assert [booking.reference for booking in trip.bookings] == ["flight-1", "hotel-1", "car-1"]
    assert companies.bookings_of("Ada") == dict.fromkeys(["flight-1", "hotel-1", "car-1"], True)


def test_a_company_that_cant_be_reached_takes_nothing_back(tmp_path: Path) -> None:
    """Nobody knows what it would say, so the trip stands; ``retry`` goes on."""
    companies = Companies(tmp_path / "c.db", unreachable="car")
    with pytest.raises(TaskFailed, match="can't be reached") as failed:
        book_trip.run(TripRequest(traveller="Ada"), resources={Companies: companies})
    assert isinstance(failed.value.__cause__, LineDown)
    assert failed.value.info.attempt == 4
    assert companies.bookings_of("Ada") == {"flight-1": True, "hotel-1": True}


def test_a_task_is_tested_by_calling_it(tmp_path: Path) -> None:
    companies = Companies(tmp_path / "c.db")
    ctx = TaskContext(idempotency_key="k")
    trip = book_hotel(Trip(traveller="Ada"), ctx, companies=companies)
    assert trip.bookings == (Booking(company="hotel", reference="hotel-1"),)
    assert cancel_hotel(trip, companies=companies).bookings == ()
    with CheckpointingRunner("memory://", resources={Companies: companies}) as runner:
        runner.run(book_trip, "a", TripRequest(traveller="Ada"))
        assert runner.client.get_task_result_of("a", cancel_hotel) is None
