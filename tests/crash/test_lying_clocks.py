"""Scorecard 20: workers and a client whose clocks are wrong, around a PostgreSQL whose is right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import WorkflowClient
from tests.crash.lying import BUSY_SECONDS, DELAY_SECONDS, JOURNAL, LEASE_SECONDS, timed

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.crash
_ROOT = Path(__file__).resolve().parents[2]
LIES = ("3600", "-3600", "jumping")


def _begun(role: str, url: str, lie: str, count: int, journal: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.crash.lying", role, url, lie, str(count)],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT), JOURNAL: str(journal)},
    )


def test_timers_and_leases_go_by_the_servers_clock(
    postgres_url: str,
    tmp_path: Path,
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """One worker an hour ahead, one an hour behind, one that jumps by days, as the client does."""
    count, journal = repetitions(60, 600), tmp_path / "journal"
    running = [_begun("worker", postgres_url, lie, count, journal) for lie in LIES]
    try:
        assert _begun("client", postgres_url, "jumping", count, journal).wait(60) == 0
        with WorkflowClient(postgres_url) as client:
            for number in range(count):
                assert client.result(f"i{number}", timed, timeout=120) == 3
    finally:
        for each in running:
            each.terminate()
        ended = [each.wait(30) for each in running]
    assert ended == [0, 0, 0]
    entries: list[dict[str, Any]] = [json.loads(line) for line in journal.read_text().splitlines()]
    late = sorted(each["began"] - each["due"] for each in entries if "due" in each)
    early = sum(each < 0 for each in late)
    stolen = sum(each["attempt"] > 1 for each in entries)
    report_figure(
        f"{count} instances, workers off by an hour and jumping by a day: early timers {early} of "
        f"{len(late)}, live leases stolen {stolen} of {len(entries)}"
    )
    assert BUSY_SECONDS > LEASE_SECONDS
    assert len(late) == 2 * count
    assert len(entries) == 4 * count
    assert (early, stolen) == (0, 0)
    # By a clock an hour behind it would have been an hour.
    assert late[-1] < 60, f"{DELAY_SECONDS} s have become {late[-1]:.0f} s more"
