"""The workflow: list the files, analyse each, reduce, branch on the findings, report."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from examples.source_survey.analysis import analyse_source, decisions_of
from examples.source_survey.report import report_html
from examples.source_survey.summary import (
    assess_sound,
    assess_tangled,
    summarise_findings,
    verdict_of,
)
from examples.source_survey.values import (
    Assessment,
    FileFindings,
    FunctionFindings,
    Summary,
    SurveyRequest,
    SurveyResult,
    Unreadable,
    Verdict,
)
from sayiir import Flow, ItemFailed, RetryPolicy, branch, result_of, task, workflow, workflow_input

__all__ = ["ANALYSED", "instance_id_of", "list_sources", "survey"]

ANALYSED: Final = "map/analyse"
"""Node path of the analysed files: the map's items without their numbers."""

AT_A_TIME: Final = 4 * (os.cpu_count() or 1)
"""More than there are cores, so that each has its next file while findings are stored."""
SKIPPED_FOLDERS: Final = frozenset({"site-packages", "dist-packages", "__pycache__"})
EXPLAINED_FUNCTIONS: Final = 10

# A file that is no Python stays none, however often it is tried; a disk may answer next time.
DISK_ERRORS: Final = RetryPolicy(max_retries=2, initial_delay="100ms", retry_on=OSError)


@task(description="All Python files under the root, or an even choice of them")
def list_sources(request: SurveyRequest) -> list[str]:
    """Paths relative to the root, sorted.

    Raises:
        FileNotFoundError: there is no Python file under the root.
    """
    found = sorted(_python_files(Path(request.root)))
    if not found:
        raise FileNotFoundError(f"no Python files under {request.root}")
    if request.limit is None or request.limit >= len(found):
        return found
    return [found[index * len(found) // request.limit] for index in range(request.limit)]


@task(run_in="process", retries=DISK_ERRORS, description="Parse one file and count what is in it")
def analyse(path: str, request: SurveyRequest = workflow_input(SurveyRequest)) -> FileFindings:
    """The findings of one file; raises what the parser raises."""
    return analyse_source(path, (Path(request.root) / path).read_bytes())


@task(description="Reduce all findings to one summary")
def summarise(
    findings: list[FileFindings | ItemFailed], paths: list[str] = result_of(list_sources)
) -> Summary:
    """The summary; what failed is told by its path."""
    parsed: list[FileFindings] = []
    unreadable: list[Unreadable] = []
    for item in findings:
        if isinstance(item, ItemFailed):
            error = item.error
            unreadable.append(
                Unreadable(path=paths[item.index], error=error.type_name, message=error.message)
            )
        else:
            parsed.append(item)
    return summarise_findings(parsed, unreadable)


@task(description="Are too many functions too complex?")
def judge(summary: Summary) -> Verdict:
    """The key of the branch."""
    return verdict_of(summary)


@task(retries=DISK_ERRORS, description="Open the worst functions again: what are they made of?")
def explain_tangles(
    summary: Summary, request: SurveyRequest = workflow_input(SurveyRequest)
) -> Assessment:
    """The arm for code that is tangled."""
    explained: list[tuple[FunctionFindings, dict[str, int]]] = []
    for function in summary.most_complex[:EXPLAINED_FUNCTIONS]:
        source = (Path(request.root) / function.path).read_bytes()
        explained.append((function, decisions_of(function.path, source, function.line)))
    return assess_tangled(summary, explained)


@task(description="Which packages are documented best?")
def praise(summary: Summary) -> Assessment:
    """The arm for code that is sound."""
    return assess_sound(summary)


@task(retries=DISK_ERRORS, description="Write the HTML report")
def write_report(
    assessment: Assessment,
    summary: Summary = result_of(summarise),
    request: SurveyRequest = workflow_input(SurveyRequest),
) -> SurveyResult:
    """Write the file whole or not at all: after a crash here the task runs once more."""
    target = Path(request.report)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_text(report_html(request, summary, assessment), encoding="utf-8")
    partial.replace(target)
    return SurveyResult(report=request.report, headline=assessment.headline, summary=summary)


@workflow(description="A survey of a tree of Python sources")
def survey() -> Flow[SurveyRequest, SurveyResult]:
    """The graph; its nodes are the checkpoints."""
    return (
        list_sources
        >> analyse.map(max_concurrency=AT_A_TIME, on_error="collect")
        >> summarise
        >> branch(judge, (Verdict.TANGLED, explain_tangles), (Verdict.SOUND, praise)).merge()
        >> write_report
    )


def instance_id_of(request: SurveyRequest) -> str:
    """Other files, or another Python, are another survey: the id says which.

    >>> request = SurveyRequest(root="/src", report="/out/report.html", limit=None, python="3.13.1")
    >>> instance_id_of(request)
    'survey-4c239d967c9c'
    """
    which = f"{request.root}\n{request.limit}\n{request.python}"
    return f"survey-{hashlib.sha256(which.encode()).hexdigest()[:12]}"


def _python_files(root: Path) -> Iterator[str]:
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if name not in SKIPPED_FOLDERS]
        for name in names:
            if name.endswith(".py"):
                yield (Path(folder) / name).relative_to(root).as_posix()
