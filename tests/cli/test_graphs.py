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
