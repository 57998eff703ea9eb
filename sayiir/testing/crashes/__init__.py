"""Workflows stopped wherever they can be, continued, and judged."""

from __future__ import annotations

from sayiir.testing.crashes.explore import explore_crashes
from sayiir.testing.crashes.judge import NotRepeatable
from sayiir.testing.crashes.report import CrashReport, Finding, NotDurable

__all__ = ["CrashReport", "Finding", "NotDurable", "NotRepeatable", "explore_crashes"]
