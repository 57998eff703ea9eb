"""The tests' own server: shared by who is there, gone with the last, however that went."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest

USER = """
import sys, pathlib
from tests.postgres.shared import SharedServer
server = SharedServer(pathlib.Path(sys.argv[1]))
print(server.join(), flush=True)
sys.stdin.read()
"""
ROOT = Path(__file__).resolve().parents[2]


def _user(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _url_of(user: subprocess.Popen[str]) -> str:
    assert user.stdout is not None
    return user.stdout.readline().strip()


async def _value(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


@pytest.mark.crash
def test_the_server_ends_with_its_last_user_though_they_are_killed(tmp_path: Path) -> None:
    users = [_user(tmp_path) for _ in range(2)]
    try:
        urls = {_url_of(user) for user in users}
        assert len(urls) == 1
        url = urls.pop()
        folder = Path(url.partition("?host=")[2])
        users[0].send_signal(signal.SIGKILL)
        users[0].wait()
        assert asyncio.run(_value(url, "select 1")) == 1
        users[1].send_signal(signal.SIGKILL)
        users[1].wait()
        give_up_at = time.monotonic() + 60
        while folder.exists():
            assert time.monotonic() < give_up_at
            time.sleep(0.01)
    finally:
        for user in users:
            user.kill()
            user.communicate()


def test_the_server_is_postgresql_13_or_later(postgres_server: str) -> None:
    assert asyncio.run(_value(postgres_server, "select 1")) == 1
    version = asyncio.run(_value(postgres_server, "show server_version_num"))
    assert int(str(version)) >= 130_000, os.environ.get("SAYIIR_TEST_POSTGRES")
