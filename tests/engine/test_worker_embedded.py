"""The blocking worker inside other programs: threads, running loops, tasks, several processes."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    AsyncPooledWorker,
    BlockingCallInLoop,
    DefinitionError,
    PooledWorker,
    SayiirError,
    StoreUnavailable,
    WorkflowClient,
    resource,
    task,
    workflow,
)
from sayiir.testing.clock import MovedClock
from sayiir.worker.importing import import_path, imported_workflow
from tests.crash.fleet_flows import steady
from tests.engine.corpus import child, double, inc

if TYPE_CHECKING:
    from collections.abc import Iterator

chain = workflow("chain", inc >> double)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/embedded.db"


@pytest.fixture
def client(url: str) -> Iterator[WorkflowClient]:
    with WorkflowClient(url) as made:
        yield made


def works(client: WorkflowClient, name: str = "i") -> None:
    client.submit(chain, name, 1)
    assert client.result(name, chain, timeout=20) == 4


def test_in_a_with_statement(url: str, client: WorkflowClient) -> None:
    with PooledWorker(url, workflows=[chain]):
        works(client)


def test_inside_a_thread(url: str, client: WorkflowClient) -> None:
    """Where no signal can be taken, ``run`` says so and what to use."""
    said: list[str] = []
    stop = threading.Event()

    def embed() -> None:
        worker = PooledWorker(url, workflows=[chain])
        with pytest.raises(SayiirError, match="main thread") as caught:
            worker.run()
        said.append(str(caught.value))
        with PooledWorker(url, workflows=[chain]):
            stop.wait(20)

    thread = threading.Thread(target=embed)
    thread.start()
    works(client)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert "start() and shutdown()" in said[0]


def test_the_async_one_says_the_same() -> None:
    caught: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(AsyncPooledWorker("memory://", workflows=[chain]).run())
        except SayiirError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert "main thread" in str(caught[0])


def test_inside_a_running_loop(url: str, client: WorkflowClient) -> None:
    """As in a notebook's cell."""

    async def cell() -> None:
        with PooledWorker(url, workflows=[chain]):
            works(client)

    asyncio.run(cell())


def test_interrupting_a_notebooks_cell_ends_run(url: str, client: WorkflowClient) -> None:
    """In the main thread, inside a running loop; the cell's own handlers are there again."""
    client.submit(chain, "i", 1)
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    def interrupt() -> None:
        client.result("i", chain, timeout=20)
        os.kill(os.getpid(), signal.SIGINT)

    async def cell() -> None:
        thread = threading.Thread(target=interrupt)
        thread.start()
        PooledWorker(url, workflows=[chain]).run()
        thread.join()

    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(cell())
    finally:
        loop.close()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
@pytest.mark.parametrize("kind", [PooledWorker, AsyncPooledWorker])
def test_a_second_signal_is_raised_and_everything_given_back(
    url: str, client: WorkflowClient, number: int, raised: type, kind: Any
) -> None:
    begun = threading.Event()

    @task
    async def long(n: int) -> int:
        begun.set()
        await asyncio.sleep(3600)
        return n

    flow = workflow("w", long)
    client.submit(flow, "i", 1)

    def twice() -> None:
        assert begun.wait(20)
        os.kill(os.getpid(), number)
        time.sleep(0.2)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=twice)
    thread.start()
    worker = kind(url, workflows=[flow], grace="1h")
    began = time.monotonic()
    with pytest.raises(raised):
        _ = asyncio.run(worker.run()) if kind is AsyncPooledWorker else worker.run()
    assert time.monotonic() - began < 10
    thread.join()
    with PooledWorker(url, workflows=[chain]):
        works(client, "next")


def test_shutdown_twice_and_from_two_threads(url: str, client: WorkflowClient) -> None:
    worker = PooledWorker(url, workflows=[chain])
    worker.start()
    works(client)
    threads = [threading.Thread(target=worker.shutdown) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    worker.shutdown()
    with pytest.raises(StoreUnavailable):
        worker.start()


def test_a_call_from_its_own_loop_is_refused(url: str, client: WorkflowClient) -> None:
    said: list[str] = []

    @task
    async def ends_its_worker(n: int) -> int:
        try:
            worker.shutdown()
        except BlockingCallInLoop as error:
            said.append(str(error))
        return n

    flow = workflow("w", ends_its_worker)
    worker = PooledWorker(url, workflows=[flow])
    with worker:
        client.submit(flow, "i", 1)
        assert client.result("i", flow, timeout=20) == 1
    assert "AsyncPooledWorker" in said[0]


def test_a_store_that_cannot_be_opened_is_told_at_the_start(tmp_path: Path) -> None:
    worker = PooledWorker(f"sqlite:///{tmp_path}/no/such/folder.db", workflows=[chain])
    with pytest.raises(SayiirError):
        worker.run()


# -- several processes


class Thing:
    """What a resource is asked for by."""


@task
def uses(n: int, thing: Thing = resource(Thing)) -> int:
    del thing
    return n


needy = workflow("needy", uses)


@pytest.mark.parametrize(
    ("store", "options", "error", "says"),
    [
        ("memory://", {}, ValueError, "memory of one process"),
        ("sqlite://", {}, ValueError, "memory of one process"),
        ("sqlite:///a.db", {"clock": MovedClock()}, ValueError, "clock"),
        ("sqlite:///a.db", {"on_event": threading.Lock().acquire}, TypeError, "on_event="),
        ("sqlite:///a.db", {"resources": {Thing: threading.Lock()}}, Exception, ""),
    ],
)
def test_what_other_processes_cannot_have_is_told(
    store: str, options: dict[str, Any], error: type, says: str
) -> None:
    with pytest.raises(error, match=says or None):
        PooledWorker(store, workflows=[steady], processes=2, **options)


def test_an_open_store_is_not_for_several_processes() -> None:
    from sayiir.stores.memory import MemoryStore

    with pytest.raises(TypeError, match="give its URL"):
        PooledWorker(MemoryStore(MovedClock()), workflows=[steady], processes=2)


def test_a_workflow_without_a_name_in_a_module_is_refused() -> None:
    with pytest.raises(DefinitionError, match="no module has it under a name"):
        PooledWorker("sqlite:///a.db", workflows=[workflow("x", inc)], processes=2)


def test_import_paths() -> None:
    assert import_path(child) == "tests.engine.corpus:child"
    assert imported_workflow("tests.engine.corpus:child", child.definition_hash) is child
    with pytest.raises(DefinitionError, match="module:name"):
        imported_workflow("tests.engine.corpus")
    with pytest.raises(DefinitionError, match="is no workflow"):
        imported_workflow("tests.engine.corpus:inc")
    with pytest.raises(DefinitionError, match="is no workflow"):
        imported_workflow("tests.engine.corpus:nothing")
    with pytest.raises(DefinitionError, match="imported anew"):
        imported_workflow("tests.engine.corpus:child", "0" * 32)
    with pytest.raises(ImportError):
        imported_workflow("tests.engine.absent:child")
