"""``graph``, ``hash`` and ``diff``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import CommandLine


def test_a_graph_as_text_mermaid_and_json(sayiir: CommandLine) -> None:
    assert sayiir("graph", "shop:order").out == (
        "order\n├─ check\n├─ fork\n│  ├─ [0] price\n│  └─ [1] shelf\n└─ total\n"
    )
    assert sayiir("graph", "shop:order", "-f", "mermaid").out.startswith("flowchart TD\n")
    assert sayiir("graph", "shop:order", "--json").json["name"] == "order"


def test_the_graph_of_an_instance_needs_no_code(sayiir: CommandLine, shop: Path) -> None:
    sayiir("submit", "shop:slow", "s-1", "-i", "2")
    (shop / "shop.py").unlink()
    out = sayiir("graph", "s-1", "--store", "sqlite:///shop.db").out
    assert "until_open: 2 retries, timeout 30 s" in out


def test_a_graph_as_svg_and_dot(sayiir: CommandLine) -> None:
    svg = sayiir("graph", "shop:order", "-f", "svg").out
    assert svg.startswith("<svg ")
    assert svg.endswith("</svg>\n")
    assert "prefers-color-scheme" in svg
    assert "prefers" not in sayiir("graph", "shop:order", "-f", "svg", "--theme", "dark").out
    assert sayiir("graph", "shop:order", "-f", "dot").out.startswith('digraph "order" {\n')


def test_an_instance_is_drawn_with_states_and_without_code(sayiir: CommandLine, shop: Path) -> None:
    sayiir("run", "shop:waiting", "w-1", "-i", "2", "--no-wait")
    (shop / "shop.py").unlink()
    of = ["--instance", "w-1", "--store", "sqlite:///shop.db"]
    svg = sayiir("graph", *of, "-f", "svg").out
    assert 'class="sayiir-task sayiir-is-done" data-path="check"' in svg
    assert 'class="sayiir-await_signal sayiir-is-waiting" data-path="approved"' in svg
    assert "#d8f0de" in sayiir("graph", *of, "-f", "dot").out
    assert "class n0 is_done" in sayiir("graph", *of, "-f", "mermaid").out
    text = sayiir("graph", *of).out
    assert text.startswith("w-1\nwaiting: waits for signal approved\n")
    assert "├─ ✓ check" in text
    assert sayiir("graph", *of, "--json").json["name"] == "waiting"


def test_one_thing_is_drawn(sayiir: CommandLine) -> None:
    assert sayiir("graph").code == 2
    assert sayiir("graph", "shop:order", "--instance", "w-1").code == 2
    assert sayiir("graph", "--instance", "none").code == 3  # there is no file yet
    sayiir("submit", "shop:order", "o-1", "-i", "2")
    assert sayiir("graph", "--instance", "none").code == 4


def test_check_ends_with_1_where_something_can_t_work(sayiir: CommandLine, shop: Path) -> None:
    fine = sayiir("check", "shop:order")
    assert fine.code == 0
    assert "note thread-without-timeout at check" in fine.out
    warned = sayiir("check", "shop:waiting")
    assert (warned.code, sayiir("check", "shop:waiting", "--strict").code) == (0, 1)
    assert sayiir("check", "shop:order", "--strict").code == 0
    with (shop / "shop.py").open("a") as file:
        file.write(
            "\nfrom sayiir import Again\n"
            "@task\ndef turn(n: int) -> Again[int]:\n    return Again(n)\n"
            "endless = workflow('endless', loop(turn))\n"
        )
    import sys

    del sys.modules["shop"]
    bad = sayiir("check", "shop:endless", "--json")
    assert bad.code == 1
    assert bad.json["findings"][0]["code"] == "loop-never-done"


def test_the_hash(sayiir: CommandLine) -> None:
    shown = sayiir("hash", "shop:order", "--json").json
    assert sayiir("hash", "shop:order").out == shown["definition_hash"] + "\n"
    assert set(shown) == {"workflow_name", "workflow_version", "definition_hash"}


def test_a_diff_ends_with_1_where_instances_can_t_go_on(sayiir: CommandLine, shop: Path) -> None:
    same = sayiir("diff", "shop:order", "shop:order")
    assert (same.code, same.out) == (0, "nothing changed\n")
    changed = sayiir("diff", "shop:order", "shop:other")
    assert (changed.code, changed.out) == (1, "check#2: added: task after 'total'\n")
    (shop / "old.json").write_text(sayiir("graph", "shop:order", "--json").out)
    shown = sayiir("diff", "@old.json", "shop:other", "--json")
    assert shown.code == 1
    assert shown.json["changes"] == [
        {"node": "check#2", "what": "added", "detail": "task after 'total'", "counted": True}
    ]


def test_a_diff_with_what_an_instance_runs(sayiir: CommandLine) -> None:
    sayiir("submit", "shop:order", "o-1", "-i", "2")
    store = ["--store", "sqlite:///shop.db"]
    assert sayiir("diff", "o-1", "shop:other", *store).code == 1
    assert sayiir("diff", "o-1", "shop:order", *store).code == 0


def test_a_file_that_is_no_definition(sayiir: CommandLine, shop: Path) -> None:
    (shop / "x.json").write_text("{}")
    assert sayiir("diff", "@x.json", "shop:order").code == 2
    assert sayiir("diff", "@none.json", "shop:order").code == 2
