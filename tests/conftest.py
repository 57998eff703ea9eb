"""What all tests share: hypothesis profiles, and the figures that they run at.

Every test that repeats something does so at one of two sizes. On each push it is the small
one; `make nightly` sets ``SAYIIR_FIGURES=nightly`` and runs the large one. What was reached is
printed below the results; where ``SAYIIR_FIGURES_FILE`` names a file, what the tests of the
scorecard reached is written there, for the page that tells it.
"""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, settings

from tests.postgres.fixtures import (
    postgres_database_url,
    postgres_schemas,
    postgres_server,
    postgres_url,
)
from tools.scorecard.figures import Case, gathered, told, write
from tools.scorecard.lines import is_of_a_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["postgres_database_url", "postgres_schemas", "postgres_server", "postgres_url"]

NIGHTLY: Final = os.environ.get("SAYIIR_FIGURES", "ci") == "nightly"
FIGURE_PROPERTY: Final = "sayiir figure"
SIZED_PROPERTY: Final = "sayiir repetitions"

# Shared machines stall for longer than any sensible deadline, so there is none; hangs are
# pytest-timeout's business. CI draws the same examples every time, so a red run is red again on
# the next machine; the nightly run is the one that looks for new ones.
settings.register_profile(
    "ci",
    max_examples=100,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "nightly", settings.get_profile("ci"), max_examples=1_000, derandomize=False
)
settings.load_profile("nightly" if NIGHTLY else "ci")


# Whoever runs the tests in the background of a shell has them ignore Ctrl-C, and so do the
# programs that they start, some of which are to be interrupted.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what is marked nightly, unless this is the nightly run."""
    if NIGHTLY:
        return
    for item in items:
        if item.get_closest_marker("nightly") is not None:
            item.add_marker(pytest.mark.skip(reason="needs SAYIIR_FIGURES=nightly"))


@pytest.fixture
def repetitions(record_property: Callable[[str, object], None]) -> Callable[[int, int], int]:
    """``repetitions(ci, nightly)`` is the count that this run is at."""
    record_property(SIZED_PROPERTY, "nightly" if NIGHTLY else "ci")

    def choose(ci: int, nightly: int) -> int:
        return nightly if NIGHTLY else ci

    return choose


@pytest.fixture
def promised() -> Callable[[float], float]:
    """``promised(seconds)`` is how long something may take in this run.

    At night, where a test marked ``alone`` has the machine to itself, exactly so long; on a push,
    where others run beside it, five times that, which still tells it from what never ends.
    """

    def bound(seconds: float) -> float:
        return seconds if NIGHTLY else 5 * seconds

    return bound


@pytest.fixture
def report_figure(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """``report_figure("0 of 2,000 rerun")`` prints the line after the run, from any process.

    Where a test has several parts, ``report_figure("{rerun} of {tasks:,} rerun", rerun=0,
    tasks=200)`` names the counts that the parts add up to.
    """

    def report(text: str, **counts: float) -> None:
        record_property(FIGURE_PROPERTY, {"text": text, "counts": counts})

    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures reached, one line a test, and write those of the scorecard."""
    cases = list(_cases(terminalreporter))
    lines = sorted(
        f"{case.nodeid}: {told(each['text'], each['counts'])}"
        for case in cases
        for each in case.figures
    )
    if lines:
        terminalreporter.section("figures, " + ("nightly" if NIGHTLY else "ci"))
        for line in lines:
            terminalreporter.write_line(line)
    file = os.environ.get("SAYIIR_FIGURES_FILE")
    if file:
        ours = (case for case in cases if is_of_a_line(case.nodeid))
        write(Path(file), gathered(ours, datetime.now(UTC).date().isoformat()))


def _cases(reporter: pytest.TerminalReporter) -> Iterator[Case]:
    for outcome in ("passed", "failed"):
        for report in reporter.stats.get(outcome, []):
            # The call's report alone: a test that passes and then fails in teardown has two.
            if getattr(report, "when", None) != "call":
                continue
            told_by_it = report.user_properties
            sizes = [size for name, size in told_by_it if name == SIZED_PROPERTY]
            sizes.append("nightly" if "nightly" in report.keywords else "both")
            figures = [figure for name, figure in told_by_it if name == FIGURE_PROPERTY]
            yield Case(report.nodeid, outcome == "passed", sizes[0], figures)
