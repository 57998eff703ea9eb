"""Pictures in a cell: they follow what runs, end with how it stands, and hurt nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    AsyncCheckpointingRunner,
    InstanceAlreadyExists,
    await_signal,
    fork,
    get_task_context,
    task,
    workflow,
)
from sayiir.render import live
from sayiir.render.cell import CellOutput, current_cell
from sayiir.render.live import LivePictures

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Place(CellOutput):
    """Keeps what was shown."""

    places: list[Place]

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    def show(self, bundle: Mapping[str, str]) -> None:
        self.shown.append(bundle["image/svg+xml"])


class Kernel:
    """A notebook whose cells are counted by hand."""

    def __init__(self, place: type[Place] = Place) -> None:
        self.cell: int | None = 1
        self.places: list[Place] = []
        self._place = place
        self.pictures = LivePictures(None, lambda: self.cell, self._new)
        self.runner = AsyncCheckpointingRunner("memory://", on_event=self.pictures.hear, live=False)

    def _new(self) -> Place:
        self.places.append(self._place())
        return self.places[-1]

    async def run(self, flow: Any, name: str = "a", value: Any = 1) -> Any:
        async with self.pictures.following(self.runner.client, flow.definition, name):
            return await self.runner.run(flow, name, value)


@task
def quick(n: int) -> int:
    return n + 1


async def test_it_begins_goes_on_and_ends_with_how_it_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "FRAME_SECONDS", 0.0)
    monkeypatch.setattr(live, "MOST_SHARE", 1e9)
    go_on = asyncio.Event()

    @task
    async def held(n: int) -> int:
        await go_on.wait()
        return n

    kernel = Kernel()
    flow = workflow("w", quick >> held >> quick)
    running = asyncio.create_task(kernel.run(flow))
    async with asyncio.timeout(20):
        while not (kernel.places and "held: running" in "".join(kernel.places[0].shown[-1:])):
            await asyncio.sleep(0.005)
    assert "w: in progress" in kernel.places[0].shown[-1]
    go_on.set()
    await running
    (place,) = kernel.places
    assert "w: completed" in place.shown[-1]
    assert "held: done" in place.shown[-1]
    await kernel.runner.close()


async def test_progress_that_a_task_reports_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(live, "FRAME_SECONDS", 0.0)
    go_on = asyncio.Event()

    @task
    async def reports(n: int) -> int:
        get_task_context().progress(0.25, "a quarter")
        await go_on.wait()
        return n

    kernel = Kernel()
    running = asyncio.create_task(kernel.run(workflow("w", quick >> reports)))
    async with asyncio.timeout(20):
        while not (kernel.places and "a quarter" in "".join(kernel.places[0].shown[-1:])):
            await asyncio.sleep(0.01)
    assert "25%" in kernel.places[0].shown[-1]
    go_on.set()
    await running
    await kernel.runner.close()


async def test_frames_are_far_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand events in an instant are drawn a few times, not a thousand."""
    monkeypatch.setattr(live, "FRAME_SECONDS", 3600.0)
    kernel = Kernel()
    many = workflow("w", fork(*[quick] * 200) >> len)
    await kernel.run(many)
    (place,) = kernel.places
    assert len(place.shown) <= 3
    assert "w: completed" in place.shown[-1]
    await kernel.runner.close()


async def test_a_call_that_is_refused_shows_nothing() -> None:
    kernel = Kernel()
    flow = workflow("w", quick >> quick)
    await kernel.run(flow)
    with pytest.raises(InstanceAlreadyExists):
        await kernel.run(flow)
    assert len(kernel.places) == 2
    assert kernel.places[1].shown == []
    await kernel.runner.close()


async def test_one_that_was_interrupted_shows_where_it_stands() -> None:
    @task
    def presses(n: int) -> int:
        raise KeyboardInterrupt

    kernel = Kernel()
    with suppress(KeyboardInterrupt):
        await kernel.run(workflow("w", quick >> presses))
    assert "presses: ready" in kernel.places[0].shown[-1]
    await kernel.runner.close()


async def test_a_wait_ends_with_what_it_waits_for() -> None:
    kernel = Kernel()
    await kernel.run(workflow("w", quick >> await_signal("go", int)))
    assert "waits for signal go" in kernel.places[0].shown[-1]
    await kernel.runner.close()


async def test_a_cell_has_few_pictures_and_outside_there_are_none() -> None:
    kernel = Kernel()
    flow = workflow("w", quick >> quick)
    for number in range(10):
        await kernel.run(flow, f"a{number}")
    assert len(kernel.places) == live.MOST_IN_CELL
    kernel.cell = 2
    await kernel.run(flow, "next")
    assert len(kernel.places) == live.MOST_IN_CELL + 1
    kernel.cell = None
    await kernel.run(flow, "outside")
    assert len(kernel.places) == live.MOST_IN_CELL + 1
    await kernel.runner.close()


async def test_what_a_task_runs_has_no_picture() -> None:
    kernel = Kernel()
    inner = workflow("inner", quick >> quick)

    @task
    async def outer(n: int) -> str:
        return str(await kernel.run(inner, "inside", n - 1))

    status = await kernel.run(workflow("w", quick >> outer))
    assert status.output == "Completed(output=3)"
    assert len(kernel.places) == 1
    await kernel.runner.close()


async def test_a_broken_output_hurts_no_run(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Place):
        def show(self, bundle: Mapping[str, str]) -> None:
            raise OSError("the notebook has gone")

    kernel = Kernel(Broken)
    status = await kernel.run(workflow("w", quick >> quick))
    assert str(status) == "Completed(output=3)"
    assert caplog.text.count("a live picture can't be shown") == 1
    await kernel.runner.close()


async def test_the_listener_is_told_as_ever() -> None:
    told: list[Any] = []
    pictures = LivePictures(told.append, lambda: None)
    async with AsyncCheckpointingRunner("memory://", on_event=pictures.hear) as runner:
        await runner.run(workflow("w", quick >> quick), "a", 1)
    assert len(told) == 6


def test_here_is_no_kernel() -> None:
    assert current_cell() is None


def test_elsewhere_ipython_is_not_imported() -> None:
    code = (
        "import sys; from sayiir import CheckpointingRunner, workflow, await_signal\n"
        "with CheckpointingRunner('memory://') as runner:\n"
        "    runner.run(workflow('w', await_signal('go', int)), 'a', None)\n"
        "print('IPython' in sys.modules, 'sayiir.render.live' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_an_ipython_terminal_is_no_notebook() -> None:
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "InteractiveShell.instance()\n"
        "from sayiir.render.cell import current_cell, live_pictures\n"
        "print(current_cell(), live_pictures(None))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "None None\n"
