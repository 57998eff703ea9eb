"""What a test gets as its fixture ``durable``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, cast

from sayiir.testing.crashes.explore import explore_crashes

if TYPE_CHECKING:
    from typing import Unpack

    from sayiir.codec.protocol import Codec
    from sayiir.testing.crashes.report import CrashReport
    from sayiir.testing.fakes import Fakes
    from sayiir.workflow import Workflow

__all__ = ["CrashOptions", "Durable"]

A = TypeVar("A")
B = TypeVar("B")


class CrashOptions(TypedDict, total=False):
    """The options of ``explore_crashes``."""

    events: Mapping[str, Sequence[Any]] | None
    fakes: Fakes | None
    resources: Mapping[Any, Any] | Callable[[], Mapping[Any, Any]] | None
    codec: Codec | None
    crash: Literal["every-write"] | int
    orders: int
    pairs: int
    reruns: Literal["declared", "any"]
    same: Callable[[Any, Any], bool]
    check: Callable[[Any], None] | None
    keep: Iterable[object]
    most: int
    seed: int


class Durable:
    """``explore_crashes`` for one test, with the options of its marker: the fixture ``durable``.

    >>> from sayiir import task, workflow
    >>> @task(idempotent=True)
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> def test_doubling(durable: Durable) -> None:
    ...     assert durable(workflow("doubling", double), 3).output == 6
    >>> test_doubling(
    ...     Durable({"crash": "every-write"}, test="test_it.py::test_doubling", only=None)
    ... )

    Args:
        options: the marker's; those of a call go before them.
        test: the test's own id, for the line that repeats a failure.
        only: ``WORKFLOW@SCHEDULE``, of the command line.
    """

    def __init__(self, options: Mapping[str, Any], *, test: str, only: str | None) -> None:
        self._options = dict(options)
        self._test = test
        name, _, schedule = (only or "").rpartition("@")
        self._only = {name: schedule} if only else {}

    def __call__(
        self,
        workflow: Workflow[A, B],
        input: A,  # noqa: A002
        /,
        **options: Unpack[CrashOptions],
    ) -> CrashReport[B]:
        """Stop the workflow everywhere; see ``sayiir.testing.explore_crashes``.

        Raises:
            NotDurable: its outcome differs, or a task ran again that didn't say that it may.
        """
        __tracebackhide__ = True
        given: dict[str, Any] = {**self._options, **cast("dict[str, Any]", options)}
        schedule = self._only.get(workflow.name, self._only.get(""))
        return explore_crashes(
            workflow, input, schedule=schedule, repeat=self._line(workflow.name), **given
        )

    def _line(self, workflow: str) -> Callable[[str], str]:
        def line(schedule: str) -> str:
            return f"pytest '{self._test}' --durable-schedule='{workflow}@{schedule}'"

        return line
