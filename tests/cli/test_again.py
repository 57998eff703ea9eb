"""``rerun`` and ``compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine


def test_rerun_keeps_what_comes_before(sayiir: CommandLine) -> None:
    sayiir("run", "shop:order", "o-1", "-i", "2")
    made = sayiir("rerun", "shop:order", "o-1", "o-2", "--from", "total", "-l", "of=o-1")
    assert (made.code, made.out) == (0, "o-2: in progress\n")
    assert sayiir("resume", "shop:order", "o-2", "--json").json["output"] == 13
    history = sayiir("show", "o-2", "--json").json["task_results"]
    attempts = {one["path"]: one["attempts"] for one in history}
    assert attempts == {"check": 0, "fork[0]/price": 0, "fork[1]/shelf": 0, "total": 1}
    (listed,) = sayiir("list", "--json", "-l", "of=o-1").json["instances"]
    assert listed["instance_id"] == "o-2"
    # What follows may be another workflow's.
    again = sayiir("rerun", "shop:other", "o-1", "o-3", "-f", "check#2", "--json").json
    assert again["status"] == "InProgress"
    assert sayiir("resume", "shop:other", "o-3", "--json").json["output"] == 13


def test_rerun_says_why_not(sayiir: CommandLine) -> None:
    sayiir("run", "shop:failing", "f-1", "-i", "2")
    never = sayiir("rerun", "shop:waiting", "f-1", "no", "--from", "approved")
    assert never.code == 0, "before the wait both are the same"
    wrong = sayiir("rerun", "shop:order", "f-1", "no-2", "--from", "totol")
    assert wrong.code == 2
    assert "no node at 'totol'" in wrong.err
    assert "total" in wrong.err
    refused = sayiir("rerun", "shop:order", "f-1", "no-3", "--from", "total")
    assert refused.code == 4
    assert "can't be started again from 'total'" in refused.err
    assert sayiir("rerun", "shop:order", "nobody", "no-4", "--from", "total").code == 4


def test_compare(sayiir: CommandLine) -> None:
    for name, pieces in (("o-1", "2"), ("o-2", "3"), ("o-3", "2")):
        sayiir("run", "shop:order", name, "-i", pieces)
    same = sayiir("compare", "o-1", "o-3")
    assert same.code == 0
    differs = sayiir("compare", "o-1", "o-2")
    assert differs.code == 1
    heading, first, *rest = differs.out.splitlines()
    assert heading.split() == ["path", "o-1", "o-2", "took", "took"]
    assert first.split()[:4] == ["check", "different", "2", "3"]
    assert rest[1].split()[:4] == ["fork[1]/shelf", "equal", "7", "7"]
    told = sayiir("compare", "o-1", "o-2", "--json").json
    assert (told["first"], told["second"], told["same"]) == ("o-1", "o-2", False)
    assert [node["verdict"] for node in told["nodes"]] == [
        "different",
        "different",
        "equal",
        "different",
    ]
    assert set(told["nodes"][0]["first"]) == {"output", "error", "attempts", "seconds"}
    assert sayiir("compare", "o-1", "nobody").code == 4


def test_nothing_stored_steers_the_terminal(sayiir: CommandLine) -> None:
    sayiir("run", "shop:failing", "f-1", "-i", "2")
    sayiir("run", "shop:order", "o-1", "-i", "2")
    assert "\x1b[31m" not in sayiir("compare", "f-1", "o-1").out
