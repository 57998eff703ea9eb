"""Small programs as users write them, each of which kills itself once at one named place.

``python -m tests.crash.programs NAME FOLDER`` runs one on the database in the folder, with the
machine's own clock, and prints the instance's status. Every task tells the file ``log`` that it
begins.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sayiir import (
    Again,
    AwaitingSignal,
    CheckpointingRunner,
    Done,
    RetryPolicy,
    Waiting,
    Workflow,
    WorkflowClient,
    await_signal,
    branch,
    delay,
    fork,
    get_task_context,
    loop,
    task,
    workflow,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["INSTANCE", "PROGRAMS", "Place", "main"]

INSTANCE = "one"
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Place:
    """A folder with the database, the log, and the mark that the one death has been died."""

    folder: Path

    @property
    def url(self) -> str:
        """Of the database."""
        return f"sqlite:///{self.folder / 'one.db'}"

    def begins(self, value: Any) -> None:
        """A task begins."""
        ctx = get_task_context()
        entry = [ctx.path, ctx.attempt, ctx.idempotency_key, value]
        with (self.folder / "log").open("a") as log:
            log.write(json.dumps(entry) + "\n")

    def log(self) -> list[list[Any]]:
        """Path, attempt, key and input of each start."""
        text = (self.folder / "log").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def die_once(self) -> None:
        """SIGKILL, unless it has happened before."""
        try:
            (self.folder / "died").touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    def die_once_when(self, true_of: Callable[[WorkflowClient], bool]) -> None:
        """The same as soon as something is true of the instance; looked for on a thread."""
        if (self.folder / "died").exists():
            return
        waiter = threading.Thread(target=self._wait_and_die, args=(true_of,), daemon=True)
        waiter.start()

    def _wait_and_die(self, true_of: Callable[[WorkflowClient], bool]) -> None:
        self.wait_until(true_of)
        self.die_once()

    def wait_until(self, true_of: Callable[[WorkflowClient], bool]) -> None:
        """Look until it is true of the instance."""
        until = time.monotonic() + _PATIENCE_SECONDS
        with WorkflowClient(self.url) as client:
            while not true_of(client):
                assert time.monotonic() < until, "it never became true"
                time.sleep(0.01)

    def wait_for_result(self, *paths: str) -> None:
        """Until the results at these paths are committed."""
        missing = object()
        self.wait_until(
            lambda client: all(
                client.get_task_result(INSTANCE, path, default=missing) is not missing
                for path in paths
            )
        )


def _step(place: Place, name: str, term: int, act: Callable[[], None] = lambda: None) -> Any:
    def call(n: int) -> int:
        place.begins(n)
        act()
        return n + term

    return task(name)(call)


def third_iteration(place: Place) -> Any:
    """The task of a loop dies in its third iteration."""

    def once() -> None:
        if get_task_context().iteration == 2:
            place.die_once()

    def decide(n: int) -> Again[int] | Done[int]:
        return Done(n) if n >= 5 else Again(n)

    return loop(_step(place, "grow", 1, once) >> task("decide")(decide))


def second_arm(place: Place) -> Any:
    """The second arm of a fork dies after the first has ended."""

    def once() -> None:
        place.wait_for_result("fork[0]/left")
        place.die_once()

    arms = fork(_step(place, "left", 10), _step(place, "right", 20, once))
    return arms >> task("joined")(_add)


def second_step_of_an_arm(place: Place) -> Any:
    """The second step of the first arm dies; the first step and the other arm are done."""

    def once() -> None:
        place.wait_for_result("fork[first]/a", "fork[other]/c")
        place.die_once()

    first = _step(place, "a", 10) >> _step(place, "b", 100, once)
    arms = fork(first=first, other=_step(place, "c", 20))

    def joined(first: int, other: int) -> int:
        return first + other

    return arms >> task("joined")(joined)


def branch_whose_key_has_changed(place: Place) -> Any:
    """Inside an arm; by now the key would be another."""
    chosen = place.folder / "key"

    def key(n: int) -> str:
        place.begins(n)
        return chosen.read_text() if chosen.exists() else "left"

    def once() -> None:
        chosen.write_text("right")
        place.die_once()

    left = _step(place, "a", 10) >> _step(place, "b", 100, once)
    return branch(task("key")(key), {"left": left, "right": _step(place, "c", 20)}).merge()


def in_a_child(place: Place) -> Any:
    """The second step of a child workflow."""
    child = workflow("child", _step(place, "a", 10) >> _step(place, "b", 100, place.die_once))
    return _step(place, "before", 1) >> child >> _step(place, "after", 1_000)


def in_a_map_item(place: Place) -> Any:
    """One item of a map, when the others are done."""

    def once() -> None:
        if get_task_context().path == "map[2]/item":
            place.wait_for_result("map[0]/item", "map[1]/item", "map[3]/item")
            place.die_once()

    def split(n: int) -> list[int]:
        return [n + each for each in range(4)]

    def total(values: list[int]) -> int:
        return sum(values)

    items = _step(place, "item", 10, once).map()
    return task("split")(split) >> items >> task("total")(total)


def between_retries(place: Place) -> Any:
    """While the backoff after the first attempt is slept."""

    def failed(client: WorkflowClient) -> bool:
        return any(each.error is not None for each in client.task_results(INSTANCE))

    def call(n: int) -> int:
        place.begins(n)
        if get_task_context().attempt == 1:
            place.die_once_when(failed)
            raise ValueError("not yet")
        return n + 10

    policy = RetryPolicy(max_retries=1, initial_delay=4, jitter="none")
    return _step(place, "before", 1) >> task("flaky", retries=policy)(call)


def parked_by_a_delay(place: Place) -> Any:
    """While a timer runs and no item is held."""
    before = _step(
        place,
        "before",
        1,
        lambda: place.die_once_when(lambda client: isinstance(client.status(INSTANCE), Waiting)),
    )
    return before >> delay("1500ms") >> _step(place, "after", 10)


def parked_by_a_signal(place: Place) -> Any:
    """While it waits for an event."""
    before = _step(
        place,
        "before",
        1,
        lambda: place.die_once_when(
            lambda client: isinstance(client.status(INSTANCE), AwaitingSignal)
        ),
    )
    return before >> await_signal("go", int, keep_input=True) >> task("after")(_add)


def slow_second_step(place: Place) -> Any:
    """The second of two steps; it takes so long that a second process sees it run."""

    def once() -> None:
        place.die_once()
        time.sleep(0.3)

    return _step(place, "before", 1) >> _step(place, "slow", 10, once)


def _add(a: int, b: int) -> int:
    return a + b


PROGRAMS: dict[str, Callable[[Place], Any]] = {
    program.__name__: program
    for program in (
        third_iteration,
        second_arm,
        second_step_of_an_arm,
        branch_whose_key_has_changed,
        in_a_child,
        in_a_map_item,
        between_retries,
        parked_by_a_delay,
        parked_by_a_signal,
        slow_second_step,
    )
}


def program(name: str, place: Place) -> Workflow[int, Any]:
    """The workflow of a program."""
    return workflow(name, PROGRAMS[name](place))


def main() -> None:
    """Run a program as its user would: the same line, however often."""
    name, folder = sys.argv[1:]
    place = Place(Path(folder))
    with CheckpointingRunner(place.url) as runner:
        status = runner.ensure(program(name, place), INSTANCE, 1, wait=True)
    sys.stdout.write(f"{status}\n")


if __name__ == "__main__":
    main()
