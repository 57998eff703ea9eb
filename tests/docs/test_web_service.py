"""The service keeps what its README says: real processes, real HTTP, a real ``kill -9``."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from examples.web_service.problems import CODES, HANDLERS
from examples.web_service.workflow import Article, Decision, publish_article
from sayiir import SayiirError, StoreUnavailable, WorkflowClient, errors
from tests.docs.pages import ROOT
from tests.docs.readmes import example_environment
from tests.docs.sessions import fits, play

PAGE: Final = ROOT / "examples" / "web_service" / "README.md"
SHORT: Final = {"title": "Short", "text": "One.\n\nTwo."}
LONG: Final = {"title": "Long", "text": "\n\n".join(f"Paragraph {n}." for n in range(12))}
YES: Final = {"approved": True, "by": "Ada"}


class Server:
    """The program, on a port of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "examples.web_service", "--port", "0", *arguments],
            cwd=folder,
            env=example_environment(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []
        self.url = self._url()
        self.http = httpx.Client(base_url=self.url, timeout=30)
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _url(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if found := re.search(r"running on (http://\S+)", line):
                return found[1]
        raise AssertionError(f"it never ran: {self.said}")

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.said.extend(self.process.stdout)

    def end(self, number: signal.Signals) -> int:
        """Send a signal, and wait for the end."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Wait for the end."""
        code = self.process.wait(30)
        self._reading.join()
        self.http.close()
        return code

    def look(self, article: str, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Ask how it stands until it stands so."""
        end = time.monotonic() + 30
        while not until(seen := self.http.get(f"/articles/{article}").json()):
            assert time.monotonic() < end, seen
        return dict(seen)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(*arguments: str) -> Server:
        started.append(Server(tmp_path, *arguments))
        return started[-1]

    yield start
    for each in started:
        each.end(signal.SIGKILL)
        assert each.process.stdout is not None
        each.process.stdout.close()


def test_the_sessions_of_the_readme(serve: Callable[..., Server], tmp_path: Path) -> None:
    """With the port that this server has; curl is the machine's, or the few lines below."""
    page = tmp_path / "README.md"
    page.write_text(PAGE.read_text("utf-8").replace("http://127.0.0.1:8000", serve().url), "utf-8")
    environment = example_environment(tmp_path)
    if shutil.which("curl") is None:
        write_curl(tmp_path)
        environment["PATH"] = f"{tmp_path}{os.pathsep}{environment['PATH']}"
    played = [(each, printed) for each, printed in play(page, tmp_path, environment)]
    assert len(played) >= 8
    for exchange, printed in played:
        assert fits(printed, exchange.printed), f"line {exchange.line}:\n{printed}"


def test_what_stands_in_for_curl_does_the_same(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    """As far as the README needs it, on machines that have no curl."""
    url = serve("--no-worker").url
    write_curl(tmp_path)
    line = ["./curl", "-s", "-X", "PUT", f"{url}/articles/a", "--json", json.dumps(SHORT)]
    put = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(put.stdout)["status"] == "InProgress"
    line = ["./curl", "-s", f"{url}/articles/nobody"]
    got = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(got.stdout)["status"] == 404


def write_curl(folder: Path) -> None:
    """curl -s [-X METHOD] URL [--json BODY]."""
    (folder / "curl").write_text(
        f"#!{sys.executable}\n"
        "import argparse, httpx\n"
        "given = argparse.ArgumentParser()\n"
        "given.add_argument('-s', action='store_true')\n"
        "given.add_argument('-X')\n"
        "given.add_argument('--json')\n"
        "given.add_argument('url')\n"
        "given = given.parse_args()\n"
        "head = {'content-type': 'application/json'} if given.json else {}\n"
        "method = given.X or ('POST' if given.json else 'GET')\n"
        "print(httpx.request(method, given.url, content=given.json, headers=head).text)\n",
        "utf-8",
    )
    (folder / "curl").chmod(0o755)


# -- killed, stopped, several


@pytest.mark.crash
def test_what_was_accepted_survives_kill_9(serve: Callable[..., Server], tmp_path: Path) -> None:
    """In the middle of a map; the next server goes on, and proofreads nothing twice."""
    first = serve()
    assert first.http.put("/articles/a", json=LONG).status_code == 202
    assert first.http.post("/articles/a/decision", json=YES).status_code == 202
    first.look("a", lambda seen: seen["proofread"] >= 3)
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    url = f"sqlite:///{tmp_path / 'articles.db'}"
    with WorkflowClient(url) as client:
        before = client.task_results("article-a", publish_article)
        assert 3 <= sum(each.path.endswith("/proofread") for each in before) < 12

    again = serve()
    assert again.http.put("/articles/a", json=LONG).status_code == 200
    result = again.http.get("/articles/a/result", params={"wait": 30})
    assert result.status_code == 200
    assert result.json() == {
        "title": "Long",
        "published": True,
        "decided_by": "Ada",
        "words": 24,
        "remarks": [],
    }
    with WorkflowClient(url) as client:
        after = client.task_results("article-a", publish_article)
    assert after[: len(before)] == before
    assert all(each.attempts <= 2 for each in after)


@pytest.mark.crash
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_is_stopped_ends_its_streams(
    number: signal.Signals, serve: Callable[..., Server]
) -> None:
    """An open stream doesn't hold up the end; what it was at is given back."""
    server = serve()
    server.http.put("/articles/a", json=LONG)
    began = time.monotonic()
    with server.http.stream("GET", "/articles/a/progress") as stream:
        lines = stream.iter_lines()
        assert json.loads(next(lines).removeprefix("data: "))["status"] == "InProgress"
        server.process.send_signal(number)
        rest = list(lines)
    assert "event: end" not in rest
    assert server.ended() == (130 if number == signal.SIGINT else -signal.SIGTERM)
    assert time.monotonic() - began < 20
    said = "".join(server.said)
    assert "Traceback" not in said
    assert "Application shutdown complete" in said
    again = serve()
    again.http.post("/articles/a/decision", json=YES)
    assert again.http.get("/articles/a/result", params={"wait": 30}).status_code == 200


def test_a_server_without_a_worker_leaves_the_work_to_others(
    serve: Callable[..., Server],
) -> None:
    asking = serve("--no-worker")
    assert asking.http.put("/articles/a", json=SHORT).status_code == 202
    early = asking.http.get("/articles/a/result", params={"wait": 0.5})
    assert (early.status_code, early.headers["Retry-After"]) == (202, "1")
    assert early.json() == {"status": "InProgress", "proofread": 0, "paragraphs": None}
    working = serve()
    asking.look("a", lambda seen: seen.get("waits_for") == "decision")
    working.http.post("/articles/a/decision", json={"approved": False, "by": "Bob"})
    assert asking.http.get("/articles/a/result?wait=20").json()["published"] is False


# -- what is answered


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """One server for those that follow; each names its articles as no other does."""
    server = Server(tmp_path_factory.mktemp("service"))
    yield server.http
    server.end(signal.SIGKILL)
    assert server.process.stdout is not None
    server.process.stdout.close()


def test_the_progress_is_streamed_to_the_end(http: httpx.Client) -> None:
    """Each change once, in order; then that it has ended."""
    http.put("/articles/streamed", json=SHORT)
    http.post("/articles/streamed/decision", json=YES)
    text = http.get("/articles/streamed/progress").text
    *changes, end = text.strip().split("\n\n")
    assert end == "event: end\ndata: {}"
    seen = [json.loads(each.removeprefix("data: ")) for each in changes]
    assert seen[-1]["status"] == "Completed"
    counts = [each["proofread"] for each in seen]
    assert counts == sorted(counts)
    assert all(one != other for one, other in itertools.pairwise(seen))


def test_a_cancelled_article_has_no_result(http: httpx.Client) -> None:
    http.put("/articles/cancelled", json=LONG)
    for _ in range(2):
        assert http.post("/articles/cancelled/cancel").status_code == 202
    answer = http.get("/articles/cancelled/result?wait=10")
    assert (answer.status_code, answer.json()["title"]) == (409, "WorkflowCancelled")
    assert http.get("/articles/cancelled").json()["reason"] == "asked over HTTP"
    refused = http.post("/articles/cancelled/decision", json=YES)
    assert (refused.status_code, refused.json()["title"]) == (409, "InvalidTransition")


def test_lists_are_paged(http: httpx.Client) -> None:
    for number in range(25):
        http.put(f"/articles/paged-{number}", json=SHORT)
    ids: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = http.get("/articles", params={"cursor": cursor} if cursor else {}).json()
        assert len(page["articles"]) <= 20
        ids += [each["id"] for each in page["articles"]]
        cursor = page["cursor"]
    paged = [each for each in ids if each.startswith("paged-")]
    assert paged == [f"paged-{number}" for number in reversed(range(25))]
    assert http.get("/articles?status=Failed").json()["articles"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "title"),
    [
        ("GET", "/articles/nobody", None, 404, "InstanceNotFound"),
        ("GET", "/articles/nobody/progress", None, 404, "InstanceNotFound"),
        ("GET", "/articles/nobody/result", None, 404, "InstanceNotFound"),
        ("POST", "/articles/nobody/cancel", None, 404, "InstanceNotFound"),
        ("POST", "/articles/nobody/decision", YES, 404, "InstanceNotFound"),
        ("PUT", "/articles/a%0Ab", SHORT, 400, "InvalidInstanceId"),
        ("PUT", f"/articles/{'a' * 256}", SHORT, 400, "InvalidInstanceId"),
        ("PUT", "/articles/a", {"title": "no text"}, 422, "ValidationError"),
        ("PUT", "/articles/a", {**SHORT, "txet": ""}, 422, "ValidationError"),
        ("PUT", "/articles/a", {"title": "", "text": "x"}, 422, "ValidationError"),
        ("POST", "/articles/known/decision", {"approved": "maybe"}, 422, "ValidationError"),
        ("PUT", "/articles/known", LONG, 409, "InstanceAlreadyExists"),
        ("GET", "/articles?status=asleep", None, 400, "ValueError"),
        ("GET", "/articles?cursor=here", None, 400, "ValueError"),
        ("GET", "/articles/known/result?wait=soon", None, 400, "ValueError"),
        ("GET", "/papers", None, 404, "Not Found"),
        ("DELETE", "/articles/known", None, 405, "Method Not Allowed"),
    ],
)
def test_each_error_is_a_problem_with_its_code(
    http: httpx.Client, method: str, path: str, body: Any, code: int, title: str
) -> None:
    http.put("/articles/known", json=SHORT)
    answer = http.request(method, path, json=body)
    assert (answer.status_code, answer.json()["title"]) == (code, title)
    assert answer.json()["status"] == code
    assert answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_is_json_and_not_too_large(http: httpx.Client) -> None:
    text = http.put("/articles/body", content=b"{}", headers={"content-type": "text/plain"})
    assert text.status_code == 415
    large = {"title": "x", "text": "x" * 1_000_001}
    assert http.put("/articles/body", json=large).status_code == 413
    head = {"content-type": "application/json; charset=utf-8"}
    assert http.put("/articles/body", content=b"{", headers=head).status_code == 422
    assert http.get("/articles/body").status_code == 404


def test_a_repeated_request_starts_nothing_twice(http: httpx.Client) -> None:
    assert http.put("/articles/twice", json=SHORT).status_code == 202
    assert http.put("/articles/twice", json=SHORT).status_code == 200
    assert http.post("/articles/twice/decision", json=YES).status_code == 202
    assert http.post("/articles/twice/decision", json=YES).status_code == 409
    assert http.get("/articles/twice/result?wait=20").status_code == 200


def test_a_store_that_is_away_is_503() -> None:
    told = HANDLERS[SayiirError](None, StoreUnavailable("the disk is full"))  # type: ignore[arg-type]
    answer = asyncio.run(told)  # type: ignore[arg-type]
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert json.loads(bytes(answer.body))["detail"] == "the disk is full"


def test_every_error_of_the_library_has_a_code() -> None:
    kinds = [getattr(errors, name) for name in errors.__all__]
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, SayiirError):
            assert any(each in CODES for each in kind.__mro__), kind


def test_the_page_is_served(http: httpx.Client) -> None:
    answer = http.get("/")
    assert answer.status_code == 200
    assert answer.text.startswith("<!doctype html>")
    for path in re.findall(r"`\$\{pathOf\(id\)\}/(\w+)`", answer.text):
        assert f"/articles/{{id}}/{path}" in PAGE.read_text("utf-8")


def test_the_workflow_runs_in_memory() -> None:
    """As one would test a workflow of one's own: no HTTP in it."""
    long = " ".join(["word"] * 31)
    article = Article(title="A", text=f"One.\n\n{long}.")
    done = publish_article.run(article, events={"decision": [Decision(approved=True, by="Ada")]})
    assert (done.words, done.remarks) == (32, ("a sentence of 31 words: word word word word …",))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--store", "sqlite:////no/such/folder/a.db"], "there is no directory /no/such/folder"),
        (["--store", "mysql://a"], "mysql"),
        (["--port", "http"], "invalid int value: 'http'"),
    ],
)
def test_a_server_that_cant_start_says_why(arguments: list[str], told: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.web_service", *arguments],
        cwd=tmp_path,
        env=example_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert told in done.stderr
