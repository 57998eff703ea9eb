"""Mistakes with tags, urgency, versions, deadlines, addresses, batches, and what was removed."""

from __future__ import annotations

from typing import Final

from sayiir.client import starting
from sayiir.engine import advance, calling, checkpoints, driver, serving
from sayiir.stores.memory import claims as leasing
from sayiir.stores.memory import commits, controls, store, tables
from tests.broken import Mistake

__all__ = ["IN_ENGINE", "IN_STORE"]

D, S, T, M = driver.Driver, serving.Server, tables.Tables, store.MemoryStore

IN_ENGINE: Final = (
    Mistake(
        "a worker goes on where it has no tags",
        S,
        "runs",
        "return self._tags.issuperset(next_tags(program, position))",
        "return True",
    ),
    Mistake(
        "tags are left out of checkpoints",
        checkpoints,
        "next_tags",
        "program.tags_of(position.place.first_task) if program.tagged else ()",
        "()",
    ),
    Mistake(
        "priorities are left out of checkpoints",
        checkpoints,
        "_priority",
        "None if task is None else task.priority",
        "None",
    ),
    Mistake(
        "deadlines are half as long for who works",
        calling,
        "_timeout",
        "return remaining, True",
        "return remaining / 2, True",
    ),
    Mistake(
        "a running task outlives the deadline",
        calling,
        "_timeout",
        "return remaining, True",
        "return spec.timeout_seconds, False",
    ),
    Mistake(
        "a task begins after the deadline",
        calling,
        "_timeout",
        "if remaining == 0.0:",
        "if False:",
    ),
    Mistake(
        "what is claimed at its deadline goes on",
        D,
        "_first",
        "if work.deadline_at is not None and",
        "if False and",
    ),
    Mistake("a spawn ends with its first batch", D, "_spawn", "if end == count or", "if True or"),
    Mistake(
        "two batches leave an arm out between them",
        D,
        "_spawn",
        "begin, computed, prune = end, None, ()",
        "begin, computed, prune = end + 1, None, ()",
    ),
    Mistake(
        "arms of all batches but the last are dropped",
        D,
        "_spawn",
        "self._desk.start(arm)",
        "pass",
    ),
    Mistake(
        "a loop with a history is pruned",
        advance,
        "_end_of_iteration",
        'loop.history == "last" and frame.number',
        "frame.number",
    ),
    Mistake(
        "a wait mixes its input up with its event",
        advance,
        "_received",
        "Pair(position.input, ref)",
        "Pair(ref, position.input)",
    ),
    Mistake(
        "a new run has the id of the last",
        starting,
        "new_instance",
        "run_id=new_run_id()",
        "run_id=instance_id",
    ),
)

IN_STORE: Final = (
    Mistake(
        "a claim overlooks tags",
        leasing,
        "_agendas",
        "able is None or able.issuperset(tags)",
        "True",
    ),
    Mistake("an item keeps the tags it had", T, "ask_for", "item.tags = tags", "pass"),
    Mistake("the least urgent comes first", T, "refresh", "(priority - 1)", "(5 - priority)"),
    Mistake(
        "a claim overlooks definitions",
        leasing,
        "_agendas",
        "if known is None or key in known]",
        "]",
    ),
    Mistake(
        "a run is replaced under another definition", M, "create", "(replace and same)", "replace"
    ),
    Mistake(
        "deadlines are half as long",
        store,
        "_insert",
        "tables.now + new.timeout_us",
        "tables.now + new.timeout_us // 2",
    ),
    Mistake(
        "a deadline wakes nobody", T, "_when", "if run.deadline_at is not None and", "if 0 and"
    ),
    Mistake(
        "a retry keeps the old deadline",
        controls,
        "retry",
        "run.deadline_at = tables.now + run.new.timeout_us",
        "pass",
    ),
    Mistake("an address is overlooked", controls, "send_event", "if path is not None:", "if 0:"),
    Mistake(
        "a join waits for the first batch alone",
        commits,
        "_spawn",
        "if item.created < spawn.total:",
        "if False:",
    ),
    Mistake(
        "each batch forgets the arms before it",
        commits,
        "_spawn",
        "if item.total is None or spawn.path != item.path:",
        "if True:",
    ),
    Mistake(
        "what was replaced goes on",
        M,
        "create",
        "tables.remove(before)",
        "del tables.by_instance[new.instance_id]",
    ),
    Mistake(
        "the number of what was removed is given again",
        T,
        "remove",
        "self.changed.add(run.number)",
        "self.changed.add(run.number); self._last_number = run.number - 1",
    ),
    Mistake("what was removed stays due", T, "remove", "self.forget(run, item)", "pass"),
    Mistake(
        "what runs is deleted",
        M,
        "delete",
        "run.state is InstanceState.RUNNING",
        "False",
    ),
)
