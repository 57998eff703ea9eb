"""Which workers are here: written into the lock file of the process that they are in.

So a worker is gone at once when its process is, however that ended; and saying that it is here
costs no transaction, since nothing of it is in the database.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sayiir.limits import MAX_WORKERS_SHOWN
from sayiir.stores.presence import Roll, WorkerNotice, WorkerRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.stores.sqlite.holders import Holders

__all__ = ["Presence"]


class Presence:
    """The workers of this open store, and a look at those of the others. On one thread.

    Args:
        holders: gives the lock of this store; None: the database is private, or it is closed.
    """

    __slots__ = ("_holders", "_roll")

    def __init__(self, holders: Callable[[], Holders | None]) -> None:
        self._holders = holders
        self._roll = Roll()

    def enter(self, notice: WorkerNotice, lease_us: int, now_us: int) -> None:
        """The worker is here."""
        self._roll.enter(notice, lease_us, now_us)
        self._tell(now_us)

    def leave(self, worker_id: str, now_us: int) -> None:
        """The worker is gone."""
        self._roll.leave(worker_id)
        self._tell(now_us)

    def at(self, now_us: int) -> list[WorkerRecord]:
        """Those that are here, in all processes that live."""
        here = self._roll.at(now_us)
        holders = self._holders()
        for text in () if holders is None else holders.told_by_others():
            here += [each for each in _read(text) if each.until_at_us > now_us]
        return sorted(here, key=lambda each: each.notice.worker_id)[:MAX_WORKERS_SHOWN]

    def _tell(self, now_us: int) -> None:
        holders = self._holders()
        if holders is not None:
            told = [asdict(each) for each in self._roll.at(now_us)]
            holders.tell(json.dumps(told).encode())


def _read(text: bytes) -> list[WorkerRecord]:
    """What another process has written; what isn't whole, or isn't ours, is nothing."""
    try:
        told: Any = json.loads(text) if text else []
        return [_record(each) for each in told]
    except (ValueError, TypeError, LookupError):
        return []


def _record(told: Any) -> WorkerRecord:
    notice = told["notice"]
    return WorkerRecord(
        notice=WorkerNotice(
            worker_id=str(notice["worker_id"]),
            workflows=tuple(map(str, notice["workflows"])),
            tags=tuple(map(str, notice["tags"])),
            concurrency=int(notice["concurrency"]),
        ),
        started_at_us=int(told["started_at_us"]),
        seen_at_us=int(told["seen_at_us"]),
        until_at_us=int(told["until_at_us"]),
    )
