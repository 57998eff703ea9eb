"""Verbs that meet in the database: whatever the order, one of the outcomes that make sense."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sayiir.errors import InstanceNotFound, InvalidTransition
from sayiir.stores.inspection import ProgressReport
from sayiir.stores.records import (
    Answer,
    Await,
    Checkpoint,
    Claimed,
    Control,
    End,
    Fail,
    InstanceState,
    ItemKey,
    Move,
    Park,
)
from tests.postgres.racing import SECOND_US, Track, racing, spawn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Race = "Callable[[Track], Awaitable[None]]"


async def cancel_and_spawn(track: Track) -> None:
    """The arms are cancelled with the rest, or never come to be."""
    root = await track.start()
    answer, _ = await track.race(
        track.write(root, spawn(3)), track.store.request_cancel(root.instance_id)
    )
    assert isinstance(answer, Answer)
    if track.first_waited:
        assert answer.control is Control.CANCEL
    if answer.control is Control.NONE:
        assert len(answer.claimed) == 3
        for arm in answer.claimed:
            assert (await track.write(arm, End(output="r"))).control is Control.CANCEL
    assert (await track.record(root.instance_id)).state is InstanceState.CANCELLED


async def cancel_and_end(track: Track) -> None:
    """Completed, and the cancel was too late; or cancelled, and the end was told so."""
    root = await track.start()
    answer, cancelled = await track.race(
        track.write(root, End(output="r"), "a"), track.store.request_cancel(root.instance_id)
    )
    state = (await track.record(root.instance_id)).state
    if answer.control is Control.NONE:
        assert isinstance(cancelled, InvalidTransition)
        assert state is InstanceState.COMPLETED
    else:
        assert (answer.control, cancelled, state) == (Control.CANCEL, None, InstanceState.CANCELLED)


async def pause_and_park(track: Track) -> None:
    """It is parked and paused; once unpaused it is due again."""
    root = await track.start()
    park = Park(path="d", input="i", wait_us=0)
    answer, _ = await track.race(
        track.write(root, park), track.store.request_pause(root.instance_id)
    )
    assert answer.accepted
    assert await track.claim(name=root.instance_id) == ()
    await track.check()
    await track.store.unpause(root.instance_id)
    [again] = await track.claim(name=root.instance_id)
    assert again.path == "d"
    await track.write(again, End(output="r"))


async def pause_and_step(track: Track) -> None:
    """The step is kept, and its item held no longer than the pause allows."""
    root = await track.start()
    answer, _ = await track.race(
        track.write(root, Move("b", "r:a"), "a"), track.store.request_pause(root.instance_id)
    )
    assert answer.accepted
    if answer.control is Control.NONE:
        assert (await track.write(root, Move("c", "r:b"), "b")).control is Control.PAUSE
    await track.store.unpause(root.instance_id)
    [again] = await track.claim(name=root.instance_id)
    assert again.path == ("c" if answer.control is Control.NONE else "b")
    await track.write(again, End(output="r"))


async def event_and_wait(track: Track) -> None:
    """The wait has the event, whichever came first."""
    root = await track.start()
    answer, _ = await track.race(
        track.write(root, Await(path="s", input="i", signal_name="go")),
        track.store.send_event(root.instance_id, "go", b"1"),
    )
    if answer.event is None:
        [root] = await track.claim(name=root.instance_id)
        assert root.event is not None
        assert root.event.payload == b"1"
    else:
        assert answer.event.payload == b"1"
    await track.write(root, End(output="r"))


async def events_and_waits_of_arms(track: Track) -> None:
    """Three events, three waits: each has one of its own."""
    root = await track.start()
    arms = await track.arms(root, 3)
    name = root.instance_id
    answers = await track.race(
        *(
            track.write(arm, Await(path=f"f[{n}]/s", input="i", signal_name="go"))
            for n, arm in enumerate(arms)
        ),
        *(track.store.send_event(name, "go", b"%d" % n) for n in range(3)),
    )
    events = [each.event for each in answers[:3]] + [
        each.event for each in await track.claim(name=name)
    ]
    assert sorted(each.payload for each in events if each) == [b"0", b"1", b"2"]
    await track.store.request_cancel(name)
    for arm in arms:
        await track.write(arm, End(output="r"))


async def the_last_two_arms(track: Track) -> None:
    """They join once, whatever the connections."""
    root = await track.start()
    arms = await track.arms(root, 2)
    answers = await track.race(*(track.write(arm, End(output="r")) for arm in arms))
    [parent] = [each for answer in answers for each in answer.claimed]
    assert parent.fence.item == ItemKey()
    await track.write(parent, End(output="r"))
    assert (await track.record(root.instance_id)).state is InstanceState.COMPLETED


async def two_batches_of_ends(track: Track) -> None:
    """Of one fork and of one below it: each is joined once, by whoever ended the last arm."""
    root = await track.start()
    first, *others = await track.arms(root, 4)
    below = await track.arms(first, 3, path="f[0]/g")
    answers = [
        answer
        for batch in await track.race(
            track.store.commit(_ends(below[:2], others[:1])),
            track.store.commit(_ends(below[2:], others[1:])),
        )
        for answer in batch
    ]
    assert all(each.accepted and each.control is Control.NONE for each in answers)
    [parent] = [each for answer in answers for each in answer.claimed]
    assert parent.fence.item == first.fence.item
    [again] = (await track.write(parent, End(output="r"))).claimed
    assert again.fence.item == ItemKey()
    await track.write(again, End(output="r"))
    assert (await track.record(root.instance_id)).state is InstanceState.COMPLETED


async def pause_and_ends_of_arms(track: Track) -> None:
    """Nothing goes on from the join until it is unpaused, and then it does so once."""
    root = await track.start()
    arms = await track.arms(root, 3)
    answers, _ = await track.race(
        track.store.commit(_ends(arms)), track.store.request_pause(root.instance_id)
    )
    assert all(each.accepted for each in answers)
    if track.first_waited:
        assert all(each.control is Control.PAUSE and not each.claimed for each in answers)
    for parent in [each for answer in answers for each in answer.claimed]:
        assert (await track.write(parent, Move("b", "i"))).control is Control.PAUSE
    assert await track.claim() == ()
    await track.store.unpause(root.instance_id)
    [parent] = await track.claim()
    await track.write(parent, End(output="r"))
    assert (await track.record(root.instance_id)).state is InstanceState.COMPLETED


async def cancel_and_ends_below_an_arm(track: Track) -> None:
    """Whoever holds something afterwards is told, and the last of them ends the instance."""
    root = await track.start()
    first, other = await track.arms(root, 2)
    below = await track.arms(first, 2, path="f[0]/g")
    answers, _ = await track.race(
        track.store.commit(_ends(below)), track.store.request_cancel(root.instance_id)
    )
    if track.first_waited:
        assert all(each.control is Control.CANCEL and not each.claimed for each in answers)
    for holder in [other, *(each for answer in answers for each in answer.claimed)]:
        assert (await track.write(holder, End(output="r"))).control is Control.CANCEL
    assert (await track.record(root.instance_id)).state is InstanceState.CANCELLED


def _ends(*arms: Sequence[Claimed]) -> list[Checkpoint]:
    return [Checkpoint(fence=each.fence, effect=End(output="r")) for some in arms for each in some]


async def ends_of_a_limited_map(track: Track) -> None:
    """Each end readies one that is held; none is forgotten, none comes twice."""
    root = await track.start()
    running = list(await track.arms(root, 12, limit=4))
    done = 0
    while running:
        answers = await track.race(
            *(track.write(arm, End(output="r", keep=True)) for arm in running)
        )
        done += len(running)
        running = [each for answer in answers for each in answer.claimed]
        if [each.fence.item for each in running] == [ItemKey()]:
            break
        assert len(running) <= 4
    assert done == 12
    await track.write(running[0], End(output="r"))


async def stale_commit_and_claim(track: Track) -> None:
    """Either the late write counts and is claimed as it stands, or it is refused."""
    root = await track.start(lease=0)
    answer, taken = await track.race(
        track.write(root, Move("b", "r:a"), "a"), track.claim(name=root.instance_id)
    )
    taken = taken or await track.claim(name=root.instance_id)
    [other] = taken
    assert other.path == ("b" if answer.accepted else "a")
    assert not (await track.write(root, End(output="late"), "late")).accepted
    await track.write(other, End(output="r"))
    assert (await track.record(root.instance_id)).output == "r"


async def failure_and_siblings(track: Track) -> None:
    """One fails; what its siblings commit is kept, and they are told to stop."""
    root = await track.start()
    arms = await track.arms(root, 4)
    answers = await track.race(
        track.write(arms[0], Fail(error=b"e")),
        track.write(arms[1], Move("f[1]/u", "r"), "f[1]/t"),
        track.write(arms[2], End(output="r")),
        track.write(arms[3], Park(path="f[3]/d", input="i", wait_us=0)),
    )
    assert all(each.accepted for each in answers)
    assert (await track.record(root.instance_id)).state is InstanceState.FAILED
    await track.check()
    # Arm 1 may hold on; it ends while somebody retries.
    ended, retried = await track.race(
        track.write(arms[1], End(output="r")), track.store.retry(root.instance_id)
    )
    assert retried is None
    await track.check()
    rest = await track.claim(name=root.instance_id)
    keys = sorted(each.fence.item.index for each in rest)
    assert keys == ([0, 3] if ended.accepted and answers[1].control is Control.NONE else [0, 1, 3])
    last = [await track.write(each, End(output="r")) for each in rest][-1]
    [parent] = last.claimed
    await track.write(parent, End(output="r"))


async def two_failures(track: Track) -> None:
    """The first one counts, and both stop."""
    root = await track.start()
    arms = await track.arms(root, 2)
    answers = await track.race(*(track.write(arm, Fail(error=b"e")) for arm in arms))
    assert sorted(each.control.value for each in answers) == ["none", "stop"]


async def replacing_and_working(track: Track) -> None:
    """The old run is gone with all that was on its way; the new one is whole."""
    root = await track.start()
    name = root.instance_id
    arms = await track.arms(root, 3)
    *_, new = await track.race(
        track.write(arms[0], End(output="r"), "f[0]/t"),
        track.write(arms[1], spawn(2, path="f[1]/g")),
        track.store.send_event(name, "go", b"1"),
        track.start(name, replace=True),
    )
    assert isinstance(new, Claimed)
    assert not (await track.write(arms[2], End(output="r"), "late")).accepted
    await track.write(new, End(output="r"))


async def two_replace(track: Track) -> None:
    """One after the other: the last one's fence is the one that holds."""
    root = await track.start()
    both = await track.race(*(track.start(root.instance_id, replace=True) for _ in range(2)))
    accepted = [(await track.write(each, End(output="r"))).accepted for each in both]
    assert sorted(accepted) == [False, True]


