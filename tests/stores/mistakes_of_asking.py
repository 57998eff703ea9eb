"""Mistakes of the memory store that the contract has to catch: signals, control, tags."""

from __future__ import annotations

from sayiir.stores.memory import claims, commits, controls, store, tables
from tests.broken import Mistake

__all__ = ["MISTAKES"]

T = tables.Tables

MISTAKES = (
    # signals
    Mistake(
        "newest event first", T, "begin_wait", "run.kept[key].popleft()", "run.kept[key].pop()"
    ),
    Mistake("addressed events go last", T, "begin_wait", "min(eligible)", "eligible[0]"),
    Mistake("addressed events go first", T, "begin_wait", "min(eligible)", "eligible[-1]"),
    Mistake("addresses are ignored", controls, "send_event", "if path is not None:", "if False:"),
    Mistake(
        "an address is forgotten",
        controls,
        "send_event",
        "(signal_name, path), deque()",
        "(signal_name, None), deque()",
    ),
    Mistake(
        "a wait takes what was sent to another",
        T,
        "begin_wait",
        "for key in ((name, None), (name, path))",
        "for key in tuple(run.kept) if key[0] == name",
    ),
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
    # tags
    Mistake(
        "claims ignore tags", claims, "_agendas", "able is None or able.issuperset(tags)", "True"
    ),
    Mistake(
        "any of its tags will do",
        claims,
        "_agendas",
        "able.issuperset(tags)",
        "not tags or able.intersection(tags)",
    ),
    Mistake(
        "all that a worker can do must be asked for",
        claims,
        "_agendas",
        "able.issuperset(tags)",
        "able == set(tags)",
    ),
    Mistake(
        "no filter is one without tags",
        claims,
        "_agendas",
        "able is None or able.issuperset(tags)",
        "(able or set()).issuperset(tags)",
    ),
    Mistake(
        "claims of an instance ignore tags",
        claims,
        "_agendas",
        "able is None or ",
        "able is None or request.instance_id or ",
    ),
    Mistake(
        "waiting for what others may have",
        claims,
        "claim",
        "[time for agenda in agendas",
        "[time for each in tables.agendas.values() for agenda in each.values()",
    ),
    Mistake("a root asks for nothing", store, "_insert", "tags=new.root_tags", "tags=()"),
    Mistake("arms ask for nothing", commits, "_spawn", "tags=new.tags", "tags=()"),
    Mistake("arms have their parent's tags", commits, "_spawn", "new.tags", "item.tags"),
    Mistake(
        "positions leave tags alone",
        commits,
        "_stand",
        "tables.ask_for(run, item, at.tags)",
        "pass",
    ),
    Mistake(
        "tags are never dropped",
        commits,
        "_stand",
        "tables.ask_for(run, item, at.tags)",
        "tables.ask_for(run, item, at.tags or item.tags)",
    ),
    Mistake("items stay in their old queue", T, "ask_for", "self.forget(run, item)", "pass"),
    Mistake(
        "attempts elsewhere keep their tags",
        commits,
        "_move_with_counts",
        "_move(tables, run, item, move)",
        "tags = item.tags; _move(tables, run, item, move); tables.ask_for(run, item, tags)",
    ),
    Mistake("handing over keeps the lease", commits, "_apply", "if move.hand_over:", "if False:"),
    Mistake(
        "handing over is an interruption",
        commits,
        "_apply",
        "if move.hand_over:\n",
        "if move.hand_over:\n                item.interruptions_ever = 1\n",
    ),
    Mistake(
        "handing over waits for the lease's end",
        commits,
        "_apply",
        "if move.hand_over:\n",
        "if move.hand_over:\n                item.wait_until = item.lease_until\n",
    ),
    Mistake(
        "every Move hands over", commits, "_apply", "if move.hand_over:", "if move is not None:"
    ),
    Mistake(
        "an attempt's position hands over",
        commits,
        "_move_with_counts",
        "_move(tables, run, item, move)",
        "_move(tables, run, item, move); item.holder = None if move.hand_over else item.holder",
    ),
)
