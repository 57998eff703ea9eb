"""Columns that go to the server as text: it reads there what was written here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayiir.stores.postgres.arrays import MAX_BYTES_AS_TEXT, as_columns, rows_of
from sayiir.stores.postgres.store import PostgresStore
from sayiir.stores.records import Checkpoint, End, Move, Result, Wanted
from tests.postgres.racing import Track

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TYPES = {"n": "integer", "number": "bigint", "word": "text", "may": "text", "body": "bytea"}
# What the notation of arrays has a meaning for, and what looks like a null.
WORDS = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20),
    st.text('",\\{} nulNUL\n', max_size=8),
    st.sampled_from(["NULL", "null", "", '"', "\\", "{}", '","']),
)
ROWS = st.lists(
    st.tuples(
        st.integers(-(2**63), 2**63 - 1),
        WORDS,
        st.none() | WORDS,
        st.binary(max_size=40) | st.sampled_from([b"", b"\\x00", b"\0"]),
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture
def ask(postgres_url: str) -> Iterator[Callable[[str, list[object]], Sequence[Any]]]:
    with asyncio.Runner() as runner:
        connection: Any = runner.run(
            asyncpg.connect(postgres_url.partition("schema=")[0].rstrip("?&"))
        )

        def fetched(text: str, values: list[object]) -> Sequence[Any]:
            found: Sequence[Any] = runner.run(connection.fetch(text, *values))
            return found

        yield fetched
        runner.run(connection.close())


def test_rows_come_as_they_were_given(
    ask: Callable[[str, list[object]], Sequence[Any]],
) -> None:
    """Whatever the texts are, and whether all rows have a value alike or none has it."""

    @settings(max_examples=300, deadline=None)
    @given(ROWS, st.booleans())
    def check(given_rows: list[tuple[int, str, str | None, bytes]], alike: bool) -> None:
        if alike:
            given_rows = [given_rows[0]] * len(given_rows)
        rows = [(number, *row) for number, row in enumerate(given_rows, 1)]
        columns, large = as_columns(rows, TYPES)
        assert not large
        text = rows_of(TYPES, "n", nullable=("may",))
        assert [tuple(row) for row in ask(text, columns)] == rows

    check()


def test_large_columns_come_too(ask: Callable[[str, list[object]], Sequence[Any]]) -> None:
    """As they are, since as text they'd take twice the room."""
    body = bytes(range(256)) * (MAX_BYTES_AS_TEXT // 256)
    rows = [(1, 5, "a", None, body), (2, 5, "b", "c", b""), (3, 5, "a", None, body[::-1])]
    columns, large = as_columns(rows, TYPES)
    assert large
    text = rows_of(TYPES, "n", nullable=("may",), large=True)
    assert [tuple(row) for row in ask(text, columns)] == rows


def test_batches_with_large_results_and_odd_texts(postgres_url: str) -> None:
    """Steps and ends of roots of one batch, some with results and some without."""
    names = ['a"b', "NULL", "c\\d", "{e,f}", "g"]
    bodies = [b"1", b"x" * (MAX_BYTES_AS_TEXT + 1), b"\\x31", b"", b"2"]

    async def run() -> None:
        store = await PostgresStore.open(postgres_url)
        track = Track([store], 1)
        held = [await track.start() for _ in names]
        for size in (1, len(names)):
            batch = [
                Checkpoint(
                    fence=each.fence,
                    effect=Move(f"{name}{size}", name),
                    result=Result(path=f"{name}/{size}", node_path=name, ordinal=b"", output=body),
                )
                for each, name, body in zip(held, names, bodies, strict=True)
            ]
            for first in range(0, len(batch), size):
                answers = await store.commit(batch[first : first + size])
                assert all(each.accepted for each in answers)
            wanted = [
                Wanted(run=each.fence.run, results=(f"{name}/{size}",))
                for each, name in zip(held, names, strict=True)
            ]
            found = [next(iter(each.results.values())) for each in await store.load(wanted)]
            assert found == bodies
        ends = [Checkpoint(fence=each.fence, effect=End(output="x")) for each in held[:2]]
        moves = [Checkpoint(fence=each.fence, effect=Move("y", "")) for each in held[2:]]
        assert all(each.accepted for each in await store.commit([*ends, *moves]))
        await store.close()

    asyncio.run(run())
