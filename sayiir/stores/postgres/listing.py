"""Pages of instances, newest first.

A page is made of rounds, and usually of one. A round is one statement: it takes the next so
many *candidates* from an index, describes them, and keeps those that have the status asked for.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from sayiir.printable import printable
from sayiir.stores.postgres.candidates import BUSY_SINCE, Candidates, candidates_of
from sayiir.stores.postgres.describe import DESCRIBED, MOMENT, OPEN, record_of
from sayiir.stores.postgres.snapshot import snapshot
from sayiir.stores.records import Control, InstanceRecord, Page, StatusName
from sayiir.stores.relational.codes import CONTROL_CODES, RUNNING
from sayiir.stores.relational.damage import DamagedRow
from sayiir.stores.relational.order import run_before

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sayiir.stores.postgres.database import Database
    from sayiir.stores.postgres.describe import Source
    from sayiir.stores.postgres.driver import Record
    from sayiir.stores.records import InstanceQuery

__all__ = ["page"]

LOGGER: Final = logging.getLogger("sayiir.stores.postgres")
_LARGEST_ROUND: Final = 4_096
_PAUSE: Final = CONTROL_CODES[Control.PAUSE]

# An instance's status, told by what `describe` tells of it; see `InstanceRecord.status`.
_PAUSED: Final = f"instance.state = {RUNNING} and control = {_PAUSE} and leased = 0"
_PARKED: Final = (
    f"instance.state = {RUNNING} and control <> {_PAUSE} "
    "and leased = 0 and ready = 0 and parked.paths is not null"
)
_FITS: Final = {
    StatusName.IN_PROGRESS: f"instance.state = {RUNNING} and (leased > 0 "
    f"or control <> {_PAUSE} and (ready > 0 or parked.paths is null))",
    StatusName.PAUSED: _PAUSED,
    StatusName.WAITING: f"{_PARKED} and parked.signals[1] is null",
    StatusName.AWAITING_SIGNAL: f"{_PARKED} and parked.signals[1] is not null",
}


async def page(db: Database, query: InstanceQuery) -> Page:
    """A page of instances, newest first; its cursor is the last run's number.

    Raises:
        ValueError: the cursor isn't one.
    """
    before = run_before(query.cursor)
    if not _can_be_stored(query.workflow_name):
        return Page((), None)
    async with snapshot(db) as session:
        records = await _records(session, query, candidates_of(query, before))
    if len(records) <= query.limit:
        return Page(tuple(records), None)
    return Page(tuple(records[: query.limit]), str(records[query.limit - 1].run))


async def _records(
    source: Source, query: InstanceQuery, candidates: Candidates
) -> list[InstanceRecord]:
    """What fits: all there is, or more than a page takes."""
    preamble = f"with recursive {MOMENT}"
    if query.status is StatusName.IN_PROGRESS:
        preamble += f", {BUSY_SINCE}"
    await candidates.choose_lead(source, preamble)
    records: list[InstanceRecord] = []
    size = _first_size(query.limit)
    while True:
        statement = _round(preamble, candidates.statement(size), query.status)
        rows = await source.fetch(statement, *candidates.values)
        records += _readable(rows)
        if len(records) > query.limit or rows[0]["seen"] < size:
            return records
        candidates.go_on_below(rows[0]["last"])
        size = min(4 * size, _LARGEST_ROUND)


def _readable(rows: Sequence[Record]) -> Iterator[InstanceRecord]:
    for row in rows:
        if row["run"] is None:
            continue
        try:
            yield record_of(row)
        except DamagedRow as damage:
            LOGGER.warning("left out of a list: %s", printable(str(damage)))


def _can_be_stored(name: str | None) -> bool:
    """Whether an instance can be named so: PostgreSQL's text has neither NUL nor surrogates."""
    if name is None:
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in name


def _first_size(limit: int) -> int:
    """So many candidates at first: a power of two, that there be few different statements.

    Usually all of them fit. Where they don't, the next rounds are larger.
    """
    size = 1
    while size <= limit:
        size *= 2
    return size


def _round(preamble: str, candidates: str, status: StatusName | None) -> str:
    """The statement that describes the next candidates. Its first row is there in any case."""
    return f"""
{preamble}, candidate (run) as materialized ({candidates})
select summary.last, summary.seen, fitting.*
from (select min(run) as last, count(*) as seen from candidate) as summary
left join lateral (
    select {DESCRIBED}
    from candidate
    cross join lateral (select * from @instance where run = candidate.run offset 0) as instance
    {OPEN}
    where {"true" if status is None else _FITS.get(status, "true")}
) as fitting on true
order by fitting.run desc
"""  # noqa: S608 - our own names, a number, and placeholders
