"""Statements as templates.

``@work_item`` stands for that table in the store's schema, ``@now`` for the store's clock in
microseconds: the server's own, or one that a test moves.
"""

from __future__ import annotations

import re
from typing import Final

from sayiir.clock import Clock, SystemClock

__all__ = ["Templates"]

SERVER_NOW: Final = "(select (extract(epoch from clock_timestamp()) * 1000000)::bigint)"
"""A subquery, evaluated once for a statement: bare, the clock is asked for each row, and no
index can serve a condition on it."""
MAX_TEMPLATES: Final = 2_000
_NAMES: Final = re.compile(r"@(\w+)")
_NOW_MARK: Final = "\0now\0"


class Templates:
    """Statements with their names filled in."""

    def __init__(self, schema: str, clock: Clock) -> None:
        self.schema = f'"{schema}"'
        self._clock = None if isinstance(clock, SystemClock) else clock
        self._known: dict[str, str] = {}

    def render(self, template: str) -> str:
        """The statement that a template stands for."""
        text = self._known.get(template)
        if text is None:
            text = self._filled(template)
        if self._clock is not None and _NOW_MARK in text:
            return text.replace(_NOW_MARK, f"{self._clock.now_us()}::bigint")
        return text

    def _filled(self, template: str) -> str:
        now = SERVER_NOW if self._clock is None else _NOW_MARK
        text = _NAMES.sub(
            lambda name: now if name[1] == "now" else f"{self.schema}.{name[1]}", template
        )
        if len(self._known) >= MAX_TEMPLATES:
            self._known.clear()
        self._known[template] = text
        return text
