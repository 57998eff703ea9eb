"""The mistakes that the store contract has to catch, one line of the memory store each."""

from __future__ import annotations

from sayiir.stores.memory import (
    agenda,
    claims,
    commits,
    controls,
    reads,
    rows,
    store,
    tables,
    watch,
)
from tests.stores.broken import Mistake

__all__ = ["MISTAKES"]

T, S, R = tables.Tables, store.MemoryStore, rows.Run

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
    Mistake("interruptions never wait", claims, "_waits_first", "if skip or", "if True or"),
    Mistake(
        "interruption waits unbounded",
        claims,
        "_waits_first",
        "min(2.0 ** (item.interruptions - 1), MAX_INTERRUPTION_WAIT_SECONDS)",
        "2.0 ** (item.interruptions - 1)",
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
        "[tables.agendas[each] for each in known if each in tables.agendas]",
        "list(tables.agendas.values())",
    ),
    Mistake(
        "claims of an instance ignore definitions",
        claims,
        "_agendas",
        "fits = run is not None and (known is None or run.new.definition_hash in known)",
        "fits = run is not None",
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
    # signals
    Mistake(
        "newest event first", T, "begin_wait", "run.kept[key].popleft()", "run.kept[key].pop()"
    ),
    Mistake("addressed events go last", T, "begin_wait", "min(eligible)", "eligible[0]"),
    Mistake("addressed events go first", T, "begin_wait", "min(eligible)", "eligible[-1]"),
    Mistake("addresses are ignored", controls, "send_event", "if path is not None:", "if False:"),
    Mistake("claimed waits get events", controls, "send_event", "if each.holder is None", ""),
    Mistake("an event for all waits", T, "deliver", "self.leave_wait(run, item)", "pass"),
    Mistake("events wake nobody", controls, "send_event", "tables.refresh(run, item)", "pass"),
    Mistake(
        "newest wait first",
        controls,
        "send_event",
        "= waiting.values()",
        "= list(waiting.values())[::-1]",
    ),
    # control
    Mistake("pause stops nothing", T, "_when", "or run.control is Control.PAUSE", ""),
    Mistake(
        "pause keeps leases",
        commits,
        "_write",
        "item.holder, item.ready_at = None, tables.now",
        "pass",
    ),
    Mistake(
        "pause claims the parent",
        commits,
        "_write",
        "if control is Control.NONE else None",
        "if control in (Control.NONE, Control.PAUSE) else None",
    ),
    Mistake(
        "cancel forgets the result",
        commits,
        "_write",
        "if checkpoint.result is not None:",
        "if checkpoint.result is not None and control is not Control.CANCEL:",
    ),
    Mistake(
        "an end beats a cancel",
        commits,
        "_write",
        "if control is Control.CANCEL:",
        "if control is Control.CANCEL and not isinstance(checkpoint.effect, End):",
    ),
    Mistake(
        "cancel ends leased items",
        T,
        "cancel_unclaimed",
        "if item.holder is None or item.lease_until <= self.now:",
        "if True:",
    ),
    Mistake(
        "released items outlive a cancel",
        claims,
        "release",
        "run.control is Control.CANCEL",
        "False",
    ),
    Mistake(
        "a cancelled effect is checked",
        commits,
        "_check",
        "if run.control is Control.CANCEL:",
        "if False:",
    ),
    Mistake(
        "cancel waits for a claim",
        controls,
        "request_cancel",
        "tables.cancel_unclaimed(run)",
        "pass",
    ),
    Mistake(
        "a pause undoes a cancel",
        controls,
        "request_pause",
        "if run.control is Control.NONE:",
        "if True:",
    ),
    Mistake(
        "leftovers are answered",
        claims,
        "claim",
        "if owner.control is Control.CANCEL:",
        "if False:",
    ),
    # reading
    Mistake("replacing keeps the old run", S, "create", "tables.remove(before)", "pass"),
    Mistake(
        "any definition is replaced", S, "create", "if not (replace and same):", "if not replace:"
    ),
    Mistake(
        "running instances are deleted",
        S,
        "delete",
        "if run.state is InstanceState.RUNNING:",
        "if False:",
    ),
    Mistake("cursors repeat a row", reads, "_matching", "number >= before", "number > before"),
    Mistake(
        "pages from the oldest", reads, "_matching", "reversed(tables.runs)", "list(tables.runs)"
    ),
    Mistake(
        "joins in order of ends",
        reads,
        "_join",
        "sorted(run.spawns[spawn_path].items())",
        "sorted(run.spawns[spawn_path].items(), key=lambda e: (e[1].error_at, -e[0]))",
    ),
    Mistake(
        "ended leases count as leased",
        reads,
        "describe",
        "item.holder is not None and item.lease_until > now",
        "item.holder is not None",
    ),
    Mistake(
        "waits without order",
        reads,
        "describe",
        "key=_earliest_first",
        "key=lambda item: item.path",
    ),
    Mistake("watchers sleep", watch.Watchers, "wake", "watch.notice()", "pass"),
)
