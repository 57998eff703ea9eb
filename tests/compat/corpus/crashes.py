"""Instances whose process is killed in the middle of a task, and that another one continues.

Here they are kept in a SQLite file; the published package has only PostgreSQL for that.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.compat.corpus.program import Corpus, until

corpus = Corpus(apart=True)
program = corpus.program

POSTGRES = "SAYIIR_CORPUS_POSTGRES"


class Lives:
    """The first life of an instance, which ends by SIGKILL, and the second."""

    def __init__(self, s: Any, name: str) -> None:
        self._s = s
        self._name = name
        self._folder = Path(tempfile.mkdtemp())
        self._notes = self._folder / "notes"
        self._first = False

    def note(self, word: str) -> None:
        """Remember that a task ran, beyond this life."""
        with self._notes.open("a") as notes:
            print(word, file=notes)

    def ran(self, word: str) -> bool:
        """Whether a task has run in this life or the one before."""
        return self._notes.exists() and word in self._notes.read_text().split()

    def dies(self) -> None:
        """End the first life here; nothing in the second."""
        if self._first:
            os.kill(os.getpid(), signal.SIGKILL)

    def lived(self, workflow: Any, value: Any) -> Any:
        """Status and output after the second life, and what ran in both, in order."""
        s, child = self._s, os.fork()
        if child == 0:
            self._first = True
            try:
                s.run_durable_workflow(workflow, self._name, value, self._backend())
            finally:
                traceback.print_exc()
                os._exit(1)
        _, ended = os.waitpid(child, 0)
        assert os.WIFSIGNALED(ended), "the first life ended before its task"
        backend = self._backend()
        try:
            status = until(
                lambda: s.resume_workflow(workflow, self._name, backend),
                lambda status: status.status not in ("waiting", "in_progress"),
                seconds=5,
            )
            how, output = status.status, status.output
        except s.WorkflowError as error:
            how, output = type(error).__name__, str(error).split(":")[0]
        ran = self._notes.read_text().split()
        shutil.rmtree(self._folder)
        return how, output, ran

    def _backend(self) -> Any:
        if hasattr(self._s, "SqliteBackend"):
            return self._s.SqliteBackend(self._folder / "instances.db")
        return self._s.PostgresBackend(os.environ[POSTGRES])


def noted(lives: Lives, word: str, act: Callable[[Any], Any], dies: bool = False) -> Any:
    """A function that notes its word and acts; one that dies does so in between."""

    def run(value: Any) -> Any:
        lives.note(word)
        if dies:
            lives.dies()
        return act(value)

    run.__name__ = word
    return run


@program(gives=("completed", 22, ["a", "b", "b", "c"]))
def killed_in_the_second_task(s: Any) -> Any:
    lives = Lives(s, "killed_in_the_second_task")
    flow = s.Flow("w").then(noted(lives, "a", lambda n: n + 9))
    flow = flow.then(noted(lives, "b", lambda n: n + 1, dies=True))
    return lives.lived(flow.then(noted(lives, "c", lambda n: n * 2)).build(), 1)


@program(
    gives=("completed", {"a": 2, "b": 101}, ["b", "b"]),
    published=("completed", {"a": 2, "b": 102}, ["b", "b"]),
    why="each branch goes on with its own input, and not with what the one before it gave",
)
def killed_in_the_second_branch(s: Any) -> Any:
    lives = Lives(s, "killed_in_the_second_branch")
    fork = s.Flow("w").fork().branch(noted(lives, "a", lambda n: n + 1))
    fork = fork.branch(after(lives, "a", noted(lives, "b", lambda n: n + 100, dies=True)))
    status, output, ran = lives.lived(fork.join(lambda d: d, name="join").build(), 1)
    return status, output, [word for word in ran if word == "b"]


@program(
    gives=("completed", {"a1": 30, "b": 101}, ["a2", "a2"]),
    published=("completed", {"a1": 3, "b": 103}, ["a2"]),
    why="a branch goes on at the step where it was, and nothing of it is passed over",
)
def killed_in_the_second_step_of_a_branch(s: Any) -> Any:
    lives = Lives(s, "killed_in_the_second_step_of_a_branch")
    last = after(lives, "b", noted(lives, "a2", lambda n: n * 10, dies=True))
    fork = s.Flow("w").fork().branch(noted(lives, "a1", lambda n: n + 2), last)
    fork = fork.branch(noted(lives, "b", lambda n: n + 100))
    status, output, ran = lives.lived(fork.join(lambda d: d, name="join").build(), 1)
    return status, output, [word for word in ran if word == "a2"]


@program(
    gives=("completed", {"branch": "x", "result": 20}, ["key", "arm", "arm"]),
    published=("completed", {"branch": "x", "result": 20}, ["key", "arm", "key", "arm"]),
    why="the key was stored before the branch began, and is not asked for again",
)
def killed_in_a_routed_branch(s: Any) -> Any:
    lives = Lives(s, "killed_in_a_routed_branch")
    route = s.Flow("w").route(noted(lives, "key", lambda n: "x"), keys=["x"])
    route = route.branch("x", noted(lives, "arm", lambda n: n * 20, dies=True))
    return lives.lived(route.done().build(), 1)


@program(
    gives=("completed", 4, ["body"] * 5),
    published=("completed", 4, ["body"] * 7),
    why="a loop goes on in the iteration where it was, with that iteration's value",
)
def killed_in_a_loop(s: Any) -> Any:
    lives = Lives(s, "killed_in_a_loop")

    def body(n: int) -> Any:
        lives.note("body")
        if n == 3:
            lives.dies()
        return s.LoopResult.again(n + 1) if n < 4 else s.LoopResult.done(n)

    return lives.lived(s.Flow("w").loop(body).build(), 1)


@program(
    gives=("completed", 14, ["a", "body", "body", "body", "z"]),
    published=("WorkflowError", "Cannot resume workflow", ["a", "body", "body"]),
    why="an instance that was killed in a loop can be continued",
)
def killed_in_a_loop_between_tasks(s: Any) -> Any:
    lives = Lives(s, "killed_in_a_loop_between_tasks")

    def body(n: int) -> Any:
        lives.note("body")
        if n == 12:
            lives.dies()
        return s.LoopResult.again(n + 1) if n < 12 else s.LoopResult.done(n)

    flow = s.Flow("w").then(noted(lives, "a", lambda n: n + 10)).loop(body)
    return lives.lived(flow.then(noted(lives, "z", lambda n: n + 2)).build(), 1)


@program(gives=("completed", 32, ["a", "b", "b", "c"]))
def killed_in_a_child(s: Any) -> Any:
    lives = Lives(s, "killed_in_a_child")
    child = s.Flow("child").then(noted(lives, "b", lambda n: n + 10, dies=True)).build()
    flow = s.Flow("w").then(noted(lives, "a", lambda n: n + 20)).then_flow(child)
    return lives.lived(flow.then(noted(lives, "c", lambda n: n + 1)).build(), 1)


@program(
    gives=("completed", (11, {3: "x"}), ["a", "b", "b"]),
    published=("completed", [11, {"3": "x"}], ["a", "b", "b"]),
    why="values come back equal and of the same type, after a crash too",
)
def killed_with_a_tuple_on_the_way(s: Any) -> Any:
    lives = Lives(s, "killed_with_a_tuple_on_the_way")
    flow = s.Flow("w").then(noted(lives, "a", lambda n: (n + 10, {3: "x"})))
    return lives.lived(flow.then(noted(lives, "b", lambda pair: pair, dies=True)).build(), 1)


def after(lives: Lives, word: str, function: Any) -> Any:
    """The function, once another branch has run, so that the order of branches says nothing."""

    def run(value: Any) -> Any:
        until(lambda: lives.ran(word), bool, seconds=1)
        return function(value)

    run.__name__ = function.__name__
    return run
