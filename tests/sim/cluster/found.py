"""Which seed finds which mistake: searched, kept in ``found.json``, written as a page.

``python -m tests.sim.cluster.found`` searches anew and writes both.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.broken import Mistake
from tests.sim.cluster.judge import INVARIANTS
from tests.sim.cluster.mistakes import IN_ENGINE, MISTAKES
from tests.sim.cluster.play import SEEDS_PER_GRAPH, Played, prepare, simulate
from tests.sim.cluster.repeating import engine_of
from tests.sim.cluster.worlds import world_of

__all__ = ["PAGE", "Found", "known", "page", "played_with", "search"]

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = ROOT / "docs" / "explanation" / "broken-engines.md"
_KNOWN: Final = Path(__file__).with_name("found.json")
MOST_SEEDS: Final = 2_000


class Found(NamedTuple):
    """The first seed, counted from 0, at which a mistake breaks an invariant."""

    seed: int
    invariant: str


def known() -> dict[str, Found]:
    """What the last search has found, by mistake."""
    return {what: Found(*each) for what, each in json.loads(_KNOWN.read_text()).items()}


def played_with(mistake: Mistake, seed: int) -> Played:
    """A simulation of the broken engine, judged by what the sound one gives."""
    prepare(seed)
    world = world_of(seed // SEEDS_PER_GRAPH)
    with engine_of(world), pytest.MonkeyPatch.context() as monkeypatch:
        mistake.make(monkeypatch)
        return simulate(seed)


def search(mistake: Mistake, most: int = MOST_SEEDS) -> Found | None:
    """Seed after seed, until one finds the mistake."""
    for seed in range(most):
        violation = played_with(mistake, seed).violation
        if violation is not None:
            return Found(seed, violation.invariant)
    return None


def page(found: dict[str, Found]) -> str:
    """The page that tells it."""
    tries = sorted(each.seed + 1 for each in found.values())
    lines = [
        "# Engines broken on purpose",
        "",
        "A simulation that finds nothing may be one that sees nothing. So the engine is broken on",
        f"purpose, in {len(found)} ways, a line each, and the [simulator](simulation.md) has to",
        "notice: seed after seed from 0, until an invariant is broken.",
        "",
        f"All {len(found)} are found, half of them within {tries[len(tries) // 2]} seeds, the last",
        f"one in {tries[-1]}. `make test` plays each mistake at its seed again, `make nightly`",
        "searches anew, and `python -m tests.sim.cluster.found` writes this page.",
        "",
        "| what was broken | where | seeds tried | found at | invariant that was broken |",
        "| --- | --- | --- | --- | --- |",
    ]
    for mistake in MISTAKES:
        each = found[mistake.what]
        where = "engine" if mistake.what in IN_ENGINE else "store"
        lines.append(
            f"| {mistake.what} | {where} | {each.seed + 1} | {each.seed} | {each.invariant} |"
        )
    lines += ["", "## The invariants", "", "| name | what it says |", "| --- | --- |"]
    lines += [f"| {name} | {' '.join(text.split())} |" for name, text in INVARIANTS.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Search for all mistakes, or for those named, and write what was found."""
    named = sys.argv[1:]
    found = known() if _KNOWN.exists() else {}
    for mistake in MISTAKES:
        if named and mistake.what not in named:
            continue
        each = search(mistake)
        print(f"{mistake.what}: {each}", flush=True)
        if each is not None:
            found[mistake.what] = each
        _KNOWN.write_text(json.dumps(found, indent=1) + "\n")
    names = {mistake.what for mistake in MISTAKES}
    found = {what: each for what, each in found.items() if what in names}
    _KNOWN.write_text(json.dumps(found, indent=1) + "\n")
    if names == set(found):
        PAGE.write_text(page(found))


if __name__ == "__main__":
    main()
