"""The statements that the documents give to people run, and find what they are said to find."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from sayiir.stores.postgres import migrations
from sayiir.stores.postgres.database import Database
from sayiir.stores.postgres.url import parse_url
from sayiir.testing import MovedClock
from tests.postgres.filling import fill

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "postgresql.md"


def test_every_statement_of_the_page_runs(postgres_url: str) -> None:
    blocks = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 5

    async def main() -> list[int]:
        (await migrations.prepared(parse_url(postgres_url))).terminate()
        database = Database(parse_url(postgres_url), MovedClock())
        try:
            await fill(database, 40, 1_767_225_600_000_000)
            found: list[int] = []
            for block in blocks:
                # Instance 18 waits for a timer and a signal; 10 has an event that nobody had.
                for name in ("i18", "i10"):
                    text = block.replace("sayiir.", "@").replace("order-42", name).rstrip("; \n")
                    found.append(len(await database.fetch(text)))
            return found
        finally:
            await database.close()

    items, _, _, events, queues, _, results, *_ = asyncio.run(main())
    assert (items, events, results) == (3, 1, 2)
    assert queues > 0
