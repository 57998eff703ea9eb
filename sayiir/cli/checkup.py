"""What ``doctor`` finds, as lines for people and as data for scripts."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sayiir.cli.versions import sayiir_version
from sayiir.errors import StoreError
from sayiir.stores.doctoring import store_facts
from sayiir.stores.facts import Advice

if TYPE_CHECKING:
    from sayiir.stores.facts import StoreFacts

__all__ = ["Report", "examine"]


@dataclass(frozen=True, slots=True)
class Report:
    """One look at an installation and its store.

    Attributes:
        sayiir: version of sayiir.
        python: version of Python.
        store: the facts of the store; None where it can't be reached.
        advice: what is to be known of it.
    """

    sayiir: str
    python: str
    store: StoreFacts | None
    advice: tuple[Advice, ...]

    @property
    def well(self) -> bool:
        """Whether nothing has to be mended."""
        return not any(one.wrong for one in self.advice)

    def lines(self) -> list[str]:
        """The report, a line a fact, then what to do."""
        facts = self.store
        rows = [("sayiir", self.sayiir), ("python", self.python)]
        if facts is None:
            rows.append(("store", "can't be used"))
        else:
            rows += [
                (
                    "store",
                    facts.place + (", reachable" if facts.schema_version else ", not set up"),
                ),
                ("server", facts.server),
                ("schema", _schema(facts)),
                ("clock", _clock(facts)),
            ]
        if facts is not None and facts.round_trip_us is not None:
            rows.append(("round trip", f"{facts.round_trip_us / 1e3:.1f} ms"))
        lines = [f"{name:<11}{text}" for name, text in rows]
        lines += [f"{'wrong:' if one.wrong else 'note:':<11}{one.text}" for one in self.advice]
        return [*lines, "all is well" if self.well else "something has to be mended"]

    def data(self) -> dict[str, Any]:
        """The same as JSON data."""
        facts = self.store
        return {
            "well": self.well,
            "sayiir": self.sayiir,
            "python": self.python,
            "reachable": facts is not None,
            "store": None
            if facts is None
            else {
                "kind": facts.kind,
                "place": facts.place,
                "server": facts.server,
                "schema_version": facts.schema_version,
                "newest_version": facts.newest_version,
                "pending": list(facts.pending),
                "clock_ahead_ms": None
                if facts.clock_ahead_us is None
                else facts.clock_ahead_us / 1e3,
                "round_trip_ms": None if facts.round_trip_us is None else facts.round_trip_us / 1e3,
            },
            "advice": [{"text": one.text, "wrong": one.wrong} for one in self.advice],
        }


async def examine(url: str) -> Report:
    """Look at the store and at this installation; changes nothing.

    Raises:
        Problem: the URL is none that is known.
    """
    from sayiir.cli.stores import told_url_problems

    facts: StoreFacts | None = None
    with told_url_problems(url):
        try:
            facts = await store_facts(url)
            advice = facts.advice
        except StoreError as error:
            advice = (Advice(str(error), wrong=True),)
    return Report(sayiir_version(), platform.python_version(), facts, advice)


def _schema(facts: StoreFacts) -> str:
    version = "none yet" if facts.schema_version is None else f"version {facts.schema_version}"
    newest = "" if facts.schema_version == facts.newest_version else f" of {facts.newest_version}"
    pending = f", pending: {', '.join(facts.pending)}" if facts.pending else ""
    return f"{version}{newest}{pending}"


def _clock(facts: StoreFacts) -> str:
    if facts.clock_ahead_us is None:
        return "this machine's own"
    milliseconds = facts.clock_ahead_us / 1e3
    if abs(milliseconds) < 0.1:
        return "the server's is equal to this machine's"
    way = "ahead of" if milliseconds > 0 else "behind"
    return f"the server's is {abs(milliseconds):.1f} ms {way} this machine's"
