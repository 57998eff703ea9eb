"""Findings: what looks wrong in a definition, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["SEVERITIES", "Finding", "Severity"]

Severity: TypeAlias = Literal["error", "warning", "note"]

SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "note")
"""From the worst: what can't work, what may go wrong, what is good to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found.

    Attributes:
        code: what kind of thing, as ``"signal-without-timeout"``; it stays.
        severity: ``"error"``: some run can't end well; ``"warning"``: it may go wrong; ``"note"``:
            it may be meant so.
        path: node path of where it is; empty for the workflow itself. Of a task that stands at
            several places, the first.
        message: what was found.
        advice: what to do.
        more_paths: the other places of the same task.
    """

    code: str
    severity: Severity
    path: str
    message: str
    advice: str
    more_paths: tuple[str, ...] = ()
