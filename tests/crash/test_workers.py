"""Real worker processes over one store: stopped, killed, replaced; nothing is lost or repeated."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import WorkflowClient
from sayiir.limits import DEFAULT_GRACE_SECONDS
from tests.crash.fleet_flows import STEPS, blocked, hung, hung_thread, journal, steady, wide
from tests.crash.fleet_worker import Workers, stopped, until, workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.crash


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that several processes share."""
    if request.param == "postgres":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return f"sqlite:///{tmp_path}/workers.db"


@pytest.fixture
def fleet(url: str, tmp_path: Path) -> Iterator[Workers]:
    with workers(url, tmp_path) as made:
        yield made


def submit(fleet: Workers, flow: Any, count: int) -> None:
    with WorkflowClient(fleet.url) as client:
        for number in range(count):
            client.submit(flow, f"i{number}", number)


def finish(fleet: Workers, flow: Any, count: int, *, seconds: float = 60) -> list[Any]:
    """The outputs, when all are there."""
    with WorkflowClient(fleet.url) as client:
        return [client.result(f"i{n}", flow, timeout=seconds) for n in range(count)]


def leased(fleet: Workers) -> int:
    """How many instances of the first thousand have a leased item (of a living holder or not)."""
    with WorkflowClient(fleet.url) as client:
        store = client.store()

        async def count() -> int:
            from sayiir.stores.records import InstanceQuery

            page = await store.page(InstanceQuery(limit=1000))
            return sum(record.leased for record in page.records)

        return client._portal.call(count)  # the records aren't shown to users


def in_order(fleet: Workers) -> None:
    """Of each instance no step begins after a later one has, and no attempt begins twice."""
    begun: dict[str, int] = {}
    for instance, path, _, _ in journal(fleet.journal):
        step = int(path.removeprefix("s"))
        assert step >= begun.get(instance, 0), f"{path} of {instance} has run again"
        begun[instance] = step


def once_each(fleet: Workers, count: int) -> None:
    """Every step has begun exactly once."""
    paths = Counter((instance, path) for instance, path, _, _ in journal(fleet.journal))
    assert set(paths.values()) == {1}
    assert len(paths) == count * STEPS


# -- draining


def test_sigterm_under_load_loses_and_repeats_nothing(fleet: Workers) -> None:
    submit(fleet, steady, 300)
    first = fleet.start("steady", concurrency=20)
    until(lambda: len(journal(fleet.journal)) > 300)
    began = time.monotonic()
    assert stopped(first, signal.SIGTERM) == 0, fleet.log()
    assert time.monotonic() - began < 5, "far sooner than its grace: the tasks are short"
    assert leased(fleet) == 0
    assert len(journal(fleet.journal)) < 300 * STEPS
    fleet.start("steady")
    assert finish(fleet, steady, 300) == [n + STEPS for n in range(300)]
    once_each(fleet, 300)


def test_ctrl_c_drains_as_well(fleet: Workers) -> None:
    submit(fleet, steady, 20)
    first = fleet.start("steady")
    until(lambda: len(journal(fleet.journal)) > 20)
    assert stopped(first, signal.SIGINT) == 0, fleet.log()
    assert "Traceback" not in fleet.log()


@pytest.mark.parametrize(
    ("numbers", "statuses"),
    [
        ((signal.SIGTERM, signal.SIGTERM), {143}),
        ((signal.SIGINT, signal.SIGINT), {-signal.SIGINT, 130}),
        ((signal.SIGTERM, signal.SIGINT), {-signal.SIGINT, 130}),
    ],
)
@pytest.mark.parametrize("flow", [hung, hung_thread], ids=lambda flow: flow.name)
@pytest.mark.alone
def test_a_second_signal_leaves_at_once(
    fleet: Workers,
    flow: Any,
    numbers: tuple[int, int],
    statuses: set[int],
    promised: Callable[[float], float],
) -> None:
    submit(fleet, flow, 3)
    first = fleet.start(flow.name, grace="10m")
    until(lambda: sum(path == "hangs" for _, path, *_ in journal(fleet.journal)) == 3)
    first.send_signal(numbers[0])
    time.sleep(0.3)
    assert first.poll() is None, "the first waits for what runs"
    began = time.monotonic()
    assert stopped(first, numbers[1]) in statuses, fleet.log()
    assert time.monotonic() - began < promised(3)
    assert leased(fleet) == 0, "what was quick to give back is given back"


@pytest.mark.alone
def test_what_outlives_the_grace_is_left(
    fleet: Workers, promised: Callable[[float], float]
) -> None:
    submit(fleet, hung, 3)
    first = fleet.start("hung", grace="500ms")
    until(lambda: len(journal(fleet.journal)) == 6)
    began = time.monotonic()
    assert stopped(first, signal.SIGTERM) == 0
    assert time.monotonic() - began < promised(2.5), "grace and a second, and room for the machine"
    assert leased(fleet) == 0


