"""Processes that die at a store call, in one loop whose time goes by without anybody waiting.

What the crash explorer and the simulations of this repository share.
"""

from __future__ import annotations

from sayiir.testing.simulation.loop import PROCESS, SimulatedClock, SimulatedLoop
from sayiir.testing.simulation.process import Crash, MortalStore, Point, Witness
from sayiir.testing.simulation.runner import SimulatedRunner, drop_everything
from sayiir.testing.simulation.store import LapsingStore
from sayiir.testing.simulation.worker import SimulatedWorker

__all__ = [
    "PROCESS",
    "Crash",
    "LapsingStore",
    "MortalStore",
    "Point",
    "SimulatedClock",
    "SimulatedLoop",
    "SimulatedRunner",
    "SimulatedWorker",
    "Witness",
    "drop_everything",
]
