"""Two runs node by node: what ``client.compare`` gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeAlias

from sayiir.errors import FailureInfo

__all__ = ["ComparedNode", "ComparedRun", "Comparison", "Verdict"]

Verdict: TypeAlias = Literal["equal", "different", "only in first", "only in second"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRun:
    """What one of the two runs has at a path.

    Attributes:
        output: the result; plain JSON data where the workflow wasn't named. None where it failed.
        error: the last failure where it has not succeeded, else None.
        attempts: how often it was started; 0: never, the result is an earlier run's (``rerun``).
        duration: how long the last attempt took.
    """

    output: Any
    error: FailureInfo | None
    attempts: int
    duration: timedelta

    @property
    def kept(self) -> bool:
        """The result was taken from an earlier run."""
        return self.attempts == 0 and self.error is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedNode:
    """One path, in both runs.

    Attributes:
        path: the node that ran, as ``"fork[0]/train"``.
        verdict: ``"equal"``, ``"different"``, ``"only in first"`` or ``"only in second"``. Two
            failures of one type with one message are equal.
        first: what the first run has there, or None.
        second: what the second has, or None.
    """

    path: str
    verdict: Verdict
    first: ComparedRun | None
    second: ComparedRun | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs, path by path in the order of definition; to iterate over, or to ``print``.

    Attributes:
        first_id: the first instance.
        second_id: the second instance.
        nodes: every path at which one of them has a result or a failure.

    >>> from sayiir import CheckpointingRunner, task, workflow
    >>> @task
    ... def half(n: int) -> float:
    ...     return n / 2
    >>> halving = workflow("halving", half >> round)
    >>> with CheckpointingRunner("memory://") as runner:
    ...     _ = runner.run(halving, "a", 4), runner.run(halving, "b", 5)
    ...     [(node.path, node.verdict) for node in runner.client.compare("a", "b")]
    [('half', 'different'), ('round', 'equal')]
    """

    first_id: str
    second_id: str
    nodes: tuple[ComparedNode, ...]

    def __iter__(self) -> Iterator[ComparedNode]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def same(self) -> bool:
        """Both have the same results at the same paths."""
        return all(node.verdict == "equal" for node in self.nodes)

    @property
    def different(self) -> tuple[ComparedNode, ...]:
        """Those that aren't equal."""
        return tuple(node for node in self.nodes if node.verdict != "equal")

    def __str__(self) -> str:
        from sayiir.render.tables import comparison_text

        return comparison_text(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        from sayiir.render.tables import comparison_html

        return {"text/html": comparison_html(self), "text/plain": str(self)}
