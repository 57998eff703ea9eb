"""Workers: they claim what is due of their workflows and run it, on any number of machines."""

from __future__ import annotations

from sayiir.worker.pooled import AsyncPooledWorker

__all__ = ["AsyncPooledWorker"]
