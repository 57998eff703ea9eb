"""One server for all the processes of a test run, which ends when the last of them has.

Everybody who uses it holds a shared lock on a file, and its keeper, a process apart, waits for
the exclusive one: the system gives it when the last user is gone, however that came. So no
server outlives the tests, killed or not.

Run as a program, this is the keeper: ``python -m tests.postgres.shared LOCK``.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

from sayiir.testing.postgres import PostgresServer

__all__ = ["SharedServer"]


class SharedServer:
    """This process's share in the server of the run that keeps its files in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._users = folder / "postgres-users.lock"
        self._start = folder / "postgres-start.lock"
        self._where = folder / "postgres-url"
        self._use: IO[str] | None = None

    def join(self) -> str:
        """Use the server, started by the first who does; its URL."""
        with self._start.open("a+") as start:
            fcntl.lockf(start, fcntl.LOCK_EX)
            self._use = self._users.open("a+")
            # Waits while a keeper is just taking the last server away.
            fcntl.lockf(self._use, fcntl.LOCK_SH)
            url = self._where.read_text() if self._where.exists() else ""
            if not _answers(url):
                url = _started(self._users)
                self._where.write_text(url)
            return url

    def leave(self) -> None:
        """Use it no more."""
        if self._use is not None:
            self._use.close()


def _answers(url: str) -> bool:
    _, _, folder = url.partition("?host=")
    if not folder:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(f"{folder}/.s.PGSQL.5432")
        except OSError:
            return False
    return True


def _started(lock: Path) -> str:
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.postgres.shared", str(lock)],
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as keeper:
        assert keeper.stdout is not None
        url = keeper.stdout.readline().strip()
        # It lives on, and whoever comes last is not its parent.
        keeper.returncode = 0
    if not url:
        raise RuntimeError("the tests' PostgreSQL didn't start; its keeper says why above")
    return url


def _keep(lock: Path) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    cluster = PostgresServer()
    try:
        cluster.create()
        # Nobody stops it at once, so nothing is asked of the disk: what waits for it takes most of
        # the time. Tests that stop a server have one of their own.
        cluster.start(fsync="off")
        print(cluster.url, flush=True)
        # Whoever waits for the pipe's end must not wait for ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        with lock.open("a+") as users:
            fcntl.lockf(users, fcntl.LOCK_EX)
            cluster.remove()
    finally:
        cluster.remove()


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
