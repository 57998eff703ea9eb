"""``migrate`` and ``doctor``."""

from __future__ import annotations

from sayiir.cli.exits import ExitCode
from sayiir.cli.options import JsonOption, StoreOption

__all__ = ["doctor", "migrate"]


def migrate(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Bring a store's schema to the newest version; make it where there is none."""
    import asyncio

    from sayiir.cli.screen import print_json, say
    from sayiir.cli.stores import store_url, told_url_problems
    from sayiir.stores.doctoring import migrate_store, store_facts

    url = store_url(store, make=True)

    async def both() -> tuple[tuple[str, ...], int | None]:
        done = await migrate_store(url)
        return done, (await store_facts(url)).schema_version

    with told_url_problems(url):
        done, version = asyncio.run(both())
    if as_json:
        print_json({"migrated": list(done), "schema_version": version})
    elif done:
        say(f"migrated to version {version}: {', '.join(done)}")
    else:
        say(f"nothing to do: version {version} is the newest")


def doctor(store: StoreOption = None, as_json: JsonOption = False) -> ExitCode:
    """Check the store and this installation; exit code 1 where something is wrong."""
    import asyncio

    from sayiir.cli.checkup import examine
    from sayiir.cli.screen import print_json, say
    from sayiir.cli.stores import store_url

    url = store_url(store, make=True)
    report = asyncio.run(examine(url))
    if as_json:
        print_json(report.data())
    else:
        for line in report.lines():
            say(line)
    return ExitCode.DONE if report.well else ExitCode.FAILED
