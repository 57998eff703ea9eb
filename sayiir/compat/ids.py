"""Which ids the parts of a flow get, where their author gives none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from sayiir.compat.steps import TaskStep

__all__ = ["Ids"]


class Ids:
    """The counters of one flow: ``lambda_0``, ``branch_0``, ``loop_0``, ``child_0``.

    >>> ids = Ids()
    >>> ids.next("lambda"), ids.next("lambda"), ids.next("loop")
    ('lambda_0', 'lambda_1', 'loop_0')
    """

    def __init__(self) -> None:
        self._given: Counter[str] = Counter()

    def next(self, kind: str) -> str:
        """The next id of a kind."""
        number = self._given[kind]
        self._given[kind] += 1
        return f"{kind}_{number}"

    def task(self, function: Callable[..., Any], name: str | None = None) -> TaskStep:
        """A function as a task: named here, by ``@task``, by itself, or numbered.

        Raises:
            TypeError: it can't be called.
        """
        if not callable(function):
            raise TypeError(f"a task is a function or another callable, not {function!r}")
        task_id = name if name is not None else self._own_name(function)
        return TaskStep(task_id, getattr(function, "_metadata", None), function)

    def chain(
        self, functions: tuple[Callable[..., Any], ...], name: str | None, where: str
    ) -> tuple[TaskStep, ...]:
        """Functions that run one after the other; ``name`` is that of the first.

        Raises:
            ValueError: there are none.
            TypeError: one of them can't be called.
        """
        if not functions:
            raise ValueError(f"{where} takes at least one task function")
        return tuple(
            self.task(function, None if place else name) for place, function in enumerate(functions)
        )

    def _own_name(self, function: Callable[..., Any]) -> str:
        given = getattr(function, "_task_id", None)
        if given is not None:
            return str(given)
        name = getattr(function, "__name__", "<lambda>")
        return self.next("lambda") if name == "<lambda>" else str(name)
