"""The definition hash as the published package computes it: SHA-256 over a text of the graph.

The format was found by looking at what that package hashes: one term a node, each ended by a
semicolon. Timeouts and retries are in it, the workflow's own name is not.
"""

from __future__ import annotations

import hashlib
import struct
from decimal import Decimal

from sayiir.compat.decorators import RetryPolicy
from sayiir.compat.steps import (
    Chain,
    ChildStep,
    DelayStep,
    ForkStep,
    LoopStep,
    RouteStep,
    SignalStep,
    Step,
    TaskStep,
    key_order,
)

__all__ = ["reference_hash", "reference_text"]


def reference_hash(steps: tuple[Step, ...]) -> str:
    """64 hexadecimal digits, equal to those of the published package.

    >>> reference_hash((DelayStep("d", 1.0),))[:8]
    'c4f9bc61'
    """
    return hashlib.sha256(reference_text(steps).encode("utf-8", "surrogatepass")).hexdigest()


def reference_text(steps: tuple[Step, ...]) -> str:
    """The text that is hashed.

    >>> reference_text((DelayStep("d", 1.0), SignalStep("s", "go", 0.5)))
    'D:d:1000;S:s:go:t:500;'
    """
    return "".join(map(_term, steps))


def _term(step: Step) -> str:
    match step:
        case TaskStep():
            return _task(step)
        case DelayStep(id=step_id, seconds=seconds):
            return f"D:{step_id}:{_milliseconds(seconds)};"
        case SignalStep(id=step_id, signal_name=name, timeout_seconds=seconds):
            timeout = "" if seconds is None else f":t:{_milliseconds(seconds)}"
            return f"S:{step_id}:{name}{timeout};"
        case ForkStep(branches=chains, join=join):
            arms = "".join(f"{_chain(chain)}," for chain in chains)
            return f"F:{step.id}[{arms}]J:{_task(join)}"
        case RouteStep(id=step_id, branches=branches, default=default):
            arms = "".join(f"{key}=>{_chain(chain)}," for key, chain in _sorted(branches))
            otherwise = "" if default is None else f"_=>{_chain(default)}"
            return f"B:{step_id}{{{arms}}}{otherwise};"
        case LoopStep(id=step_id, body=body):
            return f"L:{step_id}:{step.max_iterations}:{step.on_max}{{{_task(body)}}};"
        case ChildStep(id=step_id, steps=inner):
            return f"CW:{step_id}{{{reference_text(inner)}}};"


def _task(step: TaskStep) -> str:
    metadata = step.metadata
    timeout = None if metadata is None else metadata.timeout_secs
    limit = "" if timeout is None else f":t:{_milliseconds(timeout)}"
    policy = None if metadata is None else metadata.retries
    return f"T:{step.id}{limit}{'' if policy is None else _retries(policy)};"


def _retries(policy: RetryPolicy) -> str:
    delay = _milliseconds(policy.initial_delay_secs)
    return f":r:{policy.max_retries}:{delay}:{_number(policy.backoff_multiplier)}"


def _chain(chain: Chain) -> str:
    return "".join(map(_task, chain))


def _sorted(branches: tuple[tuple[str, Chain], ...]) -> list[tuple[str, Chain]]:
    return sorted(branches, key=lambda branch: key_order(branch[0]))


def _milliseconds(seconds: float) -> int:
    """Rounded to nanoseconds, as durations are held there, then cut to milliseconds."""
    return round(seconds * 1e9) // 1_000_000


def _number(value: float) -> str:
    """The fewest digits that read back as the same single-precision float, without exponent.

    >>> _number(2.0), _number(2.5), _number(1.1), _number(1 + 2**-40)
    ('2', '2.5', '1.1', '1')
    """
    single = _single(value)
    shortest = next(
        text
        for digits in range(1, 10)  # nine tell any two such floats apart
        if _single(float(text := f"{single:.{digits}g}")) == single
    )
    return f"{Decimal(shortest):f}"


def _single(value: float) -> float:
    (single,) = struct.unpack("f", struct.pack("f", value))
    return float(single)
