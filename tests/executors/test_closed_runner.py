"""A runner that is closed gives back what it runs, wherever that runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sayiir import AsyncCheckpointingRunner, Completed, StoreUnavailable, task, workflow
from tests.engine.bench import eventually

pytestmark = pytest.mark.anyio


def _long(folder: str) -> str:
    import time

    place = Path(folder)
    if (place / "began").exists():
        return "done"
    (place / "began").touch()
    try:
        time.sleep(1 if (place / "thread").exists() else 60)
    finally:
        (place / "left").touch()
    return "done the first time"


async def _long_on_the_loop(folder: str) -> str:
    place = Path(folder)
    if (place / "began").exists():
        return "done"
    (place / "began").touch()
    try:
        await asyncio.sleep(60)
    finally:
        (place / "left").touch()
    return "done the first time"


PLACES: dict[str, Any] = {
    "process": task(_long, name="long", run_in="process"),
    "thread": task(_long, name="long"),
    "loop": task(_long_on_the_loop, name="long"),
}


@pytest.mark.parametrize("place", PLACES)
async def test_what_runs_is_given_back_and_can_be_continued(place: str, tmp_path: Path) -> None:
    if place == "thread":
        (tmp_path / "thread").touch()
    flow = workflow("w", PLACES[place])
    url = f"sqlite:///{tmp_path}/a.db"
    runner = AsyncCheckpointingRunner(url)
    running = asyncio.ensure_future(runner.run(flow, "i", str(tmp_path)))
    await eventually((tmp_path / "began").exists, 10)
    await runner.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await running
    await eventually((tmp_path / "left").exists, 5)
    async with AsyncCheckpointingRunner(url) as another:
        status = await asyncio.wait_for(another.ensure(flow, "i", str(tmp_path)), 10)
    assert status == Completed("done")
