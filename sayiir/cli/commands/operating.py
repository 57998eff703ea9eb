"""``worker``, ``migrate`` and ``doctor``."""

from __future__ import annotations

from typing import Annotated

import typer

from sayiir.cli.exits import ExitCode
from sayiir.cli.options import JsonOption, StoreOption

__all__ = ["doctor", "migrate", "worker"]


def worker(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="MODULE:WORKFLOW...",
            help="What it can run; several versions of a workflow may stand side by side.",
            show_default=False,
        ),
    ],
    store: StoreOption = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", "-c", min=1, help="Items at once, in each process.")
    ] = 100,
    tags: Annotated[
        list[str] | None,
        typer.Option(
            "--tags",
            "-t",
            metavar="TAG[,TAG]",
            help="What it has: it takes tasks that ask for nothing else. May be given again.",
        ),
    ] = None,
    processes: Annotated[
        int, typer.Option("--processes", min=1, help="Processes, looked after by this one.")
    ] = 1,
    worker_id: Annotated[
        str | None,
        typer.Option("--worker-id", help="Unique among all workers.", show_default="made up"),
    ] = None,
    lease: Annotated[
        str,
        typer.Option(
            "--lease", metavar="DURATION", help="How long an item is held without a sign of life."
        ),
    ] = "30s",
    poll_interval: Annotated[
        str,
        typer.Option(
            "--poll-interval", metavar="DURATION", help="A look for work where no wake-up comes."
        ),
    ] = "1s",
    grace: Annotated[
        str,
        typer.Option("--grace", metavar="DURATION", help="How long tasks may go on at the end."),
    ] = "20s",
    log_level: Annotated[
        str,
        typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error."),
    ] = "info",
    as_json: JsonOption = False,
) -> None:
    """Run whatever is due of these workflows, until SIGTERM or Ctrl-C.

    Then it takes nothing new, lets tasks finish for the grace, gives the rest back and exits with
    0; a second signal makes it leave at once. It logs to standard error.
    """
    from sayiir.blocking.worker import PooledWorker
    from sayiir.cli.exits import Problem
    from sayiir.cli.logs import log_to_stderr
    from sayiir.cli.screen import print_json, warn
    from sayiir.cli.stores import store_url, told_url_problems
    from sayiir.cli.targets import import_workflow
    from sayiir.durations import duration_seconds
    from sayiir.errors import SayiirError

    url = store_url(store, make=True)
    workflows = [import_workflow(target) for target in targets]
    log_to_stderr(log_level)
    had = [tag.strip() for given in tags or () for tag in given.split(",") if tag.strip()]
    try:
        pool = PooledWorker(
            url,
            workflows=workflows,
            concurrency=concurrency,
            tags=had,
            processes=processes,
            worker_id=worker_id,
            lease=duration_seconds(lease),
            poll_interval=duration_seconds(poll_interval),
            grace=duration_seconds(grace),
        )
    except (TypeError, ValueError) as error:
        if isinstance(error, SayiirError):
            raise
        raise Problem(str(error)) from None
    with told_url_problems(url):
        pool.store()
    names = [workflow.name for workflow in workflows]
    if as_json:
        # A line when it begins: a script that starts workers waits for it.
        print_json({"worker_id": pool.worker_id, "workflows": names}, on_one_line=True)
    else:
        warn(f"worker {pool.worker_id} runs {', '.join(names)}; Ctrl-C or SIGTERM drains it")
    pool.run()


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
