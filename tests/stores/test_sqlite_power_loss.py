"""What the power leaves of a database and its WAL: it opens, whole, with all that was acknowledged.

With ``synchronous=FULL`` a commit is acknowledged after its part of the WAL was synced. So between
two acknowledged commits a disk holds one of two kinds of images: the WAL of the first with any of
the sectors that the second writes there; or the WAL of the second and the database of the first
with any of the sectors that a checkpoint writes there.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sayiir.stores.records import Checkpoint, ClaimRequest, Move
from sayiir.stores.sqlite import SqliteStore
from tests.stores.sqlite_child import new_instance, result

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECTOR_BYTES: Final = 512
COMMITS: Final = 20
"""Of 600 kB each, so that checkpoints come between, and the WAL begins anew after them."""
IMAGES: Final = 5


@dataclass(frozen=True, slots=True)
class Disk:
    """Both files after an acknowledged commit."""

    main: bytes
    log: bytes


def read(file: Path) -> Disk:
    return Disk(file.read_bytes(), file.with_name(f"{file.name}-wal").read_bytes())


def halfway(dice: random.Random, before: bytes, after: bytes) -> bytes:
    """``before`` with some of the sectors that ``after`` has: any, the first few, or torn ones."""
    sectors = range(0, max(len(before), len(after)), SECTOR_BYTES)
    changed = [
        at for at in sectors if before[at : at + SECTOR_BYTES] != after[at : at + SECTOR_BYTES]
    ]
    kind = dice.randrange(3)
    if kind == 0:
        share = dice.random()
        written = [at for at in changed if dice.random() < share]
    else:
        written = changed[: dice.randrange(len(changed) + 1)]
    image = bytearray(before)
    for at in written:
        sector = after[at : at + SECTOR_BYTES]
        if len(image) < at:
            image += bytes(at - len(image))  # a hole: the file became longer first
        image[at : at + SECTOR_BYTES] = sector
    if kind == 2 and written:
        _tear(dice, image, before, written[-1])
    return bytes(image)


def _tear(dice: random.Random, image: bytearray, before: bytes, at: int) -> None:
    """Garbage in a sector, behind what stood there: what isn't written anew stays, as disks have it
    since long (SQLite's "powersafe overwrite").
    """
    end = min(len(image), at + SECTOR_BYTES)
    while at < min(end, len(before)) and image[at] == before[at]:
        at += 1
    if at < end:
        at = dice.randrange(at, end)
        image[at:end] = dice.randbytes(end - at)


async def holds(file: Path, names: list[str], steps: int) -> None:
    """The database opens clean, with these instances and so many results of the first."""
    store = await SqliteStore.open(file)
    for name in names:
        assert await store.describe(name) is not None, name
    assert len(await store.results(names[0])) >= steps
    await store.close()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]


async def one_disk(folder: Path, dice: random.Random) -> int:
    """Commit and look at images of what lay between; how many checkpoints came between."""
    file, image = folder / "orders.db", folder / "image.db"
    store = await SqliteStore.open(file)
    claim = ClaimRequest(holder="w", lease_us=60_000_000)
    answer = await store.create(new_instance("first"), claim=claim)
    assert answer.claimed is not None
    fence, names, checkpoints = answer.claimed.fence, ["first"], 0
    before = read(file)
    for number in range(COMMITS):
        await store.create(replace(new_instance(f"i{number}"), input=dice.randbytes(600_000)))
        step = Checkpoint(fence=fence, effect=Move(f"s{number}", ""), result=result(f"r{number}"))
        middle = read(file)
        await store.commit([step])
        after = read(file)
        for first, second, had, steps in (
            (before, middle, list(names), number),
            (middle, after, [*names, f"i{number}"], number),
        ):
            for _ in range(IMAGES):
                torn_log = dice.random() < 0.6 or first.main == second.main
                if torn_log:
                    main, log = first.main, halfway(dice, first.log, second.log)
                else:
                    main, log = halfway(dice, first.main, second.main), second.log
                image.write_bytes(main)
                image.with_name("image.db-wal").write_bytes(log)
                await holds(image, had, steps)
                image.with_name("image.db-wal").unlink(missing_ok=True)
        names.append(f"i{number}")
        checkpoints += before.main != after.main
        before = after
    await store.close()
    return checkpoints


def test_images_of_a_lost_power_open_clean(
    tmp_path: Path,
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """Whatever was on its way to the disk."""
    disks = repetitions(1, 10)
    for number in range(disks):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert asyncio.run(one_disk(folder, random.Random(number))) >= 2
    images = disks * COMMITS * 2 * IMAGES
    report_figure(f"{images:,} images opened clean, acknowledged lost 0")
