"""Workers and people at random, all at once, on a handful of instances; then invariants."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from sayiir.errors import SayiirError, StoreError, StoreUnavailable
from sayiir.stores.records import (
    Await,
    Checkpoint,
    Claimed,
    ClaimRequest,
    Control,
    Effect,
    End,
    Fail,
    InstanceState,
    ItemKey,
    Move,
    NewItem,
    Park,
    Phase,
    Result,
    Retry,
    Spawn,
)
from tests.postgres.racing import SECOND_US, Track, racing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.stores.postgres.store import PostgresStore

NAMES = ("i", "j", "k")
WORKERS = 6


class Storm:
    """What is going on, and how much of it."""

    def __init__(self, track: Track) -> None:
        self.track = track
        self.left = 0
        self.number = 0
        self.accepted = self.refused = 0

    async def work(self, store: PostgresStore, dice: random.Random) -> None:
        """Claim, commit in batches, go on with what the answers bring; sometimes lose a lease."""
        held: list[Claimed] = []
        while self.left > 0:
            if len(held) < 4:
                lease = dice.choice((0, SECOND_US // 50, 30 * SECOND_US))
                request = ClaimRequest(holder="w", lease_us=lease, limit=dice.randint(1, 4))
                held += (await store.claim(request)).items
            dice.shuffle(held)
            batch = held[: dice.randint(1, 4)]
            del held[: len(batch)]
            if not batch:
                await self._idle(store, dice)
                continue
            self.left -= 1
            match dice.randint(0, 9):
                case 0:
                    await store.release([each.fence for each in batch])
                case 1:
                    await store.renew([each.fence for each in batch], SECOND_US // 20)
                    held += batch
                case _:
                    held += await self._commit(store, dice, batch)

    async def _idle(self, store: PostgresStore, dice: random.Random) -> None:
        """Nothing is due: what has ended or is paused begins anew, or goes on."""
        name = dice.choice(NAMES)
        found = await store.describe(name)
        try:
            if found is None or found.state is not InstanceState.RUNNING:
                await self.track.start(name, replace=True, lease=0)
            elif found.control is Control.PAUSE:
                await store.unpause(name)
            else:
                await store.send_event(name, "go", b"1")
        except SayiirError:
            await asyncio.sleep(0.002)

    async def _commit(
        self, store: PostgresStore, dice: random.Random, batch: list[Claimed]
    ) -> list[Claimed]:
        checkpoints = [self._checkpoint(dice, each) for each in batch]
        try:
            answers = await store.commit(checkpoints)
        except StoreUnavailable:
            raise
        except StoreError:
            return []  # a scope that has ended meanwhile
        taken: list[Claimed] = []
        for answer in answers:
            self.accepted += answer.accepted
            self.refused += not answer.accepted
            taken += answer.claimed
        return taken

    def _checkpoint(self, dice: random.Random, by: Claimed) -> Checkpoint:
        self.number += 1
        key = by.fence.item
        strand = "" if key == ItemKey() else f"{key.spawn_path}[{key.index}]/"
        result = None
        if dice.random() < 0.5:
            path = f"{strand}l[{self.number % 3}]/r{self.number}"
            result = Result(path=path, node_path="r", ordinal=b"", output=b"1")
        prune = (f"{strand}l[{dice.randint(0, 2)}]/",) if dice.randint(0, 5) == 0 else ()
        effect = self._effect(dice, by, strand)
        return Checkpoint(fence=by.fence, effect=effect, result=result, prune=prune)

    def _effect(self, dice: random.Random, by: Claimed, strand: str) -> Effect:
        path = strand + dice.choice(("a", "b"))
        move = Move(path, "i", dice.choice((None, 1, 5)))
        wait_us = dice.choice((0, 5_000, 20_000))
        if by.spawn_total is not None and by.phase is not Phase.JOIN:
            return Fail(error=b"cut", at=move)
        match dice.randint(0, 9 if strand else 6):
            case 0 | 1:
                return move
            case 2:
                return Park(path=path, input="i", wait_us=wait_us)
            case 3:
                timeout = dice.choice((None, 10_000))
                return Await(path=path, input="i", signal_name="go", timeout_us=timeout)
            case 4:
                return Retry(error=b"e", wait_us=wait_us, in_place=dice.random() < 0.5, at=move)
            case 5 | 6 if strand.count("/") < 3:
                return self._spawn(dice, strand)
            case 7:
                if dice.random() < 0.3:
                    return Fail(error=b"e", scope=by.fence.item, keep=True)
                return Fail(error=b"e", at=move) if dice.random() < 0.2 else move
            case _:
                return End(output="r", keep=dice.random() < 0.7)

    def _spawn(self, dice: random.Random, strand: str) -> Spawn:
        count = dice.randint(0, 5)
        path = f"{strand}f{dice.randint(0, 3)}"
        return Spawn(
            path=path,
            input="join",
            items=tuple(
                NewItem(index=i, path=f"{path}[{i}]/t", input="i", element=b"7")
                for i in range(count)
            ),
            total=count,
            limit=dice.choice((None, 1, 2)),
            keep=dice.randint(0, 3),
        )

    async def people(self, store: PostgresStore, dice: random.Random) -> None:
        """Send, pause, unpause, retry, cancel, replace, delete."""
        while self.left > 0:
            name = dice.choice(NAMES)
            await asyncio.sleep(dice.uniform(0, 0.02))
            try:
                match dice.randint(0, 9):
                    case 0 | 1 | 2:
                        await store.send_event(name, "go", b"1")
                    case 3:
                        await store.request_pause(name)
                    case 4 | 5:
                        await store.unpause(name)
                    case 6 | 7:
                        await store.retry(name)
                    case 8:
                        await (store.request_cancel if dice.random() < 0.3 else store.delete)(name)
                    case _:
                        await self.track.start(name, replace=dice.random() < 0.5, lease=0.02)
            except (SayiirError, AssertionError):
                continue

    async def rest(self) -> None:
        """Whatever happened, everything can be brought to its end."""
        for name in NAMES:
            found = await self.track.store.describe(name)
            if found is None or found.state is not InstanceState.RUNNING:
                continue
            await self.track.store.request_cancel(name)
            while (await self.track.record(name)).state is InstanceState.RUNNING:
                held = await self.track.stores[0]._database.fetch(
                    "update @work_item set lease_until = 0, due = 0 "
                    "where holder is not null and phase <> 6 returning 1"
                )
                assert held, f"{name} isn't cancelled, and nobody holds anything"
                assert await self.track.claim(name=name) == ()
        await self.track.check()


def test_a_storm_breaks_nothing(
    postgres_database_url: str,
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """Invariants at each rest, and no deadlock on the way."""

    async def run() -> None:
        total = [0, 0]
        rounds = repetitions(3, 1_000)
        async with racing(postgres_database_url, seed=1) as track:
            for seed in range(rounds):
                storm = Storm(track)
                storm.left = 100
                for name in NAMES:
                    await track.start(name, replace=True, lease=0)
                async with asyncio.TaskGroup() as group:
                    for number in range(WORKERS):
                        dice = random.Random(f"{seed}-{number}")
                        group.create_task(storm.work(track.stores[number % 2], dice))
                    for number in range(2):
                        dice = random.Random(f"{seed}-people-{number}")
                        group.create_task(storm.people(track.stores[number], dice))
                await track.check()
                await storm.rest()
                total[0] += storm.accepted
                total[1] += storm.refused
        report_figure(f"{rounds} storms, {total[0]:,} checkpoints accepted, {total[1]:,} refused")
        assert total[0] > 10 * rounds

    asyncio.run(run())
