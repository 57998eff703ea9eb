"""``workers``: who is here to run what is due, busy or idle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.cli.options import JsonOption, StoreOption

if TYPE_CHECKING:
    from sayiir.description import WorkerInfo

__all__ = ["workers"]


def workers(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List the workers that are here, busy or idle, with the workflows that they run.

    One that was killed is told until its lease would have ended; on SQLite it is gone at once.
    """
    from sayiir.cli.screen import print_json, warn
    from sayiir.cli.shapes import worker_here
    from sayiir.cli.stores import ask

    here = ask(store, lambda client: client.workers())
    if as_json:
        print_json({"workers": [worker_here(each) for each in here]})
    elif here:
        _print_table(here)
    else:
        warn("no workers are here")


def _print_table(here: tuple[WorkerInfo, ...]) -> None:
    from sayiir.cli.screen import console, plain_table
    from sayiir.cli.texts import clean, clock_text

    headings = ["worker", "runs", "tags", "slots", "since", "seen"]
    rows: list[tuple[list[str], str | None]] = []
    for each in here:
        cells = [clean(each.worker_id), clean(", ".join(each.workflows))]
        cells += [clean(", ".join(each.tags)), str(each.concurrency)]
        cells += [clock_text(each.started_at), clock_text(each.seen_at)]
        rows.append((cells, None))
    console().print(plain_table(headings, rows, yielding=("worker", "runs", "tags")))
