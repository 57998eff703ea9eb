"""Backends: what they keep, who may use them, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from pathlib import Path

import pytest

from sayiir.compat import (
    BackendError,
    Flow,
    InMemoryBackend,
    PostgresBackend,
    SqliteBackend,
    Worker,
    WorkflowClient,
    WorkflowError,
    resume_workflow,
    run_durable_workflow,
    run_workflow,
    send_signal,
)
from sayiir.compat.backends import postgres_url as native_url
from sayiir.stores.postgres.url import DEFAULT_POOL, parse_url


def approval():
    flow = Flow("approval").then(lambda n: n + 1).wait_for_signal("go")
    return flow.then(lambda payload: ["got", payload]).build()


def threads_of(kind: type) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if kind.__name__ in thread.name]


def test_sqlite_outlives_its_backend(tmp_path: Path) -> None:
    """What one backend has begun another one continues, from the same file."""
    file = tmp_path / "with space.db"
    with SqliteBackend(file) as backend:
        assert run_durable_workflow(approval(), "i", 1, backend).is_awaiting_signal()
    with SqliteBackend(f"sqlite:///{str(file).replace(' ', '%20')}") as backend:
        send_signal("i", "go", 7, backend)
        assert resume_workflow(approval(), "i", backend).output == ["got", 7]


def test_a_worker_on_sqlite_serves_another_backend(tmp_path: Path) -> None:
    """Worker and client may have a backend each."""
    file = tmp_path / "orders.db"
    with SqliteBackend(file) as serving, SqliteBackend(file) as asking:
        handle = Worker("worker-1", serving, poll_interval=0.05).start([approval()])
        client = WorkflowClient(asking)
        client.submit(approval(), "i", 1)
        client.send_signal("i", "go", 7)
        end = time.monotonic() + 20
        while not client.status("i").is_completed() and time.monotonic() < end:
            time.sleep(0.01)
        handle.shutdown()
        handle.join()
        assert client.status("i").output == ["got", 7]


def test_two_workers_of_one_name(tmp_path: Path) -> None:
    """Programs name every worker alike; each holds its leases for itself."""
    with InMemoryBackend() as backend:
        handles = [Worker("worker-1", backend).start([approval()]) for _ in range(2)]
        assert len({handle.worker_id for handle in handles}) == 2
        for handle in handles:
            handle.shutdown()
            handle.shutdown()
            handle.join()


def test_sqlite_refuses_other_urls() -> None:
    """A backend is opened on what its name says."""
    with pytest.raises(ValueError, match="no SQLite file"):
        SqliteBackend("postgresql://db/orders")


def test_a_sync_task_may_use_its_backend() -> None:
    """A task may start, signal and ask for instances, its own backend's too."""
    with InMemoryBackend() as backend:
        inner = approval()

        def starts(n: int) -> list:
            run_durable_workflow(inner, "inner", n, backend)
            send_signal("inner", "go", "from outside", backend)
            return resume_workflow(inner, "inner", backend).output

        outer = Flow("outer").then(starts).build()
        assert run_durable_workflow(outer, "i", 1, backend).output == ["got", "from outside"]


def test_an_async_task_is_told_that_it_must_not_block() -> None:
    """In an async task a call that waits would wait for itself."""
    with InMemoryBackend() as backend:

        async def asks(n: int) -> str:
            return WorkflowClient(backend).status("i").status

        status = run_durable_workflow(Flow("w").then(asks).build(), "i", 1, backend)
        assert status.is_failed()
        assert "asyncio.to_thread" in (status.error or "")

        async def asks_aside(n: int) -> str:
            return (await asyncio.to_thread(WorkflowClient(backend).status, "i")).status

        workflow = Flow("w").then(asks_aside).build()
        assert run_durable_workflow(workflow, "j", 1, backend).output == "failed"


def test_lambdas_that_block_hold_nobody_up() -> None:
    """Functions of such programs may block, lambdas too, so none of them runs on the loop."""
    gate = threading.Barrier(2, timeout=20)
    fork = Flow("w").fork().branch(lambda n: gate.wait() >= 0, name="a")
    workflow = fork.branch(lambda n: gate.wait() >= 0, name="b").join(lambda d: d).build()
    assert run_workflow(workflow, 1) == {"a": True, "b": True}


