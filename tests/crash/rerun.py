"""Whether a step began again after it had been committed, by the journal and by the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir import open_store
from tests.crash.fleet_flows import moments

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["run_again"]


async def run_again(url: str, names: Iterable[str], journal: Path) -> list[str]:
    """The steps that began after the store had their results. One clock serves both here."""
    store = await open_store(url)
    finished: dict[tuple[str, str], int] = {}
    for name in names:
        for row in await store.results(name):
            finished[name, row.path] = row.finished_at_us
    await store.close()
    return [
        f"{path} of {name}"
        for name, path, _, _, began in moments(journal)
        if began * 1e6 > finished.get((name, path), began * 1e6)
    ]
