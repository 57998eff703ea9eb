"""The same commands on PostgreSQL: several processes around one server."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.terminal import started

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import CommandLine


@pytest.fixture
def server(sayiir: CommandLine, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SAYIIR_STORE", postgres_url)
    return postgres_url


def test_a_worker_runs_what_others_submit(server: str, sayiir: CommandLine, shop: Path) -> None:
    assert sayiir("submit", "shop:order", "o-1", "-i", "2").code == 0
    worker = started(shop, "worker", "shop:order", "shop:waiting", "--store", server)
    try:
        assert sayiir("watch", "o-1", "--interval", "0.1").code == 0
        assert "✓ total" in sayiir("show", "o-1").out
        sayiir("submit", "shop:waiting", "w-1", "-i", "2", "-l", "team=blue")
        assert sayiir("send-event", "w-1", "approved", "-p", "true").code == 0
        assert sayiir("watch", "w-1", "--interval", "0.1").code == 0
        listed = sayiir("list", "--json", "-l", "team=blue").json["instances"]
        assert [(one["instance_id"], one["status"]) for one in listed] == [("w-1", "Completed")]
    finally:
        worker.send_signal(signal.SIGTERM)
        _, log = worker.communicate(timeout=30)
    assert worker.returncode == 0, log


def test_a_run_is_interrupted_and_gone_on_with(
    server: str, sayiir: CommandLine, shop: Path
) -> None:
    running = started(shop, "run", "shop:slow", "s-1", "-i", "2", "--store", server)
    give_up_at = time.monotonic() + 30
    while not (shop / "begun").exists():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=30)
    assert running.returncode == 130, told
    assert "sayiir resume shop:slow s-1 --store" in told
    (shop / "open").touch()
    assert sayiir("resume", "shop:slow", "s-1").json == 6


def test_a_server_that_is_away_is_the_store_s_exit_code(sayiir: CommandLine) -> None:
    away = ["--store", "postgresql://me:secret@127.0.0.1:1/x"]
    for command in (
        ["list"],
        ["submit", "shop:order", "o", "-i", "2"],
        ["run", "shop:order", "o", "-i", "2"],
        ["worker", "shop:order"],
        ["migrate"],
    ):
        ended = sayiir(*command, *away)
        assert ended.code == 3, ended
        assert "secret" not in ended.err
