"""What a notebook shows of flows, statuses and lists: escaped, and as text as well."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import CheckpointingRunner, await_signal, delay, fork, task, workflow
from sayiir.errors import FailureInfo
from sayiir.status import (
    AwaitingSignal,
    Cancelled,
    Completed,
    Failed,
    InProgress,
    InstanceInfo,
    InstancePage,
    Parked,
    Paused,
    TaskResult,
    TaskResults,
    Waiting,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>\x1b[31m\u202e"


@task
def double(n: int) -> int:
    return 2 * n


def bundle(shown: Any) -> dict[str, str]:
    given: dict[str, str] = shown._repr_mimebundle_(include=None, exclude=None)
    return given


class Elements(HTMLParser):
    """The names of all elements, and that each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.open.append(tag)
        assert {name for name, _ in attrs} <= {"style", "scope"}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def safe(html: str) -> str:
    """The HTML as it is, if nothing in it can act, and all of it is closed."""
    parser = Elements()
    parser.feed(html)
    parser.close()
    assert not parser.open
    known = {"table", "thead", "tbody", "tr", "th", "td", "div", "span", "code", "pre"}
    assert parser.seen <= known | {"details", "summary"}
    assert "\x1b" not in html
    assert "\u202e" not in html
    return html


FAILURE = FailureInfo("TaskFailed", HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, 2)
PARKED = (Parked(HOSTILE, NOON, None), Parked("b", None, HOSTILE))
INFO = InstanceInfo(
    instance_id=HOSTILE,
    run_id="r",
    workflow_name=HOSTILE,
    workflow_version=HOSTILE,
    definition_hash="d",
    status="Failed",
    priority=3,
    labels={HOSTILE: HOSTILE},
    created_at=NOON,
    finished_at=NOON,
)
RESULT = TaskResult(
    path=HOSTILE, output=HOSTILE, error=None, attempts=1, started_at=NOON, finished_at=NOON
)


@pytest.mark.parametrize(
    "shown",
    [
        Completed(HOSTILE),
        Completed({HOSTILE: [HOSTILE] * 1_000}),
        Failed(FAILURE),
        Cancelled(HOSTILE, HOSTILE),
        Cancelled(),
        Paused(HOSTILE, HOSTILE, PARKED),
        Waiting(NOON, HOSTILE, PARKED),
        AwaitingSignal(HOSTILE, NOON, HOSTILE, PARKED),
        InProgress(PARKED),
        InProgress(),
        INFO,
        InstancePage((INFO, INFO), "more"),
        InstancePage((), None),
        RESULT,
        TaskResults([RESULT, RESULT]),
        TaskResults(),
    ],
    ids=lambda shown: type(shown).__name__,
)
def test_what_was_stored_is_escaped(shown: Any) -> None:
    given = bundle(shown)
    assert set(given) == {"text/html", "text/plain"}
    html = safe(given["text/html"])
    if HOSTILE in str(shown):
        assert "&lt;script&gt;" in html


def test_statuses_are_themselves_in_text() -> None:
    assert bundle(Completed(3)) == {
        "text/html": bundle(Completed(3))["text/html"],
        "text/plain": "Completed(output=3)",
    }


def test_lists_are_tables_in_text() -> None:
    page = bundle(InstancePage((INFO,), None))["text/plain"]
    assert page.splitlines()[0].split() == [
        "instance",
        "status",
        "workflow",
        "created",
        "took",
        "labels",
    ]
    assert "\x1b" not in page
    results = bundle(TaskResults([RESULT]))["text/plain"]
    assert "<script>" in results.splitlines()[1]


def test_a_description_shows_what_is_open_and_pending() -> None:
    flow = workflow("w", double >> fork(await_signal("go", int), double >> delay("1h")))
    with CheckpointingRunner("memory://") as runner:
        runner.run(flow, "<b>a</b>", 1, labels={"<i>": "<u>"})
        html = safe(bundle(runner.client.describe("<b>a</b>"))["text/html"])
    assert "&lt;b&gt;a&lt;/b&gt;" in html
    assert "waits for go" in html
    assert "fork[1]/delay" in html


def test_flows_tasks_and_workflows_are_pictures() -> None:
    for shown, text in (
        (double, "<Task double>"),
        (double >> double, "<Flow: double >> double#2>"),
        (workflow("w", double >> double), "<Workflow w "),
    ):
        given = bundle(shown)
        assert given["text/plain"].startswith(text)
        assert given["image/svg+xml"].startswith("<svg")
        assert ">double</text>" in given["image/svg+xml"]


def test_a_flow_that_is_no_whole_workflow_is_drawn_all_the_same() -> None:
    """It isn't checked: what it lacks may still come before it."""

    def needs(n: int) -> int:
        return n

    assert "image/svg+xml" in bundle(double >> needs >> fork(double, double))


def test_a_large_graph_is_told_and_not_drawn() -> None:
    flow = double
    many: Any = flow
    for _ in range(1_100):
        many = many >> double
    assert set(bundle(many)) == {"text/plain"}
    assert set(bundle(workflow("many", many))) == {"text/plain"}


def test_a_comparison_is_a_table() -> None:
    flow = workflow("w", double >> str)
    with CheckpointingRunner("memory://") as runner:
        runner.run(flow, "<a>", 1)
        runner.run(flow, "b", 2)
        compared = runner.client.compare("<a>", "b")
    html = safe(bundle(compared)["text/html"])
    assert html.count("different") >= 2
    assert "&lt;a&gt;" in html
    assert bundle(compared)["text/plain"] == str(compared)
    assert str(compared).splitlines()[0] == "<a> and b: 2 different"


def test_displaying_imports_nothing_of_ipython(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real: Callable[..., Any] = builtins.__import__

    def refusing(name: str, *rest: Any, **more: Any) -> Any:
        assert not name.startswith("IPython"), "only a kernel has it"
        return real(name, *rest, **more)

    monkeypatch.delitem(sys.modules, "IPython", raising=False)  # where another test has loaded it
    monkeypatch.setattr(builtins, "__import__", refusing)
    bundle(workflow("w", double >> double))
    with CheckpointingRunner("memory://") as runner:
        bundle(runner.run(workflow("w", double >> double), "a", 1))
