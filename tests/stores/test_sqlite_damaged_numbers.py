"""What SQLite takes for a number and is none, down to what Python takes for nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sayiir import AsyncCheckpointingRunner, workflow
from sayiir.errors import StoreError
from tests.engine.corpus import inc

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio
simple = workflow("w", inc)


@pytest.mark.parametrize("value", [b"", "", b"1", "one", 1.5, -1, 2**62], ids=repr)
@pytest.mark.parametrize("column", ["created_at", "finished_at", "deadline_at", "timeout"])
async def test_an_instance_without_sensible_times_is_left_out_of_lists(
    column: str, value: object, tmp_path: Path
) -> None:
    """And told of where it is asked for; its neighbours are listed."""
    file = tmp_path / "orders.db"
    async with AsyncCheckpointingRunner(f"sqlite:///{file}") as runner:
        for name in "ab":
            await runner.ensure(simple, name, 1)
        with closing(sqlite3.connect(file)) as connection, connection:
            change = f"update instance set {column} = ? where instance_id = 'a'"
            connection.execute(change, (value,))
        assert [each.instance_id for each in (await runner.client.list()).items] == ["b"]
        with pytest.raises(StoreError, match=f"instance.{column} holds"):
            await runner.client.status("a", simple)
