"""The blocking forms: the same methods, in scripts, notebooks and tasks."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    BlockingCallInLoop,
    ConflictPolicy,
    InstanceNotFound,
    StoreUnavailable,
    delay,
    task,
    workflow,
)
from sayiir.blocking.client import WorkflowClient
from sayiir.blocking.runner import CheckpointingRunner
from sayiir.blocking.worker import PooledWorker
from sayiir.client import AsyncWorkflowClient
from sayiir.runner import AsyncCheckpointingRunner
from sayiir.status import Completed, InProgress, Waiting
from sayiir.worker import AsyncPooledWorker
from tests.engine.conftest import STORES
from tests.engine.corpus import double, inc

if TYPE_CHECKING:
    from pathlib import Path

plain = workflow("w", inc >> double)


@pytest.fixture(params=STORES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/blocking.db"


TWINS = pytest.mark.parametrize(
    ("blocking", "twin"),
    [
        (CheckpointingRunner, AsyncCheckpointingRunner),
        (WorkflowClient, AsyncWorkflowClient),
        (PooledWorker, AsyncPooledWorker),
    ],
)


@TWINS
def test_twins_have_the_same_methods_and_signatures(blocking: type, twin: type) -> None:
    names = _methods(twin)
    assert _methods(blocking) == names
    for name in [*sorted(names), "__init__"]:
        own, other = inspect.getattr_static(blocking, name), inspect.getattr_static(twin, name)
        if isinstance(own, property):
            assert isinstance(other, property)
            continue
        ours = inspect.signature(getattr(blocking, name))
        theirs = inspect.signature(getattr(twin, name))
        assert _shape(ours) == _shape(theirs), name
        if name != "__init__":
            assert not inspect.iscoroutinefunction(getattr(blocking, name))
    assert blocking.__doc__
    assert all(getattr(blocking, name).__doc__ for name in names)


@TWINS
def test_twins_tell_the_same_arguments_and_errors(blocking: type, twin: type) -> None:
    """In words of their own: one may send its reader to the other for the rest."""
    arguments = [*inspect.signature(blocking).parameters]
    assert _told(blocking, "Args") == _told(twin, "Args") == arguments
    assert _told(blocking, "Raises") == _told(twin, "Raises") != []


def _told(kind: type, section: str) -> list[str]:
    """The names that a section of the class's docstring has."""
    lines = inspect.getdoc(kind).partition(f"\n{section}:\n")[2].splitlines()
    body = itertools.takewhile(lambda line: line.startswith(" "), lines)
    return [found[1] for line in body if (found := re.match(r"    (\w[\w, ]*): ", line))]


def _methods(kind: type) -> set[str]:
    """What users call; how one is made from another's connection is each one's own business."""
    own = {"sharing", "on_connection"}
    return {name for name in dir(kind) if not name.startswith("_")} - own


def _shape(signature: inspect.Signature) -> list[Any]:
    """Names, kinds, defaults and annotations, as a reader takes them."""
    return [
        (p.name, p.kind, p.default, _meant(p.annotation)) for p in signature.parameters.values()
    ] + [_meant(signature.return_annotation)]


def _meant(annotation: object) -> str:
    """The class's own name apart, and ``list`` as one word, which a method ``list`` hides."""
    return str(annotation).replace("Async", "").replace("builtins.", "")


def test_a_script(url: str) -> None:
    with CheckpointingRunner(url) as runner:
        assert runner.run(plain, "i", 1) == Completed(4)
        assert runner.ensure(plain, "i", 1) == Completed(4)
        assert runner.client.status("i", plain) == Completed(4)
        parked = workflow("p", delay("1h") >> inc)
        assert isinstance(runner.run(parked, "p", 1), Waiting)
        runner.client.cancel("p")
        assert len(runner.client.list().items) == 2
        with pytest.raises(InstanceNotFound):
            runner.resume(plain, "nowhere")


def test_a_client(url: str) -> None:
    with WorkflowClient(url) as client:
        assert isinstance(client.submit(plain, "i", 1), InProgress)
        assert client.get_task_result_of("i", inc) is None
        with pytest.raises(TimeoutError):
            client.result("i", timeout=0.02)


def test_inside_a_running_loop(url: str) -> None:
    async def cell() -> Any:
        with CheckpointingRunner(url) as runner:
            return runner.run(plain, "i", 1)

    assert asyncio.run(cell()) == Completed(4)


def test_inside_a_task_in_a_thread(url: str) -> None:
    with CheckpointingRunner(url) as runner:

        @task
        def runs(n: int) -> int:
            status = runner.run(plain, f"inner-{n}", n)
            assert isinstance(status, Completed)
            return status.output

        assert runner.run(workflow("outer", runs >> runs), "outer", 1) == Completed(10)


