"""The account of what happened: how fast it went, what ran more than once, what was lost."""

from __future__ import annotations

from dataclasses import astuple
from itertools import pairwise

from examples.worker_fleet.checking import Checked
from examples.worker_fleet.play import Played
from examples.worker_fleet.table import Cell, table
from examples.worker_fleet.watching import Sample

__all__ = ["pace", "repeats", "takeover", "verdict"]


def pace(first: Sample, played: Played, worker_count: int) -> str:
    """Steps and bills a second: before the kill, after it, and with the new worker.

    Args:
        first: the last sample before anything was committed.
        played: what has happened.
        worker_count: how many workers there were at first.
    """
    assert played.ended is not None
    left = _workers(worker_count - 1)
    marks = [(_workers(worker_count), first)]
    if played.all_over is not None and (played.joined or played.ended).at > played.all_over.at:
        marks.append((f"{left}, until the leases end", played.killed))
        marks.append((left, played.all_over))
    else:
        marks.append((left, played.killed))
    if played.joined is not None:
        marks.append((f"{_workers(worker_count)} again", played.joined))
    marks.append(("", played.ended))
    rows: list[tuple[Cell, ...]] = []
    for (name, begin), (_, end) in pairwise(marks):
        seconds = end.at - begin.at
        if seconds > 0:
            steps, bills = end.steps - begin.steps, end.completed - begin.completed
            rows.append((name, begin.at, end.at, round(steps / seconds), round(bills / seconds)))
    return table(("", "from s", "to s", "steps/s", "bills/s"), rows)


def _workers(count: int) -> str:
    if not count:
        return "nobody"
    return "1 worker" if count == 1 else f"{count} workers"


def takeover(played: Played, lease_seconds: float) -> str:
    """How long what the killed worker held was left alone."""
    if played.first_over is None or played.all_over is None:
        return f"{played.victim} held nothing at the moment of its death"
    first, last = (each.at - played.killed.at for each in (played.first_over, played.all_over))
    return (
        f"{played.held:,} items of {played.victim} were taken over {first:.1f} to {last:.1f} s "
        f"after its death\n(a lease lasts {lease_seconds:g} s, and was renewed last up to "
        f"{lease_seconds / 3:.1f} s before)"
    )


def repeats(found: Checked) -> str:
    """How often each task was begun, and why more often than it was committed."""
    head = ("task", "begun", "committed", "failed", "cut off", "other", "after commit")
    rows: list[tuple[Cell, ...]] = [(name, *astuple(each)) for name, each in found.tasks.items()]
    sums = (sum(column) for column in zip(*map(astuple, found.tasks.values()), strict=True))
    return table(head, [*rows, ("all", *sums)])


def verdict(found: Checked, played: Played) -> str:
    """What has to be 0, and what doesn't."""
    again = sum(each.again for each in found.tasks.values())
    committed = sum(each.committed for each in found.tasks.values())
    return "\n".join(
        [
            f"lost                     {found.lost:,} of {len(played.acknowledged):,} bills",
            f"begun after its commit   {again:,} of {committed:,} tasks",
            f"committed but not seen   {found.unseen:,}",
            f"wrong sums               {found.wrong:,}",
            f"charged twice            {found.charged_twice:,} of {found.charges:,} charges; the "
            f"bank was asked again {found.asked_again:,} times",
        ]
    )