def test_a_blocked_loop_is_drained_when_it_is_free_again(fleet: Workers) -> None:
    """The signal is taken meanwhile: another thread waits for it."""
    submit(fleet, blocked, 1)
    first = fleet.start("blocked", lease="1s")
    until(lambda: journal(fleet.journal))
    assert stopped(first, signal.SIGTERM) == 0
    assert finish(fleet, blocked, 1) == [0]
    assert len(journal(fleet.journal)) == 1, "its lease was kept for three times its length"


@pytest.mark.timeout(3_600)  # at the nightly figure
def test_rolling_restarts_lose_nothing(
    fleet: Workers,
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """Three workers, one after the other replaced while all of them have work."""
    restarts, count = repetitions(20, 60), 0
    running = [fleet.start("steady", concurrency=20) for _ in range(3)]
    slowest = 0.0
    for _ in range(restarts):
        oldest = running.pop(0)
        count = fleet.feed(steady, lambda pid=oldest.pid: begun_by(fleet, pid), count=count)
        running.append(fleet.start("steady", concurrency=20))
        began = time.monotonic()
        assert stopped(oldest, signal.SIGTERM, seconds=60) == 0
        slowest = max(slowest, time.monotonic() - began)
    assert slowest <= DEFAULT_GRACE_SECONDS + 1
    assert finish(fleet, steady, count, seconds=200) == [n + STEPS for n in range(count)]
    once_each(fleet, count)
    report_figure(f"{restarts} restarts under load: lost 0, run again 0, slowest {slowest:.1f} s")


# -- killed


def test_one_of_two_is_killed_under_load(fleet: Workers) -> None:
    fleet.start("steady", concurrency=50, lease="3s")
    doomed = fleet.start("steady", concurrency=50, lease="3s", dies_at=200)
    count = fleet.feed(steady, lambda: doomed.poll() is not None)
    assert doomed.wait() == -signal.SIGKILL, fleet.log(1)
    assert finish(fleet, steady, count) == [n + STEPS for n in range(count)]
    in_order(fleet)
    attempts = Counter((i, path, attempt) for i, path, attempt, _ in journal(fleet.journal))
    assert set(attempts.values()) == {1}
    again = sum(attempt > 1 for _, _, attempt, _ in journal(fleet.journal))
    assert 0 < again <= 50, "only what ran at that moment runs again"


def test_arms_of_one_instance_run_in_several_processes(fleet: Workers) -> None:
    for _ in range(3):
        fleet.start("wide", concurrency=5)
    fleet.here(3)
    submit(fleet, wide, 10)
    assert finish(fleet, wide, 10) == [40 * (n + 2) for n in range(10)]
    entries = journal(fleet.journal)
    assert all(n == 1 for n in Counter((i, path) for i, path, *_ in entries).values())
    spread = [
        len({pid for i, path, _, pid in entries if i == f"i{n}" and "arm" in path})
        for n in range(10)
    ]
    assert max(spread) == 3, spread


# -- several processes under one parent


def begun_by(fleet: Workers, pid: int) -> bool:
    """Whether this process has begun a task."""
    return any(pid == each for *_, each in journal(fleet.journal))


def children(fleet: Workers) -> set[int]:
    """The processes whose tasks have begun, as far as they live."""
    return {pid for *_, pid in journal(fleet.journal) if Path(f"/proc/{pid}").exists()}


def test_a_killed_child_is_replaced(fleet: Workers) -> None:
    parent = fleet.start("steady", processes=2, concurrency=10, lease="3s")
    count = fleet.feed(steady, lambda: len(children(fleet)) == 2)
    before = children(fleet)
    doomed = random.choice(sorted(before))
    os.kill(doomed, signal.SIGKILL)
    assert parent.pid not in before, "the parent only looks after them"
    count = fleet.feed(steady, lambda: len(children(fleet) - {doomed}) == 2, count=count)
    assert finish(fleet, steady, count) == [n + STEPS for n in range(count)]
    in_order(fleet)
    assert stopped(parent, signal.SIGTERM) == 0, fleet.log()
    assert not children(fleet)
    assert f"(pid {doomed}) has ended with status -9" in fleet.log()
    assert leased(fleet) == 0


def test_children_drain_when_their_parent_is_killed(fleet: Workers) -> None:
    parent = fleet.start("steady", processes=2, concurrency=10)
    fleet.feed(steady, lambda: len(children(fleet)) == 2)
    parent.kill()
    until(lambda: not children(fleet), 20)
    assert leased(fleet) == 0
    in_order(fleet)


def test_a_second_signal_reaches_the_children(fleet: Workers) -> None:
    submit(fleet, hung, 4)
    parent = fleet.start("hung", processes=2, grace="10m")
    until(lambda: sum(path == "hangs" for _, path, *_ in journal(fleet.journal)) == 4)
    parent.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert parent.poll() is None
    assert stopped(parent, signal.SIGTERM) == 143
    assert not children(fleet)


def test_workflows_of_the_program_itself_are_refused(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from sayiir import PooledWorker, task, workflow\n"
        "@task\n"
        "def step(n: int) -> int:\n"
        "    return n\n"
        "flow = workflow('flow', step)\n"
        f"PooledWorker('sqlite:///{tmp_path}/a.db', workflows=[flow], processes=2)\n"
    )
    done = subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "only the program itself has it" in done.stderr
    assert "processes=1" in done.stderr
