"""What a caller did wrong is said in the store's words."""

from __future__ import annotations

import asyncio

import pytest

from sayiir.errors import StoreError
from sayiir.stores.records import Move, Park
from tests.postgres.racing import racing


@pytest.mark.parametrize("effect", [Move("b", "i"), Park(path="b", input="i", wait_us=0)])
def test_a_second_result_is_named(effect: Move | Park, postgres_database_url: str) -> None:
    """By its path, the quick way and the long one alike; and nothing is written."""

    async def run() -> None:
        async with racing(postgres_database_url, 1) as track:
            root = await track.start()
            await track.write(root, Move("b", "i"), "a")
            with pytest.raises(StoreError, match=r"has a result already.*: 'a'"):
                await track.write(root, effect, "a")
            assert (await track.write(root, Move("c", "i"), "b")).accepted
            await track.check()

    asyncio.run(run())
