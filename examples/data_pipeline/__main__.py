"""``python -m examples.data_pipeline FOLDER``: sum up a folder of readings, durably."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from examples.data_pipeline.models import Request, Summary
from examples.data_pipeline.workflow import PARSED, list_files, read_folder
from sayiir import (
    CheckpointingRunner,
    Completed,
    ConflictPolicy,
    Failed,
    InstanceNotFound,
    SayiirError,
    WorkflowClient,
    WorkflowStatus,
)
from sayiir.events import RunnerEvent, TaskFinished

__all__ = ["main"]

INTERRUPTED: Final = 130
"""What a shell gives for a program that Ctrl-C ended."""


class Counter:
    """Listens to the runner: how many files were parsed by this very process."""

    def __init__(self, power_cut: int | None) -> None:
        self.parsed = 0
        self._power_cut = power_cut
        self._draws = sys.stderr.isatty()

    def __call__(self, event: RunnerEvent) -> None:
        if not (isinstance(event, TaskFinished) and event.task == "parse"):
            return
        self.parsed += 1
        if self._draws:
            print(f"\r{self.parsed:,} files parsed ", end="", file=sys.stderr, flush=True)
        if self.parsed == self._power_cut:
            os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Sum up the folder, or go on with it; the exit code."""
    options = _options(arguments)
    folder, out = Path(options.folder).resolve(), Path(options.out).resolve()
    if not folder.is_dir():
        _say(f"{options.folder} is no folder")
        return 2
    try:
        out.mkdir(parents=True, exist_ok=True)
        request = Request(folder=str(folder), report=str(out / "report.csv"))
        counter = Counter(options.power_cut)
        with CheckpointingRunner(
            f"sqlite:///{quote((out / 'pipeline.db').as_posix())}",
            conflict_policy=ConflictPolicy.TERMINATE_EXISTING,
            on_event=counter,
        ) as runner:
            return _run(runner, request, counter, fresh=options.fresh)
    except OSError as error:
        _say(f"--out {options.out}: {error.strerror}")
        return 2
    except SayiirError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say(f"interrupted; the same command continues{' without --fresh' * options.fresh}")
        return INTERRUPTED


def _run(runner: CheckpointingRunner, request: Request, counter: Counter, *, fresh: bool) -> int:
    """The folder names the instance, so the same command continues it."""
    instance_id = request.folder
    if fresh:
        status = runner.run(read_folder, instance_id, request)
    else:
        _tell_kept(runner.client, instance_id)
        status = runner.ensure(read_folder, instance_id, request)
    return _tell(status, counter.parsed, request)


def _tell_kept(client: WorkflowClient, instance_id: str) -> None:
    """Say what is there from before, and let go on what had failed."""
    try:
        status = client.status(instance_id)
    except InstanceNotFound:
        return
    if isinstance(status, Completed):
        _say("this folder is done, and nothing is read again; --fresh starts anew")
        return
    if isinstance(status, Failed):
        client.retry(instance_id)
    names = client.get_task_result_of(instance_id, list_files)
    if names is not None:
        kept = client.count_task_results(instance_id, PARSED)
        _say(f"{kept:,} of {len(names):,} files were parsed before and are not read again")


def _tell(status: WorkflowStatus[Summary], parsed: int, request: Request) -> int:
    match status:
        case Completed(summary):
            for each in summary.stations:
                span = f"{each.coldest:6.1f} to {each.warmest:5.1f}"
                print(f"{each.name:<10}{each.count:>6,} readings {each.mean:6.2f} °C  {span}")
            for left in summary.left_out:
                print(f"left out: {left.name}: {left.why}")
            print(f"{parsed:,} files parsed now, {summary.files:,} in the sum: {request.report}")
            return 0
        case Failed(error):
            _say(f"{error.path} failed: {error.message}; the same command tries on from there")
            return 1
        case _:
            _say(f"not finished: {status}")
            return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.data_pipeline",
        description="Sum up a folder of CSV files. Kill it at any moment; the same command "
        "continues.",
    )
    parser.add_argument("folder", help="where the .csv files are")
    parser.add_argument(
        "--out", default="pipeline", help="folder for pipeline.db and report.csv (%(default)s)"
    )
    parser.add_argument("--fresh", action="store_true", help="forget what is stored and start anew")
    parser.add_argument(
        "--power-cut",
        type=int,
        metavar="FILES",
        help="kill -9 for this process, once it has parsed so many",
    )
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
