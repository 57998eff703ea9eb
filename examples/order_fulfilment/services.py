"""The outside world: a bank, a warehouse and a carrier, which know nothing of workflows.

They keep their books in a SQLite file of their own, because the real ones too remember what
was asked of them when the shop's process dies. Whoever asks brings a key, and the same key
gets the same answer again: that makes it harmless to ask twice.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Final

__all__ = [
    "BAD_LINE",
    "GOOD_CARD",
    "NO_FUNDS",
    "SERVICES_FILE",
    "BankUnreachable",
    "CardDeclined",
    "book_carrier",
    "change_card",
    "charge",
    "is_delivered",
    "open_account",
    "payments_of",
    "refund",
    "reserve",
]

SERVICES_FILE: Final = "SHOP_SERVICES"
"""The environment variable that says where the services are: as an address would elsewhere."""

# Test cards, as payment services offer them.
GOOD_CARD: Final = "4242"
NO_FUNDS: Final = "4000"
BAD_LINE: Final = "5000"

BAD_ANSWERS: Final = 2
QUESTIONS_UNTIL_DELIVERED: Final = 3

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS accounts (customer TEXT PRIMARY KEY, card TEXT, asked INT DEFAULT 0);
CREATE TABLE IF NOT EXISTS payments (
    id INTEGER PRIMARY KEY, key TEXT UNIQUE, customer TEXT, amount TEXT, refunded INT DEFAULT 0
);
CREATE TABLE IF NOT EXISTS reservations (id INTEGER PRIMARY KEY, key TEXT UNIQUE, what TEXT);
CREATE TABLE IF NOT EXISTS shipments (
    id INTEGER PRIMARY KEY, key TEXT UNIQUE, label TEXT, asked INT DEFAULT 0
);
"""


class BankUnreachable(Exception):
    """No answer. Asking again may help."""


class CardDeclined(Exception):
    """The bank refuses this card. Asking again can't help, another card can."""


# -- the bank


def open_account(customer: str, card: str) -> None:
    """Register a customer's first card; one who is known keeps the card that is on file."""
    with _books() as books:
        books.execute("INSERT OR IGNORE INTO accounts VALUES (?, ?, 0)", (customer, card))


def change_card(customer: str, card: str) -> None:
    """Put another card on file."""
    with _books() as books:
        books.execute("UPDATE accounts SET card = ? WHERE customer = ?", (card, customer))


def charge(key: str, customer: str, amount: Decimal) -> str:
    """Take an amount from the customer's card, once for a key; the bank's reference.

    Raises:
        BankUnreachable: the line is bad.
        CardDeclined: there is no money on this card.
    """
    with _books() as books:
        # Committed at once, so that what goes wrong below is remembered too.
        books.execute("UPDATE accounts SET asked = asked + 1 WHERE customer = ?", (customer,))
        card, asked = books.execute(
            "SELECT card, asked FROM accounts WHERE customer = ?", (customer,)
        ).fetchone()
        if card == BAD_LINE and asked <= BAD_ANSWERS:
            raise BankUnreachable("no answer from the bank")
        if card == NO_FUNDS:
            raise CardDeclined(f"card {card} has no funds")
        row = "INSERT OR IGNORE INTO payments (key, customer, amount) VALUES (?, ?, ?)"
        books.execute(row, (key, customer, str(amount)))
        return f"pay-{_number(books, 'payments', key)}"


def refund(reference: str) -> None:
    """Give back what was taken under this reference; a second time changes nothing."""
    with _books() as books:
        number = int(reference.removeprefix("pay-"))
        books.execute("UPDATE payments SET refunded = 1 WHERE id = ?", (number,))


def payments_of(customer: str) -> list[tuple[Decimal, bool]]:
    """What was taken from a customer, and whether it was given back."""
    with _books() as books:
        rows = books.execute(
            "SELECT amount, refunded FROM payments WHERE customer = ?", (customer,)
        ).fetchall()
    return [(Decimal(amount), bool(refunded)) for amount, refunded in rows]


# -- the warehouse


def reserve(key: str, item: str, pieces: int) -> str:
    """Put pieces aside, once for a key; the shelf they lie on."""
    with _books() as books:
        row = "INSERT OR IGNORE INTO reservations (key, what) VALUES (?, ?)"
        books.execute(row, (key, f"{pieces} x {item}"))
        return f"B{_number(books, 'reservations', key)}"


# -- the carrier


def book_carrier(key: str, label: str) -> str:
    """Have a parcel fetched, once for a key; the carrier's tracking number."""
    with _books() as books:
        row = "INSERT OR IGNORE INTO shipments (key, label) VALUES (?, ?)"
        books.execute(row, (key, label))
        return f"trk-{_number(books, 'shipments', key)}"


def is_delivered(tracking: str) -> bool:
    """Whether the parcel has arrived: so it has when the carrier is asked the third time."""
    with _books() as books:
        number = int(tracking.removeprefix("trk-"))
        books.execute("UPDATE shipments SET asked = asked + 1 WHERE id = ?", (number,))
        asked = books.execute("SELECT asked FROM shipments WHERE id = ?", (number,)).fetchone()[0]
    return int(asked) >= QUESTIONS_UNTIL_DELIVERED


# -- their books


@contextmanager
def _books() -> Generator[sqlite3.Connection]:
    """A connection on which every statement is a transaction of its own."""
    path = Path(os.environ[SERVICES_FILE])
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as books:
        books.executescript(SCHEMA)
        yield books


def _number(books: sqlite3.Connection, table: str, key: str) -> int:
    row = books.execute(f"SELECT id FROM {table} WHERE key = ?", (key,)).fetchone()
    return int(row[0])
