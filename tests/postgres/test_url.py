"""URLs: PostgreSQL's own and three options of ours; passwords are shown nowhere."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from sayiir.errors import StoreError, StoreUnavailable
from sayiir.stores import open as opening
from sayiir.stores.open import open_store
from sayiir.stores.postgres import migrations
from sayiir.stores.postgres.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "s3cr3t"


def test_what_is_the_drivers_goes_to_the_driver() -> None:
    found = parse_url(
        "postgres://ada:a%40b@[::1]:5433/orders?sslmode=require&schema=shop&pool=3&prepared=off"
        "&application_name=orders%20worker"
    )
    assert found.dsn == (
        "postgresql://ada:a%40b@[::1]:5433/orders?sslmode=require&application_name=orders%20worker"
    )
    assert (found.schema, found.pool, found.prepared) == ("shop", 3, False)
    assert parse_url("postgresql://").schema == "sayiir"
    assert parse_url("postgresql:///orders?host=/run/pg").where == (
        "postgresql:///orders?host=/run/pg&schema=sayiir"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("colour=red", "'colour' is no option"),
        ("schema=a&schema=b", "given twice"),
        ("schema=", "no name of a schema"),
        ("schema=pg_catalog", "no name of a schema"),
        ('schema=a"b', "no name of a schema"),
        ("schema=" + "a" * 64, "no name of a schema"),
        ("pool=0", "no number of connections"),
        ("pool=many", "no number of connections"),
        ("pool=" + "9" * 5_000, "no number of connections"),
        ("prepared=no", "neither 'on' nor 'off'"),
        ("a;b", "can't be read"),
        ("sslmode=require#x", "has no '#'"),
    ],
)
def test_a_wrong_option_is_told_without_the_password(options: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        parse_url(f"postgresql://ada:{SECRET}@db/orders?{options}")
    assert SECRET not in f"{caught.value!r}{caught.value.__cause__!r}"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ada:{SECRET}@[db/orders",
        f"postgresql:/ada:{SECRET}@db/orders",
        f"postgresql://ada:{SECRET}@db/orders?password={SECRET}x&password=1",
    ],
)
def test_a_url_that_cant_be_read_isnt_quoted(url: str) -> None:
    with pytest.raises(ValueError, match=r"read|store URL|twice") as caught:
        asyncio.run(open_store(url))
    assert SECRET not in str(caught.value)


def test_the_password_is_in_no_error_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody listens on the socket; somebody refuses the password."""
    url = parse_url(
        f"postgresql://ada:{SECRET}@127.0.0.1:1/orders?password={SECRET}&sslmode=prefer"
    )
    assert SECRET not in repr(url)
    with caplog.at_level(logging.DEBUG), pytest.raises(StoreUnavailable) as caught:
        asyncio.run(migrations.check(url))
    assert "check that the server runs" in str(caught.value)
    assert SECRET not in f"{caught.value}{caught.value.__cause__!r}{caplog.text}"


def test_without_the_driver_its_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        assert name == "asyncpg"

    monkeypatch.setattr(opening, "find_spec", absent)
    with pytest.raises(StoreError, match=r"pip install 'sayiir-py\[postgres\]'"):
        asyncio.run(open_store("postgresql://db/orders"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda url: url.replace("/postgres?", "/nowhere?"), "Create the database"),
        (lambda url: url.replace("//postgres@", "//nobody_here@"), "refuses this user"),
        (lambda url: url + "&port=1", "check that the server runs"),
    ],
)
def test_what_the_server_refuses_says_what_to_do(
    postgres_url: str, change: Callable[[str], str], said: str
) -> None:
    if "//postgres@/postgres?host=" not in postgres_url:
        pytest.skip("knows the URL of the tests' own server only")
    with pytest.raises(StoreUnavailable, match=said):
        asyncio.run(migrations.check(parse_url(change(postgres_url))))
