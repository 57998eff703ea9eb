"""Labels to find instances by, and removing what ended long ago."""

from __future__ import annotations

from typing import Any

from sayiir.stores.inspection import Retention
from sayiir.stores.records import (
    End,
    Fail,
    InstanceQuery,
    InstanceState,
    Move,
    Park,
    StatusName,
    Wanted,
)
from sayiir.testing.contract.bench import SECOND_US, Bench, Maker, case, equal, expect, result

__all__ = ["SweepCases"]


async def finish(bench: Bench, instance_id: str, **changes: Any) -> int:
    """Create an instance and complete it; its run."""
    got = await bench.start(instance_id, **changes)
    await bench.commit(got, End(output="x"))
    return got.fence.run


async def found(bench: Bench, *labels: tuple[str, str], **how: Any) -> list[str]:
    """The ids of the instances that have all these labels."""
    query = InstanceQuery(labels=labels, **how)
    return [each.instance_id for each in (await bench.store.page(query)).records]


async def sweep(bench: Bench, older: float = 0, limit: int = 100, **how: Any) -> int:
    """Remove what ended so many seconds ago; how many."""
    retention = Retention(older_than_us=round(older * SECOND_US), limit=limit, **how)
    return await bench.store.delete_finished(retention)


async def left(bench: Bench) -> list[str]:
    """The ids of all instances, sorted."""
    return sorted(each.instance_id for each in (await bench.store.page(InstanceQuery())).records)


