"""The SQLite store: one file, any number of processes on one machine.

Read ``store`` for the verbs, ``writer`` for how they become transactions, ``schema/`` for the
tables, and ``claim`` and ``commit`` for what the verbs do.
"""

from __future__ import annotations

from sayiir.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
