"""Leases: prolonged and looked at in one statement each, given back through a working set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sayiir.stores.postgres.columns import HELD
from sayiir.stores.postgres.needs import Needs, place_of
from sayiir.stores.postgres.texts import encode_text
from sayiir.stores.records import Control, LeaseState
from sayiir.stores.relational import claims
from sayiir.stores.relational.codes import CONTROL_CODES, CONTROLS, RUNNING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sayiir.stores.inspection import ProgressReport
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
    f"and {HELD.format('w')}"
)
_STATES: Final = """
select s.n, h.n is not null, i.state, i.control
from s left join h on h.n = s.n left join @instance i on i.run = s.run
"""
# In an instance that is paused or has ended nothing is looked at when its lease ends.
_PROLONGED: Final = f"""
    lease_until = @now + $5::bigint,
    due = case when w.control in (0, {CONTROL_CODES[Control.CANCEL]}) then @now + $5::bigint end
"""
# Many rows, and it waits for none: checkpoints lock the same rows, many at once too, and who waits
# for nobody is in nobody's deadlock. What is locked meanwhile is told apart from what is lost.
_RENEW_FREE: Final = f"""{_FENCES}, free as materialized (
    select s.n, w.run, w.spawn_path, w.idx from s join @work_item w on {_HELD}
    for no key update of w skip locked
), h as (
    update @work_item w set {_PROLONGED} from free f
    where w.run = f.run and w.spawn_path = f.spawn_path and w.idx = f.idx
    returning f.n
)
select s.n, h.n is not null, i.state, i.control,
    h.n is null and exists (select from @work_item w where {_HELD})
from s left join h on h.n = s.n left join @instance i on i.run = s.run
"""  # noqa: S608 - names and numbers of our own
# One row, and it waits for it.
_RENEW_ONE: Final = f"""{_FENCES}, h as (
    update @work_item w set {_PROLONGED} from s where {_HELD} returning s.n
){_STATES}"""  # noqa: S608
_CHECK: Final = f"{_FENCES}, h as (select s.n from s join @work_item w on {_HELD}){_STATES}"  # noqa: S608
# With the item's row kept from being deleted meanwhile: a report is never left over.
_REPORT: Final = f"""
with held as materialized (
    select s.* from unnest(
        $1::bigint[], $2::text[], $3::integer[], $4::integer[], $5::text[], $6::integer[],
        $7::text[], $8::integer[], $9::double precision[], $10::bytea[]
    ) with ordinality as s (
        run, spawn_path, idx, epoch, stands_at, failures, path, attempt, fraction, message, n
    )
    join @work_item w on {_HELD} and w.path = s.stands_at and w.failures = s.failures
    for key share of w
)
insert into @progress (
    run, spawn_path, idx, epoch, stands_at, failures, path, attempt, fraction, message, reported_at
)
select distinct on (run, spawn_path, idx)
    run, spawn_path, idx, epoch, stands_at, failures, path, attempt, fraction, message, @now
from held order by run, spawn_path, idx, n desc
on conflict (run, spawn_path, idx) do update set
    epoch = excluded.epoch, stands_at = excluded.stands_at, failures = excluded.failures,
    path = excluded.path, attempt = excluded.attempt, fraction = excluded.fraction,
    message = excluded.message, reported_at = excluded.reported_at
"""  # noqa: S608


async def renew(work: Work, fences: Sequence[Fence], lease_us: int) -> list[LeaseState]:
    """Prolong the leases that still hold, and learn what was asked of their instances."""
    found: dict[int, LeaseState] = {}
    left = list(range(len(fences)))
    while left:
        rows = await work.database.fetch(_RENEW_FREE, *_columns(fences, left), lease_us)
        locked: list[int] = [left[row[0] - 1] for row in rows if row[4]]
        found |= _states((tuple(row)[:4] for row in rows if not row[4]), left)
        if locked:
            # Mostly one commit has them all, so that they are free when it has ended.
            one = locked[:1]
            rows = await work.database.fetch(_RENEW_ONE, *_columns(fences, one), lease_us)
            found |= _states(rows, one)
        left = locked[1:]
    return [found[at] for at in range(len(fences))]


async def check(work: Work, fences: Sequence[Fence]) -> list[LeaseState]:
    """Which of the leases still hold, and what was asked of their instances."""
    if not fences:
        return []
    places = list(range(len(fences)))
    found = _states(await work.database.fetch(_CHECK, *_columns(fences, places)), places)
    return [found[at] for at in places]


def _columns(fences: Sequence[Fence], places: list[int]) -> list[list[object]]:
    values = [(*place_of(fences[at]), fences[at].epoch) for at in places]
    return [list(column) for column in zip(*values, strict=True)]


def _states(rows: Iterable[Iterable[Any]], places: list[int]) -> dict[int, LeaseState]:
    """What the rows say, by the places of their fences."""
    found: dict[int, LeaseState] = {}
    for number, held, state, control in rows:
        ended = state is None or state != RUNNING
        found[places[number - 1]] = LeaseState(
            held, Control.STOP if ended else CONTROLS[int(control)]
        )
    return found


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
