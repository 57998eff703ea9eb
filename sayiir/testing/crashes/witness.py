"""What the tasks of one run did, over all the processes that worked on it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from sayiir.dsl.context import get_task_context
from sayiir.testing.instrument import called_really
from sayiir.testing.simulation import Crash
from sayiir.testing.simulation.runner import SimulatedThreads

if TYPE_CHECKING:
    from sayiir.dsl.spec import TaskSpec
    from sayiir.testing.fakes import FakeBook

__all__ = ["Execution", "Witness"]

_TURNS: Final = (0, 0, 1, 3, 9, 27)
"""So many turns of the loop a call may be held up where the order of arms is to differ."""
_MOST_CHARACTERS: Final = 300


@dataclass(slots=True)
class Execution:
    """One start of one task.

    Attributes:
        process: which process ran it, from 1.
        path: where the task stands.
        spec: the task.
        attempt: the engine's count.
        arguments: its inputs, in words.
        ended: how it ended; ``"cut"``: the process stopped in the middle.
        again: the instance had ended already.
    """

    process: int
    path: str
    spec: TaskSpec
    attempt: int
    arguments: str
    ended: Literal["cut", "returned", "raised"] = "cut"
    again: bool = False


@dataclass(slots=True)
class Witness:
    """Stands around each call of a task, and is told what the store has accepted.

    Attributes:
        book: fakes.
        order: seed of the order in which arms run; 0: as they come.
        process: which process runs, from 1.
        dead: it is dead.
        over: the instance has ended.
        executions: all starts, in order.
        results: the paths whose results are in the store, in order.
    """

    book: FakeBook
    order: int = 0
    process: int = 1
    dead: bool = False
    over: bool = False
    executions: list[Execution] = field(default_factory=list[Execution])
    results: list[str] = field(default_factory=list[str])
    threads: SimulatedThreads = field(default_factory=SimulatedThreads)

    async def call(
        self, spec: TaskSpec, node_path: str, real: Any, args: Any, kwargs: Any
    ) -> object:
        """Note the start of a task, and run it, later than others where the order says so."""
        self._check_alive()
        context = get_task_context()
        for _ in range(self._turns(context.path, context.attempt)):
            await asyncio.sleep(0)
            self._check_alive()
        execution = Execution(
            self.process,
            context.path,
            spec,
            context.attempt,
            _in_words(args),
            again=self.over,
        )
        self.executions.append(execution)
        try:
            value = await self._called(spec, node_path, context.path, real, args, kwargs)
        except Exception:
            execution.ended = "raised"
            raise
        execution.ended = "returned"
        return value

    async def _called(
        self, spec: TaskSpec, node_path: str, path: str, real: Any, args: Any, kwargs: Any
    ) -> object:
        outcome = self.book.find(path, node_path, spec)
        if outcome is None:
            return await called_really(spec, real, args, kwargs, self.threads)
        value = outcome(*args, **kwargs)
        return await value if hasattr(value, "__await__") else value

    def faked(self, spec: TaskSpec, node_path: str) -> bool:
        """Whether the task never runs there."""
        return self.book.always(node_path, spec)

    def stored(self, path: str) -> None:
        """The result of a step is in the store."""
        self.results.append(path)

    def gave_up(self, prefix: str) -> None:
        """A map item was collected as failed."""

    def _check_alive(self) -> None:
        if self.dead:
            raise Crash

    def _turns(self, path: str, attempt: int) -> int:
        if not self.order:
            return 0
        return random.Random(f"{self.order}:{path}:{attempt}").choice(_TURNS)  # noqa: S311  drawn, not secret


def _in_words(arguments: tuple[Any, ...]) -> str:
    try:
        text = ", ".join(map(repr, arguments))
    except Exception:  # a user's __repr__ may raise anything
        return "…"
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + "…"
