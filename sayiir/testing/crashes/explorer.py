"""The crash explorer: one workflow, stopped at one write after the other, and always continued."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from sayiir.testing.crashes.judge import Judge, NotRepeatable, outcome_of
from sayiir.testing.crashes.report import CrashReport, Finding, NotDurable, finding_of
from sayiir.testing.crashes.schedule import UNBROKEN, Schedule
from sayiir.testing.simulation import Point

if TYPE_CHECKING:
    from sayiir.testing.crashes.judge import Problem, Same
    from sayiir.testing.crashes.stage import Played, Stage

__all__ = ["Explorer", "Plan"]

MOST_FINDINGS: Final = 10
_MOST_SHRINKS: Final = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tried.

    Attributes:
        crash: at every write, or at so many that are drawn.
        orders: so many orders of arms.
        pairs: so many runs with two stops and an order, drawn.
        most: so many runs at most.
        seed: of what is drawn.
    """

    crash: Literal["every-write"] | int = "every-write"
    orders: int = 10
    pairs: int = 20
    most: int = 5_000
    seed: int = 0


class Explorer:
    """Looks for schedules under which a workflow gives another outcome.

    Args:
        stage: runs the workflow.
        plan: what is tried.
        same: whether two outputs count as the same.
        declared: only tasks that say that they are idempotent may run again.
        check: the user's own, called with each outcome.
        repeat: the line that repeats a schedule.
    """

    def __init__(
        self,
        stage: Stage,
        plan: Plan,
        *,
        same: Same,
        declared: bool,
        check: Callable[[Any], None] | None,
        repeat: Callable[[str], str],
    ) -> None:
        self._stage = stage
        self._plan = plan
        self._repeat = repeat
        self._runs = 0
        self._again: Counter[str] = Counter()
        self._check = check
        self._judge = Judge(self._play(UNBROKEN), same, declared)
        self._findings: dict[tuple[str, str], Finding] = {}
        self._random = random.Random(plan.seed)  # noqa: S311  drawn, not secret

    def explore(self) -> CrashReport[Any]:
        """Try what the plan says.

        Raises:
            NotDurable: something is wrong.
            NotRepeatable: two unbroken runs differ.
        """
        self._check_repeatable()
        points = self._points()
        singles = self._drawn(points)
        schedules = [*self._forgetting(singles), *self._orders(), *self._pairs(points)]
        schedules = [*(Schedule((point,)) for point in singles), *schedules]
        left_out = max(len(schedules) - self._plan.most, 0)
        for schedule in schedules[: self._plan.most]:
            self._try(schedule)
            if len(self._findings) >= MOST_FINDINGS:
                break
        return self._report(left_out)

    def only(self, schedule: Schedule) -> CrashReport[Any]:
        """Run one schedule, as a failure told it.

        Raises:
            NotDurable: it fails again.
            NotRepeatable: two unbroken runs differ.
        """
        self._check_repeatable()
        played = self._play(schedule)
        for problem in self._judge.problems(played):
            self._found(problem, schedule, played)
        return self._report()

    def _report(self, left_out: int = 0) -> CrashReport[Any]:
        """What was done, unless something was found."""
        self._raise_findings()
        unbroken = self._judge.unbroken
        output = getattr(unbroken.status, "output", None)
        writes = sum(map(len, unbroken.writes))
        return CrashReport(output, writes, self._runs, dict(self._again), left_out)

    # -- what is tried

    def _check_repeatable(self) -> None:
        """The reference must be one: the same without a crash, however random numbers fall."""
        unbroken = self._judge.unbroken
        if unbroken.trouble is not None:
            raise unbroken.trouble
        other = self._play(UNBROKEN, seed="another")
        problems = [each for each in self._judge.problems(other) if each.kind != "check"]
        if problems:
            raise NotRepeatable(
                "two runs that nobody stopped differ, so crashes can't be judged by them: "
                f"{problems[0].text}\nPass same=, which tells whether two outputs count as the "
                "same, or fakes= for what differs by itself (the time, random numbers, a service)"
            )
        for problem in self._judge.problems(unbroken):
            self._found(problem, UNBROKEN, unbroken)
        self._raise_findings()

    def _points(self) -> list[Point]:
        """Before and after each write that changes anything, and stalled there."""
        writes = list(enumerate(self._judge.unbroken.writes[0]))
        points: list[Point] = []
        for at, verb in writes:
            points += [Point(at, False, verb), Point(at, True, verb)]
        points += [Point(at, False, verb, True) for at, verb in writes if verb == "commit"]
        return points

    def _drawn(self, points: list[Point]) -> list[Point]:
        if self._plan.crash == "every-write":
            return points
        drawn = sorted(self._random.sample(range(len(points)), min(self._plan.crash, len(points))))
        return [points[at] for at in drawn]

    def _forgetting(self, singles: list[Point]) -> list[Schedule]:
        """The same where a new process is to be told from an old one by its globals."""
        kept = self._stage.kept
        self._play(UNBROKEN)
        if not kept.changed() and not kept.caches:
            return []
        return [Schedule((point,), forget=True) for point in singles if not point.stall]

    def _orders(self) -> Iterator[Schedule]:
        for _ in range(self._plan.orders):
            yield Schedule(order=self._random.randint(1, 9_999))

    def _pairs(self, points: list[Point]) -> Iterator[Schedule]:
        for number in range(self._plan.pairs):
            first = self._random.choice(points)
            at = self._random.randint(0, max(len(self._judge.unbroken.writes[0]) - 1, 0))
            second = Point(at, self._random.random() < 0.5)
            order = self._random.randint(1, 9_999) if number % 2 else 0
            yield Schedule((first, second), order=order)

    # -- trying

    def _play(self, schedule: Schedule, seed: object = "") -> Played:
        self._runs += 1
        played = self._stage.play(schedule, f"{self._plan.seed}{seed}")
        if self._check is not None and played.trouble is None:
            try:
                self._check(outcome_of(played.status))
            except AssertionError as error:
                played.said = str(error) or "an assertion failed"
        starts = Counter(each.path for each in played.witness.executions)
        names = {each.path: each.spec.name for each in played.witness.executions}
        raised = Counter(e.path for e in played.witness.executions if e.ended == "raised")
        for path, count in starts.items():
            if count - raised[path] > 1:
                self._again[names[path]] += 1
        return played

    def _try(self, schedule: Schedule) -> None:
        played = self._play(schedule)
        for problem in self._judge.problems(played):
            if problem.key not in self._findings:
                smallest, shown, what = self._shrunk(schedule, played, problem)
                self._found(what, smallest, shown)

    def _shrunk(
        self, schedule: Schedule, played: Played, problem: Problem
    ) -> tuple[Schedule, Played, Problem]:
        """The smallest schedule that shows the same problem; a part less goes before earlier."""
        tries = 0
        best = (schedule, played, problem)
        smaller = True
        while smaller and tries < _MOST_SHRINKS:
            smaller = False
            for candidate in [*best[0].smaller(), *best[0].earlier()]:
                tries += 1
                again = self._play(candidate)
                same = [p for p in self._judge.problems(again) if p.key == problem.key]
                if same and not again.unreached:
                    best, smaller = (candidate, again, same[0]), True
                    break
                if tries >= _MOST_SHRINKS:
                    break
        return best

    def _found(self, problem: Problem, schedule: Schedule, played: Played) -> None:
        finding = finding_of(problem, schedule, played, self._repeat(str(schedule)))
        again = self._play(schedule)
        if problem.key not in {each.key for each in self._judge.problems(again)}:
            text = (
                f"{finding.text}\n   run again, it was not so: something decides that the "
                "explorer can't, as threads, the machine's clock or the network"
            )
            finding = replace(finding, text=text)
        self._findings.setdefault(problem.key, finding)

    def _raise_findings(self) -> None:
        if self._findings:
            name = self._stage.workflow.name
            raise NotDurable(name, self._runs, list(self._findings.values()))