async def replacing_what_comes_and_goes(track: Track) -> None:
    """Deleted and created by others meanwhile, it is replaced all the same."""
    root = await track.start()
    name = root.instance_id
    await track.write(root, End(output="r"))
    *_, new = await track.race(
        track.store.delete(name),
        track.start(name, replace=True),
        track.start(name, replace=True),
        track.start(name, replace=True),
    )
    assert isinstance(new, Claimed)


async def two_create(track: Track) -> None:
    """One of them does."""
    track.count += 1
    name = f"i{track.count}"
    both = await asyncio.gather(*(track.start(name) for _ in range(2)), return_exceptions=True)
    [made] = [each for each in both if isinstance(each, Claimed)]
    await track.write(made, End(output="r"))


async def deleting_and_working(track: Track) -> None:
    """What a sibling of the failure still commits is deleted, too, or comes too late."""
    root = await track.start()
    arms = await track.arms(root, 3)
    await track.write(arms[0], Fail(error=b"e"))
    *_, deleted = await track.race(
        track.write(arms[1], Move("f[1]/u", "r"), "f[1]/t"),
        track.write(arms[2], End(output="r"), "f[2]/t"),
        track.store.delete(root.instance_id),
    )
    assert deleted is None
    with pytest.raises(InstanceNotFound):
        await track.store.retry(root.instance_id)


