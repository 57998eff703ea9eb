"""Mistakes of the memory store that the contract has to catch: claims, checkpoints, failures."""

from __future__ import annotations

from sayiir.stores.memory import agenda, claims, commits, controls, rows, tables
from tests.broken import Mistake

__all__ = ["MISTAKES"]

T, R = tables.Tables, rows.Run

MISTAKES = (
    # fences and leases
    Mistake("epochs unchecked", T, "held", "item.epoch != fence.epoch", "False"),
    Mistake("fences without a holder hold", T, "held", "or item.holder is None", ""),
    Mistake("epochs stand still", T, "take", "item.epoch += 1", "item.epoch = 1"),
    Mistake(
        "ended leases are stale",
        T,
        "held",
        "item.holder is None",
        "item.holder is None or item.lease_until <= self.now",
    ),
    Mistake(
        "renew adds to the old end",
        claims,
        "renew",
        "tables.now + lease_us",
        "item.lease_until + lease_us",
    ),
    Mistake("renew forgets the agenda", claims, "renew", "tables.refresh(run, item)", "pass"),
    Mistake(
        "check renews",
        claims,
        "check",
        "run = tables.runs.get(fence.run)",
        "renewed = tables.held(fence); run = tables.runs.get(fence.run)\n"
        "        if renewed: renewed[1].lease_until += 10**9; tables.refresh(*renewed)",
    ),
    Mistake(
        "release counts an interruption",
        claims,
        "give_up",
        "item.holder, item.ready_at",
        "item.interruptions += 1; item.holder, item.ready_at",
    ),
    Mistake(
        "release waits for the lease's end",
        claims,
        "give_up",
        "item.holder, item.ready_at = None, tables.now",
        "pass",
    ),
    Mistake("interruptions uncounted", claims, "_waits_first", "item.interruptions += 1", "pass"),
    Mistake("interruptions never wait", claims, "_waits_first", "0 if skip else", "0 if True else"),
    Mistake(
        "interruption waits unbounded",
        claims,
        "_waits_first",
        "interruption_wait_us(item.interruptions)",
        "round(2.0 ** (item.interruptions - 1) * 1e6) * (item.interruptions > 1)",
    ),
    Mistake("skipping ignores old waits", claims, "claim", "item.wait_until = None", "pass"),
    Mistake("commits keep interruptions", commits, "_apply", "item.interruptions = 0", "pass"),
    Mistake(
        "retry forgets interruptions ever",
        commits,
        "_retry",
        "item.failures += 1",
        "item.failures += 1; item.interruptions_ever = 0",
    ),
    # claiming
    Mistake(
        "claims ignore definitions",
        claims,
        "_agendas",
        "if known is None or key in known",
        "",
    ),
    Mistake(
        "claims of an instance ignore definitions",
        claims,
        "_agendas",
        "elif run is not None and (known is None or run.new.definition_hash in known):",
        "elif run is not None:",
    ),
    Mistake(
        "one item too many",
        claims,
        "claim",
        "len(claimed) < request.limit",
        "len(claimed) <= request.limit",
    ),
    Mistake("priorities ignored", T, "refresh", "(priority - 1)", "0"),
    Mistake("priorities upside down", T, "refresh", "(priority - 1)", "(5 - priority)"),
    Mistake("an item's priority ignored", T, "refresh", "item.priority or ", ""),
    Mistake("ready is a time", tables, "own_due", "return 0,", "return item.ready_at,"),
    Mistake(
        "timers early after a jump back", agenda.Agenda, "first", "if entry[0] <= now:", "if True:"
    ),
    Mistake("next due too late", agenda.Agenda, "next_due", "return now", "return None"),
    Mistake(
        "the deadline is forgotten", T, "_when", "run.deadline_at is not None and", "False and"
    ),
    Mistake("the deadline wakes arms", T, "_when", "and item.parent is None ", ""),
    Mistake(
        "the deadline takes leases",
        T,
        "_when",
        "return item.lease_until, item.lease_until",
        "return (min(item.lease_until, run.deadline_at or item.lease_until),) * 2",
    ),
    # spawning and joining
    Mistake(
        "arms are not counted",
        tables.Tables,
        "arm_ended",
        "parent.pending -= 1",
        "parent.pending -= 2",
    ),
    Mistake(
        "joins before all are created",
        rows.Item,
        "joined",
        "self.phase is Phase.JOIN and self.pending == 0 and self.created == self.total",
        "self.total is not None and self.pending == 0",
    ),
    Mistake(
        "joins are left to the next claim",
        T,
        "arm_ended",
        "if keeper is not None and parent.holder is None:",
        "if False:",
    ),
    Mistake(
        "held items stay held",
        T,
        "arm_ended",
        "while parent.held and has_room(parent):",
        "while False:",
    ),
    Mistake(
        "held items from the end", T, "arm_ended", "parent.held.popleft()", "parent.held.pop()"
    ),
    Mistake(
        "the limit by index",
        commits,
        "_spawn",
        "room = has_room(item)",
        "room = item.limit is None or new.index < item.limit",
    ),
    Mistake("no limit", commits, "_spawn", "room = has_room(item)", "room = True"),
    Mistake("every arm is kept", commits, "_spawn", "len(claimed) < spawn.keep", "True"),
    Mistake(
        "batches are not skipped", commits, "_spawn", "if new.index < item.created:", "if False:"
    ),
    Mistake(
        "a second spawn goes on with the first",
        commits,
        "_spawn",
        "if item.total is None or spawn.path != item.path:",
        "if item.total is None:",
    ),
    Mistake("the parent keeps its lease", commits, "_spawn", "if not item.joined:", "if False:"),
    # positions
    Mistake("moves keep failures", commits, "_stand", "item.forget_attempts()", "pass"),
    Mistake(
        "moves keep the event",
        commits,
        "_stand",
        "item.signal_name = item.event = ",
        "item.signal_name = ",
    ),
    Mistake("parks keep the lease", commits, "_apply", "item.holder = None", "pass"),
    Mistake(
        "backoffs are not parked",
        commits,
        "_retry",
        "item.phase = Phase.BACKOFF",
        "item.phase = Phase.READY",
    ),
    Mistake("retries go on waiting", commits, "_retry", "tables.leave_wait(run, item)", "pass"),
    Mistake("retries stay where they are", commits, "_retry", "retry.at is not None", "False"),
    Mistake("a retry elsewhere forgets counts", commits, "_retry", "_move_with_counts(", "_move("),
    Mistake("in place is parked", commits, "_retry", "if not retry.in_place:", "if True:"),
    Mistake(
        "results are overwritten",
        commits,
        "_check",
        "if place[1] in run.results or place in written:",
        "if False:",
    ),
    Mistake(
        "a bad batch is half written",
        commits,
        "commit",
        "if held is not None:",
        "if held is not None and len(checkpoints) == 1:",
    ),
    Mistake(
        "pruning by a looser prefix",
        R,
        "prune",
        "self.results_below.pop(prefix)",
        "[p for p in self.results if p.startswith(prefix[:-2])]",
    ),
    Mistake("pruning forgets arms", R, "prune", "self.spawns_below.pop(prefix)", "()"),
    Mistake("pruning forgets events", R, "prune", "self.events_below.pop(prefix)", "()"),
    Mistake("the latest ignores the prefix", R, "latest", "wanted.ordinal_prefix", "b''"),
    # failures
    Mistake(
        "siblings of a failure go on",
        commits,
        "_fail",
        "tables.finish(run, InstanceState.FAILED)",
        "run.state = InstanceState.FAILED",
    ),
    Mistake(
        "the last failure wins",
        commits,
        "_fail",
        "if run.state is InstanceState.RUNNING:",
        "if True:",
    ),
    Mistake("retry keeps counts", controls, "retry", "item.forget_attempts()", "pass"),
    Mistake(
        "retry forgets what a holder has counted",
        controls,
        "retry",
        "item.interruptions = 0",
        "item.forget_attempts()",
    ),
    Mistake(
        "retry leaves a holder the old limit", controls, "retry", "item.interruptions = 0", "pass"
    ),
    Mistake(
        "retry keeps the deadline",
        controls,
        "retry",
        "run.deadline_at = tables.now + run.new.timeout_us",
        "pass",
    ),
    Mistake(
        "retry keeps the error",
        controls,
        "retry",
        "run.finished_at, run.error = InstanceState.RUNNING, None, None",
        "run.finished_at = InstanceState.RUNNING, None",
    ),
    Mistake(
        "retry leaves events beside waits",
        controls,
        "retry",
        "tables.begin_wait(run, item)",
        "pass",
    ),
    Mistake(
        "collecting leaves arms behind",
        T,
        "remove_below",
        "if top is not None else ()",
        "if False else ()",
    ),
    Mistake("collecting by a looser strand", rows.Item, "strand", "]/", ""),
    Mistake("collected errors are lost", commits, "_fail", "None, fail.error)", "None, None)"),
)
