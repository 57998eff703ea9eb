"""One call of a store by one process of a simulation, and how it is told to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.records import Answer, Checkpoint, Claimed, Fence

__all__ = ["Operation", "accepted_of", "granted_by", "told"]


@dataclass(slots=True)
class Operation:
    """What was asked of the store, by whom and when, and what it said.

    ``at``: seconds since the beginning. ``now_us``: the store's clock.
    """

    at: float
    now_us: int
    process: str
    verb: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    answer: Any = None
    error: Exception | None = None


def granted_by(operation: Operation) -> tuple[Claimed, ...]:
    """What the caller holds from now on."""
    answer = operation.answer
    if answer is None:
        return ()
    if operation.verb == "claim":
        items: tuple[Claimed, ...] = answer.items
        return items
    if operation.verb == "create":
        return () if answer.claimed is None else (answer.claimed,)
    if operation.verb == "commit":
        return tuple(claimed for each in answer for claimed in each.claimed)
    return ()


def accepted_of(operation: Operation) -> list[tuple[Checkpoint, Answer]]:
    """The checkpoints that the store has taken."""
    if operation.verb != "commit" or operation.answer is None:
        return []
    pairs = zip(operation.args[0], operation.answer, strict=True)
    return [(checkpoint, answer) for checkpoint, answer in pairs if answer.accepted]


def told(operation: Operation) -> str:
    """A line of a trace. Nothing in it differs between two runs of one seed."""
    head = f"{operation.at:9.3f} {operation.process:<9} {operation.verb:<14}"
    if operation.error is not None:
        return f"{head} {_asked(operation)} !! {type(operation.error).__name__}"
    return f"{head} {_asked(operation)}{_answered(operation)}"


def _asked(operation: Operation) -> str:
    args = operation.args
    match operation.verb:
        case "commit":
            return "; ".join(_checkpoint(each) for each in args[0])
        case "claim":
            return f"up to {args[0].limit}"
        case "renew" | "check" | "release":
            return ", ".join(sorted(_fence(each) for each in args[0]))
        case "load":
            return ", ".join(f"run {each.run}" for each in args[0])
        case "create":
            return f"{args[0].instance_id}{' instead' * bool(operation.kwargs.get('replace'))}"
        case "send_event":
            return f"{args[0]} {args[1]} {args[2].decode(errors='replace')}"
        case _:
            return " ".join(str(each) for each in args[:1] if isinstance(each, str))


def _answered(operation: Operation) -> str:
    answer = operation.answer
    match operation.verb:
        case "commit":
            return " -> " + "; ".join(map(_answer, answer))
        case "claim":
            return f" -> {_claims(answer.items)}"
        case "renew" | "check":
            lost = [_fence(f) for f, s in zip(operation.args[0], answer, strict=True) if not s.held]
            asked = {s.control.value for s in answer} - {"none"}
            told_lost = f" lost {', '.join(sorted(lost))}" if lost else ""
            return " ->" + told_lost + "".join(f" {each}" for each in sorted(asked))
        case "create":
            return " -> taken" if answer.existing is not None else ""
        case _:
            return ""


def _fence(fence: Fence) -> str:
    item = fence.item
    where = f"{item.spawn_path}[{item.index}]" if item.spawn_path else "root"
    return f"{fence.run}:{where}@{fence.epoch}"


def _checkpoint(checkpoint: Checkpoint) -> str:
    effect: Any = checkpoint.effect
    result = "" if checkpoint.result is None else f" {checkpoint.result.path}={_text(checkpoint)}"
    to = getattr(effect, "path", "")
    prune = f" prune {','.join(checkpoint.prune)}" if checkpoint.prune else ""
    kind = type(effect).__name__.lower()
    return f"{_fence(checkpoint.fence)}{result} {kind} {to}".rstrip() + prune


def _text(checkpoint: Checkpoint) -> str:
    assert checkpoint.result is not None
    return checkpoint.result.output[1:].decode(errors="replace")[:40]


def _answer(answer: Answer) -> str:
    if not answer.accepted:
        return "refused"
    control = "" if answer.control.value == "none" else f" {answer.control.value}"
    event = "" if answer.event is None else f" event {answer.event.event_id}"
    claims = f" {_claims(answer.claimed)}" if answer.claimed else ""
    return f"ok{control}{event}{claims}"


def _claims(items: Sequence[Claimed]) -> str:
    return (
        ", ".join(f"{_fence(each.fence)} {each.phase.value} {each.path}" for each in items) or "-"
    )
