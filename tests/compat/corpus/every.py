"""All programs of the corpus."""

from __future__ import annotations

from collections.abc import Iterator

from tests.compat.corpus import building, crashes, durable, graphs, readme, running, values, workers
from tests.compat.corpus.program import Program

__all__ = ["programs"]


def programs() -> Iterator[Program]:
    """File by file, in the order in which they are written."""
    for module in (readme, building, running, graphs, values, durable, workers, crashes):
        yield from module.corpus.programs
