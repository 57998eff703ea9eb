"""What a notebook shows of a value: a table, made when it is asked for."""

from __future__ import annotations

from typing import Any

__all__ = ["Shown"]


class Shown:
    """A value that a notebook shows as a table, and a terminal as it always did."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        from sayiir.render.tables import html_of, text_of

        return {"text/html": html_of(self), "text/plain": text_of(self)}