async def a_collected_failure_and_what_is_below(track: Track) -> None:
    """The map item ends with the failure, and nothing below it is left."""
    root = await track.start()
    [item, *others] = await track.arms(root, 3, limit=2)
    below = await track.arms(item, 3, path="f[0]/g")
    fail = Fail(error=b"e", scope=item.fence.item, keep=True)
    answers = await track.race(
        track.write(below[0], fail),
        track.write(below[1], End(output="r")),
        track.write(below[2], spawn(2, path="f[0]/g[2]/h")),
        *(track.write(each, End(output="r", keep=True)) for each in others),
    )
    held = [
        each for answer in answers for each in answer.claimed if each.fence.item.spawn_path == "f"
    ]
    assert len(held) == 1
    answer = await track.write(held[0], End(output="r"))
    [parent] = answer.claimed
    await track.write(parent, End(output="r"))


async def reporting_and_replacing(track: Track) -> None:
    """Nothing that a task said outlives its run."""
    root = await track.start()
    said = ProgressReport(fence=root.fence, at="a", failures=0, path="a", attempt=1, fraction=0.5)
    _, new = await track.race(
        track.store.report([said]), track.start(root.instance_id, replace=True)
    )
    await track.write(new, End(output="r"))


async def release_and_cancel(track: Track) -> None:
    """Nobody holds it any more, so it is cancelled at once, by one of the two."""
    root = await track.start()
    await track.race(
        track.store.release([root.fence]), track.store.request_cancel(root.instance_id)
    )
    assert (await track.record(root.instance_id)).state is InstanceState.CANCELLED


