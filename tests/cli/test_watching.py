"""What ``watch`` sees: changes told once, and a store that is away for a while."""

from __future__ import annotations

import asyncio
import io

from rich.console import Console

from sayiir import AsyncWorkflowClient, await_signal, open_store, workflow
from sayiir.cli.watch_view import picture
from sayiir.cli.watched import Sight

WAITING = workflow("waiting", await_signal("go", int))


def drawn(shown: object, rows: int = 20) -> str:
    screen = Console(file=io.StringIO(), width=100, height=rows, markup=False, record=True)
    screen.print(shown)
    return screen.export_text()


def test_while_the_store_is_away_the_last_look_stays_with_the_trouble() -> None:
    async def main() -> None:
        store = await open_store("memory://")
        client = AsyncWorkflowClient(store)
        await client.submit(WAITING, "a", None)
        for sight in (Sight(), Sight(instance_id="a")):
            seen = await sight.look_again(client, await sight.look(client))
            assert seen.trouble == ""
        looks = [(sight, await sight.look(client)) for sight in (Sight(), Sight(instance_id="a"))]
        await store.close()
        for sight, before in looks:
            seen = await sight.look_again(client, before)
            text = drawn(picture(seen, Console(width=100, height=20)))
            assert "the memory store is closed" in text
            assert "waiting" in text, "what was seen before stays"

    asyncio.run(main())


def test_a_change_is_told_once() -> None:
    async def main() -> None:
        store = await open_store("memory://")
        client = AsyncWorkflowClient(store)
        for name in ("a", "b"):
            await client.submit(WAITING, name, None)
        told: dict[str, object] = {}
        seen = await Sight().look(client)
        assert [change.data["instance_id"] for change in seen.changes(told)] == ["a", "b"]
        assert list(seen.changes(told)) == []
        await client.cancel("a")
        (change,) = (await Sight().look(client)).changes(told)
        assert change.line.endswith("a  waiting  Cancelled")
        await store.close()

    asyncio.run(main())


def test_more_instances_than_lines() -> None:
    async def main() -> None:
        store = await open_store("memory://")
        client = AsyncWorkflowClient(store)
        for number in range(60):
            await client.submit(WAITING, f"a-{number}", None)
        screen = Console(width=100, height=12)
        text = drawn(picture(await Sight().look(client), screen), rows=12)
        assert len(text.rstrip().splitlines()) <= 12
        assert "and older ones" in text
        assert "a-59" in text
        await store.close()

    asyncio.run(main())
