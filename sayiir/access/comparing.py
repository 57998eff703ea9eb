"""Two instances' histories made into a comparison."""

from __future__ import annotations

from datetime import timedelta
from itertools import repeat
from typing import TYPE_CHECKING, Any

from sayiir.access.statuses import task_result_of
from sayiir.comparison import ComparedNode, ComparedRun, Comparison
from sayiir.engine.position import locate_frame
from sayiir.engine.refs import InputRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sayiir.comparison import Verdict
    from sayiir.engine.program import Program
    from sayiir.stores.records import ResultRecord

__all__ = ["comparison_of"]


def comparison_of(
    first: tuple[str, Sequence[ResultRecord], Program],
    second: tuple[str, Sequence[ResultRecord], Program],
) -> Comparison:
    """The comparison of two histories, each with its instance's id and the program to read it by.

    Raises:
        PayloadError: a stored result doesn't fit its type.
    """
    (first_id, first_records, first_program), (second_id, second_records, second_program) = (
        first,
        second,
    )
    firsts = {record.path: record for record in first_records}
    seconds = {record.path: record for record in second_records}
    nodes: list[ComparedNode] = []
    for path in _ordered([*seconds, *firsts], second_program, first_program):
        one, other = firsts.get(path), seconds.get(path)
        left = None if one is None else _run_of(one, first_program)
        right = None if other is None else _run_of(other, second_program)
        nodes.append(
            ComparedNode(
                path=path, verdict=_verdict(one, other, left, right), first=left, second=right
            )
        )
    return Comparison(first_id=first_id, second_id=second_id, nodes=tuple(nodes))


def _run_of(record: ResultRecord, program: Program) -> ComparedRun:
    result = task_result_of(record, program)
    return ComparedRun(
        output=result.output,
        error=result.error,
        attempts=result.attempts,
        duration=timedelta(microseconds=record.finished_at_us - record.started_at_us),
    )


def _verdict(
    one: ResultRecord | None,
    other: ResultRecord | None,
    left: ComparedRun | None,
    right: ComparedRun | None,
) -> Verdict:
    if one is None or left is None:
        return "only in second"
    if other is None or right is None:
        return "only in first"
    if left.error is not None or right.error is not None:
        return "equal" if _failed_alike(left, right) else "different"
    # Equal bytes are equal values; of unequal ones only the values can tell (the keys of a dict
    # may stand in another order).
    return (
        "equal" if one.output == other.output or _equal(left.output, right.output) else "different"
    )


def _failed_alike(left: ComparedRun, right: ComparedRun) -> bool:
    if left.error is None or right.error is None:
        return False
    return (left.error.type_name, left.error.message) == (
        right.error.type_name,
        right.error.message,
    )


def _equal(left: Any, right: Any) -> bool:
    """Whether two values say that they are equal; what can't say it isn't."""
    try:
        return type(left) is type(right) and bool(left == right)
    except Exception:  # an array's comparison is no truth value; any type may have its own
        return False


def _ordered(paths: Iterable[str], *programs: Program) -> list[str]:
    """The paths in the order of definition, then by iteration and item; each once."""
    unique = list(dict.fromkeys(paths))
    return sorted(unique, key=lambda path: _place_of(path, programs))


def _place_of(path: str, programs: tuple[Program, ...]) -> tuple[tuple[int, int], ...]:
    for program in programs:
        try:
            place, frame = locate_frame(program.places, path, repeat(InputRef()))
        except (LookupError, ValueError, OverflowError):
            continue
        steps = [(place.order, 0)]
        steps += [(outer.place.order, outer.number) for outer in frame.outwards() if outer.place]
        return tuple(reversed(steps))
    return ()
