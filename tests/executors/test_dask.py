"""``DaskExecutor`` on a real cluster: a scheduler and two workers, processes of this machine."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    AsyncCheckpointingRunner,
    Cancelled,
    Completed,
    Failed,
    RetryPolicy,
    TaskContext,
    fork,
    task,
    workflow,
)
from sayiir.executors.dask import DaskExecutor
from tests.engine.bench import eventually
from tests.executors.conftest import gone, is_alive

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = pytest.mark.anyio
_ROOT = Path(__file__).resolve().parents[2]


class Cluster:
    """A scheduler and its workers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "scheduler.json"
        host = ("--host", "127.0.0.1")
        self._processes = [self._started("scheduler", *host, "--port", "0", "--no-dashboard")]
        for name in ("one", "two"):
            self.add(name)
        self.address = f"file://{self._file}"

    def _started(self, kind: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "distributed.cli.dask_" + kind]
        log = (self._folder / "log").open("ab")
        with log:
            return subprocess.Popen(
                [*command, "--scheduler-file", str(self._file), *options],
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )

    def add(self, name: str) -> None:
        """One more worker, with one thread and nobody who would start it again."""
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", name)
        self._processes.append(self._started("worker", *options))

    def end(self) -> None:
        """Kill them all."""
        for process in self._processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.end()


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[Any]:
    from distributed import Client

    file = cluster._file
    until = time.monotonic() + 30
    while not file.exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    with Client(scheduler_file=str(file), set_as_default=False) as made:
        made.wait_for_workers(2, timeout=30)
        yield made


@pytest.fixture
async def runner(client: Any, anyio_backend: str) -> AsyncIterator[AsyncCheckpointingRunner]:
    async with (
        DaskExecutor(client) as executor,
        AsyncCheckpointingRunner("memory://", executors={"cluster": executor}) as made,
    ):
        yield made


@task(run_in="cluster")
def double(n: int) -> int:
    return 2 * n


@task(run_in="cluster")
async def triple(n: int, ctx: TaskContext) -> int:
    ctx.progress(0.5)
    await asyncio.sleep(0)
    return 3 * n


@task(run_in="cluster")
def raises(n: int) -> int:
    raise ArithmeticError(f"not {n}")


@task(run_in="cluster", retries=RetryPolicy(max_retries=1, initial_delay=0))
def dies_once(n: int, ctx: TaskContext) -> int:
    if ctx.attempt == 1:
        os._exit(7)
    return n


@task(run_in="cluster")
def sleeps(file: str) -> str:
    Path(file).write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(60)
    return file


@task(run_in="cluster", timeout="500ms")  # the start of its process doesn't count
def hangs(file: str) -> str:
    Path(file).write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(60)
    return file


@task(run_in="cluster", retries=RetryPolicy(max_retries=1, initial_delay=0))
def outlives_a_worker(file: str, ctx: TaskContext) -> int:
    """Writes down each start, and who the Dask worker is; the first start only ends killed."""
    with Path(file).open("a", encoding="utf-8") as diary:
        diary.write(f"{ctx.attempt} {os.getpid()} {os.getppid()}\n")
    if ctx.attempt == 1:
        time.sleep(60)
    return ctx.attempt


async def test_results_and_failures_come_back(runner: AsyncCheckpointingRunner) -> None:
    assert await runner.run(workflow("w", double >> triple), "i", 7) == Completed(42)
    forked = await runner.run(workflow("f", fork(*[double] * 6)), "j", 1)
    assert forked == Completed((2,) * 6)
    status = await runner.run(workflow("r", raises), "k", 7)
    assert isinstance(status, Failed)
    assert (status.error.type_name, status.error.message) == ("ArithmeticError", "not 7")
    assert "raise ArithmeticError" in status.error.traceback


async def test_a_process_that_dies_is_retried(runner: AsyncCheckpointingRunner) -> None:
    assert await runner.run(workflow("w", dies_once), "i", 5) == Completed(5)


async def test_a_timeout_kills_the_process(
    runner: AsyncCheckpointingRunner, tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    status = await runner.run(workflow("w", hangs), "i", str(file))
    assert isinstance(status, Failed)
    assert status.error.kind == "TaskTimedOut"
    await gone(int(file.read_text()))


async def test_a_cancel_kills_the_process(runner: AsyncCheckpointingRunner, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    running = asyncio.ensure_future(runner.run(workflow("w", sleeps), "i", str(file)))
    await eventually(lambda: file.exists() and file.read_text())
    await runner.client.cancel("i")
    async with asyncio.timeout(5):
        assert isinstance(await running, Cancelled)
    assert not is_alive(int(file.read_text()))


async def test_a_lost_worker_is_a_failure_of_the_task_and_not_rerun_by_dask(
    runner: AsyncCheckpointingRunner, cluster: Cluster, client: Any, tmp_path: Path
) -> None:
    file = tmp_path / "starts"
    flow = workflow("w", outlives_a_worker)
    running = asyncio.ensure_future(runner.run(flow, "i", str(file)))
    await eventually(lambda: file.exists() and file.read_text())
    _, pid, dask_worker = file.read_text().split()
    os.kill(int(dask_worker), signal.SIGKILL)
    async with asyncio.timeout(20):
        assert await running == Completed(2)
    starts = [int(line.split()[0]) for line in file.read_text().splitlines()]
    assert starts == [1, 2]  # Dask began the first attempt again, and was not let go with it
    await gone(int(pid))
    cluster.add("three")


async def test_an_address_will_do(cluster: Cluster, client: Any) -> None:
    async with DaskExecutor(client.scheduler.address) as executor:
        flow = workflow("w", double)
        assert await flow.arun(2, executors={"cluster": executor}) == 4


def test_its_absence_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from sayiir import SayiirError

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SayiirError, match=r"pip install 'sayiir-py\[dask\]'"):
        DaskExecutor("tcp://127.0.0.1:1")


async def test_the_worker_that_runs_a_call_is_asked_alone_to_stop_it(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    run = client.run

    def noting(function: Any, *args: Any, **options: Any) -> Any:
        if function.__name__ == "stop":
            asked.append(options["workers"])
        return run(function, *args, **options)

    monkeypatch.setattr(client, "run", noting)
    file = tmp_path / "pid"
    async with DaskExecutor(client) as executor:
        running = asyncio.ensure_future(
            workflow("w", sleeps).arun(str(file), executors={"cluster": executor})
        )
        await eventually(lambda: file.exists() and file.read_text())
        (known,) = [each.address for each in executor._calls.values()]
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert asked == [[known]]
    assert not is_alive(int(file.read_text()))


async def test_a_stop_that_nobody_confirms_is_told(
    client: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = client.run

    async def unheard() -> dict[str, Any]:
        raise OSError("no way to it")

    def refusing(function: Any, *args: Any, **options: Any) -> Any:
        return unheard() if function.__name__ == "stop" else run(function, *args, **options)

    file = tmp_path / "pid"
    async with DaskExecutor(client) as executor:
        running = asyncio.ensure_future(
            workflow("w", sleeps).arun(str(file), executors={"cluster": executor})
        )
        await eventually(lambda: file.exists() and file.read_text())
        with monkeypatch.context() as patched:
            patched.setattr(client, "run", refusing)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        assert "'sleeps' of instance" in caplog.text
        assert "did not confirm" in caplog.text
    await gone(int(file.read_text()))  # its pool went with the executor
