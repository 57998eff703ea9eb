"""``worker``."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from sayiir.cli.exits import told_arguments
from sayiir.cli.options import JsonOption, StoreOption

__all__ = ["worker"]

TargetsArgument: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        metavar="MODULE:WORKFLOW...",
        help="What it can run; several versions of a workflow may stand side by side.",
        show_default=False,
    ),
]
ConcurrencyOption: TypeAlias = Annotated[
    int, typer.Option("--concurrency", "-c", min=1, help="Items at once, in each process.")
]
TagsOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--tags",
        "-t",
        metavar="TAG[,TAG]",
        help="What it has: it takes tasks that ask for nothing else. May be given again.",
    ),
]
ProcessesOption: TypeAlias = Annotated[
    int, typer.Option("--processes", min=1, help="Processes, looked after by this one.")
]
WorkerIdOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--worker-id", help="Unique among all workers.", show_default="made up"),
]
LeaseOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--lease", metavar="DURATION", help="How long an item is held without a sign of life."
    ),
]
PollOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--poll-interval", metavar="DURATION", help="A look for work where no wake-up comes."
    ),
]
GraceOption: TypeAlias = Annotated[
    str,
    typer.Option("--grace", metavar="DURATION", help="How long tasks may go on at the end."),
]
LogLevelOption: TypeAlias = Annotated[
    str,
    typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error."),
]


def worker(
    targets: TargetsArgument,
    store: StoreOption = None,
    concurrency: ConcurrencyOption = 100,
    tags: TagsOption = None,
    processes: ProcessesOption = 1,
    worker_id: WorkerIdOption = None,
    lease: LeaseOption = "30s",
    poll_interval: PollOption = "1s",
    grace: GraceOption = "20s",
    log_level: LogLevelOption = "info",
    as_json: JsonOption = False,
) -> None:
    """Run whatever is due of these workflows, until SIGTERM or Ctrl-C.

    Then it takes nothing new, lets tasks finish for the grace, gives the rest back and exits with
    0; a second signal makes it leave at once. It logs to standard error.
    """
    from sayiir.blocking.worker import PooledWorker
    from sayiir.cli.logs import log_to_stderr
    from sayiir.cli.screen import print_json, warn
    from sayiir.cli.stores import store_url, told_url_problems
    from sayiir.cli.targets import import_workflow
    from sayiir.durations import duration_seconds

    url = store_url(store, make=True)
    workflows = [import_workflow(target) for target in targets]
    log_to_stderr(log_level)
    with told_arguments():
        pool = PooledWorker(
            url,
            workflows=workflows,
            concurrency=concurrency,
            tags=[tag.strip() for given in tags or () for tag in given.split(",") if tag.strip()],
            processes=processes,
            worker_id=worker_id,
            lease=duration_seconds(lease),
            poll_interval=duration_seconds(poll_interval),
            grace=duration_seconds(grace),
        )
    with told_url_problems(url):
        pool.store()
    names = [workflow.name for workflow in workflows]
    if as_json:
        # A line when it begins: a script that starts workers waits for it.
        print_json({"worker_id": pool.worker_id, "workflows": names}, on_one_line=True)
    else:
        warn(f"worker {pool.worker_id} runs {', '.join(names)}; Ctrl-C or SIGTERM drains it")
    pool.run()
