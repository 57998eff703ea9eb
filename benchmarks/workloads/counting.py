"""Counting the statements that a process sends to PostgreSQL."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["StatementCounter"]


class StatementCounter:
    """Counts what all connections send that are opened after it was made; notices too.

    ``counted``: False to count nothing, which costs nothing.
    """

    def __init__(self, *, counted: bool) -> None:
        self.statements = 0
        if counted:
            self._listen()

    def begin(self) -> None:
        """Count from now on."""
        self.statements = 0

    def _listen(self) -> None:
        pool: Any = import_module("sayiir.stores.postgres.pool")
        connect = pool.connect

        async def counting(*args: Any, **options: Any) -> Any:
            connection: Any = await connect(*args, **options)
            connection.add_query_logger(self._note)
            return connection

        pool.connect = counting

    def _note(self, record: Any) -> None:
        self.statements += 1
