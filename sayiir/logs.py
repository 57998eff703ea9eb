"""What lines of the log carry beside their words: the names of the facts, in one place.

The loggers are those of the standard library, below ``sayiir``: ``sayiir.task`` for what tasks
say, ``sayiir.engine``, ``sayiir.worker``, ``sayiir.executors``, ``sayiir.compat`` and
``sayiir.stores.*`` for what we say. Nothing is printed by them unless the program asks for it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

__all__ = ["TaskLogger", "be_quiet", "log_facts"]

if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    _Adapter = logging.LoggerAdapter


def log_facts(
    *,
    instance_id: str | None = None,
    run_id: str | None = None,
    workflow: str | None = None,
    path: str | None = None,
    attempt: int | None = None,
) -> dict[str, object]:
    """The ``extra`` of a line: each fact that is given, under the name that it has everywhere.

    >>> log_facts(instance_id="order-42", path="charge", attempt=2)
    {'sayiir_instance_id': 'order-42', 'sayiir_path': 'charge', 'sayiir_attempt': 2}
    """
    facts: dict[str, object] = {
        "sayiir_instance_id": instance_id,
        "sayiir_run_id": run_id,
        "sayiir_workflow": workflow,
        "sayiir_path": path,
        "sayiir_attempt": attempt,
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


class TaskLogger(_Adapter):
    """A logger whose lines carry a task's facts, beside what the task gives as ``extra`` itself.

    >>> line = TaskLogger(logging.getLogger("sayiir.task"), log_facts(path="charge"))
    >>> line.process("paid", {"extra": {"cents": 950}})
    ('paid', {'extra': {'cents': 950, 'sayiir_path': 'charge'}})
    """

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the facts; the standard library's own would drop the caller's ``extra``."""
        own: Mapping[str, Any] = kwargs.get("extra") or {}
        kwargs["extra"] = {**own, **(self.extra or {})}
        return msg, kwargs


def be_quiet() -> None:
    """Have no line printed where the program has set up no logging: that is for it to decide."""
    logger = logging.getLogger("sayiir")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
