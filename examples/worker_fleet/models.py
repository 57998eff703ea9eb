"""What flows between the tasks: frozen dataclasses, stored at every step."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Account", "Bill", "Discount", "Payment", "Price", "Receipt", "Release", "Usage"]


@dataclass(frozen=True, slots=True)
class Account:
    """The input of the workflow: whose bill it is."""

    number: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What the meter says."""

    kwh: int


@dataclass(frozen=True, slots=True)
class Price:
    """What that costs, in cents."""

    cents: int


@dataclass(frozen=True, slots=True)
class Discount:
    """What an old customer is let off."""

    percent: int


@dataclass(frozen=True, slots=True)
class Bill:
    """What is to be paid, in cents."""

    cents: int


@dataclass(frozen=True, slots=True)
class Release:
    """The payload of the signal ``released``: who has looked at a large bill."""

    by: str


@dataclass(frozen=True, slots=True)
class Payment:
    """What the bank took, under its reference."""

    reference: str
    cents: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """The output of the workflow."""

    account: int
    cents: int
