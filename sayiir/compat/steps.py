"""What a ``Flow`` collects: the steps of a workflow as it was written, before it has nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from sayiir.compat.decorators import TaskMetadata

__all__ = [
    "Chain",
    "ChildStep",
    "DelayStep",
    "ForkStep",
    "LoopStep",
    "RouteStep",
    "SignalStep",
    "Step",
    "TaskStep",
    "key_order",
    "rebound",
    "tasks_of",
]

Registry: TypeAlias = Mapping[str, Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class TaskStep:
    """Call a function. ``function`` None: a registry has it."""

    id: str
    metadata: TaskMetadata | None
    function: Callable[..., Any] | None


Chain: TypeAlias = tuple[TaskStep, ...]


@dataclass(frozen=True, slots=True)
class DelayStep:
    """Wait."""

    id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class SignalStep:
    """Wait for an event."""

    id: str
    signal_name: str
    timeout_seconds: float | None


@dataclass(frozen=True, slots=True)
class ForkStep:
    """Run chains beside each other; ``join`` gets a dict by the ids of their first tasks."""

    branches: tuple[Chain, ...]
    join: TaskStep

    @property
    def id(self) -> str:
        """The fork's id as the published package makes it."""
        return "||".join(chain[0].id for chain in self.branches)


@dataclass(frozen=True, slots=True)
class RouteStep:
    """Run the chain that the key picks. ``key``: the task that is asked for it."""

    id: str
    key: TaskStep
    branches: tuple[tuple[str, Chain], ...]
    default: Chain | None


@dataclass(frozen=True, slots=True)
class LoopStep:
    """Run the body until it is done."""

    id: str
    body: TaskStep
    max_iterations: int
    on_max: Literal["fail", "exit_with_last"]


@dataclass(frozen=True, slots=True)
class ChildStep:
    """Run another workflow's steps."""

    id: str
    name: str
    steps: tuple[Step, ...]


Step: TypeAlias = TaskStep | DelayStep | SignalStep | ForkStep | RouteStep | LoopStep | ChildStep


def key_order(key: str) -> bytes:
    """What the branches of a route are sorted by where their order says nothing."""
    return key.encode("utf-8", "surrogatepass")


def tasks_of(steps: tuple[Step, ...]) -> Iterator[TaskStep]:
    """Every task, key functions and joins included, in order."""
    for step in steps:
        match step:
            case TaskStep():
                yield step
            case ForkStep(branches=chains, join=join):
                for chain in chains:
                    yield from chain
                yield join
            case RouteStep(key=key, branches=branches, default=default):
                yield key
                for _, chain in branches:
                    yield from chain
                yield from default or ()
            case LoopStep(body=body):
                yield body
            case ChildStep(steps=inner):
                yield from tasks_of(inner)
            case DelayStep() | SignalStep():
                pass


def rebound(steps: tuple[Step, ...], functions: Registry) -> tuple[Step, ...]:
    """The steps with the functions that a registry has for their ids."""
    return tuple(_rebound(step, functions) for step in steps)


def _rebound(step: Step, functions: Registry) -> Step:
    match step:
        case TaskStep():
            return _task(step, functions)
        case ForkStep(branches=chains, join=join):
            return ForkStep(
                tuple(_chain(chain, functions) for chain in chains), _task(join, functions)
            )
        case RouteStep(key=key, branches=branches, default=default):
            return replace(
                step,
                key=_task(key, functions),
                branches=tuple((name, _chain(chain, functions)) for name, chain in branches),
                default=None if default is None else _chain(default, functions),
            )
        case LoopStep(body=body):
            return replace(step, body=_task(body, functions))
        case ChildStep(steps=inner):
            return replace(step, steps=rebound(inner, functions))
        case DelayStep() | SignalStep():
            return step


def _chain(chain: Chain, functions: Registry) -> Chain:
    return tuple(_task(step, functions) for step in chain)


def _task(step: TaskStep, functions: Registry) -> TaskStep:
    return replace(step, function=functions.get(step.id, step.function))
