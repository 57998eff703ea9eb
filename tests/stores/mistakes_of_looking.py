"""Mistakes of the memory store that the contract has to catch: what is read, listed, swept."""

from __future__ import annotations

from sayiir.stores.memory import claims, looks, reads, store, tables, watch
from tests.broken import Mistake

__all__ = ["MISTAKES"]

T, S = tables.Tables, store.MemoryStore

MISTAKES = (
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
    # looking closely
    Mistake("reports of any epoch", T, "held", "item.epoch != fence.epoch or ", ""),
    Mistake(
        "reports of anybody",
        claims,
        "report",
        "held = tables.held(each.fence)",
        "run = tables.runs.get(each.fence.run); item = run and run.item(each.fence.item)\n"
        "        held = (run, item) if item else None",
    ),
    Mistake("late reports count", claims, "report", "== (each.at, each.failures)", "!= ()"),
    Mistake(
        "late reports of an attempt count",
        claims,
        "report",
        "(held[1].path, held[1].failures) == (each.at, each.failures)",
        "held[1].path == each.at",
    ),
    Mistake(
        "reports outlive their step",
        looks,
        "_progress",
        "(said.fence.epoch, said.at, said.failures) != (item.epoch, item.path, item.failures)",
        "said.fence.epoch != item.epoch",
    ),
    Mistake(
        "reports outlive their lease",
        looks,
        "_progress",
        "(said.fence.epoch, said.at, said.failures) != (item.epoch, item.path, item.failures)",
        "(said.at, said.failures) != (item.path, item.failures)",
    ),
    Mistake(
        "reports outlive their attempt",
        looks,
        "_progress",
        "(said.fence.epoch, said.at, said.failures) != (item.epoch, item.path, item.failures)",
        "(said.fence.epoch, said.at) != (item.epoch, item.path)",
    ),
    Mistake(
        "the first report stays",
        claims,
        "report",
        "if held is not None and",
        "if held is not None and held[1].report is None and",
    ),
    Mistake(
        "reports renew",
        claims,
        "report",
        "held[1].report = each, tables.now",
        "held[1].report = each, tables.now; held[1].lease_until += 10**9; tables.refresh(*held)",
    ),
    Mistake(
        "reports wake",
        claims,
        "report",
        "held[1].report = each, tables.now",
        "held[1].report = each, tables.now; tables.changed.add(held[0].number)",
    ),
    Mistake("reports without their time", looks, "_progress", "at_us=at", "at_us=0"),
    Mistake("reports of the stored path", looks, "_progress", "path=said.path", "path=item.path"),
    Mistake("ended leases are told", looks, "_leased", "and item.lease_until > now", ""),
    Mistake("held items first", looks, "inspect", "item.phase is Phase.HELD", "False"),
    Mistake("leased items anywhere", looks, "inspect", "not _leased(item, now)", "False"),
    Mistake("all items are told", looks, "inspect", "nsmallest(MAX_INSPECTED", "nsmallest(10**9"),
    Mistake("only what is told is counted", looks, "inspect", "len(run.open)", "1"),
    Mistake(
        "interruption waits untold",
        looks,
        "_item_record",
        "timed if item.wait_until is None else item.wait_until",
        "timed",
    ),
    Mistake(
        "old signals are told",
        looks,
        "_item_record",
        "item.signal_name if awaits else None",
        "item.signal_name or 'go'",
    ),
    Mistake("the time of no error", looks, "_item_record", "None if item.error is None else ", ""),
    Mistake("events by name", looks, "inspect", "key=_accepted", "key=lambda e: e.signal_name"),
    Mistake(
        "consumed events are told",
        looks,
        "inspect",
        "(each for queue in run.kept.values() for each in queue)",
        "run.events.values()",
    ),
    Mistake("events at the time of the look", looks, "inspect", "=each.sent_at", "=now"),
    Mistake("events lose their address", looks, "inspect", "path=each.address", "path=None"),
    # labels and sweeping
    Mistake(
        "any label will do",
        reads,
        "_matching",
        "not set(query.labels) <= set(run.new.labels)",
        "query.labels and not set(query.labels) & set(run.new.labels)",
    ),
    Mistake(
        "labels by name alone",
        reads,
        "_matching",
        "not set(query.labels) <= set(run.new.labels)",
        "not set(dict(query.labels)) <= set(dict(run.new.labels))",
    ),
    Mistake(
        "labels without case",
        reads,
        "_matching",
        "not set(query.labels) <= set(run.new.labels)",
        "not {(a.lower(), b) for a, b in query.labels} "
        "<= {(a.lower(), b) for a, b in run.new.labels}",
    ),
    Mistake(
        "running instances are swept",
        looks,
        "delete_finished",
        "run.state is not InstanceState.RUNNING\n        and run.finished_at is not None\n"
        "        and run.finished_at <= until",
        "(run.finished_at or run.created_at) <= until",
    ),
    Mistake(
        "swept by the time of creation",
        looks,
        "delete_finished",
        "run.finished_at <= until",
        "run.created_at <= until",
    ),
    Mistake("swept a moment late", looks, "delete_finished", "<= until", "< until"),
    Mistake("swept without age", looks, "delete_finished", "run.finished_at <= until", "True"),
    Mistake(
        "swept in order of creation",
        looks,
        "delete_finished",
        "(run.finished_at, run.number)",
        "(run.number, run.number)",
    ),
    Mistake("swept without limit", looks, "delete_finished", "retention.limit", "10**9"),
    Mistake(
        "swept whatever the workflow",
        looks,
        "delete_finished",
        "retention.workflow_name in (None, run.new.workflow_name)",
        "True",
    ),
    Mistake(
        "swept whatever the end",
        looks,
        "delete_finished",
        "retention.state in (None, run.state)",
        "True",
    ),
    Mistake("sweeping forgets to count", looks, "delete_finished", "len(chosen)", "0"),
)
