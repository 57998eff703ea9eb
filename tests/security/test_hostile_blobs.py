"""Hostile blobs in every column: code executed 0, crashes 0, and the neighbours go on."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import PayloadError, StoreError, open_store, workflow
from sayiir.access.programs import Programs
from sayiir.codec import JsonCodec
from sayiir.dsl.portable import from_portable, to_portable
from tests.security.blobs import hostile_bytes
from tests.security.columns import COLUMNS, LEFT_TO_THEIR_LEASES, NUMBERS
from tests.security.world import LIFE, start

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
SEED = 1
MINUTES = 60


def looked_at(kind: str, where: str, count: int, *what: str) -> dict[str, Any]:
    """What the program has found, which runs in a process of its own: audit hooks stay for good."""
    program = [sys.executable, "-m", "tests.security.hostile"]
    command = [*program, kind, where, str(count), str(SEED), *what]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "SAYIIR_HOSTILE_PATIENCE": "30"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=MINUTES * 60,
    )
    assert done.returncode == 0, "it crashed"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def judge(found: dict[str, Any], count: int, report_figure: Callable[[str], None]) -> None:
    """Nothing of it should have happened."""
    report_figure(
        f"{found['blobs']:,} hostile blobs in {len(COLUMNS)} columns: code executed "
        f"{len(found['sprung'])}, crashes 0, reads that ended otherwise {len(found['wrong'])}, "
        f"neighbours held up {len(found['held_up'])}, left to their leases {len(found['stuck'])}"
    )
    assert found["blobs"] == count * len(COLUMNS)
    assert found["sprung"] == {}
    assert found["wrong"] == []
    assert found["held_up"] == []
    assert [line for line in found["stuck"] if not line.startswith(LEFT_TO_THEIR_LEASES)] == []
    assert len(found["stuck"]) <= count // 20
    assert [line for line in found["log_lines"] if not line.isprintable()] == []


@pytest.mark.timeout(MINUTES * 60)
def test_hostile_blobs_in_a_sqlite_file(
    tmp_path: Path,
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """In all columns of a running instance's and an ended one's rows, of any storage class."""
    count = repetitions(100, 1_000)
    judge(looked_at("sqlite", str(tmp_path), count), count, report_figure)


@pytest.mark.timeout(MINUTES * 60)
def test_hostile_blobs_in_postgresql(
    postgres_server: str,
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """The same, as far as the types of its columns let them in."""
    count = repetitions(100, 1_000)
    judge(looked_at("postgres", postgres_server, count), count, report_figure)


def judge_numbers(
    found: dict[str, Any],
    count: int,
    report_figure: Callable[[str], None],
) -> None:
    """Nothing of it should have happened."""
    held_up = {line.partition(":")[0] for line in found["held_up"]}
    report_figure(
        f"{found['blobs']:,} hostile numbers in {len(NUMBERS)} columns: code executed "
        f"{len(found['sprung'])}, crashes 0, reads that ended otherwise {len(found['wrong'])}, "
        f"columns that hold up neighbours {len(held_up)}"
    )
    assert found["blobs"] == count * len(NUMBERS)
    assert found["sprung"] == {}
    assert found["wrong"] == []
    assert held_up == set()
    assert [line for line in found["log_lines"] if not line.isprintable()] == []


def test_hostile_numbers_in_a_sqlite_file(
    tmp_path: Path,
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """Numbers out of any range in the columns of numbers, and what is no number."""
    count = repetitions(2, 100)
    judge_numbers(looked_at("sqlite", str(tmp_path), count, "numbers"), count, report_figure)


@pytest.mark.nightly
@pytest.mark.timeout(MINUTES * 60)
def test_hostile_numbers_in_postgresql(
    postgres_server: str, report_figure: Callable[[str], None]
) -> None:
    """Numbers out of any range, as far as the columns take them."""
    found = looked_at("postgres", postgres_server, 20, "numbers")
    judge_numbers(found, 20, report_figure)


def test_hostile_definitions(repetitions: Callable[[int, int], int]) -> None:
    """A definition, which many instances share, is read whole or refused."""
    dice = random.Random(SEED)
    genuine = to_portable(LIFE.definition)
    for _ in range(repetitions(300, 3_000)):
        data = hostile_bytes(dice, genuine)
        try:
            found = from_portable(data)
        except PayloadError:
            continue
        assert found.definition_hash == LIFE.definition_hash


@pytest.mark.anyio
async def test_a_damaged_definition_in_a_store_is_told() -> None:
    """By an error of ours, whoever asks for it."""
    store = await open_store("memory://")
    programs = Programs(store, JsonCodec())
    dice = random.Random(SEED)
    genuine = to_portable(workflow("other", start).definition)
    for _ in range(50):

        async def damaged(_: str, body: bytes = hostile_bytes(dice, genuine)[:-1]) -> bytes:
            return body

        store.definition = damaged  # type: ignore[method-assign]
        with pytest.raises(StoreError, match="is damaged"):
            await programs.stored("a hash")


@pytest.fixture
def anyio_backend() -> str:
    """asyncio is the one promised loop."""
    return "asyncio"
