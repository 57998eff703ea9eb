"""Leases: prolonged and looked at in one statement each, given back through a working set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.stores.postgres.needs import Needs, place_of
from sayiir.stores.postgres.texts import encode_text
from sayiir.stores.records import Control, LeaseState
from sayiir.stores.relational import claims
from sayiir.stores.relational.codes import CONTROL_CODES, CONTROLS, RUNNING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.inspection import ProgressReport
    from sayiir.stores.postgres.driver import Record
    from sayiir.stores.postgres.work import Work
    from sayiir.stores.records import Fence

__all__ = ["check", "release", "renew", "report"]

_FENCES: Final = """
with s as materialized (
    select * from unnest($1::bigint[], $2::text[], $3::integer[], $4::integer[])
    with ordinality as s (run, spawn_path, idx, epoch, n)
)"""
_HELD: Final = (
    "w.run = s.run and w.spawn_path = s.spawn_path and w.idx = s.idx and w.epoch = s.epoch "
    "and w.holder is not null"
)
_STATES: Final = """
select s.n, h.n is not null, i.state, i.control
from s left join h on h.n = s.n left join @instance i on i.run = s.run
"""
# In an instance that is paused or has ended nothing is looked at when its lease ends.
_RENEW: Final = f"""{_FENCES}, h as (
    update @work_item w set lease_until = @now + $5::bigint,
        due = case when w.control in (0, {CONTROL_CODES[Control.CANCEL]})
            then @now + $5::bigint end
    from s where {_HELD}
    returning s.n
){_STATES}"""  # noqa: S608 - numbers of our own
_CHECK: Final = f"{_FENCES}, h as (select s.n from s join @work_item w on {_HELD}){_STATES}"  # noqa: S608
_REPORT: Final = f"""
insert into @progress (
    run, spawn_path, idx, epoch, stands_at, failures, path, attempt, fraction, message, reported_at
)
select distinct on (s.run, s.spawn_path, s.idx)
    s.run, s.spawn_path, s.idx, s.epoch, s.stands_at, s.failures,
    s.path, s.attempt, s.fraction, s.message, @now
from unnest(
    $1::bigint[], $2::text[], $3::integer[], $4::integer[], $5::text[], $6::integer[], $7::text[],
    $8::integer[], $9::double precision[], $10::bytea[]
) with ordinality as s (
    run, spawn_path, idx, epoch, stands_at, failures, path, attempt, fraction, message, n
)
join @work_item w on {_HELD} and w.path = s.stands_at and w.failures = s.failures
order by s.run, s.spawn_path, s.idx, s.n desc
on conflict (run, spawn_path, idx) do update set
    epoch = excluded.epoch, stands_at = excluded.stands_at, failures = excluded.failures,
    path = excluded.path, attempt = excluded.attempt, fraction = excluded.fraction,
    message = excluded.message, reported_at = excluded.reported_at
"""  # noqa: S608


async def renew(work: Work, fences: Sequence[Fence], lease_us: int) -> list[LeaseState]:
    """Prolong the leases that still hold, and learn what was asked of their instances."""
    ordered = _in_lock_order(fences)
    if not ordered:
        return []
    rows = await work.database.fetch(_RENEW, *_columns(fences, ordered), lease_us)
    return _states(rows, ordered)


async def check(work: Work, fences: Sequence[Fence]) -> list[LeaseState]:
    """Which of the leases still hold, and what was asked of their instances."""
    ordered = _in_lock_order(fences)
    if not ordered:
        return []
    return _states(await work.database.fetch(_CHECK, *_columns(fences, ordered)), ordered)


def _in_lock_order(fences: Sequence[Fence]) -> list[int]:
    """The places of the fences, in the order in which their rows are locked."""

    def order(at: int) -> tuple[bool, tuple[int, str, int]]:
        return (fences[at].item.spawn_path != "", place_of(fences[at]))

    return sorted(range(len(fences)), key=order)


def _columns(fences: Sequence[Fence], ordered: list[int]) -> list[list[object]]:
    values = [(*place_of(fences[at]), fences[at].epoch) for at in ordered]
    return [list(column) for column in zip(*values, strict=True)]


def _states(rows: list[Record], ordered: list[int]) -> list[LeaseState]:
    found: dict[int, LeaseState] = {}
    for number, held, state, control in rows:
        ended = state is None or state != RUNNING
        found[ordered[number - 1]] = LeaseState(
            held, Control.STOP if ended else CONTROLS[int(control)]
        )
    return [found[at] for at in range(len(ordered))]


async def report(work: Work, reports: Sequence[ProgressReport]) -> None:
    """Keep what fits the item as it stands, the last report of each."""
    if not reports:
        return
    values = [
        (
            *place_of(each.fence), each.fence.epoch, each.at, each.failures, each.path,
            each.attempt, each.fraction, encode_text(each.message),
        )
        for each in reports
    ]  # fmt: skip
    await work.database.execute(_REPORT, *(list(column) for column in zip(*values, strict=True)))


async def release(work: Work, fences: Sequence[Fence]) -> None:
    """Give the leases back: the items are due at once."""
    if fences:
        needs = Needs(items={place_of(fence) for fence in fences})
        await work.run(needs, lambda rows: claims.release(rows, fences))
