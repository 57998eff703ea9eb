"""The tree of a graph with states: what follows from events, results and open items."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sayiir import Flow, LoopResult, branch, delay, fork, loop, task, workflow
from sayiir.cli.tree_view import TreeView
from sayiir.description import Progress
from sayiir.errors import FailureInfo
from sayiir.events import InstanceParked, TaskFailed, TaskFinished, TaskRetried, TaskStarted
from sayiir.render.states import GraphStates
from tests.render.scenes import open_item

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OF: Any = {"instance_id": "a", "workflow_name": "graph", "at": NOON}
MISTAKE = FailureInfo("TaskFailed", "ValueError", "bad \x1b[2Jline")


@task
def one(n: int) -> int:
    return n


@task
def listed(ns: tuple[int, int]) -> list[int]:
    return list(ns)


@task
def again(ns: list[int]) -> LoopResult[list[int], int]:
    raise NotImplementedError


@workflow
def graph() -> Flow[int, int]:
    return (
        one
        >> fork(one, one >> delay("1h")).named("both")
        >> branch(len, {2: listed, 3: listed >> one.map()}).merge()
        >> loop(again).named("turns")
    )


def states() -> GraphStates:
    return GraphStates(graph.definition)


def drawn(given: GraphStates, width: int = 80, height: int | None = None) -> list[str]:
    return TreeView(given).lines(width, height, NOON).plain.split("\n")


def finished(path: str, seconds: float = 1.0) -> TaskFinished:
    return TaskFinished(path=path, task="one", attempt=1, duration=timedelta(seconds=seconds), **OF)


def started(path: str, attempt: int = 1) -> TaskStarted:
    return TaskStarted(path=path, task="one", attempt=attempt, **OF)


def test_nothing_has_begun() -> None:
    given = states()
    assert {line.split("·")[0].strip(" │├└─") for line in drawn(given)} == {""}
    assert drawn(given)[0] == "├─ · one"


def test_what_holds_something_that_runs_runs() -> None:
    given = states()
    given.add_event(finished("one"))
    given.add_event(started("both[0]/one"))
    lines = drawn(given)
    assert lines[0] == "├─ ✓ one  1.0 s"
    assert lines[1] == "├─ ● both"
    assert lines[2] == "│  ├─ ● [0] one  0 ms"


def test_arms_that_were_not_taken_stay_as_they_are() -> None:
    """What was taken is over with the branch, its delays and maps included."""
    given = states()
    for path in ("one", "both[0]/one", "both[1]/one", "branch", "branch[2]/listed"):
        given.add_event(finished(path))
    given.add_event(started("turns[0]/again"))
    text = "\n".join(drawn(given))
    assert "✓ delay" in text
    assert "✓ [2] listed" in text
    assert "· [3]" in text
    given.add_event(finished("turns[0]/again"))
    given.add_event(finished("turns[1]/again"))
    given.end("Completed")
    text = "\n".join(drawn(given))
    assert "✓ turns" in text
    assert "✓ again  2 done" in text
    assert "· [3]" in text


def test_retries_failures_and_timers_are_told_in_words() -> None:
    given = states()
    facts: Any = {"path": "one", "task": "one", "duration": timedelta(seconds=1), **OF}
    given.add_event(TaskRetried(attempt=1, error=MISTAKE, retry_in=timedelta(seconds=90), **facts))
    (first, *_) = drawn(given)
    assert first == "├─ ◷ one  retries in 1 min 30 s, attempt 2, after ValueError: bad \\x1b[2Jline"
    given.add_event(started("one", attempt=2))
    given.add_event(TaskFailed(attempt=2, error=MISTAKE, **facts))
    assert drawn(given)[0] == "├─ ✗ one  attempt 2, ValueError: bad \\x1b[2Jline"
    given.add_event(
        InstanceParked(path="both[1]/delay", wake_in=timedelta(hours=1), signal_name=None, **OF)
    )
    assert "◷ delay  waits in 1 h" in "\n".join(drawn(given))


def test_the_store_s_word_replaces_what_was_believed() -> None:
    given = states()
    given.add_event(started("both[0]/one"))
    told = Progress(fraction=0.5, message="half\x1b[2J", at=NOON)
    given.set_open_items(
        [open_item("both[1]/one", "running", progress=told), open_item("nowhere/at[all", "running")]
    )
    text = "\n".join(drawn(given))
    assert "· [0] one" in text
    assert "● one  50%, half\\x1b[2J" in text


def test_many_strands_at_one_node_are_counted() -> None:
    given = states()
    paths = [f"branch[3]/map[{number}]/one" for number in range(5)]
    given.add_event(finished(paths[0]))
    given.set_open_items(
        [open_item(path, "running") for path in paths[1:3]] + [open_item(paths[3], "held")]
    )
    assert "one  1 done, 2 running, 1 held back" in "\n".join(drawn(given))


def test_a_result_is_counted_once_however_it_is_heard_of() -> None:
    given = states()
    given.add_event(finished("turns[0]/again"))
    given.add_event(finished("turns[0]/again"))
    assert given.at("turns/again").done == 1


def test_a_low_screen_shows_where_something_happens() -> None:
    given = states()
    given.add_event(started("turns[0]/again"))
    lines = drawn(given, height=5)
    assert len(lines) <= 5
    assert any("● again" in line for line in lines)
    assert lines[0].startswith("… ")
    assert all(len(line) <= 20 for line in drawn(given, width=20))


def test_ascii_terminals_get_ascii() -> None:
    given = states()
    given.add_event(finished("one"))
    text = TreeView(given, plain=True).lines(30, None, NOON).plain
    assert text.isascii()
    assert "|- + one" in text


def test_a_graph_of_thousands_of_nodes_is_cut_and_quick() -> None:
    flow: Any = one
    for _ in range(5_000):
        flow = flow >> one
    given = GraphStates(workflow("long", flow).definition)
    lines = drawn(given)
    assert len(lines) == 501
    assert lines[-1] == "… more below"
