"""The mistakes that the simulation has to find: a line each, of the engine and of the store."""

from __future__ import annotations

from typing import Final

from sayiir.engine import (
    acts,
    advance,
    attempt,
    checkpoints,
    claims,
    committer,
    desk,
    driver,
    leases,
    serving,
    work,
)
from sayiir.stores.memory import claims as leasing
from sayiir.stores.memory import commits, controls, rows, tables
from tests.broken import Mistake
from tests.sim.cluster import mistakes_of_rights as rights

__all__ = ["IN_ENGINE", "MISTAKES"]

D, S, C, T, R = driver.Driver, serving.Server, committer.StoreCommitter, tables.Tables, rows.Run

ENGINE: Final = (
    # what follows
    Mistake(
        "a map's items share an element",
        C,
        "_claimed",
        "step.elements[item.index]",
        "step.elements[0]",
    ),
    Mistake(
        "two items of a map swap their elements",
        advance,
        "_item",
        "ItemKey(position.path, index)",
        "ItemKey(position.path, index ^ 1)",
    ),
    Mistake(
        "an arm runs its neighbour's tasks",
        advance,
        "_arm",
        "selectors[index]",
        "selectors[index - 1]",
    ),
    Mistake(
        "a map forgets its last item",
        acts.Acts,
        "_expand",
        "Expanded(len(payloads))",
        "Expanded(len(payloads) - 1)",
    ),
    Mistake(
        "arms join in the wrong order",
        work.Siblings,
        "arms",
        "self._outputs[index])",
        "self._outputs[self._count - 1 - index])",
    ),
    Mistake(
        "a loop forgets to prune",
        advance,
        "_end_of_iteration",
        'loop.history == "last" and frame.number',
        "False",
    ),
    Mistake(
        "a loop prunes the iteration that it is in",
        advance,
        "_end_of_iteration",
        "[{frame.number - 1}]",
        "[{frame.number}]",
    ),
    Mistake(
        "a wait takes its default without waiting",
        claims,
        "_outcome",
        "case Phase.SIGNAL if claimed.event is not None:",
        "case Phase.SIGNAL if claimed.event is not None and False:",
    ),
    Mistake(
        "a delay is waited for twice", claims, "_outcome", "return Elapsed()", "return Entered()"
    ),
    # steps
    Mistake(
        "tasks run without committing",
        D,
        "_strand",
        "unsettled or computed is not None or not here",
        "unsettled or not here",
    ),
    Mistake(
        "a step is taken for stored before it is",
        C,
        "_commit_alone",
        "(answer,) = await self._store.commit((checkpoint,))",
        "asyncio.ensure_future(self._store.commit((checkpoint,))); answer = Answer()",
    ),
    Mistake(
        "an outage is taken for a yes",
        C,
        "_commit_alone",
        "(answer,) = await self._store.commit((checkpoint,))",
        "try: (answer,) = await self._store.commit((checkpoint,))\n"
        "        except StoreUnavailable: answer = Answer()",
    ),
    Mistake(
        "answers go to their neighbours",
        C,
        "_send_batch",
        "zip(batch, answers, strict=True)",
        "zip(batch, answers[::-1], strict=True)",
    ),
    Mistake(
        "a refused move is swallowed",
        D,
        "_strand",
        "hand_over or not stored.accepted or stored.control is not NO_CONTROL",
        "False",
    ),
    Mistake(
        "results are left out of checkpoints",
        checkpoints,
        "_result",
        "if computed is None:",
        "if True:",
    ),
    Mistake(
        "arms that were brought are dropped", D, "_start_all", "self._desk.start(work)", "pass"
    ),
    Mistake(
        "the next of a strand is run twice", D, "_start_all", "if work is not first:", "if True:"
    ),
    # attempts
    Mistake(
        "failures are not counted",
        D,
        "_try_again",
        "failures = work.failures + 1",
        "failures = work.failures",
    ),
    Mistake(
        "backoffs are not slept",
        D,
        "_try_again",
        "if not await self._acts.sleep(work, self._clock, wait_seconds):",
        "if False:",
    ),
    Mistake(
        "lost workers are no attempts",
        work.Work,
        "attempt",
        "self.failures + self.interruptions_ever + 1",
        "self.failures + 1",
    ),
    Mistake(
        "attempts go on over steps",
        work.Work,
        "moved",
        "self.failures = self.interruptions_ever = self.spawned = 0",
        "self.spawned = 0",
    ),
    Mistake(
        "keys change with the attempt",
        attempt.Attempt,
        "_made",
        "idempotency_key(work.run.run_id, path)",
        'idempotency_key(work.run.run_id, f"{path}{work.attempt}")',
    ),
    Mistake("keys forget the path", attempt, "idempotency_key", "{run_id}\\0{path}", "{run_id}"),
    Mistake(
        "one lost worker is too many",
        D,
        "_first",
        "work.interruptions >= MAX_INTERRUPTIONS",
        "work.interruptions >= 1",
    ),
    # leases
    Mistake(
        "heartbeats are skipped",
        leases,
        "look_after",
        "store.check(fences) if lease_us is None else store.renew(fences, lease_us)",
        "store.check(fences)",
    ),
    Mistake(
        "heartbeats come late", leases.LeaseKeeper, "_keep", "/ LEASE_RENEWALS_PER_LEASE", "* 1.5"
    ),
    Mistake(
        "a failed heartbeat is the last",
        leases.LeaseKeeper,
        "_look",
        "self._renewals.note(error)",
        "self._stop.set()",
    ),
    Mistake("what comes next has no heartbeat", D, "drive", "held.add(work)", "pass"),
    Mistake(
        "what is handed over is not released",
        desk.SlotDesk,
        "_give_back",
        "await asyncio.shield(self._engine.releaser.release(fences))",
        "pass",
    ),
    Mistake(
        "what is cancelled is not released",
        D,
        "_give_back",
        "await asyncio.shield(self._committer.release(work))",
        "pass",
    ),
    Mistake(
        "workers live on wake-ups alone",
        S,
        "_watch_and_claim",
        "self._nap_seconds(answer)",
        "100_000.0",
    ),
    Mistake(
        "a worker ends at an outage",
        S,
        "serve",
        "await self._nap(_backoff_seconds(self._failed))",
        "return",
    ),
)

