"""What a worker loads before it goes on: results, joins, elements, events, inputs.

All that is asked, of however many runs, is one statement: a part for each kind that is asked
for, over arrays of its keys. The most usual load, one result, has a statement of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from sayiir.stores.records import ArmEnd, ItemKey, Latest, Loaded
from sayiir.stores.relational.codes import ENDED
from sayiir.stores.relational.order import after

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sayiir.stores.postgres.describe import Source
    from sayiir.stores.postgres.driver import Record
    from sayiir.stores.records import Wanted

__all__ = ["load"]

_ONE_RESULT: Final = "select output as body from @task_result where run = $1 and path = $2"
_ONE_INPUT: Final = "select body from @instance_input where run = $1"

# In each part `place` says whose row it is, so that no key travels back. `limit 1` keeps the
# planner from reading a whole table that it takes to be small.
_RESULTS: Final = """
select {kind} as kind, wanted.place, 0 as idx, null::text as text, found.output as body
from unnest({0}::bigint[], {1}::text[]) with ordinality as wanted (run, path, place)
cross join lateral (
    select output from @task_result where run = wanted.run and path = wanted.path limit 1
) as found
"""
_ELEMENTS: Final = """
select {kind} as kind, wanted.place, 0 as idx, null::text as text, found.body
from unnest({0}::bigint[], {1}::text[], {2}::integer[])
    with ordinality as wanted (run, spawn_path, idx, place)
cross join lateral (
    select body from @element
    where run = wanted.run and spawn_path = wanted.spawn_path and idx = wanted.idx limit 1
) as found
"""
_EVENTS: Final = """
select {kind} as kind, wanted.place, 0 as idx, null::text as text, found.payload as body
from unnest({0}::bigint[], {1}::bigint[]) with ordinality as wanted (run, id, place)
cross join lateral (
    select payload from @event where id = wanted.id and run = wanted.run limit 1
) as found
"""
_INPUTS: Final = """
select {kind} as kind, wanted.place, 0 as idx, null::text as text, found.body
from unnest({0}::bigint[]) with ordinality as wanted (run, place)
cross join lateral (select body from @instance_input where run = wanted.run limit 1) as found
"""
# Arms that haven't ended have index -1: that there are some is all that is asked of them.
_JOINS: Final = f"""
select {{kind}} as kind, wanted.place, arm.idx, arm.text, arm.body
from unnest({{0}}::bigint[], {{1}}::text[]) with ordinality as wanted (run, path, place)
cross join lateral (
    select case when phase = {ENDED} then idx else -1 end as idx,
        case when phase = {ENDED} then output end as text,
        case when phase = {ENDED} then error end as body
    from @work_item where run = wanted.run and spawn_path = wanted.path offset 0
) as arm
"""  # noqa: S608 - a number of our own
# One seek in the index of node paths, which leaves out results whose path is the same, and one
# for those. The highest ordinal wins; of equal ones that of the last node path.
_LATEST: Final = """
select {kind} as kind, place, idx, path as text, output as body from (
    select distinct on (wanted.place) wanted.place, 0 as idx, found.path, found.output
    from unnest({0}::bigint[], {1}::text[], {2}::bytea[], {3}::bytea[], {4}::bigint[])
        with ordinality as wanted (run, node_path, low, high, place, number)
    cross join lateral (
        (select ordinal, path, output from @task_result
        where run = wanted.run and node_path = wanted.node_path and node_path <> path
            and ordinal >= wanted.low and ordinal < wanted.high
        order by ordinal desc, path desc limit 1)
        union all
        (select ordinal, path, output from @task_result
        where run = wanted.run and path = wanted.node_path and node_path = wanted.node_path
            and ordinal >= wanted.low and ordinal < wanted.high limit 1)
    ) as found
    order by wanted.place, found.ordinal desc, wanted.number desc, found.path desc
) as latest
"""


async def load(source: Source, wanted: Sequence[Wanted]) -> list[Loaded]:
    """What was asked of these runs; what isn't there is left out. One statement, or none."""
    single = _single(wanted)
    if single is not None and single.input:
        row = await source.fetchrow(_ONE_INPUT, single.run)
        return [Loaded() if row is None else Loaded(input=row["body"])]
    if single is not None:
        (path,) = single.results
        row = await source.fetchrow(_ONE_RESULT, single.run, path)
        return [Loaded() if row is None else Loaded(results={path: row["body"]})]
    question = _Question()
    found = [_Found() for _ in wanted]
    for ask in (_results, _latest, _joins, _elements, _events, _inputs):
        ask(question, list(zip(wanted, found, strict=True)))
    if question.parts:
        for row in await source.fetch(" union all ".join(question.parts), *question.values):
            question.takers[row["kind"]](row["place"] - 1, row)
    return [each.loaded() for each in found]


