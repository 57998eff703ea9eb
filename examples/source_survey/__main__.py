"""``python -m examples.source_survey``: survey a tree of Python sources, durably."""

from __future__ import annotations

import argparse
import platform
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from examples.source_survey.progress import Progress, ProgressBar, colour_allowed
from examples.source_survey.terminal import summary_table
from examples.source_survey.values import SurveyRequest, SurveyResult
from examples.source_survey.workflow import ANALYSED, instance_id_of, list_sources, survey
from sayiir import (
    CheckpointingRunner,
    Completed,
    ConflictPolicy,
    Failed,
    InstanceNotFound,
    WorkflowClient,
    WorkflowStatus,
)

__all__ = ["Asked", "main"]

INTERRUPTED: Final = 130
"""What a shell gives for a program that Ctrl-C ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the survey, or continue it; the exit code."""
    options = _options(arguments)
    out = Path(options.out).resolve()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _say(f"--out {options.out}: this can't be the folder for survey.db: {error.strerror}")
        return 2
    request = SurveyRequest(
        root=str(Path(options.root).resolve()),
        report=str(out / "report.html"),
        limit=options.limit,
        python=platform.python_version(),
    )
    try:
        with CheckpointingRunner(
            f"sqlite:///{quote((out / 'survey.db').as_posix())}",
            conflict_policy=ConflictPolicy.TERMINATE_EXISTING,
        ) as runner:
            return _run(runner, request, fresh=options.fresh)
    except KeyboardInterrupt:
        # With --fresh the same command would forget what it has done so far.
        _say(f"interrupted; the same command continues{' without --fresh' * options.fresh}")
        return INTERRUPTED


def _run(runner: CheckpointingRunner, request: SurveyRequest, *, fresh: bool) -> int:
    instance_id = instance_id_of(request)
    began = time.monotonic()
    kept = 0 if fresh else _continued(runner.client, instance_id)
    asked = Asked(
        runner.client, instance_id, kept, _run_id(runner.client, instance_id, fresh=fresh)
    )
    with ProgressBar(asked, sys.stderr):
        if fresh:
            status = runner.run(survey, instance_id, request)
        else:
            status = runner.ensure(survey, instance_id, request)
        if isinstance(status, Completed):
            asked.failed = len(status.output.summary.unreadable)
    return _tell(status, kept, time.monotonic() - began)


class Asked:
    """What the progress bar shows, asked of the store; the list of files is asked for once."""

    def __init__(
        self, client: WorkflowClient, instance_id: str, kept: int, replaced: str | None
    ) -> None:
        self._client = client
        self._instance_id = instance_id
        self._kept = kept
        self._replaced = replaced
        self._total: int | None = None
        self.failed = 0

    def __call__(self) -> Progress | None:
        if self._total is None:
            try:
                if self._replaced is not None:
                    # What the run before had done is no progress of this one.
                    if self._client.describe(self._instance_id).run_id == self._replaced:
                        return None
                    self._replaced = None
                paths = self._client.get_task_result_of(self._instance_id, list_sources)
            except InstanceNotFound:
                return None
            if paths is None:
                return None
            self._total = len(paths)
        done = self._client.count_task_results(self._instance_id, ANALYSED)
        return Progress(done + self.failed, self._kept, self._total, self.failed)


def _run_id(client: WorkflowClient, instance_id: str, *, fresh: bool) -> str | None:
    """The run that ``--fresh`` replaces, if there is one."""
    if not fresh:
        return None
    try:
        return client.describe(instance_id).run_id
    except InstanceNotFound:
        return None


def _continued(client: WorkflowClient, instance_id: str) -> int:
    """Say what is there from before; how many files need not be analysed again."""
    try:
        status = client.status(instance_id, survey)
    except InstanceNotFound:
        return 0
    kept = client.count_task_results(instance_id, ANALYSED)
    paths = client.get_task_result_of(instance_id, list_sources)
    match status:
        case Completed():
            _say(f"this survey is complete: {kept:,} files, none done again (--fresh starts anew)")
        case Failed(error):
            _say(f"the last run failed at {error.path}: {error.message}; trying on from there")
            client.retry(instance_id)
        case _:
            _say("a survey was interrupted here; continuing it")
    if paths is not None and not isinstance(status, Completed):
        _say(f"{kept:,} of {len(paths):,} files were analysed before and are not done again")
    return kept


def _tell(status: WorkflowStatus[SurveyResult], kept: int, seconds: float) -> int:
    match status:
        case Completed(result):
            print(summary_table(result.summary, colour=colour_allowed(sys.stdout)))
            print()
            now = result.summary.counts.files - kept
            print(f"{result.headline}.")
            print(f"{now:,} files analysed now, {kept:,} kept from before; {seconds:.1f} s")
            if not Path(result.report).is_file():
                _say(f"the report {result.report} was removed; --fresh writes it again")
                return 1
            print(f"report: {result.report}")
            return 0
        case Failed(error):
            _say(f"failed at {error.path}: {error.type_name}: {error.message}")
            _say("the same command tries again from there")
            return 1
        case _:
            _say(f"not finished: {status}")
            return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.source_survey",
        description="Survey a tree of Python sources with a durable workflow. Kill it at any "
        "moment; the same command continues.",
    )
    parser.add_argument(
        "--root",
        default=sysconfig.get_path("stdlib"),
        help="folder to survey (default: this Python's standard library)",
    )
    parser.add_argument(
        "--out",
        default="source-survey",
        help="folder for survey.db and report.html (default: %(default)s)",
    )
    parser.add_argument(
        "--limit", type=_at_least_one, help="survey only so many files, spread evenly"
    )
    parser.add_argument("--fresh", action="store_true", help="forget what is stored and start anew")
    return parser.parse_args(arguments)


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
