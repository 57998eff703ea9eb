"""A process goes on with what another one has left: what it asks, and what it is told."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    AsyncCheckpointingRunner,
    ChangedBodyWarning,
    Completed,
    OtherInputWarning,
    open_store,
    task,
    workflow,
)
from sayiir.stores.postgres.columns import MAX_BROUGHT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

LEFT = "left"


@task
async def length(text: str) -> int:
    return len(text)


@task("double")
async def leave(number: int) -> int:
    raise SystemExit


@task("double")
async def double(number: int) -> int:
    return number * 2


before = workflow("leaving", length >> leave)
after = workflow("leaving", length >> double)


async def _left_and_continued(url: str, text: str, other: str) -> list[str]:
    """An instance whose second task left, gone on with by another store; what that one asked."""
    async with AsyncCheckpointingRunner(url) as runner:
        with pytest.raises(SystemExit):
            await runner.ensure(before, LEFT, text)
    store: Any = await open_store(url + "&pool=1")
    [connection] = store._database.pool()._all
    asked: list[str] = []

    def note(record: Any) -> None:
        asked.append(record.query)

    connection.add_query_logger(note)
    async with AsyncCheckpointingRunner(store) as runner:
        assert await runner.ensure(after, LEFT, other) == Completed(2 * len(text))
    await store.close()
    return [text for text in asked if "pg_notify" not in text]


@pytest.mark.filterwarnings("ignore::sayiir.ChangedBodyWarning")
def test_what_is_asked_before_the_first_task(
    postgres_url: str, report_figure: Callable[[str], None]
) -> None:
    """Two looks, a claim, and what the task reads: neither input nor definition is asked for."""
    asked = asyncio.run(_left_and_continued(postgres_url, "four", "four"))
    ends = next(at for at, text in enumerate(asked) if "completed as" in text)
    # A look at what else is due may come between.
    asked = [text for text in asked[:ends] if "seen" not in text]
    report_figure(f"statements to go on with what another process has left: {len(asked)}")
    assert len(asked) == 8, asked
    assert not any(text.startswith("select body") for text in asked)


@pytest.mark.parametrize("size", [4, MAX_BROUGHT_BYTES + 1])
@pytest.mark.parametrize("same", [True, False])
def test_what_is_told(postgres_url: str, size: int, same: bool) -> None:
    """Another input and other code are told of, whether they came along or were read."""
    text = "a" * size
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(_left_and_continued(postgres_url, text, text if same else "b" * size))
    kinds = [each.category for each in caught]
    assert kinds == ([] if same else [OtherInputWarning]) + [ChangedBodyWarning]
