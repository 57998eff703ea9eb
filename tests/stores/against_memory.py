"""A store does what the reference model does: the same calls, the same answers, step by step."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import struct
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sayiir.errors import SayiirError
from sayiir.stores.inspection import EventRecord, Inspection, ProgressReport, Retention
from sayiir.stores.memory import MemoryStore
from sayiir.stores.records import (
    Answer,
    Await,
    Checkpoint,
    ClaimAnswer,
    Claimed,
    ClaimRequest,
    Control,
    CreateAnswer,
    Effect,
    End,
    Event,
    Fail,
    Fence,
    InstanceQuery,
    InstanceRecord,
    InstanceState,
    ItemKey,
    Latest,
    Move,
    NewInstance,
    NewItem,
    Page,
    Park,
    Phase,
    Result,
    Retry,
    Spawn,
    StatusName,
    Wanted,
)
from sayiir.testing.clock import MovedClock
from tests.conftest import NIGHTLY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sayiir.stores.protocols import Store

SECOND_US = 1_000_000
IDS = ("i", "j", "k")
HASHES = ("hash-1", "hash-2")
SIGNALS = ("go", "stop")
TAGS = ((), (), (), ("gpu",), ("eu", "gpu"))
ABLE = (None, None, frozenset[str](), frozenset({"gpu"}), frozenset({"eu", "gpu"}))
LABELS = ((), (("a", "b"),), (("a", "b"), ("c", "d")), (("c", "d"), ("a", "x")))

ids = st.sampled_from(IDS)
SECONDS = (0, 1, 2, 5, 40, 700)
PRIORITIES = (None, 1, 3, 5)
seeds = st.integers(0, 2**32 - 1)  # of the dice: drawing each throw would use up the examples
small = st.integers(0, 3)
priorities = st.sampled_from(PRIORITIES)


async def history_of(store: Store, name: str) -> list[Any]:
    """What is kept; of one moment in the order of paths, for a batch has no order of its own."""
    found = await store.results(name)
    return sorted(found, key=lambda record: (record.finished_at_us, record.path))


class Side:
    """One of the stores, with its own numbers for runs and events told as common ones."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.runs: dict[int, int] = {}
        self.numbers: dict[int, int] = {}

    def fence(self, fence: Fence) -> Fence:
        return dataclasses.replace(fence, run=self.numbers[fence.run])

    def common(self, value: Any) -> Any:
        """The answer with common numbers."""
        match value:
            case Fence():
                return dataclasses.replace(value, run=self.runs[value.run])
            case Event():
                return value.payload
            case Inspection():
                return dataclasses.replace(
                    value, record=self.common(value.record), events=self.common(value.events)
                )
            case EventRecord():
                return (value.signal_name, value.path, value.sent_at_us)
            case InstanceRecord():
                return dataclasses.replace(value, run=self.runs[value.run])
            case Claimed():
                return dataclasses.replace(
                    value, fence=self.common(value.fence), event=self.common(value.event)
                )
            case Answer():
                return dataclasses.replace(
                    value, event=self.common(value.event), claimed=self.common(value.claimed)
                )
            case ClaimAnswer():
                return dataclasses.replace(value, items=self.common(value.items))
            case CreateAnswer():
                return dataclasses.replace(
                    value,
                    existing=self.common(value.existing),
                    claimed=self.common(value.claimed),
                )
            case Page():
                cursor = None if value.cursor is None else self.runs[int(value.cursor)]
                return (self.common(value.records), cursor)
            case tuple() | list():
                return [self.common(each) for each in value]
            case _:
                return value


def _claim_three(side: Side) -> Awaitable[ClaimAnswer]:
    return side.store.claim(ClaimRequest(holder="w", lease_us=20 * SECOND_US, limit=3))


