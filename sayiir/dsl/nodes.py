"""The eight node kinds and the sequences that hold them: the immutable graph itself.

A sequence is a scope: ids are unique within it. What a node holds inside (arms, bodies) are
sequences again. Nothing here runs anything; ``engine/advance.py`` gives the nodes meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Literal, TypeAlias

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.spec import TaskSpec

__all__ = [
    "Arm",
    "AwaitSignal",
    "Branch",
    "BranchArm",
    "BranchKey",
    "ChildWorkflow",
    "Delay",
    "Fork",
    "Loop",
    "Map",
    "Node",
    "NodeSequence",
    "TaskNode",
]

BranchKey: TypeAlias = str | int | bool | Enum


@dataclass(frozen=True, slots=True, eq=False)
class NodeSequence:
    """Nodes that run one after the other; their ids are unique here."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TaskNode:
    """Call a task with the flowing value; its output flows on."""

    id: str
    task: TaskSpec


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """One arm of a fork. ``selector``: its index, or its name where arms are named."""

    selector: str
    body: NodeSequence


@dataclass(frozen=True, slots=True, eq=False)
class Fork:
    """Run all arms concurrently on the same input and join their outputs.

    The join is a tuple in order; a dict by name where ``named``; ``into`` built from that dict;
    the last arm's output alone with ``join="last"``.
    """

    id: str
    arms: tuple[Arm, ...]
    named: bool = False
    into: Any = None
    join: Literal["all", "last"] = "all"


@dataclass(frozen=True, slots=True, eq=False)
class BranchArm:
    """One arm of a branch. ``selector``: its key as text, as paths and the hash spell it."""

    key: BranchKey
    selector: str
    body: NodeSequence


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """Ask ``key`` and run the one arm that it picks, ``default`` where it picks none.

    The output is a ``BranchResult``, or the arm's output alone where ``merged``.
    """

    id: str
    key: TaskSpec
    arms: tuple[BranchArm, ...]
    default: NodeSequence | None = None
    merged: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """Run ``body`` until it gives Done; Again(value) is the next iteration's input."""

    id: str
    body: NodeSequence
    max_iterations: int = 10
    on_max: Literal["fail", "exit_with_last"] = "fail"
    history: Literal["last", "all"] = "last"


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """Run ``body`` once per element of the flowing sequence; a list of outputs flows on."""

    id: str
    body: NodeSequence
    max_concurrency: int | None = None
    on_error: Literal["fail", "collect"] = "fail"


@dataclass(frozen=True, slots=True, eq=False)
class Delay:
    """Park for ``seconds``, or until a moment; the value flows on unchanged.

    Exactly one of ``seconds`` and ``until`` is set. ``until``: an aware datetime, or a callable
    that is given the flowing value (or nothing) and returns one.
    """

    id: str
    seconds: float | None = None
    until: datetime | Callable[..., datetime] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AwaitSignal:
    """Park until an event for ``signal_name`` comes; its payload flows on."""

    id: str
    signal_name: str
    payload_type: Any = UNDECLARED
    timeout_seconds: float | None = None
    has_default: bool = False
    default: Any = None
    keep_input: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ChildWorkflow:
    """A workflow used as a flow: inlined, with its own scope of paths and of ``result_of``.

    ``input_type`` and ``output_type`` are its builder's annotation.
    """

    id: str
    name: str
    version: str
    body: NodeSequence
    input_type: Any = UNDECLARED
    output_type: Any = UNDECLARED


Node: TypeAlias = TaskNode | Fork | Branch | Loop | Map | Delay | AwaitSignal | ChildWorkflow
