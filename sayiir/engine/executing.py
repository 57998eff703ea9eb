"""Tasks that run elsewhere: in processes, on a cluster, on an executor of the user's own."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sayiir.dsl.class_call import ClassCall
from sayiir.dsl.inject import type_name
from sayiir.dsl.spec import Injection
from sayiir.engine.failures import AttemptTimedOut
from sayiir.errors import ExecutorMissing, SayiirError
from sayiir.executors.protocol import Call, Setup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sayiir.dsl.spec import TaskSpec
    from sayiir.engine.attempt import Attempt
    from sayiir.engine.position import Place
    from sayiir.engine.resources import Resources
    from sayiir.executors.protocol import Executor

__all__ = ["OWN_PLACES", "DeadlinePassed", "Executors", "executor_names", "setup_of"]

OWN_PLACES: Final = frozenset({"loop", "thread"})
"""Values of ``run_in`` that need no executor."""
PROCESS: Final = "process"


class DeadlinePassed(AttemptTimedOut):
    """The workflow's own deadline came while a call waited for its executor, or ran there."""


def executor_names(places: Iterable[Place]) -> dict[str, str]:
    """Executors that the tasks of a definition name: name -> path of the first such task."""
    found: dict[str, str] = {}
    for place in places:
        if place.task is not None and place.task.run_in not in OWN_PLACES:
            found.setdefault(place.task.run_in, place.node_path)
    return found


def setup_of(spec: TaskSpec, resources: Resources) -> tuple[Setup, ...]:
    """What a process has to make for a task: its resources, and a class task's instance.

    Raises:
        DefinitionError: a resource wasn't given as a factory.
    """
    asked = {
        injected.name: injected.annotation
        for injected in spec.signature.injected
        if injected.source is Injection.RESOURCE
    }
    setup = _resources_for(asked, resources)
    built = spec.function
    if isinstance(built, ClassCall):
        needs = _resources_for(built.needs, resources)
        setup += (Setup(f"class task {built.kind.__qualname__}", built.kind, needs=needs),)
    return setup


def _resources_for(asked: Mapping[str, Any], resources: Resources) -> tuple[Setup, ...]:
    if not asked:
        return ()
    factories = resources.factories(asked.values())
    return tuple(
        Setup(f"resource {type_name(key)}", factories[key], name, kind=key)
        for name, key in asked.items()
    )


class Executors:
    """The executors of one runner or run: those handed over, and a pool of processes.

    The pool is made when the first task asks for it, and closed here; what was handed over is
    closed by who made it.

    Args:
        given: name -> executor.

    Raises:
        SayiirError: a name is one of ``"loop"`` and ``"thread"``.
    """

    def __init__(self, given: Mapping[str, Executor] | None = None) -> None:
        self._given = dict(given or {})
        self._pool: Executor | None = None
        for name in OWN_PLACES & self._given.keys():
            raise SayiirError(
                f"executors={{{name!r}: …}}: tasks run in the {name} without an executor; choose "
                "another name"
            )

    def check(self, workflow: str, names: Mapping[str, str]) -> None:
        """Refuse a workflow that names an executor which nobody gave.

        Raises:
            ExecutorMissing: with the name and the first task that names it.
        """
        for name, path in names.items():
            if name not in self._given and name != PROCESS:
                raise ExecutorMissing(name, workflow, path, tuple(sorted(self._given)))

    async def run(
        self,
        spec: TaskSpec,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        attempt: Attempt,
        setup: tuple[Setup, ...],
        deadline_seconds: float | None,
    ) -> Any:
        """The task's return value, from the executor that it names.

        Args:
            spec: the task.
            args: its positional arguments.
            kwargs: its named arguments.
            attempt: what its context is made of.
            setup: what its process makes for it, once.
            deadline_seconds: until the workflow's own timeout; counts while the call waits too.

        Raises:
            AttemptTimedOut: from its start on it took longer than its timeout.
            DeadlinePassed: the workflow's timeout passed.
            BaseException: what the function or the executor raised.
        """
        loop = asyncio.get_running_loop()
        ends_at = None if deadline_seconds is None else loop.time() + deadline_seconds
        scope = asyncio.timeout_at(ends_at)
        timeout = spec.timeout_seconds

        def started() -> datetime | None:
            ends = [] if ends_at is None else [ends_at]
            if timeout is not None:
                ends.append(loop.time() + timeout)
            if not ends:
                return None
            if not scope.expired():  # else this call is about to be told
                scope.reschedule(min(ends))
            return datetime.now(UTC) + timedelta(seconds=min(ends) - loop.time())

        function = spec.function
        if function is None:
            raise TypeError(f"task {spec.name!r} has no function: its definition was only read")
        context = attempt.context
        call = Call(
            function=function,
            args=args,
            kwargs={name: value for name, value in kwargs.items() if value is not context},
            context=context,
            context_parameters=tuple(n for n, value in kwargs.items() if value is context),
            setup=setup,
            started=started,
        )
        value = None
        try:
            async with scope:
                value = await self._named(spec.run_in).run(call)
        except TimeoutError:
            if not scope.expired():
                raise
        if scope.expired():  # also where it was cancelled and gave a value all the same
            if ends_at is not None and loop.time() >= ends_at:
                raise DeadlinePassed(deadline_seconds or 0.0)
            raise AttemptTimedOut(timeout or 0.0)
        return value

    async def close(self) -> None:
        """Close the pool, if there is one. Idempotent."""
        if self._pool is not None:
            await self._pool.close()

    def _named(self, name: str) -> Executor:
        given = self._given.get(name)
        if given is not None:
            return given
        if name != PROCESS:  # checked at the start of every run; a definition can't get past it
            raise SayiirError(f"there is no executor {name!r} here")
        if self._pool is None:
            # Late: it takes cloudpickle along, which most runs don't need.
            from sayiir.executors.processes.pool import ProcessPool

            self._pool = ProcessPool()
        return self._pool
