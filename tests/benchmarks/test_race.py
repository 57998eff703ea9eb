"""The race's harness: tables, goals and the page, from results that were written to a file."""

import re
from pathlib import Path

import pytest

from benchmarks.race import field, page, table
from benchmarks.race.goals import goals
from benchmarks.race.results import Cell, Race, latest

STORED = Path(__file__).parent / "race.json"
REQUIREMENTS = Path(field.__file__).parent / "requirements"


@pytest.fixture
def race() -> Race:
    """A race of few cells."""
    return Race.load(STORED)


def test_what_is_written_is_read_again(race, tmp_path):
    """Saving and loading changes nothing."""
    race.save(tmp_path / "again.json")
    assert Race.load(tmp_path / "again.json") == race


def test_a_table_has_medians_in_their_units_and_marks_the_best(race):
    """Cells are medians of the rounds; where nothing was measured there is a dash."""
    told = table.markdown(race)
    assert "| a chain of 10, one at a time | **5.00 ms** | 45.0 ms | 3.00 ms |" in told
    assert "| 1,000 chains of 10 at once: steps | **10,000/s** | 250/s | – |" in told
    assert "| a chain of 10, called | 150 µs | **50.0 µs** |" in told
    assert "| on the disk, with what it needs | 20.0 MB | **8.0 MB** | 30.0 MB |" in told
    assert "| without PostgreSQL's driver | 9.0 MB | – | – |" in told


def test_a_table_says_why_there_is_nothing_and_who_did_fewer(race):
    """Notes of cells, what a system lacks, counts of instances, and loops that were cut short."""
    told = table.markdown(race)
    killed = "- DBOS, a loop killed at step 10,000, to its next step: only 9,000 steps in 60 s."
    assert killed in told
    assert "- DBOS, a loop: it is that of step 9,000." in told
    assert "- DBOS, the same where they wait already: queues are looked at every second" in told
    assert "- Instances a round, 1,000 chains of 10 at once: Sayiir 1,000, DBOS 100." in told


def test_goals_are_worked_out_and_told_reached_or_not(race):
    """A ratio to a rival is theirs over ours, where less time is better."""
    found = {goal.title: goal for goal in goals(race)}
    over_dbos = found["steps/s at once on PostgreSQL, over DBOS"]
    assert (over_dbos.found(), over_dbos.wanted(), over_dbos.reached) == ("40 ×", "≥ 70 ×", False)
    called = found["a chain of 10 called in memory, over sayiir 1.0 (its engine is compiled)"]
    assert (called.found(), called.wanted(), called.reached) == ("3 ×", "≤ 1 ×", False)
    size = found["installed size, over the least of the durable ones in Python"]
    assert (size.value, size.reached) == (pytest.approx(20 / 30), True)  # the compiled one is out
    assert "steps/s at once on SQLite, over DBOS" not in found  # nobody measured it


def test_a_terminal_gets_the_same(race):
    """What is printed has every cell, note and goal."""
    told = table.plain(race)
    assert re.search(r"a chain of 10, one at a time +5\.00 ms +45\.0 ms +3\.00 ms", told)
    assert re.search(r"over DBOS +40 × +≥ 70 × +NOT REACHED", told)


def test_folding_replaces_cells_and_keeps_the_others(race):
    """A part that was run again takes the place of the same part."""
    again = Cell("dbos", "postgres", "lone", 10, {"seconds": [0.02], "count": [30.0]})
    count = len(race.cells)
    race.fold(Race(race.date, 1, {}, {"dbos": "9"}, [again]))
    assert race.median("dbos", "postgres", "lone") == 0.02
    assert race.median("ours", "postgres", "lone") == 0.005
    assert (len(race.cells), race.versions["dbos"]) == (count, "9")


def test_parts_go_between_their_marks_and_nothing_else_changes():
    """Prose stays; a part without marks, and marks without a part, are errors."""
    text = "Before.\n<!-- begin: race -->\nold\n<!-- end: race -->\nAfter.\n"
    written = page.with_parts(text, {"race": "new"})
    assert written == ("Before.\n<!-- begin: race -->\n\nnew\n\n<!-- end: race -->\nAfter.\n")
    assert page.with_parts(written, {"race": "new"}) == written
    with pytest.raises(ValueError, match="about floors"):
        page.with_parts(text, {"race": "new", "floors": "x"})
    with pytest.raises(ValueError, match="about race"):
        page.with_parts(text, {})


def test_the_page_is_that_of_the_newest_race():
    """What stands between the marks was written by the program, from what is committed."""
    text = page.PAGE.read_text(encoding="utf-8")
    wanted = page.with_parts(text, page.parts(Race.load(latest())))
    assert text == wanted, "write it anew: python -m benchmarks.race.page --text"


def test_everybody_who_races_is_pinned():
    """Each system's environment is made from versions that are written down."""
    for system in field.SYSTEMS:
        lines = (REQUIREMENTS / f"{system.name}.txt").read_text(encoding="utf-8").splitlines()
        needs = [line for line in lines if not line.startswith("#")]
        assert needs
        assert all("==" in line for line in needs)
        named = {line.partition("==")[0].partition("[")[0] for line in needs}
        assert {each.partition("[")[0] for each in system.distributions} <= named
