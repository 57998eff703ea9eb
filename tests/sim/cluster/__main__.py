"""Plays the simulation of a seed again, and prints it: ``python -m tests.sim.cluster SEED``."""

from __future__ import annotations

import sys

from tests.sim.cluster.play import simulate


def main() -> None:
    """Print the trace of each seed given, and what was wrong."""
    for given in sys.argv[1:]:
        played = simulate(int(given))
        print("\n".join(played.trace()))
        print(played)


main()
