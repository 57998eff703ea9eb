"""What flows between the tasks: a trip, as far as it is booked."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Booking", "Trip", "TripRequest"]


class Model(BaseModel):
    """Frozen; unknown fields are errors, so that no model is taken for another."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TripRequest(Model):
    """The input of the workflow."""

    traveller: str


class Booking(Model):
    """What a company has booked, under its own reference."""

    company: str
    reference: str


class Trip(Model):
    """How far it has come: each step takes one and gives the next; the last is the output.

    Attributes:
        traveller: who travels.
        bookings: what is booked and not cancelled.
        refusal: why the trip can't be; None while all goes well.
    """

    traveller: str
    bookings: tuple[Booking, ...] = ()
    refusal: str | None = None

    def with_booking(self, booking: Booking) -> Trip:
        """One more is booked."""
        return self.model_copy(update={"bookings": (*self.bookings, booking)})

    def without(self, company: str) -> Trip:
        """This company's booking is cancelled."""
        kept = tuple(each for each in self.bookings if each.company != company)
        return self.model_copy(update={"bookings": kept})

    def refused(self, why: str) -> Trip:
        """A company has said no."""
        return self.model_copy(update={"refusal": why})

    def booking_of(self, company: str) -> Booking:
        """What this company has booked.

        Raises:
            LookupError: nothing.
        """
        for booking in self.bookings:
            if booking.company == company:
                return booking
        raise LookupError(f"nothing is booked with the {company} company")
