"""All that a definition tells, in one value: for programs, and as text for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sayiir.explain.bounds import Bound, worst_case
from sayiir.explain.needs import needs_of
from sayiir.explain.rules import find
from sayiir.render.words import clean, whole_span_text

if TYPE_CHECKING:
    from sayiir.dsl.definition import Definition
    from sayiir.explain.findings import Finding
    from sayiir.explain.needs import Needs

__all__ = ["Explanation", "explain"]

_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a definition tells before anything has run.

    Attributes:
        workflow_name: the workflow's name.
        attempts: the most attempts of all its tasks together, those lost with a process aside.
        duration: the most seconds from beginning to end, waiting for workers and slots aside;
            the workflow's own timeout, if it has one, bounds it.
        needs: what whoever runs it must have.
        findings: what looks wrong, the worst first.
    """

    workflow_name: str
    attempts: Bound
    duration: Bound
    needs: Needs
    findings: tuple[Finding, ...]

    @property
    def has_errors(self) -> bool:
        """Some finding is an error."""
        return any(finding.severity == "error" for finding in self.findings)

    def as_data(self) -> dict[str, Any]:
        """The explanation as JSON data."""
        needs = self.needs
        return {
            "workflow_name": self.workflow_name,
            "attempts": _bound_data(self.attempts),
            "duration_seconds": _bound_data(self.duration),
            "needs": {
                name: {one: list(paths) for one, paths in held.items()}
                for name, held in (
                    ("tags", needs.tags),
                    ("executors", needs.executors),
                    ("resources", needs.resources),
                    ("signals", needs.signals),
                )
            },
            "findings": [
                {
                    "code": finding.code,
                    "severity": finding.severity,
                    "path": finding.path,
                    "message": finding.message,
                    "advice": finding.advice,
                    "more_paths": list(finding.more_paths),
                }
                for finding in self.findings
            ],
        }

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        most = self.attempts.most
        yield clean(self.workflow_name)
        yield f"attempts at most: {'unbounded' if most is None else f'{most:,}'}"
        yield from _reasons(self.attempts)
        longest = self.duration.most
        yield f"takes at most: {'unbounded' if longest is None else whole_span_text(longest)}"
        yield from _reasons(self.duration)
        for what, held in (
            ("tags of workers", self.needs.tags),
            ("executors", self.needs.executors),
            ("resources", self.needs.resources),
            ("signals", self.needs.signals),
        ):
            if held:
                yield f"{what}: {clean(', '.join(held))}"
        for finding in self.findings:
            more = f" (and {len(finding.more_paths)} more)" if finding.more_paths else ""
            where = f"{finding.path or 'workflow'}{more}"
            yield clean(f"{finding.severity} {finding.code} at {where}")
            yield clean(f"    {finding.message}")
            yield clean(f"    {finding.advice}")
        if not self.findings:
            yield "nothing found"


def explain(definition: Definition) -> Explanation:
    """What a definition tells before anything has run.

    >>> from sayiir import await_signal, workflow
    >>> told = explain(workflow("asked", await_signal("go", str)).definition)
    >>> told.duration.most, [finding.code for finding in told.findings]
    (None, ['signal-without-timeout'])
    """
    worst = worst_case(definition.root)
    duration, limit = worst.seconds, definition.timeout_seconds
    if limit is not None and (duration.most is None or duration.most > limit):
        duration = Bound(limit)
    return Explanation(
        workflow_name=definition.name,
        attempts=worst.attempts,
        duration=duration,
        needs=needs_of(definition),
        findings=find(definition, worst),
    )


def _bound_data(bound: Bound) -> dict[str, Any]:
    reasons = [{"path": reason.path, "text": reason.text} for reason in bound.reasons]
    return {"most": bound.most, "reasons": reasons}


def _reasons(bound: Bound) -> Iterator[str]:
    for reason in bound.reasons[:_SHOWN]:
        yield clean(f"    {reason.path}: {reason.text}")
    if len(bound.reasons) > _SHOWN:
        yield f"    and {len(bound.reasons) - _SHOWN:,} more"