def test_from_its_own_loop_it_would_wait_for_itself(url: str) -> None:
    with CheckpointingRunner(url) as runner:
        raised: list[str] = []

        @task
        async def calls(n: int) -> int:
            for call in (
                lambda: runner.run(plain, "inner", n),
                lambda: runner.client.status("outer"),
            ):
                try:
                    call()
                except BlockingCallInLoop as error:
                    raised.append(str(error))
            return n

        assert runner.run(workflow("outer", calls), "outer", 1) == Completed(1)
        assert len(raised) == 2
        assert "AsyncCheckpointingRunner" in raised[0]
        assert "Async" in raised[1], "the runner's own client says the runner's twin"


def test_closing_from_its_own_loop_harms_nothing(url: str) -> None:
    """The task is told, its instance completes, and the runner can still be used and closed."""
    with CheckpointingRunner(url) as runner:
        raised: list[BaseException] = []

        @task
        async def closes(n: int) -> int:
            try:
                runner.close()
            except BlockingCallInLoop as error:
                raised.append(error)
            return n

        assert runner.run(workflow("outer", closes), "outer", 1) == Completed(1)
        assert len(raised) == 1
        assert runner.run(plain, "i", 1) == Completed(4)


def test_a_task_that_ignores_its_cancellation_does_not_hold_up_closing(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, enough = threading.Event(), threading.Event()

    @task
    async def stays(n: int) -> int:
        running.set()
        while not enough.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
        return n

    runner = CheckpointingRunner(url)
    monkeypatch.setattr(runner._portal, "_clean_up_seconds", 0.1)
    monkeypatch.setattr("sayiir.runner.embedded.CLOSE_SECONDS", 0.1)

    def run() -> None:
        with suppress(BaseException):
            runner.run(workflow("w", stays), "i", 1)

    caller = threading.Thread(target=run)
    caller.start()
    assert running.wait(10)
    with pytest.warns(RuntimeWarning, match="left behind"):
        runner.close()
    enough.set()
    caller.join(10)
    assert not caller.is_alive()


def test_exits_of_tasks_reach_the_caller(url: str) -> None:
    leave = [True]

    @task
    async def quits(n: int) -> int:
        if leave[0]:
            raise KeyboardInterrupt
        return n

    with CheckpointingRunner(url) as runner:
        flow = workflow("w", quits)
        with pytest.raises(KeyboardInterrupt):
            runner.run(flow, "i", 1)
        leave[0] = False
        assert runner.resume(flow, "i") == Completed(1)


def test_closing_leaves_no_thread(url: str) -> None:
    before = threading.active_count()
    with CheckpointingRunner(url) as runner:
        runner.run(plain, "i", 1)
    runner.close()
    for _ in range(300):
        if threading.active_count() <= before:
            break
        threading.Event().wait(0.01)
    assert threading.active_count() <= before


def test_a_client_that_shares_closes_nothing(url: str) -> None:
    """Neither the runner it came from nor the client; each of those still closes what it owns."""
    with CheckpointingRunner(url) as runner:
        with runner.client as client, client.with_conflict_policy(ConflictPolicy.FAIL) as other:
            assert isinstance(other.submit(plain, "a", 1), InProgress)
        assert runner.resume(plain, "a") == Completed(4)
        assert client.status("a", plain) == Completed(4)
    with pytest.raises(StoreUnavailable):
        client.status("a")
    with WorkflowClient(url) as owner:
        owner.with_conflict_policy(ConflictPolicy.USE_EXISTING).close()
        assert isinstance(owner.submit(plain, "b", 1), InProgress)


def test_an_async_client_that_shares_closes_nothing(url: str) -> None:
    async def main() -> None:
        async with AsyncCheckpointingRunner(url) as runner:
            async with runner.client as client:
                await client.with_conflict_policy(ConflictPolicy.FAIL).close()
                assert isinstance(await client.submit(plain, "a", 1), InProgress)
            assert await runner.resume(plain, "a") == Completed(4)
        with pytest.raises(StoreUnavailable):
            await client.status("a")

    asyncio.run(main())


def test_a_client_on_a_shared_store_ends_its_thread_and_leaves_the_store() -> None:
    async def main() -> None:
        async with AsyncCheckpointingRunner("memory://") as runner:
            await runner.run(plain, "a", 1)
            before = threading.active_count()
            with WorkflowClient.from_shared(await runner.store()) as client:
                assert client.status("a", plain) == Completed(4)
            assert threading.active_count() == before
            await AsyncWorkflowClient.from_shared(await runner.store()).close()
            assert await runner.resume(plain, "a") == Completed(4)

    asyncio.run(main())


def test_a_closed_one_says_so(url: str) -> None:
    runner = CheckpointingRunner(url)
    runner.run(plain, "i", 1)
    runner.close()
    with pytest.raises(StoreUnavailable):
        runner.run(plain, "j", 1)


def test_a_new_process_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/again.db"
    flow = workflow("w", inc >> delay("20ms") >> inc)
    with CheckpointingRunner(url) as runner:
        assert isinstance(runner.run(flow, "i", 1), Waiting)
    with CheckpointingRunner(url) as runner:
        assert runner.ensure(flow, "i", 1, wait=True) == Completed(3)
