"""A cluster in one loop: workers, people, a store and a clock, by a seed.

``simulate(seed)`` plays one; ``python -m tests.sim.cluster SEED`` plays it again and prints it.
"""

from __future__ import annotations

from tests.sim.cluster.judge import INVARIANTS, Judge, Violation
from tests.sim.cluster.play import Played, prepare, simulate

__all__ = ["INVARIANTS", "Judge", "Played", "Violation", "prepare", "simulate"]
