"""The runner: durable runs inside the program that calls it."""

from __future__ import annotations

from sayiir.runner.checkpointing import AsyncCheckpointingRunner

__all__ = ["AsyncCheckpointingRunner"]
