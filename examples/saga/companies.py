"""The outside world: three companies and a bank, which know nothing of workflows.

They keep books in a SQLite file of their own, because the real ones too remember what was asked
of them when the caller's process dies. Whoever books brings a key; the same key gets the same
booking again, and that makes it harmless to ask twice.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["COMPANIES", "Companies", "LineDown", "Refused"]

COMPANIES: Final = ("flight", "hotel", "car")

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS bookings (
    key TEXT PRIMARY KEY, company TEXT, number INT, traveller TEXT, cancelled INT DEFAULT 0
);
CREATE TABLE IF NOT EXISTS payments (key TEXT PRIMARY KEY, traveller TEXT);
"""


class Refused(Exception):
    """The company says no. Asking again can't help."""


class LineDown(Exception):
    """No answer, and nobody knows what was done. Asking again may help."""


@dataclass(frozen=True, slots=True)
class Companies:
    """All of them, at one address.

    Attributes:
        books: the file that they keep their books in.
        sold_out: companies that have nothing left.
        no_funds: whether the bank refuses to pay.
        bad_line: companies whose answer to a booking is lost the first time.
        unreachable: a company that can't be reached at all.
        power_cut: a company whose cancelling takes the power of this very process away, after
            the booking is cancelled and before anybody hears of it.
        seconds: how long each of them thinks.
    """

    books: Path
    sold_out: frozenset[str] = frozenset()
    no_funds: bool = False
    bad_line: frozenset[str] = frozenset()
    unreachable: str | None = None
    power_cut: str | None = None
    seconds: float = 0.0

    def book(self, company: str, key: str, traveller: str) -> str:
        """Book once for a key; the company's reference.

        Raises:
            Refused: it has nothing left.
            LineDown: no answer came.
        """
        self._reach(company)
        with self._open() as books:
            known = _reference(books, key)
            if known is not None:
                return self._says(company, f"{known} is booked already, under the same key", known)
            if company in self.sold_out:
                raise Refused(self._says(company, f"no {company} is left"))
            books.execute(
                "INSERT INTO bookings (key, company, number, traveller) SELECT ?, ?, "
                "(SELECT count(*) + 1 FROM bookings WHERE company = ?), ?",
                (key, company, company, traveller),
            )
            reference = _reference(books, key) or ""
        self._says(company, f"booked {reference} for {traveller}")
        if company in self.bad_line:
            raise LineDown(self._says(company, "… the line breaks, and the answer is lost"))
        return reference

    def cancel(self, company: str, reference: str) -> None:
        """Cancel what was booked; a second time changes nothing.

        Raises:
            LineDown: no answer came.
        """
        self._reach(company)
        number = int(reference.removeprefix(f"{company}-"))
        with self._open() as books:
            cancelled = books.execute(
                "UPDATE bookings SET cancelled = 1 "
                "WHERE company = ? AND number = ? AND NOT cancelled",
                (company, number),
            ).rowcount
        if not cancelled:
            self._says(company, f"{reference} is cancelled already")
            return
        self._says(company, f"cancelled {reference}")
        if company == self.power_cut:
            os.kill(os.getpid(), signal.SIGKILL)

    def pay(self, key: str, traveller: str) -> None:
        """Pay for the whole trip, once for a key.

        Raises:
            Refused: there is no money.
            LineDown: no answer came.
        """
        self._reach("bank")
        if self.no_funds:
            raise Refused(self._says("bank", f"{traveller} has no funds"))
        with self._open() as books:
            books.execute("INSERT OR IGNORE INTO payments VALUES (?, ?)", (key, traveller))
        self._says("bank", f"paid for {traveller}")

    def bookings_of(self, traveller: str) -> dict[str, bool]:
        """Every booking that was ever made for somebody, and whether it still stands."""
        with self._open() as books:
            rows = books.execute(
                "SELECT company || '-' || number, cancelled FROM bookings WHERE traveller = ? "
                "ORDER BY rowid",
                (traveller,),
            ).fetchall()
        return {str(reference): not cancelled for reference, cancelled in rows}

    def payments_of(self, traveller: str) -> int:
        """How often somebody has paid."""
        with self._open() as books:
            asked = "SELECT count(*) FROM payments WHERE traveller = ?"
            return int(books.execute(asked, (traveller,)).fetchone()[0])

    def _reach(self, company: str) -> None:
        time.sleep(self.seconds)
        if company == self.unreachable:
            raise LineDown(f"the {company} company can't be reached")

    def _says(self, company: str, what: str, answer: str = "") -> str:
        print(f"{company + ':':<8}{what}", flush=True)
        return answer or what

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        """A connection on which every statement is a transaction of its own."""
        with closing(sqlite3.connect(self.books, timeout=10, isolation_level=None)) as books:
            books.executescript(SCHEMA)
            yield books


def _reference(books: sqlite3.Connection, key: str) -> str | None:
    asked = "SELECT company || '-' || number FROM bookings WHERE key = ?"
    row = books.execute(asked, (key,)).fetchone()
    return None if row is None else str(row[0])
