"""``python -m examples.saga``: book a trip, all of it or nothing of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from examples.saga.companies import COMPANIES, Companies
from examples.saga.models import Trip, TripRequest
from examples.saga.workflow import book_trip
from sayiir import CheckpointingRunner, Completed, Failed, SayiirError, WorkflowStatus

__all__ = ["main"]

INTERRUPTED: Final = 130
"""What a shell gives for a program that Ctrl-C ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Book the trip, or go on with it; the exit code: 0, or 1 where there is no trip."""
    options = _options(arguments)
    out = Path(options.out).resolve()
    try:
        out.mkdir(parents=True, exist_ok=True)
        return _book(f"sqlite:///{quote((out / 'trips.db').as_posix())}", out, options)
    except OSError as error:
        print(f"--out {options.out}: {error.strerror}", file=sys.stderr)
        return 2
    except SayiirError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command continues", file=sys.stderr)
        return INTERRUPTED


def _book(url: str, out: Path, options: argparse.Namespace) -> int:
    companies = Companies(
        books=out / "companies.db",
        sold_out=frozenset(options.sold_out),
        no_funds=options.no_funds,
        bad_line=frozenset(options.bad_line),
        unreachable=options.unreachable,
        power_cut=options.power_cut,
        seconds=options.seconds,
    )
    instance_id = f"trip-{options.traveller}"
    request = TripRequest(traveller=options.traveller)
    with CheckpointingRunner(url, resources={Companies: companies}) as runner:
        status = runner.ensure(book_trip, instance_id, request, wait=True)
        if isinstance(status, Failed) and options.again:
            runner.client.retry(instance_id)
            status = runner.resume(book_trip, instance_id, wait=True)
    return _tell(options.traveller, status, companies)


def _tell(traveller: str, status: WorkflowStatus[Trip], companies: Companies) -> int:
    made = companies.bookings_of(traveller)
    stands = ", ".join(reference for reference, stands in made.items() if stands) or "nothing"
    match status:
        case Completed(Trip(refusal=None)):
            print(f"{traveller} travels: {stands}")
            return 0
        case Completed(trip):
            print(f"{traveller} stays at home: {trip.refusal}. Still booked: {stands}")
        case Failed(error):
            print(f"{traveller}: {error.task} failed: {error.message}. Still booked: {stands}")
            print("the trip stands where it is; with --again it goes on from there")
        case _:
            print(f"{traveller}: {type(status).__name__}. Still booked: {stands}")
    return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.saga",
        description="Book a flight, a hotel and a car, all of it or nothing. Kill it at any "
        "moment; the same command continues.",
    )
    parser.add_argument("traveller", type=_name, help="who travels: one trip for each name")
    parser.add_argument(
        "--out", default="trips", help="folder for trips.db and companies.db (default: %(default)s)"
    )
    parser.add_argument("--again", action="store_true", help="go on with a trip that has failed")
    world = parser.add_argument_group("what goes wrong outside")
    world.add_argument("--sold-out", nargs="+", choices=COMPANIES, default=[], metavar="COMPANY")
    world.add_argument("--no-funds", action="store_true", help="the bank refuses to pay")
    world.add_argument(
        "--bad-line",
        nargs="+",
        choices=COMPANIES,
        default=[],
        metavar="COMPANY",
        help="it books, and its answer is lost",
    )
    world.add_argument(
        "--unreachable", choices=[*COMPANIES, "bank"], metavar="COMPANY", help="it never answers"
    )
    world.add_argument(
        "--power-cut",
        choices=COMPANIES,
        metavar="COMPANY",
        help="kill -9 for this process, right after that company has cancelled",
    )
    world.add_argument("--seconds", type=_seconds, default=0.0, help="how long each of them thinks")
    return parser.parse_args(arguments)


def _name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("a traveller has a name")
    return text


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from error
    if not 0 <= number <= 60:
        raise argparse.ArgumentTypeError("must be from 0 to 60")
    return number


if __name__ == "__main__":
    sys.exit(main())
