"""Charts of a race as SVG: ``python -m benchmarks.race.charts RESULTS FOLDER``.

Runs in an environment with matplotlib. Text stays text, grounds are transparent and the colours
of a middle brightness, so that they are read on light pages and on dark ones.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib import pyplot
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks.race.field import OURS, SYSTEMS, System
from benchmarks.race.results import Race

__all__ = ["draw"]

GREY: Final = "#808790"
OURS_COLOUR: Final = "#1f9e89"
OTHERS: Final = "#8fa1b3"
LINES: Final = ("#1f9e89", "#c77d2e", "#7b6fd0", "#c44e6c", "#4a90c2")
MARKS: Final = "osDv^"
STORES: Final = (("postgres", "PostgreSQL"), ("sqlite", "SQLite"))
STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "race",  # the same figures give the same file
    "font.family": "sans-serif",
    "font.size": 10,
    "savefig.transparent": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), GREY
    ),
}


def draw(race: Race, folder: Path) -> None:
    """All charts."""
    with mpl.rc_context(STYLE):
        _throughput(race, folder / "race-throughput.svg")
        _alone(race, folder / "race-alone.svg")
        _continuing(race, folder / "race-continuing.svg")


def _throughput(race: Race, path: Path) -> None:
    bars = [
        (f"{system.title}, {named}", 1 / seconds, system)
        for store, named in STORES
        for system in SYSTEMS
        if (seconds := race.median(system.name, store, "many"))
    ]
    _bars(
        path, bars, "durable steps a second: chains of 10, many at once in one process", "{:,.0f}"
    )


def _alone(race: Race, path: Path) -> None:
    bars = [
        (f"{system.title}, {named}", seconds * 1e3, system)
        for store, named in STORES
        for system in SYSTEMS
        if (seconds := race.median(system.name, store, "lone"))
    ]
    _bars(path, bars, "milliseconds of a durable chain of 10 that runs alone", "{:,.1f}")


def _bars(path: Path, bars: list[tuple[str, float, System]], title: str, form: str) -> None:
    figure, axes = pyplot.subplots(figsize=(7.2, 0.32 * len(bars) + 0.9))
    colours = [OURS_COLOUR if system is OURS else OTHERS for *_, system in bars]
    drawn = axes.barh([name for name, *_ in bars], [value for _, value, _ in bars], color=colours)
    axes.bar_label(drawn, [form.format(value) for _, value, _ in bars], padding=3, color=GREY)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_title(title, fontsize=10, loc="left")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    _save(figure, path)


def _continuing(race: Race, path: Path) -> None:
    figure, both = pyplot.subplots(1, 2, figsize=(7.2, 3), sharey=True)
    for axes, (store, named) in zip(both, STORES, strict=True):
        for number, system in enumerate(SYSTEMS):
            points = list(_points(race, system, store))
            if points:
                axes.loglog(
                    *zip(*points, strict=True),
                    color=LINES[number],
                    marker=MARKS[number],
                    markersize=5,
                    label=system.title,
                )
        axes.set_title(f"{named}: ms from a kill to the next step", fontsize=9, loc="left")
        axes.set_xlabel("killed at step")
        axes.set_xticks([10, 1_000, 10_000], ["10", "1,000", "10,000"])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.legend(frameon=False, fontsize=8, labelcolor=GREY)
    _save(figure, path)


def _points(race: Race, system: System, store: str) -> Iterable[tuple[int, float]]:
    for steps in (10, 1_000, 10_000):
        if seconds := race.median(system.name, store, "go_on", steps):
            yield steps, seconds * 1e3


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)


if __name__ == "__main__":
    draw(Race.load(Path(sys.argv[1])), Path(sys.argv[2]))
