"""Tasks of generated flows: pure functions that tell a trace when they start."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import sayiir
from sayiir import ItemFailed, get_task_context

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.sim.case import Case

__all__ = ["MODULUS", "TaskMaker", "total"]

MODULUS = 1_000_003
_TAGGED = 0.4


class TaskMaker:
    """Makes tasks that are async, sync in the loop, or sync on a thread, as the draw has it.

    Args:
        random: of the flow.
        case: told what each task asks of a worker.
        aside: for draws that were added later, so that flows without them stay as they are.
        tags: what some tasks ask for.
    """

    def __init__(
        self,
        random: Random,
        case: Case,
        aside: Random | None = None,
        tags: tuple[str, ...] = (),
    ) -> None:
        self.random = random
        self.case = case
        self.aside = aside
        self.tags = tags

    def made(
        self,
        name: str,
        compute: Callable[..., Any],
        returns: Any = int,
        *,
        takes: tuple[Any, ...] = (int,),
        extra: Any = None,
        plain_allowed: bool = False,
        **options: Any,
    ) -> Any:
        """A task that tells the trace, takes its turns of the loop and gives ``compute(…)``."""
        case = self.case
        kind = self.random.choice(("async", "async", "loop", "thread"))

        def begin(values: tuple[Any, ...]) -> int:
            return case.trace.started(get_task_context(), *values)

        async def call_async(**values: Any) -> Any:
            for _ in range(begin(tuple(values.values()))):
                await asyncio.sleep(case.trace.turn_seconds)
                if case.trace.dead:
                    begin(())
            return compute(*values.values())

        def call_sync(**values: Any) -> Any:
            begin(tuple(values.values()))
            return compute(*values.values())

        names = [f"value{index}" for index in range(len(takes))]
        function = _with_signature(
            call_async if kind == "async" else call_sync,
            name,
            dict(zip(names, takes, strict=True)),
            extra,
            returns,
            is_async=kind == "async",
        )
        # Plain callables run where sync tasks run: on a thread, unless they are async.
        plain = plain_allowed and (kind == "async" or case.threads)
        if plain and not options and extra is None and self.random.random() < 0.3:
            self.case.asks[name] = (None, ())
            return function
        if kind == "loop" or (kind == "thread" and not case.threads):
            options["run_in"] = "loop"
        if self.random.random() < 0.1:
            options["priority"] = self.random.randint(1, 5)
        if self.tags and self.aside is not None and self.aside.random() < _TAGGED:
            count = self.aside.choice((1, 1, len(self.tags)))
            options["tags"] = self.aside.sample(self.tags, count)
        asked = tuple(sorted(options.get("tags", ())))
        self.case.asks[name] = (options.get("priority"), asked)
        return sayiir.task(name, **options)(function)


def total(values: list[int | ItemFailed]) -> int:
    """One number of all outputs of a map."""
    summed = 0
    for value in values:
        part = 500 + value.index if isinstance(value, ItemFailed) else value
        summed = (summed * 31 + part) % MODULUS
    return summed


def _with_signature(
    call: Callable[..., Any],
    name: str,
    takes: dict[str, Any],
    extra: Any,
    returns: Any,
    *,
    is_async: bool,
) -> Any:
    """``call`` under a signature of its own: inputs of these types, maybe one that is injected.

    The combinators read signatures as users write them, so a real function is written.
    """
    parameters = [f"{each}: TAKES[{each!r}]" for each in takes]
    arguments = ", ".join(f"{each}={each}" for each in takes)
    if extra is not None:
        parameters.append("more: int = EXTRA")
        arguments += ", more=more"
    prefix, wait = ("async ", "await ") if is_async else ("", "")
    source = (
        f"{prefix}def {name}({', '.join(parameters)}) -> RETURNS:\n"
        f"    return {wait}CALL({arguments})\n"
    )
    scope: dict[str, Any] = {"TAKES": takes, "EXTRA": extra, "RETURNS": returns, "CALL": call}
    exec(source, scope)
    return scope[name]
