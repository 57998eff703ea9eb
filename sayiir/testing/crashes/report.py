"""What the explorer says: a report where all is well, an assertion error where it isn't."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from sayiir.testing.crashes.judge import Problem
    from sayiir.testing.crashes.schedule import Schedule
    from sayiir.testing.crashes.stage import Played

__all__ = ["CrashReport", "Finding", "NotDurable", "finding_of"]

Out = TypeVar("Out", covariant=True)


@dataclass(frozen=True, slots=True)
class CrashReport(Generic[Out]):
    """What the explorer did, and that the outcome was the same each time.

    Attributes:
        output: of the unbroken run; None where it is a failure that is expected.
        writes: how many writes the unbroken run has.
        runs: how often the workflow was run.
        ran_again: names of the tasks that ran more than once in some run, with how often.
        left_out: schedules that were not run, since there were more than ``most``.

    >>> from sayiir import task, workflow
    >>> from sayiir.testing import explore_crashes
    >>> @task(idempotent=True)
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> report = explore_crashes(workflow("w", double >> double), 1)
    >>> report.output, sorted(report.ran_again)
    (4, ['double'])
    """

    output: Out
    writes: int
    runs: int
    ran_again: Mapping[str, int] = field(default_factory=dict[str, int])
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and the smallest schedule that was found to show it.

    Attributes:
        kind: ``"outcome"``, ``"ran again"``, ``"check"``, ``"late"`` or ``"engine"``.
        task: name of the task that it is about, or ``""``.
        path: where that stands, or ``""``.
        schedule: what to pass as ``schedule=``, which repeats it.
        text: all of it, for people.
    """

    kind: str
    task: str
    path: str
    schedule: str
    text: str


class NotDurable(AssertionError):
    """A workflow doesn't bear to be stopped: its outcome differs, or a task ran again.

    Attributes:
        findings: what is wrong, the simplest first.

    >>> from sayiir import task, workflow
    >>> from sayiir.testing import explore_crashes
    >>> @task
    ... def charge(amount: float) -> str:
    ...     return "paid"
    >>> try:
    ...     explore_crashes(workflow("paying", charge), 9.5)
    ... except NotDurable as error:
    ...     print(error.findings[0].task, error.findings[0].schedule)
    charge before:1
    """

    def __init__(self, workflow: str, runs: int, findings: list[Finding]) -> None:
        self.findings = findings
        count = "1 thing is" if len(findings) == 1 else f"{len(findings)} things are"
        told = "\n\n".join(f"{at}. {each.text}" for at, each in enumerate(findings, start=1))
        super().__init__(
            f"workflow {workflow!r} doesn't bear to be stopped: {count} wrong, "
            f"in {runs} runs\n\n{told}"
        )


def finding_of(problem: Problem, schedule: Schedule, played: Played, repeat: str) -> Finding:
    """A problem with its schedule, in words."""
    lines = [*problem.text.splitlines(), *_stops(schedule, played), f"repeat it: {repeat}"]
    text = "\n   ".join(lines)
    return Finding(problem.kind, problem.task, problem.path, str(schedule), text)


def _stops(schedule: Schedule, played: Played) -> list[str]:
    lines: list[str] = []
    for number, point in enumerate(schedule.points, start=1):
        what = played.fell[number - 1] if number <= len(played.fell) else ""
        if point.stall:
            end = "stood still, was taken for dead, and went on after another had done the work"
        else:
            end = "was killed"
        when = "after" if point.after else "before"
        lines.append(f"process {number} {end}: {when} write {point.write} ({what})")
    if schedule.order:
        lines.append(f"arms ran in an order of their own ({schedule.order})")
    if schedule.forget:
        lines.append("the new process began with fresh module globals")
    return lines or ["nothing was stopped"]