class SweepCases(Maker):
    """Finding many instances, and being rid of them."""

    @case
    async def test_pages_by_labels_have_them_all(self, bench: Bench) -> None:
        """Every label asked for, name and value; newest first."""
        await bench.create("one", labels=(("team", "blue"), ("size", "L")))
        await bench.create("two", labels=(("size", "S"), ("team", "blue")))
        await bench.create("three", labels=(("team", "red"), ("blue", "team")))
        await bench.create("four")
        equal(await found(bench, ("team", "blue")), ["two", "one"])
        equal(await found(bench, ("team", "blue"), ("size", "L")), ["one"])
        equal(await found(bench, ("size", "L"), ("team", "blue")), ["one"])
        equal(await found(bench, ("team", "green")), [])
        equal(await found(bench, ("team", "blue"), ("size", "M")), [])
        equal(await found(bench), ["four", "three", "two", "one"])

    @case
    async def test_labels_are_compared_by_the_letter(self, bench: Bench) -> None:
        """No patterns, no folding of case, and what looks like SQL is a label like any other."""
        odd = (("a%", "_"), ("A", "x"), ("ß", "☃"), ("'; drop", 'table"--'), ("n", ""))
        for number, label in enumerate(odd):
            await bench.create(str(number), labels=(label,))
        for number, label in enumerate(odd):
            equal(await found(bench, label), [str(number)], f"label {label}")
        equal(await found(bench, ("a", "x")), [])
        equal(await found(bench, ("n", "0")), [])

    @case
    async def test_labels_go_with_every_other_filter(self, bench: Bench) -> None:
        """Status, workflow, limit and cursor."""
        blue = (("team", "blue"),)
        got = await bench.start("parked", labels=blue)
        await bench.commit(got, Park(path="d", input="", wait_us=SECOND_US))
        got = await bench.start("waiting", labels=blue)
        await bench.wait_for(got)
        got = await bench.start("failed", labels=blue)
        await bench.commit(got, Fail(error=b"e"))
        await bench.create("ready", labels=blue)
        await bench.create("paused", labels=blue)
        await bench.store.request_pause("paused")
        await bench.create("other", labels=blue, workflow_name="other")
        got = await bench.start("plain", workflow_name="other")
        await bench.commit(got, Fail(error=b"e"))
        label = blue[0]
        wanted = {
            StatusName.WAITING: ["parked"],
            StatusName.AWAITING_SIGNAL: ["waiting"],
            StatusName.FAILED: ["failed"],
            StatusName.IN_PROGRESS: ["other", "ready"],
            StatusName.PAUSED: ["paused"],
            StatusName.COMPLETED: [],
        }
        for status, ids in wanted.items():
            equal(await found(bench, label, status=status), ids, status.value)
        equal(await found(bench, label, workflow_name="other"), ["other"])
        equal(await found(bench, label, workflow_name="other", status=StatusName.FAILED), [])
        ids, cursor = list[str](), None
        while True:
            query = InstanceQuery(labels=blue, limit=2, cursor=cursor)
            page = await bench.store.page(query)
            ids += [each.instance_id for each in page.records]
            cursor = page.cursor
            if cursor is None:
                break
        equal(ids, await found(bench, label))

    @case
    async def test_labels_go_with_their_run(self, bench: Bench) -> None:
        """A new run of the same name has its own."""
        await bench.create(labels=(("team", "blue"),))
        await bench.create(over=True, labels=(("team", "red"),))
        equal(await found(bench, ("team", "blue")), [])
        equal(await found(bench, ("team", "red")), ["i"])
        await bench.store.request_cancel("i")
        await bench.store.delete("i")
        equal(await found(bench, ("team", "red")), [])

    # -- removing what is old

    @case
    async def test_what_ended_long_enough_ago_goes(self, bench: Bench) -> None:
        """To the microsecond, by the time of the end, whatever the end was."""
        await bench.create("cancelled")
        got = await bench.start("failed")
        bench.later(1_000)
        await finish(bench, "done")
        await bench.commit(got, Fail(error=b"e"))
        await bench.store.request_cancel("cancelled")
        bench.later(9.999_999)
        equal(await sweep(bench, 10), 0)
        bench.later(0.000_001)
        await finish(bench, "new")
        equal(await sweep(bench, 10), 3)
        equal(await left(bench), ["new"])
        equal(await sweep(bench, 10), 0)

    @case
    async def test_what_has_not_ended_stays(self, bench: Bench) -> None:
        """However old it is: ready, leased, parked, paused, about to be cancelled, retried."""
        await bench.create("ready")
        await bench.start("leased", lease=1_000_000)
        got = await bench.start("parked")
        await bench.commit(got, Park(path="d", input="", wait_us=SECOND_US))
        await bench.create("paused")
        await bench.store.request_pause("paused")
        await bench.start("cancelling", lease=1_000_000)
        await bench.store.request_cancel("cancelling")
        got = await bench.start("retried")
        await bench.commit(got, Fail(error=b"e"))
        await bench.store.retry("retried")
        bench.later(100_000)
        equal(await sweep(bench), 0)
        equal(len(await left(bench)), 6)

    @case
    async def test_the_longest_ended_go_first(self, bench: Bench) -> None:
        """At most as many as asked, of all workflows and ends in one order."""
        early = await bench.start("early", workflow_name="z")
        for number in range(3):
            await finish(bench, f"done-{number}")
            bench.later(1)
        await bench.commit(early, Fail(error=b"e"))
        equal(await sweep(bench, limit=2), 2)
        equal(await left(bench), ["done-2", "early"])
        equal(await sweep(bench, limit=1), 1)
        equal(await left(bench), ["early"])
        equal(await sweep(bench, limit=5), 1)

    @case
    async def test_a_sweep_keeps_to_its_filters(self, bench: Bench) -> None:
        """A workflow's name, an end, or both."""
        for name in ("orders", "bills"):
            await finish(bench, f"{name}-done", workflow_name=name)
            got = await bench.start(f"{name}-failed", workflow_name=name)
            await bench.commit(got, Fail(error=b"e"))
        equal(await sweep(bench, workflow_name="nobody's"), 0)
        equal(await sweep(bench, workflow_name="bills", state=InstanceState.FAILED), 1)
        equal(await left(bench), ["bills-done", "orders-done", "orders-failed"])
        equal(await sweep(bench, state=InstanceState.COMPLETED), 2)
        equal(await sweep(bench, workflow_name="orders"), 1)
        equal(await left(bench), [])

    @case
    async def test_what_is_swept_is_gone_with_all_it_had(self, bench: Bench) -> None:
        """Results, input, labels, leases; the name is free again."""
        got = await bench.start(labels=(("team", "blue"),))
        await bench.store.send_event("i", "go", b"")
        await bench.commit(got, Move("b", ""), result=result("a"))
        await bench.commit(got, Fail(error=b"e"))
        equal(await sweep(bench), 1)
        equal((await bench.store.describe("i"), await bench.store.inspect("i")), (None, None))
        [loaded] = await bench.store.load([Wanted(run=got.fence.run, results=("a",), input=True)])
        expect(not loaded.results and loaded.input is None, "something of it can be loaded")
        equal(len(await bench.store.results("i")), 0, "results")
        equal(len(await found(bench, ("team", "blue"))), 0, "labelled instances")
        await bench.expect_stale(got)
        equal((await bench.create()).existing, None)

    @case
    async def test_a_clock_set_back_removes_nothing_early(self, bench: Bench) -> None:
        """What ended in the future, as it seems now, is not old."""
        await finish(bench, "i")
        bench.later(-3_600)
        equal(await sweep(bench), 0)
        bench.later(3_600)
        equal(await sweep(bench), 1)
