"""Where a page's candidates come from: indexes that leave out most of what doesn't fit.

Each thing that is asked for (a status, a workflow, a label) is a *condition* that an index has a
list of runs for, newest first. One of them *leads*: its list is walked, and the others are looked
up for each run of it. The list that has the fewest runs among the newest leads, which is found
out by a look at the first thousand of each: the planner can't know, for it plans without the
values.

For the same reason the planner is left few choices. How many runs are wanted is written into the
statement, not handed over as a value: without knowing it the planner prepares for reading
everything. And ``offset 0`` keeps the look-ups what they are; made into joins they may read a
table as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sayiir.stores.postgres.texts import encode_text
from sayiir.stores.records import Control, InstanceState, StatusName
from sayiir.stores.relational.codes import (
    BACKOFF,
    CONTROL_CODES,
    DELAY,
    ENDED,
    RUNNING,
    SIGNAL,
    STATE_CODES,
)

if TYPE_CHECKING:
    from sayiir.stores.postgres.describe import Source
    from sayiir.stores.records import InstanceQuery

__all__ = ["BUSY_SINCE", "Candidates", "candidates_of"]

_ENDS: Final = {
    status: STATE_CODES[InstanceState(status.value)]
    for status in (StatusName.COMPLETED, StatusName.FAILED, StatusName.CANCELLED)
}
_PROBED: Final = 1_000
_NOW: Final = "(select now from moment)"

# Runs of which something has fallen due and was not claimed since. Hops over the queues and
# priorities that wait for a time. The planner takes a time with one bound for a third of all
# there are, and one with two for a few, which is what they are.
BUSY_SINCE: Final = f"""
busy_place (queue, prio) as (
    (select queue, prio from @work_item where due is not null order by queue, prio limit 1)
    union all
    select following.queue, following.prio from busy_place
    cross join lateral (
        select queue, prio from @work_item
        where due is not null and (queue, prio) > (busy_place.queue, busy_place.prio)
        order by queue, prio limit 1
    ) as following
),
busy_since (run) as (
    select fallen.run from busy_place
    cross join lateral (
        select run from @work_item
        where queue = busy_place.queue and prio = busy_place.prio
            and due >= 0 and due <= {_NOW} offset 0
    ) as fallen
)
"""  # noqa: S608 - our own names
# Leased, ready, or kept back after interruptions: as much as workers have before them, however
# many wait.
_ACTIVE: Final = "(holder is not null or rank is not null or wait_until is not null)"


@dataclass(frozen=True, slots=True)
class _Condition:
    """What a run must have: a row in the table for which ``where`` holds.

    ``leads``: tables that have all such runs, with what must hold there; None: that table.
    """

    table: str
    where: str
    leads: tuple[tuple[str, str], ...] | None = None

    def also(self) -> str:
        """The condition, looked up for a run of the list that leads."""
        return (
            f"exists (select from {self.table} as other "
            f"where {self.where} and other.run = lead.run offset 0)"
        )

    def runs(self, others: str, size: int) -> str:
        """So many runs for which this and all others hold, newest first."""
        leads = self.leads or ((self.table, self.where),)
        lists = [
            f"(select distinct run from {table} as lead where {where} and run < $1{others} "  # noqa: S608
            f"order by run desc limit {size})"
            for table, where in leads
        ]
        if len(lists) == 1:
            return lists[0]
        return (
            f"select distinct run from ({' union all '.join(lists)}) as each "  # noqa: S608
            f"order by run desc limit {size}"
        )

    def reach(self) -> str:
        """How far down its first runs reach, and how many it has, as far as that matters.

        Down to 0 where these are all. Several lists reach as far as the one that reaches least.
        """
        lists = " union all ".join(
            f"(select run, {number} as list from {table} as lead where {where} and run < $1 "  # noqa: S608
            f"order by run desc limit {_PROBED})"
            for number, (table, where) in enumerate(self.leads or ((self.table, self.where),))
        )
        return (
            f"(select row(coalesce(max(case when runs < {_PROBED} then 0 else last end), 0), "  # noqa: S608
            "coalesce(sum(runs), 0)::bigint) from "
            f"(select min(run) as last, count(*) as runs from ({lists}) as probed group by list) "
            "as probed)"
        )


# Sorted before anything is looked up for them, so that it is looked up for a few.
_SORTED_BUSY_SINCE: Final = (
    "(select distinct run from busy_since where run < $1 order by run desc offset 0)"
)
_BUSY: Final = _Condition(
    "@work_item",
    f"phase <> {ENDED} and ({_ACTIVE} or due <= {_NOW})",
    (("@work_item", _ACTIVE), (_SORTED_BUSY_SINCE, "true")),
)
_WAITING: Final = _Condition(
    "@work_item", f"phase in ({DELAY}, {BACKOFF}) and holder is null and wake_at > {_NOW}"
)
_AWAITING: Final = _Condition(
    "@work_item",
    f"phase = {SIGNAL} and event_id is null and holder is null "
    f"and (wake_at is null or wake_at > {_NOW})",
)
_ANY: Final = _Condition("@instance", "true")


class Candidates:
    """The conditions of a query, the one that leads first.

    Attributes:
        values: what the statements' placeholders stand for; the first is the run to begin below.
    """

    def __init__(self, conditions: list[_Condition], values: list[object]) -> None:
        self.values = values
        self._conditions = conditions

    def statement(self, size: int) -> str:
        """A query for at most so many runs, the newest first."""
        lead, *others = self._conditions
        return lead.runs("".join(f" and {each.also()}" for each in others), size)

    def go_on_below(self, run: int) -> None:
        """The next candidates are older than this one."""
        self.values[0] = run

    async def choose_lead(self, source: Source, preamble: str) -> None:
        """Let the shortest list lead. One statement, or none where there is no choice.

        Args:
            source: what is asked.
            preamble: the statement's ``with``, for what the conditions name.
        """
        if len(self._conditions) < 2:
            return
        probes = ", ".join(each.reach() for each in self._conditions)
        [row] = await source.fetch(f"{preamble} select {probes}", *self.values)
        reaches = [tuple(each) for each in row]
        lead = self._conditions.pop(reaches.index(min(reaches)))
        self._conditions.insert(0, lead)


def candidates_of(query: InstanceQuery, before: int) -> Candidates:
    """Where the candidates of a page come from that begins below this run."""
    values: list[object] = [before]
    conditions: list[_Condition] = []
    match query.status:
        case StatusName.IN_PROGRESS:
            conditions.append(_BUSY)
        case StatusName.WAITING:
            conditions.append(_WAITING)
        case StatusName.AWAITING_SIGNAL:
            conditions.append(_AWAITING)
        case _:
            pass
    instance = _of_instance(query, values)
    if instance:
        conditions.append(_Condition("@instance", " and ".join(instance)))
    for name, value in query.labels:
        values += (encode_text(name), encode_text(value))
        conditions.append(
            _Condition("@label", f"name = ${len(values) - 1} and value = ${len(values)}")
        )
    return Candidates(conditions or [_ANY], values)


def _of_instance(query: InstanceQuery, values: list[object]) -> list[str]:
    """What the instance's own row must say. The words are those of the partial indexes."""
    conditions: list[str] = []
    if query.workflow_name is not None:
        values.append(query.workflow_name)
        conditions.append(f"workflow_name = ${len(values)}")
    if query.status is StatusName.PAUSED:
        pause = CONTROL_CODES[Control.PAUSE]
        conditions += ("control <> 0", f"control = {pause}", f"state = {RUNNING}")
    elif query.status in _ENDS:
        conditions += (f"state <> {RUNNING}", f"state = {_ENDS[query.status]}")
    return conditions
