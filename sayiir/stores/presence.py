"""Which workers are here, busy or idle: an offer of a store, apart from the protocols it must have.

A worker says so when it starts, and again while it lives. Nothing depends on it: it is for people
who look. A store that doesn't offer it works as well, and shows workers only by what they hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, cast

from sayiir.limits import MAX_WORKERS_SHOWN

__all__ = [
    "PresenceStore",
    "Roll",
    "WorkerNotice",
    "WorkerRecord",
    "presence_of",
]

_VERBS: Final = ("present", "absent", "workers")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerNotice:
    """What a worker says of itself. ``workflows``, ``tags``: sorted."""

    worker_id: str
    workflows: tuple[str, ...]
    tags: tuple[str, ...]
    concurrency: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRecord:
    """A worker that is here.

    ``started_at_us``: when it first said so without having been away since. ``seen_at_us``: when it
    last did. ``until_at_us``: from then on it counts as gone.
    """

    notice: WorkerNotice
    started_at_us: int
    seen_at_us: int
    until_at_us: int


class PresenceStore(Protocol):
    """A store that knows which workers are here."""

    async def present(self, notice: WorkerNotice, lease_us: int) -> None:
        """The worker is here, for ``lease_us`` from now or until it says so again. Wakes nobody."""
        ...

    async def absent(self, worker_id: str) -> None:
        """The worker leaves. Harmless for one that isn't known."""
        ...

    async def workers(self) -> list[WorkerRecord]:
        """Those that are here, by id; at most 1,000.

        Whose time is over isn't here any more. A store may know of an end before that.
        """
        ...


def presence_of(store: object) -> PresenceStore | None:
    """The store, if it offers this.

    By its verbs, whether they are its own or handed on to the store that it is around.
    """
    if all(callable(getattr(store, verb, None)) for verb in _VERBS):
        return cast("PresenceStore", store)
    return None


class Roll:
    """The workers of one open store, for stores that keep them in memory."""

    __slots__ = ("_here",)

    def __init__(self) -> None:
        self._here: dict[str, WorkerRecord] = {}

    def enter(self, notice: WorkerNotice, lease_us: int, now_us: int) -> None:
        """The worker is here; since when, stays as it was."""
        before = self._here.get(notice.worker_id)
        away = before is None or before.until_at_us <= now_us
        self._here[notice.worker_id] = WorkerRecord(
            notice=notice,
            started_at_us=now_us if before is None or away else before.started_at_us,
            seen_at_us=now_us,
            until_at_us=now_us + lease_us,
        )

    def leave(self, worker_id: str) -> None:
        """The worker is gone."""
        self._here.pop(worker_id, None)

    def at(self, now_us: int) -> list[WorkerRecord]:
        """Those that are here at this time, by id; the others are forgotten."""
        self._here = {
            key: each for key, each in sorted(self._here.items()) if each.until_at_us > now_us
        }
        return list(self._here.values())[:MAX_WORKERS_SHOWN]