EXAMPLES = 200, 10_000
"""On every push, and at night."""
SETTINGS = settings(
    max_examples=EXAMPLES[NIGHTLY],
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


async def _of_all(look: Callable[[str], Awaitable[Any]]) -> list[Any]:
    return await asyncio.gather(*map(look, IDS))


class Stores(RuleBasedStateMachine):
    """Random calls to both; every answer and every instance must be equal."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = MovedClock()
        self.fences: dict[tuple[int, ItemKey], Claimed] = {}
        self.stale: list[Fence] = []
        self.count = 0
        self.created = 0
        self.loop, store = self.begin(self.clock)
        self.sides = (Side(MemoryStore(self.clock)), Side(store))

    def begin(self, clock: MovedClock) -> tuple[asyncio.AbstractEventLoop, Store]:
        """An empty store on this clock, and the loop that it is used in."""
        raise NotImplementedError

    def teardown(self) -> None:
        for side in self.sides:
            self.loop.run_until_complete(side.store.close())
        self.loop.close()

    # -- calling both

    def both(self, call: Callable[[Side], Awaitable[Any]]) -> Any:
        """Call both; the common answer, or the common error's class."""
        raw = [self._outcome(call(side)) for side in self.sides]
        for side, (_, value) in zip(self.sides, raw, strict=True):
            self._learn_runs(side, value)
        found = [
            (kind, side.common(value)) for side, (kind, value) in zip(self.sides, raw, strict=True)
        ]
        assert found[1] == found[0], f"\nstore  {found[1]}\nmemory {found[0]}"
        return found[0][1]

    def _outcome(self, awaitable: Awaitable[Any]) -> tuple[str, Any]:
        async def run() -> Any:
            return await awaitable

        try:
            return "answer", self.loop.run_until_complete(run())
        except SayiirError as error:
            return "error", type(error)

    def _learn_runs(self, side: Side, value: Any) -> None:
        number = value.claimed.fence.run if isinstance(value, CreateAnswer) and value.claimed else 0
        if number and number not in side.runs:
            side.runs[number], side.numbers[self.created] = self.created, number

    def fresh(self) -> int:
        self.count += 1
        return self.count

    def keep(self, claimed: Any) -> None:
        for each in claimed:
            place = (each.fence.run, each.fence.item)
            before = self.fences.get(place)
            if before is not None:
                self.stale.append(before.fence)
            self.fences[place] = each

    # -- instances

    @initialize(timeout=st.sampled_from((None, 60)))
    def first(self, timeout: int | None) -> None:
        self.create("i", HASHES[0], timeout, 3, False, None)

    @rule(
        name=ids,
        definition=st.sampled_from(HASHES),
        timeout=st.sampled_from((None, None, 3, 60)),
        priority=st.sampled_from((1, 3, 5)),
        replace=st.booleans(),
        root_priority=priorities,
        root_tags=st.sampled_from(TAGS),
    )
    def create(
        self,
        name: str,
        definition: str,
        timeout: int | None,
        priority: int,
        replace: bool,
        root_priority: int | None,
        root_tags: tuple[str, ...] = (),
    ) -> None:
        self.created += 1
        found = self.both(lambda side: side.store.describe(name))
        if found is not None:
            # One that has ended gives way, so that there is always something to do.
            ended = found.state is not InstanceState.RUNNING
            definition, replace = found.definition_hash, ended or (replace and priority == 1)
        new = NewInstance(
            instance_id=name,
            run_id=f"run-{self.created}",
            workflow_name=f"w-{definition}",
            workflow_version="1",
            definition_hash=definition,
            definition=definition.encode(),
            input=b"input of " + name.encode(),
            root_path="a",
            root_input="in",
            priority=priority,
            root_priority=root_priority,
            root_tags=root_tags,
            timeout_us=None if timeout is None else timeout * SECOND_US,
            labels=LABELS[self.created % 4],
        )
        # Claimed at once, so that its number is learnt, and half of the time given back.
        claim = ClaimRequest(holder="w", lease_us=10 * SECOND_US)
        answer = self.both(lambda side: side.store.create(new, replace=replace, claim=claim))
        if answer.claimed is None:
            return
        self.keep([answer.claimed])
        if self.created % 2:
            self.release(0)

    # -- claims

    @rule(
        limit=st.integers(1, 4),
        lease=st.sampled_from((1, 10, 30)),
        definitions=st.sampled_from((None, None, frozenset({HASHES[0]}), frozenset(HASHES))),
        name=st.sampled_from((None, None, *IDS)),
        skip=st.booleans(),
        able=st.sampled_from(ABLE),
    )
    def claim(
        self,
        limit: int,
        lease: int,
        definitions: frozenset[str] | None,
        name: str | None,
        skip: bool,
        able: frozenset[str] | None,
    ) -> None:
        request = ClaimRequest(
            holder="w",
            lease_us=lease * SECOND_US,
            limit=limit,
            definitions=definitions,
            tags=able,
            instance_id=name,
            skip_interruption_waits=skip and name is not None,
        )

        async def claimed(side: Side) -> ClaimAnswer:
            answer = await side.store.claim(request)
            if name is None or not answer.items:
                return answer
            # Who has got something of one instance may be told to ask again at once.
            return dataclasses.replace(answer, next_due_in_us=0)

        self.keep(self.both(claimed).items)

    @rule(at=small)
    def release(self, at: int) -> None:
        fences = [each.fence for each in list(self.fences.values())[at:][:2]]
        self.both(lambda side: side.store.release([side.fence(each) for each in fences]))

    @rule(lease=st.integers(1, 30))
    def renew(self, lease: int) -> None:
        fences = [each.fence for each in self.fences.values()][:4] + self.stale[-2:]
        self.both(lambda side: side.store.renew([side.fence(f) for f in fences], lease * SECOND_US))
        self.both(lambda side: side.store.check([side.fence(f) for f in fences]))

    @rule(seed=seeds)
    def report(self, seed: int) -> None:
        """Reports that fit, that are late, that are stale."""
        dice = random.Random(seed)
        held = list(self.fences.values())[:4]
        reports = [
            ProgressReport(
                fence=each.fence,
                at=each.path if dice.random() < 0.8 else "elsewhere",
                failures=each.failures + (dice.random() < 0.2),
                path=f"{each.path}/task",
                attempt=dice.randint(1, 3),
                fraction=dice.choice((None, 0.0, 0.1, 1.0)),
                message=dice.choice((None, "", "half")),
            )
            for each in held
        ]
        reports += [dataclasses.replace(each, fence=f) for each in reports[:1] for f in self.stale]
        self.both(
            lambda side: side.store.report(
                [dataclasses.replace(each, fence=side.fence(each.fence)) for each in reports]
            )
        )
        self.inspect()

    # -- checkpoints

    @rule(seed=seeds, rounds=st.integers(1, 6))
    def work(self, seed: int, rounds: int) -> None:
        """What workers do most: claim where nothing is held, and commit."""
        self._work(random.Random(seed), rounds)

    def _work(self, dice: random.Random, rounds: int) -> None:
        for _ in range(rounds):
            if not self.fences or dice.randint(0, 4) == 0:
                self.keep(self.both(_claim_three).items)
            if not self.fences:
                self._wait(dice)
            self.commit(dice)

    @rule(seed=seeds)
    def work_on(self, seed: int) -> None:
        """Again, for rules are drawn alike and this is the one that matters."""
        self._work(random.Random(seed), 10)

    def _wait(self, dice: random.Random) -> None:
        """Nothing is due: let time pass, send what is waited for, or begin anew."""
        match dice.randint(0, 3):
            case 0:
                self.time_passes(dice.choice((1, 5, 40, 400)))
            case 1:
                self.send_events(dice.choice(IDS), dice.choice(SIGNALS), None, 1)
            case 2:
                self.ask(dice.choice(IDS), dice.choice(("retry", "unpause")))
            case _:
                self.create(dice.choice(IDS), dice.choice(HASHES), None, 3, True, None)

    def commit(self, dice: random.Random) -> None:
        held = list(self.fences.values())
        if not held:
            return
        chosen = dice.sample(held, dice.randint(1, min(4, len(held))))
        checkpoints = [self._checkpoint(dice, each) for each in chosen]
        if self.stale and dice.randint(0, 9) == 0:
            fence = dice.choice(self.stale[-5:])
            checkpoints.append(Checkpoint(fence=fence, effect=End(output="stale")))
        answers = self.both(
            lambda side: side.store.commit(
                [each._replace(fence=side.fence(each.fence)) for each in checkpoints]
            )
        )
        if isinstance(answers, type):
            return
        for checkpoint, answer in zip(checkpoints, answers, strict=True):
            self._follow(checkpoint, answer)
        for answer in answers:
            self.keep(answer.claimed)

    def _follow(self, checkpoint: Checkpoint, answer: Answer) -> None:
        """Keep what is still held where it stands now; the other fences are stale ones."""
        place = (checkpoint.fence.run, checkpoint.fence.item)
        before = self.fences.get(place)
        if before is None or before.fence != checkpoint.fence:
            return
        match checkpoint.effect:
            case _ if not answer.accepted or answer.control is not Control.NONE:
                after = None
            case Move(hand_over=True):
                after = None
            case Move(path=path):
                after = dataclasses.replace(before, phase=Phase.READY, path=path, spawn_total=None)
            case Await(path=path) if answer.event is not None:
                after = dataclasses.replace(before, phase=Phase.SIGNAL, path=path)
            case Retry(in_place=True, at=at):
                path = before.path if at is None else at.path
                after = dataclasses.replace(
                    before, phase=Phase.READY, path=path, spawned=0, spawn_total=None
                )
            case Spawn(path=path, items=items, total=total) if len(items) < total or answer.joined:
                phase = Phase.JOIN if answer.joined else Phase.READY
                after = dataclasses.replace(
                    before, phase=phase, path=path, spawned=len(items), spawn_total=total
                )
            case _:
                after = None
        if after is None:
            self.stale.append(self.fences.pop(place).fence)
        else:
            self.fences[place] = after

    def _checkpoint(self, dice: random.Random, by: Claimed) -> Checkpoint:
        strand = self._strand(by.fence.item)
        result = None
        if dice.random() < 0.5:
            number = self.fresh()
            result = Result(
                path=f"{strand}l[{number % 2}]/r{number}",
                node_path=f"{strand}l/r",
                ordinal=struct.pack(">I", number % 5),
                output=b"%d" % number,
                attempts=1 + number % 3,
                duration_us=number,
            )
        prune: tuple[str, ...] = ()
        if dice.randint(0, 9) == 0:
            prune = (f"{strand}l[0]/",)
        return Checkpoint(
            fence=by.fence, effect=self._effect(dice, by, strand), result=result, prune=prune
        )

    @staticmethod
    def _strand(key: ItemKey) -> str:
        return "" if key == ItemKey() else f"{key.spawn_path}[{key.index}]/"

    def _effect(self, dice: random.Random, by: Claimed, strand: str) -> Effect:
        if by.deadline_in_us is not None and by.deadline_in_us <= 0:
            return Fail(error=b"too late")
        if by.spawn_total is not None and by.phase is Phase.READY:
            # Its arms are out: it creates the rest of them, or fails.
            return self._rest_of_spawn(by) if dice.randint(0, 5) else Fail(error=b"cut")
        kind = dice.choice(
            ("move", "move", "park", "await", "retry", "spawn", "spawn", "end", "end", "end")
            + (("fail",) if self.fresh() % 3 == 0 else ())
            if strand or self.fresh() % 4 == 0
            else ("move", "park", "await", "retry", "spawn", "spawn")
        )
        path = strand + dice.choice(("a", "b", "l[0]/a", "l[1]/b"))
        wait = dice.choice(SECONDS) * SECOND_US
        tags = dice.choice(TAGS)
        move = Move(path, "moved", dice.choice(PRIORITIES), tags, dice.randint(0, 4) == 0)
        match kind:
            case "move":
                return move
            case "park":
                if dice.random() < 0.5:
                    return Park(path=path, input="parked", wait_us=wait, tags=tags)
                at = self.clock.now_us() + wait - 2 * SECOND_US
                return Park(path=path, input="parked", at_us=at, tags=tags)
            case "await":
                timeout = wait if dice.random() < 0.5 else None
                name = dice.choice(SIGNALS)
                return Await(
                    path=path, input="waits", signal_name=name, timeout_us=timeout, tags=tags
                )
            case "retry":
                plain = by.phase in (Phase.READY, Phase.BACKOFF, Phase.DELAY)
                at_move = move if not plain or dice.random() < 0.5 else None
                error = b"error %d" % self.fresh()
                return Retry(error=error, wait_us=wait, in_place=dice.random() < 0.5, at=at_move)
            case "spawn":
                return self._spawn(dice, by, strand)
            case "end":
                return End(output=f"out-{self.fresh()}", keep=dice.random() < 0.5)
            case _:
                return self._fail(dice, by, move)

    def _spawn(self, dice: random.Random, by: Claimed, strand: str) -> Spawn:
        total = 0 if strand.count("/") > 2 else dice.randint(0, 4)
        part = dice.randint(0, total)
        where = "l[0]/" if dice.random() < 0.5 else ""
        path = f"{strand}{where}f{self.fresh()}"
        items = tuple(
            NewItem(
                index=index,
                path=f"{path}[{index}]/t",
                input=f"input-{index}",
                element=b"%d" % index if index % 2 else None,
                priority=dice.choice(PRIORITIES),
                tags=dice.choice(TAGS),
            )
            for index in range(part if dice.randint(0, 3) == 0 else total)
        )
        return Spawn(
            path=path,
            input="join",
            items=items,
            total=total,
            limit=dice.choice((None, 1, 2)),
            keep=dice.randint(0, 3),
            tags=dice.choice(TAGS),
        )

    @staticmethod
    def _rest_of_spawn(by: Claimed) -> Spawn:
        total = by.spawn_total or 0
        items = tuple(
            NewItem(index=index, path=f"{by.path}[{index}]/t", input=f"input-{index}")
            for index in range(max(0, by.spawned - 1), total)
        )
        return Spawn(path=by.path, input="join", items=items, total=total, limit=2, keep=1)

    def _fail(self, dice: random.Random, by: Claimed, move: Move) -> Fail:
        error = b"fatal %d" % self.fresh()
        keep = dice.random() < 0.5
        above = [
            key
            for run, key in self.fences
            if run == by.fence.run
            and key != ItemKey()
            and (key == by.fence.item or by.fence.item.spawn_path.startswith(self._strand(key)))
        ]
        if above and dice.randint(0, 9):
            return Fail(error=error, scope=dice.choice(above), keep=keep)
        return Fail(error=error, at=move if dice.random() < 0.5 else None, keep=keep)

    # -- people

    @rule(
        name=ids,
        signal=st.sampled_from(SIGNALS),
        at=st.sampled_from((None, None, "a", "l[0]/a")),
        count=st.integers(1, 3),
    )
    def send_events(self, name: str, signal: str, at: str | None, count: int) -> None:
        for _ in range(count):
            payload = b"event %d" % self.fresh()
            self.both(
                lambda side, payload=payload: side.store.send_event(name, signal, payload, path=at)
            )

    @rule(
        name=ids,
        verb=st.sampled_from(("pause", "unpause", "unpause", "retry", "retry", "cancel", "delete")),
    )
    def ask(self, name: str, verb: str) -> None:
        def call(side: Side) -> Awaitable[None]:
            store = side.store
            match verb:
                case "pause":
                    return store.request_pause(name, "wait", "ada")
                case "unpause":
                    return store.unpause(name)
                case "retry":
                    return store.retry(name)
                case "cancel":
                    return store.request_cancel(name, "because", "ada")
                case _:
                    return store.delete(name)

        self.both(call)

    # -- time

    @rule(by=st.sampled_from((1, 1, 5, 21, 300, -1, -100)))
    def time_passes(self, by: int) -> None:
        self.clock.shift(by)

    # -- reading

    @rule(
        status=st.sampled_from((None, *StatusName)),
        name=st.sampled_from((None, "w-hash-1")),
        limit=st.integers(1, 3),
        labels=st.sampled_from(((), (), *LABELS)),
    )
    def page(
        self,
        status: StatusName | None,
        name: str | None,
        limit: int,
        labels: tuple[tuple[str, str], ...],
    ) -> None:
        query = InstanceQuery(workflow_name=name, status=status, labels=labels, limit=limit)
        self.both(lambda side: side.store.page(query))

    @rule(run=st.integers(1, 6), prefix=st.sampled_from((b"", b"\0\0", b"\0\0\0\1", b"\xff")))
    def load(self, run: int, prefix: bytes) -> None:
        run = min(run, self.created)
        paths = tuple(f"l[{n % 2}]/r{n}" for n in range(self.count + 1))
        spawns = tuple(f"f{n}" for n in range(self.count + 1))
        keys = tuple(ItemKey(path, index) for path in spawns for index in range(3))

        def call(side: Side) -> Awaitable[Any]:
            wanted = Wanted(
                run=side.numbers.get(run, 10**6),
                results=paths,
                latest=(Latest(("l/r",), prefix),),
                joins=spawns,
                elements=keys,
                input=True,
            )
            return side.store.load([wanted])

        self.both(call)

    @invariant()
    def instances_are_equal(self) -> None:
        self.both(lambda side: _of_all(side.store.describe))

    @rule()
    def inspect(self) -> None:
        self.both(lambda side: _of_all(side.store.inspect))

    @rule(
        older=st.sampled_from((0, 1, 30)),
        limit=st.integers(1, 3),
        name=st.sampled_from((None, "w-hash-1")),
        state=st.sampled_from((None, InstanceState.FAILED)),
    )
    def sweep(self, older: int, limit: int, name: str | None, state: InstanceState | None) -> None:
        retention = Retention(
            older_than_us=older * SECOND_US, limit=limit, workflow_name=name, state=state
        )
        self.both(lambda side: side.store.delete_finished(retention))

    @rule(name=ids)
    def history(self, name: str) -> None:
        self.both(lambda side: history_of(side.store, name))
        self.both(lambda side: side.store.count_results(name, "l/r"))
