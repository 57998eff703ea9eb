"""Event loops of our own: a blocking object's, and those that runs in memory have and keep."""

from __future__ import annotations

from sayiir.loops.own import OwnLoop

__all__ = ["OwnLoop"]
