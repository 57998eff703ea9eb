"""A memory store whose leases end when somebody says that their holder is gone."""

from __future__ import annotations

from typing import final

from sayiir.stores.memory import MemoryStore

__all__ = ["LapsingStore"]


@final
class LapsingStore(MemoryStore):
    """A memory store that outlives the processes of a simulation.

    SQLite sees at once that a process is dead, by the lock that it held. Here the simulation
    tells, so that a crash takes no time, and a wait of ten seconds is none that a crash outlasts.
    """

    def lapse(self) -> None:
        """All leases are over: those who held them are dead, or are taken for it."""
        with self._transaction() as tables:
            for run in tables.runs.values():
                for item in run.open.values():
                    if item.holder is not None:
                        item.lease_until = min(item.lease_until, tables.now)
                        tables.refresh(run, item)
                tables.changed.add(run.number)
