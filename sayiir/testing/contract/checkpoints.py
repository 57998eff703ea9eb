"""What checkpoints write: positions, results, ends; and how results are read and pruned."""

from __future__ import annotations

from sayiir.errors import StoreError
from sayiir.stores.records import (
    Await,
    Checkpoint,
    Control,
    End,
    Fence,
    InstanceState,
    ItemKey,
    Latest,
    LeaseState,
    Move,
    Park,
    Phase,
    Result,
    Retry,
    Wanted,
)
from sayiir.testing.contract.bench import SECOND_US, Bench, Maker, case, equal, raises, result

__all__ = ["CheckpointCases"]


class CheckpointCases(Maker):
    """Moves, retries, ends, results, pruning."""

    @case
    async def test_a_position_survives_its_worker(self, bench: Bench) -> None:
        """Whoever claims next goes on where the last checkpoint left it."""
        got = await bench.start(lease=30)
        answer = await bench.commit(got, Move("b", "input-of-b"), result=result("a", b"1"))
        equal((answer.control, answer.claimed, answer.event), (Control.NONE, (), None))
        bench.later(30)
        got = await bench.claim_one()
        equal((got.path, got.input, got.phase), ("b", "input-of-b", Phase.READY))

    @case
    async def test_a_new_position_has_no_failures(self, bench: Bench) -> None:
        """Attempts are counted for each step by itself."""
        got = await bench.start()
        await bench.commit(got, Retry(error=b"e", wait_us=0, in_place=True))
        await bench.commit(got, Move("b", ""))
        equal([each.error for each in await bench.store.results("i")], [])
        await bench.store.release([got.fence])
        equal((await bench.claim_one()).failures, 0)

    @case
    async def test_a_retry_in_place_keeps_the_lease(self, bench: Bench) -> None:
        """The failure is counted before the next attempt begins."""
        got = await bench.start(lease=30)
        for _ in range(2):
            await bench.commit(got, Retry(error=b"e", wait_us=SECOND_US, in_place=True))
            await bench.expect_idle()
        bench.later(30)
        got = await bench.claim_one()
        equal((got.phase, got.path, got.failures, got.interruptions), (Phase.BACKOFF, "a", 2, 1))

    @case
    async def test_a_retry_in_place_waits_for_whoever_takes_it_over(self, bench: Bench) -> None:
        """The time between two attempts is kept when the holder gives up or is lost."""
        got = await bench.start(lease=30)
        await bench.commit(got, Retry(error=b"e", wait_us=5 * SECOND_US, in_place=True))
        await bench.store.release([got.fence])
        await bench.expect_idle()
        bench.later(5)
        got = await bench.claim_one(lease=30)
        await bench.commit(got, Retry(error=b"e", wait_us=40 * SECOND_US, in_place=True))
        bench.later(30)
        await bench.expect_idle()
        bench.later(10)
        got = await bench.claim_one()
        equal((got.phase, got.failures, got.interruptions), (Phase.BACKOFF, 2, 1))

    @case
    async def test_a_retry_can_tell_where_the_attempt_was(self, bench: Bench) -> None:
        """The item went on without a write: it moves there, and its counts go along."""
        got = await bench.start()
        await bench.store.send_event("i", "go", b"1")
        await bench.wait_for(got)
        await bench.commit(got, Retry(error=b"e", wait_us=0, in_place=True))
        for in_place, failures in ((True, 2), (False, 3)):
            at = Move("t", "in", priority=2)
            retry = Retry(error=b"e", wait_us=5 * SECOND_US, in_place=in_place, at=at)
            await bench.commit(got, retry)
            [told] = await bench.store.results("i")
            equal((told.path, told.attempts), ("t", failures))
        bench.later(4.999_999)
        await bench.expect_idle()
        bench.later(0.000_001)
        got = await bench.claim_one()
        equal((got.phase, got.path, got.input), (Phase.BACKOFF, "t", "in"))
        equal((got.failures, got.event), (3, None))

    @case
    async def test_a_retry_from_a_join_leaves_its_arms(self, bench: Bench) -> None:
        """What followed the join failed: it goes on there, not at the join."""
        root = await bench.start(lease=30)
        [arm] = (await bench.spawn(root, 1, keep=1)).claimed
        [joined] = (await bench.commit(arm, End(output="x"))).claimed
        at = Move("d", "in")
        await bench.commit(joined, Retry(error=b"e", wait_us=0, in_place=True, at=at))
        await bench.store.release([joined.fence])
        got = await bench.claim_one()
        equal((got.phase, got.path, got.input, got.failures), (Phase.BACKOFF, "d", "in", 1))
        equal(await bench.join(root.fence.run), [(0, "x", None)])
        [arm] = (await bench.spawn(got, 1, path="g", keep=1)).claimed
        equal(arm.path, "g[0]/t")

    @case
    async def test_a_failed_attempt_is_told_until_the_next_succeeds(self, bench: Bench) -> None:
        """Last in the history, with the attempts so far."""
        got = await bench.start()
        await bench.commit(got, Move("b", ""), result=result("a", b"1"))
        for error in (b"first", b"second"):
            await bench.commit(got, Retry(error=error, wait_us=0, in_place=True))
        found = [(each.path, each.error, each.attempts) for each in await bench.store.results("i")]
        equal(found, [("a", None, 1), ("b", b"second", 2)])
        await bench.commit(got, Move("c", ""), result=result("b", b"2"))
        equal([each.path for each in await bench.store.results("i")], ["a", "b"])

    @case
    async def test_the_roots_end_completes_the_instance(self, bench: Bench) -> None:
        """With output and time; its holder's fence is stale from then on."""
        got = await bench.start()
        bench.later(5)
        answer = await bench.commit(got, End(output="ref"), result=result("a"))
        equal((answer.control, answer.claimed), (Control.NONE, ()))
        found = await bench.record()
        equal((found.state, found.output), (InstanceState.COMPLETED, "ref"))
        equal((found.finished_at_us, found.error), (bench.now_us, None))
        equal((found.ready, found.leased, found.parked), (0, 0, ()))
        await bench.expect_stale(got)
        equal(await bench.store.check([got.fence]), [LeaseState(False, Control.STOP)])

    @case
    async def test_results_are_told_in_the_order_of_their_commits(self, bench: Bench) -> None:
        """With times by the store's clock."""
        got = await bench.start()
        for path in ("z", "a", "m"):
            bench.later(1)
            written = Result(
                path=path,
                node_path=f"node-{path}",
                ordinal=b"",
                output=path.encode(),
                attempts=3,
                duration_us=250_000,
            )
            await bench.commit(got, Move(f"after-{path}", ""), result=written)
        found = await bench.store.results("i")
        equal([each.path for each in found], ["z", "a", "m"])
        last = found[-1]
        equal((last.node_path, last.output, last.error), ("node-m", b"m", None))
        equal((last.attempts, last.finished_at_us), (3, bench.now_us))
        equal(last.started_at_us, bench.now_us - 250_000)

    @case
    async def test_a_result_is_written_once(self, bench: Bench) -> None:
        """A second one at its path is refused, with all that came in the same commit."""
        got, other = await bench.start(), await bench.start("other")
        await bench.commit(got, Move("b", ""), result=result("a", b"1"))
        twice = [
            Checkpoint(fence=other.fence, effect=Move("b", ""), result=result("a", b"x")),
            Checkpoint(fence=got.fence, effect=Move("c", ""), result=result("a", b"2")),
        ]
        await raises(StoreError, bench.store.commit(twice))
        equal(await bench.store.results("other"), [])
        [loaded] = await bench.store.load([Wanted(run=got.fence.run, results=("a",))])
        equal(loaded.results, {"a": b"1"})
        await bench.store.release([got.fence])
        equal((await bench.claim_one()).path, "b", "position after the refused commit")

    @case
    async def test_runs_do_not_share_results(self, bench: Bench) -> None:
        """Equal paths in two instances are two results."""
        fences: list[Fence] = []
        for name in ("one", "two"):
            got = await bench.start(name)
            await bench.commit(got, Move("b", ""), result=result("a", name.encode()))
            fences.append(got.fence)
        wanted = [Wanted(run=each.run, results=("a", "missing")) for each in reversed(fences)]
        found = [each.results for each in await bench.store.load(wanted)]
        equal(found, [{"a": b"two"}, {"a": b"one"}])

    @case
    async def test_load_leaves_out_what_is_not_there(self, bench: Bench) -> None:
        """Unknown runs too; the input comes only when asked for."""
        got = await bench.start()
        nothing = Wanted(
            run=got.fence.run,
            results=("x",),
            latest=(Latest(("x",)),),
            joins=("x",),
            elements=(ItemKey("x", 0), ItemKey("", 0)),
            events=(999_999,),
        )
        unknown = Wanted(run=got.fence.run + 1_000, results=("x",), input=True)
        for loaded in await bench.store.load([nothing, unknown]):
            found = (loaded.results, loaded.latest, loaded.elements, loaded.events)
            equal([len(each) for each in found], [0, 0, 0, 0])
            equal(loaded.input, None)
            equal(loaded.joins.get("x", ()), ())
        [loaded] = await bench.store.load([Wanted(run=got.fence.run, input=True)])
        equal(loaded.input, b"input")
        equal(await bench.store.load([]), [])

    @case
    async def test_bytes_are_kept_as_they_are(self, bench: Bench) -> None:
        """Empty, with NUL, a megabyte."""
        got = await bench.start()
        blobs = [b"", b"\0", bytes(range(256)), b"x" * 1_000_000]
        for number, blob in enumerate(blobs):
            await bench.commit(got, Move("b", ""), result=result(f"r{number}", blob))
        paths = tuple(f"r{number}" for number in range(len(blobs)))
        [loaded] = await bench.store.load([Wanted(run=got.fence.run, results=paths)])
        equal([loaded.results[path] for path in paths], blobs)

    @case
    async def test_the_latest_result_has_the_highest_number(self, bench: Bench) -> None:
        """By number, not by text, whatever the order of the commits."""
        got = await bench.start()
        for number in (9, 256, 10, 255):
            written = result(
                f"poll[{number}]/ask", b"%d" % number, node_path="poll/ask", numbers=(number,)
            )
            await bench.commit(got, Move("x", ""), result=written)
        latest = Latest(("poll/ask",))
        [loaded] = await bench.store.load([Wanted(run=got.fence.run, latest=(latest,))])
        equal(loaded.latest, {latest: ("poll[256]/ask", b"256")})

    @case
    async def test_the_latest_result_can_be_of_one_iteration(self, bench: Bench) -> None:
        """Only ordinals with the prefix count, among all node paths given."""
        got = await bench.start()
        for outer in (0, 1, 2):
            for inner in (0, 1):
                for name in ("b", "c") if inner == 0 else ("b",):
                    path = f"o[{outer}]/i[{inner}]/{name}"
                    written = result(
                        path, path.encode(), node_path=f"o/i/{name}", numbers=(outer, inner)
                    )
                    await bench.commit(got, Move("x", ""), result=written)
        one = Latest(("o/i/b",), (1).to_bytes(4, "big"))
        only_c = Latest(("o/i/c",), (1).to_bytes(4, "big"))
        both = Latest(("o/i/c", "o/i/b"), (2).to_bytes(4, "big"))
        none = Latest(("o/i/b",), (3).to_bytes(4, "big"))
        wanted = Wanted(run=got.fence.run, latest=(one, only_c, both, none))
        [loaded] = await bench.store.load([wanted])
        found = {each: path for each, (path, _) in loaded.latest.items()}
        equal(found, {one: "o[1]/i[1]/b", only_c: "o[1]/i[0]/c", both: "o[2]/i[1]/b"})

    @case
    async def test_results_are_counted_by_node(self, bench: Bench) -> None:
        """For progress bars: all iterations and items of one node."""
        got = await bench.start()
        for number in range(5):
            written = result(f"m[{number}]/t", node_path="m/t", numbers=(number,))
            await bench.commit(got, Move("x", ""), result=written)
        await bench.commit(got, Move("y", ""), result=result("m/u"))
        equal(await bench.store.count_results("i", "m/t"), 5)
        equal(await bench.store.count_results("i", "m/u"), 1)
        equal(await bench.store.count_results("i", "m"), 0)

    @case
    async def test_pruning_removes_results_below_a_prefix(self, bench: Bench) -> None:
        """And not those of ``poll[10]`` with those of ``poll[1]``."""
        got = await bench.start()
        paths = ["poll[1]/ask", "poll[1]/in/x", "poll[10]/ask", "poll[2]/ask", "xpoll[1]/ask"]
        for path in paths:
            await bench.commit(got, Move("x", ""), result=result(path, node_path="n"))
        await bench.commit(got, Move("y", ""), prune=("poll[1]/", "nothing/"))
        equal([each.path for each in await bench.store.results("i")], paths[2:])
        equal(await bench.store.count_results("i", "n"), 3)
        [loaded] = await bench.store.load([Wanted(run=got.fence.run, results=tuple(paths))])
        equal(sorted(loaded.results), sorted(paths[2:]))

    @case
    async def test_pruning_takes_prefixes_by_the_letter(self, bench: Bench) -> None:
        """Underscore, percent and case mean themselves."""
        got = await bench.start()
        for path in ("a_b/x", "acb/x", "A_B/x", "a%/x", "ab/x"):
            await bench.commit(got, Move("x", ""), result=result(path))
        await bench.commit(got, Move("y", ""), prune=("a_b/", "a%/"))
        equal([each.path for each in await bench.store.results("i")], ["acb/x", "A_B/x", "ab/x"])

    @case
    async def test_pruning_removes_the_latest_too(self, bench: Bench) -> None:
        """What is pruned isn't found by its node path."""
        got = await bench.start()
        for number in (1, 2):
            written = result(f"l[{number}]/t", node_path="l/t", numbers=(number,))
            await bench.commit(got, Move("x", ""), result=written)
        latest = Latest(("l/t",))
        wanted = [Wanted(run=got.fence.run, latest=(latest,))]
        await bench.commit(got, Move("y", ""), prune=("l[2]/",))
        equal((await bench.store.load(wanted))[0].latest[latest][0], "l[1]/t")
        await bench.commit(got, Move("z", ""), prune=("l[1]/",))
        equal((await bench.store.load(wanted))[0].latest, {})

    @case
    async def test_pruning_removes_ended_arms_and_their_elements(self, bench: Bench) -> None:
        """Of earlier iterations; other joins stay readable."""
        root = await bench.start()
        for iteration in (0, 1):
            path = f"l[{iteration}]/f"
            one, two = (await bench.spawn(root, 2, path=path, keep=2)).claimed
            await bench.commit(one, End(output="x"))
            [root] = (await bench.commit(two, End(output="x"))).claimed
        await bench.commit(root, Move("l[2]/t", ""), prune=("l[0]/",))
        run = root.fence.run
        equal(await bench.join(run, "l[0]/f"), [])
        equal(await bench.join(run, "l[1]/f"), [(0, "x", None), (1, "x", None)])
        keys = (ItemKey("l[0]/f", 0), ItemKey("l[1]/f", 0))
        [loaded] = await bench.store.load([Wanted(run=run, elements=keys)])
        equal(loaded.elements, {keys[1]: b"0"})

    @case
    async def test_pruning_removes_consumed_events_only(self, bench: Bench) -> None:
        """Events that wait to be consumed are nobody's past."""
        got = await bench.start()
        for payload in (b"one", b"two", b"kept"):
            await bench.store.send_event("i", "go", payload)
        ids: list[int] = []
        for number in (0, 1):
            answer = await bench.wait_for(got, path=f"l[{number}]/go")
            ids.append(answer.event.event_id if answer.event else -1)
        await bench.commit(got, Move("x", ""), prune=("l[0]/",))
        [loaded] = await bench.store.load([Wanted(run=got.fence.run, events=tuple(ids))])
        equal(loaded.events, {ids[1]: b"two"})
        answer = await bench.wait_for(got, path="l[2]/go")
        equal(answer.event and answer.event.payload, b"kept")

    @case
    async def test_a_refused_checkpoint_prunes_nothing(self, bench: Bench) -> None:
        """Nothing of it is written."""
        stale = await bench.start(lease=5)
        await bench.commit(stale, Move("b", ""), result=result("l[0]/a"))
        bench.later(5)
        await bench.claim_one()
        await bench.write(stale, Move("c", ""), prune=("l[0]/",))
        equal([each.path for each in await bench.store.results("i")], ["l[0]/a"])

    @case
    async def test_description_counts_ready_leased_and_parked(self, bench: Bench) -> None:
        """A lease that has ended counts as ready; waiting parents count as nothing."""
        root = await bench.start()
        kept = (await bench.spawn(root, 6, keep=5)).claimed
        await bench.commit(kept[0], Park(path="late", input="", wait_us=90 * SECOND_US))
        await bench.wait_for(kept[1], path="forever")
        await bench.wait_for(kept[2], "ask", path="signal", timeout=50)
        await bench.commit(kept[3], Retry(error=b"e", wait_us=70 * SECOND_US, in_place=False))
        found = await bench.record()
        equal((found.ready, found.leased), (1, 1))
        waits = [(each.path, each.signal_name) for each in found.parked]
        wanted = [("signal", "ask"), ("f[3]/t", None), ("late", None), ("forever", "go")]
        equal(waits, wanted)
        equal(found.parked[0].wake_at_us, bench.now_us + 50 * SECOND_US)
        equal(found.parked[3].wake_at_us, None)
        bench.later(60)
        found = await bench.record()
        equal((found.ready, found.leased, len(found.parked)), (3, 0, 3))

    @case
    async def test_description_shows_a_hundred_waits(self, bench: Bench) -> None:
        """The earliest ones; those without a time in the order they began to wait."""
        root = await bench.start()
        arms = (await bench.spawn(root, 120, keep=120)).claimed
        effects = [
            Await(path=f"f[{arm.fence.item.index}]/s", input="", signal_name="go")
            for arm in reversed(arms)
        ]
        await bench.store.commit(
            [
                Checkpoint(fence=arm.fence, effect=effect)
                for arm, effect in zip(reversed(arms), effects, strict=True)
            ]
        )
        paths = [each.path for each in (await bench.record()).parked]
        equal(paths, [f"f[{index}]/s" for index in range(119, 19, -1)])
