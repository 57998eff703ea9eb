"""How a node stands, in a few words: what pictures say beside its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.render.words import clean, one_line, span_text

if TYPE_CHECKING:
    from datetime import datetime

    from sayiir.render.states import NodeState, OpenStrand

__all__ = ["facts_and_error", "state_facts"]


def state_facts(state: NodeState, detail: str, now: datetime) -> list[str]:
    """All facts about a node's state in a row; see ``facts_and_error``."""
    facts, error = facts_and_error(state, detail, now)
    return [*facts, error] if error else facts


def facts_and_error(state: NodeState, detail: str, now: datetime) -> tuple[list[str], str]:
    """Facts about a node's state, and the error that it failed with last, or nothing.

    Both are free of anything that a terminal would obey.

    Args:
        state: how it stands.
        detail: what is told of it while nothing has happened there.
        now: for the ages of what is open (aware).
    """
    many = state.done + len(state.open) + state.failed > 1
    facts = [f"{state.done:,} done"] if many and state.done else []
    facts += [f"{state.failed:,} failed"] if many and state.failed else []
    error = ""
    if len(state.open) > 1:
        phases = [strand.phase for strand in state.open.values()]
        facts += [f"{phases.count(one):,} {_PHASES.get(one, one)}" for one in _unique(phases)]
    elif state.open:
        (strand,) = state.open.values()
        facts += _strand_facts(strand, now)
        if strand.error:
            stopped = strand.phase == "stopped"
            error = one_line(strand.error if stopped else f"after {strand.error}")
    elif not many and state.done and state.seconds is not None:
        facts += [f"attempt {state.attempts}"] if state.attempts > 1 else []
        facts.append(span_text(state.seconds) if state.attempts else "kept")
    elif state.name == "pending" and detail:
        facts.append(clean(detail))
    if state.failed and state.error:
        facts += [f"attempt {state.attempts}"] if state.attempts > 1 and not many else []
        error = one_line(state.error)
    return facts, error


def _unique(phases: list[str]) -> list[str]:
    return list(dict.fromkeys(phases))


_PHASES: Final = {
    "backoff": "waiting to retry",
    "delay": "waiting",
    "held": "held back",
    "join": "waiting for arms",
    "signal": "waiting for a signal",
}


def _strand_facts(strand: OpenStrand, now: datetime) -> list[str]:
    facts: list[str] = []
    if strand.phase == "signal":
        facts.append(f"waits for {clean(strand.signal_name or 'an event')}")
    elif strand.phase == "delay":
        facts.append("waits")
    elif strand.phase == "backoff":
        facts.append("retries")
    elif strand.phase == "stopped":
        facts.append("stopped")
    elif strand.phase in ("held", "join", "ready"):
        facts.append(_PHASES.get(strand.phase, strand.phase))
    if strand.due_at is not None and strand.phase != "stopped":
        left = (strand.due_at - now).total_seconds()
        if left > 0 and strand.phase == "signal":
            facts.append(f"{span_text(left)} left")
        elif left > 0:
            facts[-1:] = [" ".join([*facts[-1:], f"in {span_text(left)}"])]
    if strand.attempt > 1:
        facts.append(f"attempt {strand.attempt}")
    if strand.phase == "running" and strand.since is not None:
        facts.append(span_text(max((now - strand.since).total_seconds(), 0.0)))
    if strand.fraction is not None:
        facts.append(f"{strand.fraction:.0%}")
    if strand.message:
        facts.append(one_line(strand.message, 80))
    return facts
