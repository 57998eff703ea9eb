"""All findings reduced to one summary, and the summary judged. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from examples.source_survey.analysis import FEATURES
from examples.source_survey.values import (
    Assessment,
    Bar,
    Counts,
    FileFindings,
    FunctionFindings,
    PackageSummary,
    Summary,
    Unreadable,
    Verdict,
)

__all__ = ["assess_sound", "assess_tangled", "summarise_findings", "verdict_of"]

KEPT_FUNCTIONS: Final = 20
TANGLED_SHARE: Final = 0.01
"""Above this part of functions that are too complex (more than 10 ways), it is tangled."""

LOOSE_MODULES: Final = "single modules"


def summarise_findings(files: Sequence[FileFindings], unreadable: Iterable[Unreadable]) -> Summary:
    """One summary of all files.

    >>> summarise_findings([], []).counts.files
    0
    """
    by_package: defaultdict[str, list[Counts]] = defaultdict(list)
    features: Counter[str] = Counter()
    worst: list[FunctionFindings] = []
    for file in files:
        by_package[package_of(file.path)].append(file.counts)
        features.update(file.features)
        worst.extend(file.most_complex)
    packages = [PackageSummary(name=n, counts=Counts.total(c)) for n, c in by_package.items()]
    return Summary(
        counts=Counts.total(package.counts for package in packages),
        packages=tuple(sorted(packages, key=lambda p: (-p.counts.lines, p.name))),
        complexities=tuple(map(sum, zip(*(f.complexities for f in files), strict=True))),
        most_complex=tuple(sorted(worst, key=_worst_first)[:KEPT_FUNCTIONS]),
        feature_files={name: features[name] for name in FEATURES},
        points=tuple(
            (f.path, f.counts.code_lines, f.most_complex[0].complexity)
            for f in files
            if f.most_complex
        ),
        unreadable=tuple(unreadable),
    )


def package_of(path: str) -> str:
    """The first folder of a path.

    >>> package_of("json/decoder.py"), package_of("argparse.py")
    ('json', 'single modules')
    """
    folder, slash, _ = path.partition("/")
    return folder if slash else LOOSE_MODULES


def verdict_of(summary: Summary) -> Verdict:
    """Whether too many functions are too complex."""
    return Verdict.TANGLED if summary.tangled_share > TANGLED_SHARE else Verdict.SOUND


def assess_tangled(
    summary: Summary, decisions: Sequence[tuple[FunctionFindings, dict[str, int]]]
) -> Assessment:
    """What to say where much is tangled: what the worst functions are made of."""
    return Assessment(
        verdict=Verdict.TANGLED,
        headline=f"{summary.tangled_share:.1%} of the functions have more than ten ways through",
        text=(
            f"More than {TANGLED_SHARE:.0%} of all functions are above a cyclomatic complexity "
            "of 10, so the survey opened the worst of them again and counted what their "
            "decisions are."
        ),
        unit="decisions",
        bars=tuple(
            Bar(label=function.name, parts={kind: float(n) for kind, n in found.items()})
            for function, found in decisions
        ),
    )


def assess_sound(summary: Summary, kept_packages: int = 10) -> Assessment:
    """What to say where little is tangled: which packages document themselves best."""
    candidates = [p for p in summary.packages if p.counts.public >= 5] or list(summary.packages)
    best = sorted(candidates, key=lambda p: (-p.counts.documented_share, p.name))
    tangled = f"{summary.tangled_share:.1%}"
    return Assessment(
        verdict=Verdict.SOUND,
        headline=f"Only {tangled} of the functions have more than ten ways through",
        text=(
            f"At most {TANGLED_SHARE:.0%} of all functions are above a cyclomatic complexity of "
            "10, so the survey looked for what is done well instead: the packages that document "
            "most of what they make public."
        ),
        unit="percent documented",
        bars=tuple(
            Bar(label=p.name, parts={"documented": round(100 * p.counts.documented_share, 1)})
            for p in best[:kept_packages]
        ),
    )


def _worst_first(function: FunctionFindings) -> tuple[int, str, int]:
    return -function.complexity, function.path, function.line
