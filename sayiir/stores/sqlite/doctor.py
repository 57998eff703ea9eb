"""A SQLite file as ``sayiir doctor`` sees it."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sayiir.errors import StoreError
from sayiir.stores.facts import Advice, StoreFacts
from sayiir.stores.sqlite.connection import OLDEST_SQLITE
from sayiir.stores.sqlite.faults import translated
from sayiir.stores.sqlite.look import file_uri, look_at
from sayiir.stores.sqlite.migrations import check_steps, newest_version, steps
from sayiir.stores.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SqliteDoctor"]

SAFE_WAL: Final = (3, 51, 3)
"""The first SQLite that can't corrupt a WAL file which several connections write."""
LITTLE_SPACE_BYTES: Final = 200 * 1024 * 1024
_NETWORK_FILE_SYSTEMS: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "fuse.sshfs", "lustre"}
)


MOUNTS: Final = Path("/proc/self/mounts")
"""Where Linux tells which file systems there are; other systems are believed."""


def version_info() -> tuple[int, ...]:
    """The version of the SQLite that this Python has."""
    return sqlite3.sqlite_version_info


class SqliteDoctor:
    """Looks at SQLite files.

    Args:
        path_of: the file that a URL names; None: one in memory.
    """

    def __init__(self, path_of: Callable[[str], str | None]) -> None:
        self._path_of = path_of

    async def facts(self, url: str) -> StoreFacts:
        """See ``StoreDoctor.facts``."""
        return await asyncio.to_thread(_facts, self._path(url))

    async def migrate(self, url: str) -> tuple[str, ...]:
        """See ``StoreDoctor.migrate``; a file that isn't there is made."""
        path = self._path(url)
        before = await asyncio.to_thread(_facts, path)
        # Opening does it, under the lock that all who open the file take.
        store = await SqliteStore.open(path)
        await store.close()
        return before.pending

    def _path(self, url: str) -> Path:
        path = self._path_of(url)
        if path is None:
            raise StoreError(f"{url} is a database in memory: there is nothing to look at")
        return Path(path).resolve()


def _facts(path: Path) -> StoreFacts:
    look_at(path)
    had = _steps_had(path)
    pending = tuple(step.name for step in steps() if step.version not in had)
    return StoreFacts(
        kind="SQLite",
        place=str(path),
        server=f"SQLite {sqlite3.sqlite_version}",
        schema_version=max(had, default=None),
        newest_version=newest_version(),
        pending=pending,
        advice=tuple(_advice(path, pending, had=bool(had))),
    )


def _steps_had(path: Path) -> dict[int, str]:
    if not path.exists() or path.stat().st_size == 0:
        return {}
    try:
        with closing(
            sqlite3.connect(file_uri(path, "mode=ro"), uri=True, timeout=10)
        ) as connection:
            known = connection.execute(
                "select count(*) from sqlite_master where name = 'schema_step'"
            ).fetchone()
            return check_steps(connection, str(path)) if known[0] else {}
    except sqlite3.Error as error:
        raise translated(error, str(path)) from error


def _advice(path: Path, pending: tuple[str, ...], *, had: bool) -> list[Advice]:
    found: list[Advice] = []
    version = version_info()
    if version < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        found.append(Advice(f"this Python's SQLite is too old; sayiir needs {oldest}", wrong=True))
    elif version < SAFE_WAL:
        found.append(
            Advice(
                "SQLite before 3.51.3 can corrupt a WAL file when several connections write and "
                "checkpoint at the same moment; sayiir checkpoints under a lock of its own, so "
                "let no other program write to the file, or use a Python with a newer SQLite"
            )
        )
    if not had:
        found.append(Advice("there is no such database yet: `sayiir migrate` makes it", wrong=True))
    elif pending:
        found.append(Advice("it is migrated when it is opened next, or by `sayiir migrate`"))
    system = _file_system(path)
    if system in _NETWORK_FILE_SYSTEMS:
        found.append(
            Advice(
                f"it lies on a network file system ({system}), whose locks can't be relied on: "
                "move it to a local disk",
                wrong=True,
            )
        )
    free = shutil.disk_usage(path.parent).free
    if free < LITTLE_SPACE_BYTES:
        found.append(
            Advice(
                f"only {free // 1024**2} MiB are free on its disk: make room, or nothing can be "
                "stored",
                wrong=True,
            )
        )
    return found


def _file_system(path: Path) -> str:
    """The kind of file system that holds a file; empty where the system doesn't tell."""
    if not MOUNTS.exists():
        return ""
    best, kind = "", ""
    for line in MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
        _, place, system, *_ = line.split(" ")
        # Spaces in a mount's name are written as \040.
        place = place.replace("\\040", " ")
        inside = str(path) == place or str(path).startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best):
            best, kind = place, system
    return kind
