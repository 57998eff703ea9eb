"""The saga: three bookings and a payment, each with the step that takes it back."""

from __future__ import annotations

from typing import Final

from examples.saga.companies import Companies, Refused
from examples.saga.models import Booking, Trip, TripRequest
from sayiir import Flow, RetryPolicy, TaskContext, branch, resource, task, workflow

__all__ = ["book_trip"]

# A line may be better in a moment. A refusal is no error at all: it is an answer, see `_book`.
LINE: Final = RetryPolicy(max_retries=3, initial_delay="100ms")
# What was booked has to be cancelled, so this one is patient: waits beyond 5 s hold nothing.
PATIENT: Final = RetryPolicy(max_retries=100, initial_delay="100ms", max_delay="1h")


@task
def begin(request: TripRequest) -> Trip:
    """Nothing is booked yet."""
    return Trip(traveller=request.traveller)


@task(retries=LINE, timeout="30s")
def book_flight(trip: Trip, ctx: TaskContext, companies: Companies = resource(Companies)) -> Trip:
    """The key is equal for all attempts of this step, after crashes too."""
    return _book(trip, "flight", ctx.idempotency_key, companies)


@task(retries=LINE, timeout="30s")
def book_hotel(trip: Trip, ctx: TaskContext, companies: Companies = resource(Companies)) -> Trip:
    """After the flight, so that a hotel is only booked where there is one."""
    return _book(trip, "hotel", ctx.idempotency_key, companies)


@task(retries=LINE, timeout="30s")
def book_car(trip: Trip, ctx: TaskContext, companies: Companies = resource(Companies)) -> Trip:
    """The last of the bookings."""
    return _book(trip, "car", ctx.idempotency_key, companies)


@task(retries=LINE, timeout="30s")
def pay(trip: Trip, ctx: TaskContext, companies: Companies = resource(Companies)) -> Trip:
    """Comes last, because nothing has to follow it: where it is done, the trip is."""
    try:
        companies.pay(ctx.idempotency_key, trip.traveller)
    except Refused as refusal:
        return trip.refused(str(refusal))
    return trip


@task(retries=PATIENT, timeout="30s", idempotent=True)
def cancel_flight(trip: Trip, companies: Companies = resource(Companies)) -> Trip:
    """Takes `book_flight` back."""
    return _cancel(trip, "flight", companies)


@task(retries=PATIENT, timeout="30s", idempotent=True)
def cancel_hotel(trip: Trip, companies: Companies = resource(Companies)) -> Trip:
    """Takes `book_hotel` back."""
    return _cancel(trip, "hotel", companies)


@task(retries=PATIENT, timeout="30s", idempotent=True)
def cancel_car(trip: Trip, companies: Companies = resource(Companies)) -> Trip:
    """Takes `book_car` back."""
    return _cancel(trip, "car", companies)


def goes_well(trip: Trip) -> bool:
    """The key of all branches."""
    return trip.refusal is None


@task
def as_it_is(trip: Trip) -> Trip:
    """The arm for nothing to do."""
    return trip


def with_undo(
    company: str, act: Flow[Trip, Trip], undo: Flow[Trip, Trip], rest: Flow[Trip, Trip]
) -> Flow[Trip, Trip]:
    """Act, and where that went well, the rest; where the rest didn't go well, undo.

    The rest has its own undoing inside, so what was done last is taken back first. The names
    make paths that can be read: ``flight_booked[True]/book_hotel``.
    """
    kept = branch(goes_well, (True, as_it_is), (False, undo)).merge().named(f"{company}_kept")
    went_on = branch(goes_well, (True, rest >> kept), (False, as_it_is)).merge()
    return act >> went_on.named(f"{company}_booked")


@workflow
def book_trip() -> Flow[TripRequest, Trip]:
    """All of it, or nothing of it."""
    car = with_undo("car", book_car, cancel_car, rest=pay)
    hotel = with_undo("hotel", book_hotel, cancel_hotel, rest=car)
    flight = with_undo("flight", book_flight, cancel_flight, rest=hotel)
    return begin >> flight


def _book(trip: Trip, company: str, key: str, companies: Companies) -> Trip:
    """A refusal is an answer that the graph decides on, so it is caught; all else is an error."""
    try:
        reference = companies.book(company, key, trip.traveller)
    except Refused as refusal:
        return trip.refused(str(refusal))
    return trip.with_booking(Booking(company=company, reference=reference))


def _cancel(trip: Trip, company: str, companies: Companies) -> Trip:
    companies.cancel(company, trip.booking_of(company).reference)
    return trip.without(company)
