"""Tables and facts in narrow terminals: what is long yields first, and names stay."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from sayiir.cli.commands.asking import print_instance
from sayiir.cli.screen import plain_table
from tools.docs.scenes import order, waiting_order

ROWS = [(["order-57", "order", "AwaitingSignal", "waits for signal " + "x" * 80], None)]
HEADINGS = ["instance", "workflow", "status", "at"]


def lines(shown: object, columns: int) -> list[str]:
    screen = Console(file=io.StringIO(), width=columns, record=True, markup=False)
    screen.print(shown)
    return [line.rstrip() for line in screen.export_text().splitlines()]


@pytest.mark.parametrize("columns", [200, 84, 60, 50])
def test_the_widest_column_yields_first(columns: int) -> None:
    table = plain_table(HEADINGS, ROWS, yielding=("instance", "workflow", "at"))
    head, row = lines(table, columns)
    assert head.split() == HEADINGS
    assert row.startswith("order-57  order     AwaitingSignal  waits")
    assert len(row) <= columns
    assert ("…" in row) == (columns < 137)


def test_an_empty_table_has_its_headings() -> None:
    assert lines(plain_table(HEADINGS, [], yielding=()), 80)[0].split() == HEADINGS


def test_a_long_status_goes_on_below_its_beginning() -> None:
    seen, history = waiting_order()
    screen = Console(file=io.StringIO(), width=60, record=True, markup=False)
    print_instance(screen, seen, history, order.definition, 5)
    text = screen.export_text().splitlines()
    assert max(map(len, (line.rstrip() for line in text))) <= 60
    assert text[1].startswith("status   waits for signal picked_up at")
    assert text[2].startswith("         ")
    assert text[3].startswith("created  ") or text[4].startswith("created  ")
