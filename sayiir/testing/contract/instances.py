"""Creating, replacing, deleting, listing."""

from __future__ import annotations

from sayiir.errors import InstanceNotFound, InvalidTransition, StoreUnavailable
from sayiir.stores.records import (
    Await,
    ClaimRequest,
    Control,
    End,
    Fail,
    InstanceQuery,
    InstanceState,
    ItemKey,
    Move,
    Park,
    Phase,
    StatusName,
    Wanted,
)
from sayiir.testing.contract.bench import (
    SECOND_US,
    Bench,
    Maker,
    case,
    equal,
    expect,
    raises,
    result,
)

__all__ = ["InstanceCases"]


class InstanceCases(Maker):
    """Instances as a whole."""

    @case
    async def test_an_instance_is_described_as_it_was_created(self, bench: Bench) -> None:
        """Every field that was handed in comes back, with the store's own time."""
        await bench.create(
            workflow_version="7",
            priority=2,
            timeout_us=5 * SECOND_US,
            labels=(("team", "blue"), ("empty", "")),
            traceparent="00-abc-def-01",
        )
        found = await bench.record()
        equal(
            (found.instance_id, found.run_id, found.workflow_name, found.workflow_version),
            ("i", "run-of-i", "orders", "7"),
        )
        equal(found.labels, (("team", "blue"), ("empty", "")))
        equal((found.priority, found.traceparent), (2, "00-abc-def-01"))
        equal((found.definition_hash, found.state), ("hash-1", InstanceState.RUNNING))
        equal((found.created_at_us, found.finished_at_us), (bench.now_us, None))
        equal(found.deadline_at_us, bench.now_us + 5 * SECOND_US)
        equal((found.output, found.error, found.control), (None, None, Control.NONE))
        equal((found.ready, found.leased, found.parked), (1, 0, ()))

    @case
    async def test_a_new_root_is_due_at_once(self, bench: Bench) -> None:
        """What is claimed holds all that a worker needs to go on."""
        await bench.create(traceparent="t", timeout_us=60 * SECOND_US)
        bench.later(10)
        got = await bench.claim_one(lease=30)
        equal((got.fence.item, got.phase), (ItemKey("", 0), Phase.READY))
        equal((got.path, got.input), ("a", "input-of-a"))
        equal((got.instance_id, got.run_id, got.definition_hash), ("i", "run-of-i", "hash-1"))
        equal((got.failures, got.interruptions, got.interruptions_ever), (0, 0, 0))
        equal((got.spawned, got.spawn_total, got.event), (0, None, None))
        equal(got.traceparent, "t")
        equal(got.deadline_in_us, 50 * SECOND_US)
        equal(got.lease_until_at_us, bench.now_us + 30 * SECOND_US)

    @case
    async def test_create_can_claim_the_root(self, bench: Bench) -> None:
        """Then nobody else gets it, and its lease ends like any other."""
        got = await bench.start(lease=30)
        equal((got.path, got.phase, got.deadline_in_us), ("a", Phase.READY, None))
        await bench.expect_idle()
        equal((await bench.record()).leased, 1)
        bench.later(30)
        equal((await bench.claim_one()).interruptions, 1)

    @case
    async def test_a_taken_id_is_answered_and_nothing_written(self, bench: Bench) -> None:
        """The answer describes what exists, which stays as it was."""
        await bench.create()
        answer = await bench.create(
            run_id="other", input=b"other", claim=ClaimRequest(holder="w", lease_us=SECOND_US)
        )
        equal(answer.claimed, None)
        equal(answer.existing, await bench.record(), "existing")
        got = await bench.claim_one()
        equal(got.run_id, "run-of-i")
        [loaded] = await bench.store.load([Wanted(run=got.fence.run, input=True)])
        equal(loaded.input, b"input")

    @case
    async def test_another_definition_is_never_replaced(self, bench: Bench) -> None:
        """Not even when asked to replace: the id belongs to another workflow."""
        await bench.create()
        answer = await bench.create(over=True, definition_hash="hash-2", definition=b"two")
        existing = answer.existing
        expect(existing is not None and existing.definition_hash == "hash-1", "not answered")
        equal((await bench.claim_one()).definition_hash, "hash-1")

    @case
    async def test_replace_removes_the_old_run(self, bench: Bench) -> None:
        """Results, items and kept events are gone; the new run begins at its root."""
        old = await bench.start()
        await bench.store.send_event("i", "go", b"old")
        await bench.commit(old, Move("b", "x"), result=result("a"))
        answer = await bench.create(over=True, run_id="second", input=b"new")
        equal(answer.existing, None)
        equal(await bench.store.results("i"), [], "results after the replacement")
        equal(await bench.store.count_results("i", "a"), 0)
        new = await bench.claim_one()
        equal((new.path, new.run_id), ("a", "second"))
        expect(new.fence.run != old.fence.run, "the run's number was used again")
        equal((await bench.wait_for(new)).event, None, "an event of the old run")
        [loaded] = await bench.store.load([Wanted(run=old.fence.run, results=("a",), input=True)])
        equal((len(loaded.results), loaded.input), (0, None), "the old run's rows")

    @case
    async def test_who_works_for_a_replaced_run_is_stale(self, bench: Bench) -> None:
        """Its fence names a run that is no more."""
        old = await bench.start()
        await bench.create(over=True, run_id="second")
        await bench.expect_stale(old)
        await bench.store.release([old.fence])
        equal((await bench.claim_one()).fence.epoch >= 1, True)

    @case
    async def test_a_finished_instance_can_be_replaced(self, bench: Bench) -> None:
        """Its end doesn't stick to the new run."""
        await bench.commit(await bench.start(), End(output="out"))
        equal((await bench.create(over=True)).existing, None)
        found = await bench.record()
        equal(
            (found.state, found.output, found.finished_at_us), (InstanceState.RUNNING, None, None)
        )
        await bench.claim_one()

    @case
    async def test_delete_removes_a_finished_instance(self, bench: Bench) -> None:
        """The id is free again, and nothing of the old run is seen by the next."""
        got = await bench.start()
        await bench.commit(got, End(output="x"), result=result("a"))
        await bench.store.delete("i")
        equal(await bench.store.describe("i"), None)
        equal(await bench.store.results("i"), [])
        await raises(InstanceNotFound, bench.store.delete("i"))
        again = await bench.start()
        expect(again.fence.run != got.fence.run, "the run's number was used again")
        equal(await bench.store.results("i"), [])

    @case
    async def test_delete_takes_finished_instances_only(self, bench: Bench) -> None:
        """Running and paused ones are refused and go on."""
        await raises(InstanceNotFound, bench.store.delete("i"))
        await bench.create()
        await raises(InvalidTransition, bench.store.delete("i"))
        await bench.store.request_pause("i")
        await raises(InvalidTransition, bench.store.delete("i"))
        await bench.store.unpause("i")
        await bench.claim_one()

    @case
    async def test_delete_makes_leases_of_a_failed_instance_stale(self, bench: Bench) -> None:
        """An arm that still ran when its sibling failed."""
        root = await bench.start()
        one, two = (await bench.spawn(root, 2, keep=2)).claimed
        await bench.commit(one, Fail(error=b"e"))
        await bench.store.delete("i")
        await bench.expect_stale(two)

    @case
    async def test_definitions_are_kept_under_their_hash(self, bench: Bench) -> None:
        """Once for all instances; another hash has another one."""
        await bench.create("one")
        await bench.create("two", definition_hash="hash-2", definition=b"definition-2")
        equal(await bench.store.definition("hash-1"), b"definition-1")
        equal(await bench.store.definition("hash-2"), b"definition-2")
        equal(await bench.store.definition("hash-3"), None)

    @case
    async def test_pages_go_from_the_newest_to_the_oldest(self, bench: Bench) -> None:
        """Every instance once, also when others are created between two pages."""
        for number in range(7):
            await bench.create(f"i{number}")
        seen: list[str] = []
        cursor: str | None = None
        for _ in range(3):
            page = await bench.store.page(InstanceQuery(limit=3, cursor=cursor))
            seen += [each.instance_id for each in page.records]
            await bench.create(f"later-{len(seen)}")
            cursor = page.cursor
        equal(seen, [f"i{number}" for number in reversed(range(7))])
        equal(cursor, None, "cursor of the last page")

    @case
    async def test_a_page_that_is_exactly_full_can_be_the_last(self, bench: Bench) -> None:
        """No cursor leads to an empty page."""
        for number in range(4):
            await bench.create(f"i{number}")
        page = await bench.store.page(InstanceQuery(limit=4))
        equal((len(page.records), page.cursor), (4, None))
        equal((await bench.store.page(InstanceQuery(workflow_name="none"))).records, ())

    @case
    async def test_pages_are_filtered_by_workflow(self, bench: Bench) -> None:
        """The limit counts what fits the filter."""
        for number in range(6):
            await bench.create(f"i{number}", workflow_name="even" if number % 2 == 0 else "odd")
        page = await bench.store.page(InstanceQuery(workflow_name="even", limit=2))
        equal([each.instance_id for each in page.records], ["i4", "i2"])
        rest = await bench.store.page(
            InstanceQuery(workflow_name="even", limit=2, cursor=page.cursor)
        )
        equal([each.instance_id for each in rest.records], ["i0"])
        equal(rest.cursor, None)

    @case
    async def test_pages_are_filtered_by_status(self, bench: Bench) -> None:
        """Each of the seven statuses finds its instances and no other."""
        await bench.commit(await bench.start("completed"), End(output="x"))
        await bench.commit(await bench.start("failed"), Fail(error=b"e"))
        await bench.create("cancelled")
        await bench.store.request_cancel("cancelled")
        await bench.create("paused")
        await bench.store.request_pause("paused")
        await bench.start("in_progress")
        await bench.commit(
            await bench.start("waiting"), Park(path="d", input="x", wait_us=9 * SECOND_US)
        )
        await bench.wait_for(await bench.start("awaiting_signal"))
        for status in StatusName:
            page = await bench.store.page(InstanceQuery(status=status))
            equal([each.instance_id for each in page.records], [status.value], f"{status}")

    @case
    async def test_status_filters_look_at_the_earliest_wait(self, bench: Bench) -> None:
        """A timer before a signal's timeout is Waiting; after it, AwaitingSignal."""
        for name, timer, timeout in (("waiting", 5, 9), ("awaiting_signal", 9, 5)):
            one, two = (await bench.spawn(await bench.start(name), 2, keep=2)).claimed
            await bench.commit(one, Park(path="d", input="x", wait_us=timer * SECOND_US))
            await bench.wait_for(two, timeout=timeout)
        for status in (StatusName.WAITING, StatusName.AWAITING_SIGNAL):
            page = await bench.store.page(InstanceQuery(status=status))
            equal([each.instance_id for each in page.records], [status.value], f"{status}")

    @case
    async def test_in_progress_tells_from_paused_and_waiting(self, bench: Bench) -> None:
        """Ready, leased, pausing and cancelling instances are in progress."""
        await bench.create("ready")
        await bench.start("leased")
        await bench.start("pausing")
        await bench.store.request_pause("pausing")
        await bench.start("cancelling")
        await bench.store.request_cancel("cancelling")
        await bench.commit(await bench.start("due"), Park(path="d", input="x", wait_us=SECOND_US))
        bench.later(1)
        page = await bench.store.page(InstanceQuery(status=StatusName.IN_PROGRESS))
        names = {each.instance_id for each in page.records}
        equal(names, {"ready", "leased", "pausing", "cancelling", "due"})
        await bench.expect_no_status(StatusName.PAUSED, StatusName.WAITING)

    @case
    async def test_a_bad_cursor_is_refused(self, bench: Bench) -> None:
        """With ``ValueError``, not with a wrong page."""
        await bench.create()
        for cursor in ("", "x", "1; drop table", "é", " 5 ", "+5", "1_0", "٣", "9" * 19):
            await raises(ValueError, bench.store.page(InstanceQuery(cursor=cursor)))

    @case
    async def test_an_unknown_instance_has_nothing(self, bench: Bench) -> None:
        """Reading gives nothing; asking something of it raises."""
        equal(await bench.store.describe("i"), None)
        equal(await bench.store.results("i"), [])
        equal(await bench.store.count_results("i", "a"), 0)
        await raises(InstanceNotFound, bench.store.request_cancel("i"))
        await raises(InstanceNotFound, bench.store.request_pause("i"))
        await raises(InstanceNotFound, bench.store.unpause("i"))
        await raises(InstanceNotFound, bench.store.retry("i"))
        await raises(InstanceNotFound, bench.store.delete("i"))
        await raises(InstanceNotFound, bench.store.send_event("i", "go", b""))

    @case
    async def test_ids_and_texts_are_kept_as_they_are(self, bench: Bench) -> None:
        """Quotes, percent signs, other scripts: nothing is read as something else."""
        names = ["it's", "100%", 'say "x"', "東京/a[1]", "a_b", "A_B", "ab"]
        for name in names:
            await bench.create(name, root_path=f'b["{name}"]/x', root_input=name)
        for name in names:
            got = await bench.claim_one(instance_id=name)
            equal((got.instance_id, got.path, got.input), (name, f'b["{name}"]/x', name))

    @case
    async def test_a_closed_store_refuses_everything(self, bench: Bench) -> None:
        """With ``StoreUnavailable``; closing again is harmless."""
        got = await bench.start()
        await bench.store.close()
        await bench.store.close()
        await raises(StoreUnavailable, bench.create("other"))
        await raises(StoreUnavailable, bench.store.describe("i"))
        await raises(StoreUnavailable, bench.claim())
        await raises(StoreUnavailable, bench.write(got, Await(path="s", input="", signal_name="x")))
        await raises(StoreUnavailable, bench.store.renew([got.fence], SECOND_US))
        await raises(StoreUnavailable, bench.store.send_event("i", "go", b""))
