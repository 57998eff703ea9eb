"""``doctor`` and ``migrate``, on SQLite, on PostgreSQL and on a third party's kind of store."""

from __future__ import annotations

import sqlite3
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest

from sayiir.stores import doctoring
from sayiir.stores.facts import Advice, StoreFacts
from sayiir.stores.sqlite import doctor as sqlite_doctor

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import CommandLine


def test_a_new_file_is_migrated_and_then_well(sayiir: CommandLine, shop: Path) -> None:
    before = sayiir("doctor")
    assert before.code == 1
    assert "there is no such database yet: `sayiir migrate` makes it" in before.out
    assert not (shop / "shop.db").exists(), "looking makes nothing"
    made = sayiir("migrate", "--json").json
    assert made["migrated"][0] == "0001_tables.sql"
    again = sayiir("migrate")
    assert (again.code, "nothing to do" in again.out) == (0, True)
    after = sayiir("doctor", "--json")
    assert after.code == 0
    assert after.json["well"] is True
    assert after.json["store"]["pending"] == []
    assert after.json["store"]["schema_version"] == made["schema_version"]
    assert after.json["store"]["server"] == f"SQLite {sqlite3.sqlite_version}"


@pytest.mark.parametrize(
    ("version", "notes", "wrong"),
    [((3, 51, 3), 0, False), ((3, 51, 2), 1, False), ((3, 34, 0), 1, True)],
)
def test_what_is_said_of_sqlite_s_own_version(
    sayiir: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    version: tuple[int, int, int],
    notes: int,
    wrong: bool,
) -> None:
    """Before 3.51.3 there is something to know; what is too old for sayiir is wrong."""
    sayiir("migrate")
    monkeypatch.setattr(sqlite_doctor, "version_info", lambda: version)
    found = sayiir("doctor", "--json")
    assert found.code == int(wrong)
    assert [one["wrong"] for one in found.json["advice"]] == [wrong] * notes


def test_a_file_on_a_network_file_system_is_wrong(
    sayiir: CommandLine, monkeypatch: pytest.MonkeyPatch, shop: Path
) -> None:
    sayiir("migrate")
    mounts = shop / "mounts"
    mounts.write_text(f"disk / ext4 rw 0 0\nbox:/x {shop.resolve()} nfs4 rw 0 0\n")
    monkeypatch.setattr(sqlite_doctor, "MOUNTS", mounts)
    found = sayiir("doctor")
    assert (found.code, "network file system (nfs4)" in found.out) == (1, True)


def test_a_damaged_store_and_one_that_is_away_are_told_not_raised(
    sayiir: CommandLine, shop: Path
) -> None:
    (shop / "shop.db").write_bytes(b"no database at all" * 100)
    damaged = sayiir("doctor", "--json")
    assert damaged.code == 1
    assert damaged.json["reachable"] is False
    away = sayiir("doctor", "--store", "postgresql://me:secret@127.0.0.1:1/x")
    assert away.code == 1
    assert "can't be reached" in away.out
    assert "secret" not in away.out
    assert sayiir("migrate").code == 3


def test_postgresql_is_migrated_and_then_well(sayiir: CommandLine, postgres_url: str) -> None:
    before = sayiir("doctor", "--store", postgres_url, "--json")
    assert before.code == 1
    assert before.json["store"]["pending"][0] == "0001_tables.sql"
    assert "isn't set up here yet" in sayiir("doctor", "--store", postgres_url).out
    assert sayiir("migrate", "--store", postgres_url).code == 0
    after = sayiir("doctor", "--store", postgres_url, "--json").json
    assert after["store"]["pending"] == []
    assert after["store"]["kind"] == "PostgreSQL"
    assert abs(after["store"]["clock_ahead_ms"]) < 60_000
    assert after["store"]["round_trip_ms"] > 0
    assert "round trip" in sayiir("doctor", "--store", postgres_url).out


class ThirdDoctor:
    async def facts(self, url: str) -> StoreFacts:
        return StoreFacts(
            kind="Third",
            place="over there",
            server="Third 1",
            schema_version=1,
            newest_version=1,
            clock_ahead_us=-2_500,
            advice=(Advice("it is raining"),),
        )

    async def migrate(self, url: str) -> tuple[str, ...]:
        return ()


THIRD = ThirdDoctor()


def test_a_third_kind_of_store_has_its_own_doctor(
    sayiir: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("third", f"{__name__}:THIRD", doctoring.DOCTOR_GROUP)
    monkeypatch.setattr(doctoring, "entry_points", lambda group: [point])
    found = sayiir("doctor", "--store", "third://x")
    assert found.code == 0
    assert "the server's is 2.5 ms behind this machine's" in found.out
    assert "note:      it is raining" in found.out
    assert sayiir("migrate", "--store", "third://x").code == 0
    broken = EntryPoint("third", "no.such.module:x", doctoring.DOCTOR_GROUP)
    monkeypatch.setattr(doctoring, "entry_points", lambda group: [broken])
    assert "can't be loaded" in sayiir("doctor", "--store", "third://x").out


def test_an_unknown_kind_of_store(sayiir: CommandLine) -> None:
    ended = sayiir("doctor", "--store", "sqlight:///x")
    assert (ended.code, "did you mean sqlite?" in ended.err) == (2, True)
