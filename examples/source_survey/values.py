"""What flows between the tasks of the survey: frozen dataclasses, stored at every step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Final

__all__ = [
    "COMPLEXITY_LABELS",
    "COMPLEXITY_STARTS",
    "Assessment",
    "Bar",
    "Counts",
    "FileFindings",
    "FunctionFindings",
    "PackageSummary",
    "Summary",
    "SurveyRequest",
    "SurveyResult",
    "Unreadable",
    "Verdict",
    "share",
]

COMPLEXITY_STARTS: Final = (1, 2, 4, 6, 11, 21, 51)
COMPLEXITY_LABELS: Final = ("1", "2-3", "4-5", "6-10", "11-20", "21-50", "51+")


def share(part: int, whole: int) -> float:
    """``part / whole``, and 0 of nothing.

    >>> share(1, 4), share(0, 0)
    (0.25, 0.0)
    """
    return part / whole if whole else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyRequest:
    """The input of the workflow.

    Attributes:
        root: absolute path of the folder to survey.
        report: absolute path of the HTML file to write.
        limit: survey only so many files, spread evenly over the tree; None: all.
        python: version of the Python that parses, since the grammar depends on it.
    """

    root: str
    report: str
    limit: int | None
    python: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionFindings:
    """One function: where it is, how long (in lines), and how many ways lead through it."""

    path: str
    name: str
    line: int
    lines: int
    complexity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What can be added up: over the functions of a file, the files of a package, packages.

    Attributes:
        files: files parsed.
        code_lines: lines that are none of the following three.
        docstring_lines: lines of docstrings.
        comment_lines: lines of nothing but a comment.
        blank_lines: empty lines.
        classes: class statements.
        functions: ``def`` and ``async def`` statements, methods among them.
        async_functions: those of them that are async.
        public: modules, and public classes and functions outside functions.
        documented: those of them with a docstring.
        slots: places for an annotation: parameters but self and cls, and what is returned.
        annotated: those of them with one.
        complexity: sum of the cyclomatic complexities of all functions.
    """

    files: int = 0
    code_lines: int = 0
    docstring_lines: int = 0
    comment_lines: int = 0
    blank_lines: int = 0
    classes: int = 0
    functions: int = 0
    async_functions: int = 0
    public: int = 0
    documented: int = 0
    slots: int = 0
    annotated: int = 0
    complexity: int = 0

    @property
    def lines(self) -> int:
        """Lines of every kind."""
        return self.code_lines + self.docstring_lines + self.comment_lines + self.blank_lines

    @property
    def documented_share(self) -> float:
        """Documented part of what is public, 0 to 1."""
        return share(self.documented, self.public)

    @property
    def annotated_share(self) -> float:
        """Annotated part of what could be, 0 to 1."""
        return share(self.annotated, self.slots)

    @staticmethod
    def total(all_counts: Iterable[Counts]) -> Counts:
        """The sum, field by field.

        >>> Counts.total([Counts(files=1, classes=2), Counts(files=1)]).files
        2
        """
        names = [field.name for field in fields(Counts)]
        sums = dict.fromkeys(names, 0)
        for counts in all_counts:
            for name in names:
                sums[name] += getattr(counts, name)
        return Counts(**sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFindings:
    """One parsed file.

    Attributes:
        path: relative to the root, with ``/``.
        counts: its figures.
        complexities: functions by complexity, in the buckets of ``COMPLEXITY_STARTS``.
        most_complex: its worst functions, the worst first.
        features: which of the features that the survey looks for it uses.
    """

    path: str
    counts: Counts
    complexities: tuple[int, ...]
    most_complex: tuple[FunctionFindings, ...]
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file that could not be parsed, and why."""

    path: str
    error: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSummary:
    """A top-level package or folder; the modules outside any are taken together."""

    name: str
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All files reduced to what the report shows.

    Attributes:
        counts: of all files.
        packages: the largest first.
        complexities: functions by complexity, in the buckets of ``COMPLEXITY_STARTS``.
        most_complex: the worst functions of all, the worst first.
        feature_files: how many files use a feature.
        points: a point a file: path, lines of code, its worst function's complexity.
        unreadable: what was collected instead of findings.
    """

    counts: Counts
    packages: tuple[PackageSummary, ...]
    complexities: tuple[int, ...]
    most_complex: tuple[FunctionFindings, ...]
    feature_files: Mapping[str, int]
    points: tuple[tuple[str, int, int], ...]
    unreadable: tuple[Unreadable, ...]

    @property
    def tangled_share(self) -> float:
        """Part of the functions whose complexity is above 10, 0 to 1."""
        first = COMPLEXITY_LABELS.index("11-20")
        return share(sum(self.complexities[first:]), self.counts.functions)


class Verdict(Enum):
    """What the survey found: the key that picks the branch."""

    TANGLED = "tangled"
    SOUND = "sound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of the assessment's chart: its parts by name, in order."""

    label: str
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What a branch arm adds to the report: a few sentences and a chart.

    Attributes:
        verdict: which arm it was.
        headline: one line.
        text: one paragraph.
        unit: what the bars count.
        bars: the chart.
    """

    verdict: Verdict
    headline: str
    text: str
    unit: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyResult:
    """The output of the workflow: where the report is, and what the terminal shows."""

    report: str
    headline: str
    summary: Summary