async def lost_lease_and_cancel(track: Track) -> None:
    """A claim that finds it lost ends it, as the cancel itself does."""
    root = await track.start(lease=0)
    taken, _ = await track.race(
        track.claim(name=root.instance_id), track.store.request_cancel(root.instance_id)
    )
    for each in taken:
        await track.write(each, End(output="r"))
    assert (await track.record(root.instance_id)).state is InstanceState.CANCELLED


async def renewing_and_ending(track: Track) -> None:
    """A renewal holds up nothing, and brings nothing back."""
    root = await track.start()
    arms = await track.arms(root, 4)
    fences = [each.fence for each in reversed(arms)]
    await track.race(
        track.store.renew(fences, 30 * SECOND_US),
        *(track.write(each, End(output="r")) for each in arms[:3]),
        track.store.renew(fences, 30 * SECOND_US),
    )
    [parent] = (await track.write(arms[3], End(output="r"))).claimed
    await track.write(parent, End(output="r"))


RACES = (
    cancel_and_spawn, cancel_and_end, pause_and_park, pause_and_step, event_and_wait,
    events_and_waits_of_arms, the_last_two_arms, ends_of_a_limited_map, stale_commit_and_claim,
    failure_and_siblings, two_failures, replacing_and_working, two_replace, two_create,
    replacing_what_comes_and_goes, deleting_and_working, a_collected_failure_and_what_is_below,
    reporting_and_replacing, release_and_cancel, lost_lease_and_cancel, renewing_and_ending,
    two_batches_of_ends, pause_and_ends_of_arms, cancel_and_ends_below_an_arm,
)  # fmt: skip


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_verbs_that_meet(
    race: Callable[[Track], Awaitable[None]],
    postgres_database_url: str,
    repetitions: Callable[[int, int], int],
) -> None:
    """Many rounds, each with other moments; invariants after each."""

    async def run() -> None:
        async with racing(postgres_database_url, seed=1) as track:
            for _ in range(repetitions(20, 2_000)):
                await race(track)
                await track.check()

    asyncio.run(run())
