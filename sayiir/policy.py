"""Policies: what happens after a failure, and when an instance id is taken."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, TypeAlias

from sayiir.durations import Duration, duration_seconds
from sayiir.errors import DefinitionError

__all__ = ["ConflictPolicy", "RetryPolicy", "retry_policy"]

_INITIAL_SECONDS: Final = 1.0

ExceptionTypes: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]


class ConflictPolicy(Enum):
    """What ``submit`` and ``run`` do where the instance id is taken already.

    >>> from sayiir import CheckpointingRunner, task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> policy = ConflictPolicy.USE_EXISTING
    >>> with CheckpointingRunner("memory://", conflict_policy=policy) as runner:
    ...     _ = runner.run(workflow("w", double), "a", 3)
    ...     runner.run(workflow("w", double), "a", 3)
    Completed(output=6)
    """

    FAIL = "fail"
    """Raise ``InstanceAlreadyExists``."""
    USE_EXISTING = "use_existing"
    """Return the status and output of the one that is there; run nothing."""
    TERMINATE_EXISTING = "terminate_existing"
    """Remove the old run with all that belongs to it, and start under a new run id."""

    @classmethod
    def _missing_(cls, value: object) -> ConflictPolicy:
        allowed = ", ".join(f"ConflictPolicy.{each.name} ({each.value!r})" for each in cls)
        raise ValueError(f"{value!r} is no conflict policy; allowed are {allowed}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and when a failed task is tried again.

    Attributes:
        max_retries: further attempts after the first; 0 means none.
        initial_delay: wait before the first retry; 1 s, or ``max_delay`` where that is shorter.
        backoff_multiplier: each wait is this many times the one before.
        max_delay: no wait is longer.
        jitter: ``"full"`` draws each wait between 0 and its bound, so that a thousand
            clients that failed together don't come back together; ``"none"`` waits the bound.
        retry_on: retry these only (default: every ``Exception``).
        give_up_on: never retry these; wins over ``retry_on``.

    Raises:
        DefinitionError: a value is out of its bounds, or ``initial_delay`` is beyond
            ``max_delay``, which is 5 minutes unless it is given.

    >>> RetryPolicy(max_retries=3, initial_delay="250ms").delay_bound_seconds(3)
    1.0
    """

    max_retries: int = 3
    initial_delay: Duration = _INITIAL_SECONDS
    backoff_multiplier: float = 2.0
    max_delay: Duration = 300.0
    jitter: Literal["full", "none"] = "full"
    retry_on: ExceptionTypes = Exception
    give_up_on: ExceptionTypes = ()

    def __post_init__(self) -> None:
        if isinstance(self.max_retries, bool) or not isinstance(self.max_retries, int):
            raise DefinitionError(f"max_retries must be a whole number, not {self.max_retries!r}")
        if self.max_retries < 0:
            raise DefinitionError(f"max_retries must not be negative: {self.max_retries}")
        if not 1 <= self.backoff_multiplier <= 1_000:
            raise DefinitionError(
                f"backoff_multiplier must be between 1 and 1000: {self.backoff_multiplier!r}"
            )
        if self.jitter not in ("full", "none"):
            raise DefinitionError(f"jitter is 'full' or 'none', not {self.jitter!r}")
        for kinds in (self.retry_on, self.give_up_on):
            _check_exception_types(kinds)
        first, longest = duration_seconds(self.initial_delay), duration_seconds(self.max_delay)
        # The default second gives way: max_delay="100ms" alone says what is meant.
        if first > longest and first != _INITIAL_SECONDS:
            raise DefinitionError(
                f"initial_delay={self.initial_delay!r} is beyond max_delay={self.max_delay!r}, "
                "which no wait exceeds; give a longer max_delay too"
            )

    def retries(self, error: BaseException, failures: int) -> bool:
        """Whether to try again after ``failures`` failed attempts, the last with ``error``."""
        return (
            failures <= self.max_retries
            and isinstance(error, self.retry_on)
            and not isinstance(error, self.give_up_on)
        )

    def delay_bound_seconds(self, failures: int) -> float:
        """The longest wait before the next attempt, after ``failures`` failed ones (from 1)."""
        longest = duration_seconds(self.max_delay)
        try:
            bound = duration_seconds(self.initial_delay) * self.backoff_multiplier ** (failures - 1)
        except OverflowError:
            return longest
        return min(bound, longest)

    def delay_seconds(self, failures: int) -> float:
        """The wait before the next attempt, jitter drawn."""
        bound = self.delay_bound_seconds(failures)
        return random.uniform(0, bound) if self.jitter == "full" else bound  # noqa: S311


def _check_exception_types(kinds: object) -> None:
    listed: tuple[object, ...] = kinds if isinstance(kinds, tuple) else (kinds,)  # pyright: ignore[reportUnknownVariableType]
    for kind in listed:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise DefinitionError(f"retry_on and give_up_on take exception classes, not {kind!r}")


def retry_policy(retries: int | RetryPolicy) -> RetryPolicy:
    """A count as the policy that it stands for.

    >>> retry_policy(2).max_retries
    2
    """
    return retries if isinstance(retries, RetryPolicy) else RetryPolicy(max_retries=retries)