def test_works_inside_a_running_loop() -> None:
    """A notebook's cell runs in a loop, and programs are run there too."""

    async def cell() -> object:
        with InMemoryBackend() as backend:
            return run_durable_workflow(Flow("w").then(lambda n: n + 1).build(), "i", 1, backend)

    assert asyncio.run(cell()).output == 2


def test_a_backend_that_nobody_holds_ends_its_thread() -> None:
    """Programs make a backend for a run and forget it: its thread ends by itself."""
    before = len(threads_of(InMemoryBackend))
    for _ in range(5):
        run_durable_workflow(Flow("w").then(lambda n: n).build(), "i", 1, InMemoryBackend())
    gc.collect()
    end = time.monotonic() + 20
    while len(threads_of(InMemoryBackend)) > before and time.monotonic() < end:
        time.sleep(0.01)
    assert len(threads_of(InMemoryBackend)) <= before


def test_a_closed_backend_says_so() -> None:
    """Closing twice is harmless; using it afterwards is an error."""
    backend = InMemoryBackend()
    run_durable_workflow(Flow("w").then(lambda n: n).build(), "i", 1, backend)
    backend.close()
    backend.close()
    with pytest.raises(WorkflowError, match="closed"):
        WorkflowClient(backend).status("i")


def test_another_input_is_warned_of_at_the_callers_line() -> None:
    """The warning points at the program, not at this package."""
    workflow = Flow("w").then(lambda n: n).build()
    with InMemoryBackend() as backend:
        run_durable_workflow(workflow, "i", 1, backend)
        with pytest.warns(UserWarning, match="different input") as warned:
            run_durable_workflow(workflow, "i", 2, backend, "use_existing")
    assert warned[0].filename == __file__


@pytest.mark.parametrize(
    ("url", "connections", "wanted"),
    [
        ("postgresql://localhost/sayiir", None, "postgresql://localhost/sayiir"),
        ("postgres://u:p%40@db:5433/x", None, "postgresql://u:p%40@db:5433/x"),
        ("postgresql:///x?host=/tmp", 5, "postgresql:///x?host=%2Ftmp&pool=5"),
        ("postgresql://db/x?schema=shop", 7, "postgresql://db/x?schema=shop&pool=7"),
    ],
)
def test_postgres_urls(url: str, connections: int | None, wanted: str) -> None:
    """The published package's URL and its limit of connections as the store's URL."""
    told = native_url(url, connections)
    assert told == wanted
    assert parse_url(told).pool == (connections or DEFAULT_POOL)


def test_postgres_refuses_other_urls_without_showing_a_password() -> None:
    """The message holds nothing of the URL."""
    with pytest.raises(ValueError, match="postgresql://") as refused:
        native_url("mysql://ada:secret@db/orders")
    assert "secret" not in str(refused.value)


def test_postgres_keeps_instances(postgres_url: str) -> None:
    """Tables are made at once, and another backend goes on with what the first has begun."""
    with PostgresBackend(postgres_url, max_connections=3) as backend:
        assert repr(backend) == "PostgresBackend(...)"
        assert run_durable_workflow(approval(), "i", 1, backend).is_awaiting_signal()
    with PostgresBackend(postgres_url) as backend:
        send_signal("i", "go", 7, backend)
        assert resume_workflow(approval(), "i", backend).output == ["got", 7]


def test_postgres_warns_of_options_without_effect(postgres_url: str) -> None:
    """Options of the published package's pool are accepted and told, at the caller's line."""
    with pytest.warns(UserWarning, match="min_connections.*idle_timeout_secs") as warned:
        PostgresBackend(postgres_url, min_connections=1, idle_timeout_secs=60.0).close()
    assert warned[0].filename == __file__


def test_postgres_that_is_not_there_is_a_backend_error() -> None:
    """A server that can't be reached is told where the backend is made."""
    with pytest.raises(BackendError):
        PostgresBackend("postgresql://127.0.0.1:9/nowhere")