def _single(wanted: Sequence[Wanted]) -> Wanted | None:
    """The one that is asked for a result or the input and nothing else, if there is no other."""
    if len(wanted) != 1:
        return None
    (only,) = wanted
    others = only.latest or only.joins or only.elements or only.events
    return only if len(only.results) + only.input == 1 and not others else None


@dataclass(slots=True)
class _Found:
    """What was found of one run so far."""

    results: dict[str, bytes] = field(default_factory=dict[str, bytes])
    latest: dict[Latest, tuple[str, bytes]] = field(default_factory=dict[Latest, tuple[str, bytes]])
    joins: dict[str, list[ArmEnd]] = field(default_factory=dict[str, list[ArmEnd]])
    elements: dict[ItemKey, bytes] = field(default_factory=dict[ItemKey, bytes])
    events: dict[int, bytes] = field(default_factory=dict[int, bytes])
    input: bytes | None = None

    def add_arm(self, path: str, row: Record) -> None:
        """An arm of a join, which is there even if none of its arms has ended."""
        arms = self.joins.setdefault(path, [])
        if row["idx"] >= 0:
            arms.append(ArmEnd(row["idx"], row["text"], row["body"]))

    def loaded(self) -> Loaded:
        """The same as a record; the arms in their order."""
        return Loaded(
            results=self.results,
            latest=self.latest,
            joins={path: tuple(sorted(arms, key=_index)) for path, arms in self.joins.items()},
            elements=self.elements,
            events=self.events,
            input=self.input,
        )


def _index(arm: ArmEnd) -> int:
    return arm.index


_Asked: TypeAlias = "Sequence[tuple[Wanted, _Found]]"


class _Question:
    """The parts of the statement, the arrays of their keys, and who takes the rows of each."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.values: list[Sequence[object]] = []
        self.takers: list[Callable[[int, Record], None]] = []

    def add(
        self, part: str, columns: Sequence[Sequence[object]], take: Callable[[int, Record], None]
    ) -> None:
        """Ask for a kind, unless nothing of it is wanted.

        ``take`` is called with each row and the place of its key in the columns.
        """
        if not columns[0]:
            return
        first = len(self.values) + 1
        numbers = [f"${first + column}" for column in range(len(columns))]
        self.parts.append(part.format(*numbers, kind=len(self.takers)))
        self.values += columns
        self.takers.append(take)


def _results(question: _Question, asked: _Asked) -> None:
    keys = [(each.run, path, found) for each, found in asked for path in each.results]

    def take(place: int, row: Record) -> None:
        _, path, found = keys[place]
        found.results[path] = row["body"]

    question.add(_RESULTS, [[key[0] for key in keys], [key[1] for key in keys]], take)


def _latest(question: _Question, asked: _Asked) -> None:
    keys = [(each.run, latest, found) for each, found in asked for latest in each.latest]
    columns: list[list[object]] = [[], [], [], [], []]
    for place, (run, latest, _) in enumerate(keys, 1):
        low = latest.ordinal_prefix
        for node_path in latest.node_paths:
            for column, value in zip(
                columns, (run, node_path, low, after(low), place), strict=True
            ):
                column.append(value)

    def take(place: int, row: Record) -> None:
        _, latest, found = keys[place]
        found.latest[latest] = (row["text"], row["body"])

    question.add(_LATEST, columns, take)


def _joins(question: _Question, asked: _Asked) -> None:
    keys = [(each.run, path, found) for each, found in asked for path in each.joins]

    def take(place: int, row: Record) -> None:
        _, path, found = keys[place]
        found.add_arm(path, row)

    question.add(_JOINS, [[key[0] for key in keys], [key[1] for key in keys]], take)


def _elements(question: _Question, asked: _Asked) -> None:
    keys = [(each.run, key, found) for each, found in asked for key in each.elements]

    def take(place: int, row: Record) -> None:
        _, key, found = keys[place]
        found.elements[key] = row["body"]

    columns: list[list[object]] = [
        [run for run, _, _ in keys],
        [key.spawn_path for _, key, _ in keys],
        [key.index for _, key, _ in keys],
    ]
    question.add(_ELEMENTS, columns, take)


def _events(question: _Question, asked: _Asked) -> None:
    keys = [(each.run, number, found) for each, found in asked for number in each.events]

    def take(place: int, row: Record) -> None:
        _, number, found = keys[place]
        found.events[number] = row["body"]

    question.add(_EVENTS, [[key[0] for key in keys], [key[1] for key in keys]], take)


def _inputs(question: _Question, asked: _Asked) -> None:
    keys = [(each.run, found) for each, found in asked if each.input]

    def take(place: int, row: Record) -> None:
        keys[place][1].input = row["body"]

    question.add(_INPUTS, [[run for run, _ in keys]], take)