STORE: Final = (
    Mistake("no fence", T, "held", "item.epoch != fence.epoch", "False"),
    Mistake("a fence without an owner holds", T, "held", "or item.holder is None", ""),
    Mistake("epochs stand still", T, "take", "item.epoch += 1", "item.epoch = 1"),
    Mistake(
        "what is leased is claimed",
        T,
        "_when",
        "return item.lease_until, item.lease_until",
        "return 0, item.lease_until",
    ),
    Mistake(
        "a lost lease is renewed",
        leasing,
        "renew",
        "held = tables.held(fence)",
        "owner = tables.runs.get(fence.run); item = owner and owner.item(fence.item)\n"
        "        held = (owner, item) if item and item.holder else None",
    ),
    Mistake(
        "a renewal is forgotten by the agenda",
        leasing,
        "renew",
        "tables.refresh(run, item)",
        "pass",
    ),
    Mistake(
        "lost leases are not counted",
        leasing,
        "_waits_first",
        "item.interruptions_ever += 1",
        "pass",
    ),
    Mistake(
        "what is released stays leased",
        leasing,
        "give_up",
        "item.holder, item.ready_at = None, tables.now",
        "pass",
    ),
    Mistake(
        "an event without a wait is lost",
        controls,
        "send_event",
        "run.kept.setdefault((signal_name, path), deque()).append(event)",
        "pass",
    ),
    Mistake("a wait overlooks what was kept", T, "begin_wait", "if not eligible:", "if True:"),
    Mistake(
        "an event is given twice", T, "begin_wait", "run.kept[key].popleft()", "run.kept[key][0]"
    ),
    Mistake(
        "the last event is given first",
        T,
        "begin_wait",
        "run.kept[key].popleft()",
        "run.kept[key].pop()",
    ),
    Mistake("a join is forgotten", T, "arm_ended", "if parent.joined:", "if False:"),
    Mistake(
        "an arm counts twice at its join",
        T,
        "arm_ended",
        "parent.pending -= 1",
        "parent.pending -= 2",
    ),
    Mistake(
        "a join doesn't wait for the last arm",
        rows.Item,
        "joined",
        "self.pending == 0",
        "self.pending <= 1",
    ),
    Mistake(
        "held items are forgotten",
        T,
        "arm_ended",
        "while parent.held and has_room(parent):",
        "while False:",
    ),
    Mistake("more items run than may", tables, "has_room", "parent.limit is None", "True"),
    Mistake(
        "results are not stored",
        commits,
        "_write",
        "run.add_result(checkpoint.result, tables.now)",
        "pass",
    ),
    Mistake("nothing is pruned", commits, "_write", "run.prune(prefix)", "pass"),
    Mistake(
        "pruning takes the whole loop",
        R,
        "prune",
        "self.results_below.pop(prefix)",
        'self.results_below.pop(prefix[: prefix.rfind("/", 0, -1) + 1] or prefix)',
    ),
    Mistake(
        "a cancel is forgotten at the checkpoint",
        commits,
        "_write",
        "if control is Control.CANCEL:",
        "if False:",
    ),
    Mistake(
        "a cancel is acknowledged and forgotten",
        controls,
        "request_cancel",
        "_ask(tables, run, Control.CANCEL, reason, requested_by)",
        "pass",
    ),
    Mistake("a pause stops nobody", T, "_when", " or run.control is Control.PAUSE", ""),
    Mistake(
        "timers are half as long",
        commits,
        "_apply",
        "tables.now + park.wait_us",
        "tables.now + park.wait_us // 2",
    ),
    Mistake(
        "backoffs are over at once", commits, "_retry", "tables.now + retry.wait_us", "tables.now"
    ),
    Mistake("what has ended stays due", T, "finish", "self.refresh_all(run)", "pass"),
    Mistake("a retry keeps the old counts", controls, "retry", "item.forget_attempts()", "pass"),
    Mistake(
        "unpausing wakes nobody",
        controls,
        "unpause",
        "_ask(tables, run, Control.NONE, None, None)",
        "run.control = Control.NONE",
    ),
    Mistake(
        "the end of the root is overlooked",
        commits,
        "_end",
        "tables.finish(run, InstanceState.COMPLETED)",
        "pass",
    ),
)

MISTAKES: Final = (*ENGINE, *STORE, *rights.IN_ENGINE, *rights.IN_STORE)
IN_ENGINE: Final = frozenset(each.what for each in (*ENGINE, *rights.IN_ENGINE))
