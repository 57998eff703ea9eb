"""Runs one program of the corpus on one package, and prints what it gives.

A process of its own, because the published package may hang, panic or end it.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

# Behind everything else: `sayiir` has to be what this interpreter has installed.
sys.path.append(str(Path(__file__).parents[2]))

from tests.compat.corpus.every import programs


def main(package: str, name: str) -> None:
    """Run the program of that name."""
    (found,) = (program for program in programs() if program.name == name)
    print(repr(found.run(importlib.import_module(package))), flush=True)
    # Threads that a program has left behind must not keep it.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
