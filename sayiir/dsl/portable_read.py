"""Reads the portable form of a definition, which may come from anywhere and hold anything.

Each field is asked for with its type, so that damaged or hostile text ends in one clear error
and never in half a definition. Nothing in it is imported, called or looked up.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NoReturn, TypeVar

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.checks import check_header, check_structure
from sayiir.dsl.definition import Definition, ResultRead
from sayiir.dsl.hashing import definition_hash
from sayiir.dsl.nodes import (
    Arm,
    AwaitSignal,
    Branch,
    BranchArm,
    ChildWorkflow,
    Delay,
    Fork,
    Loop,
    Map,
    Node,
    NodeSequence,
    TaskNode,
)
from sayiir.dsl.spec import TaskSpec
from sayiir.errors import DefinitionError, PayloadError
from sayiir.ids import quoted_selector
from sayiir.limits import MAX_NESTING_DEPTH
from sayiir.policy import RetryPolicy

__all__ = ["FORMAT_NAME", "FORMAT_VERSION", "read_definition"]

FORMAT_NAME: Final = "sayiir definition"
FORMAT_VERSION: Final = 1

_LIST: Final[type[list[Any]]] = list

T = TypeVar("T")


def read_definition(data: bytes) -> Definition:
    """See ``dsl.portable.from_portable``."""
    try:
        # Given bytes, json would import whatever encoding they seem to be in.
        content = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"this is no portable definition: {error}") from error
    header = _Fields(content, "the definition")
    if header.take("format", str) != FORMAT_NAME:
        header.refuse("format", f"isn't {FORMAT_NAME!r}")
    version = header.take("format_version", int)
    if version != FORMAT_VERSION:
        raise PayloadError(
            f"this portable definition has format version {version}; this release of sayiir "
            f"reads version {FORMAT_VERSION}"
        )
    try:
        return _definition(header)
    except DefinitionError as error:
        raise PayloadError(f"this portable definition can't be: {error}") from error


def _definition(header: _Fields) -> Definition:
    reader = _Reader()
    root = reader.sequence(header, "nodes", "", depth=0)
    name, version = header.take("name", str), header.take("version", str)
    timeout_seconds = header.seconds("timeout_seconds")
    priority = header.maybe("priority", int)
    tags = header.texts("tags")
    check_header(name, version, timeout_seconds, priority, tags)
    check_structure(name, root)
    found = definition_hash(name, version, root, reader.reads)
    if found != header.take("hash", str):
        header.refuse("hash", f"is not that of its content, which is {found}")
    return Definition(
        name=name,
        version=version,
        root=root,
        definition_hash=found,
        input_type=UNDECLARED,
        output_type=UNDECLARED,
        input_edge=UNDECLARED,
        edges={},
        element_edges={},
        reads=reader.reads,
        kept=frozenset(
            path for reads in reader.reads.values() for read in reads for path in read.node_paths
        ),
        timeout_seconds=timeout_seconds,
        priority=priority,
        tags=tags,
        description=header.text("description"),
        input_digest=header.text("input_digest"),
        output_digest=header.text("output_digest"),
    )


@dataclass(frozen=True, slots=True)
class _Fields:
    """A JSON object, asked for its fields one by one."""

    content: Any
    place: str

    def __post_init__(self) -> None:
        if not isinstance(self.content, dict):
            raise PayloadError(f"portable definition: {self.place} isn't an object")

    def take(self, name: str, kind: type[T]) -> T:
        """A field that must be there. A bool is no int, though Python thinks so."""
        value = self.content.get(name)
        if type(value) is not kind:
            self.refuse(name, f"must be of type {kind.__name__}")
        return value

    def maybe(self, name: str, kind: type[T]) -> T | None:
        """A field that may be absent."""
        return self.take(name, kind) if self.content.get(name) is not None else None

    def text(self, name: str) -> str:
        return self.maybe(name, str) or ""

    def flag(self, name: str) -> bool:
        return self.maybe(name, bool) or False

    def seconds(self, name: str) -> float | None:
        value = self.content.get(name)
        if value is None:
            return None
        try:
            fine = type(value) in (int, float) and math.isfinite(value) and value >= 0
        except OverflowError:
            fine = False
        if not fine:
            self.refuse(name, "must be a number of seconds")
        return float(value)

    def items(self, name: str) -> list[Any]:
        """A list that must be there."""
        return self.take(name, _LIST)

    def objects(self, name: str) -> list[_Fields]:
        items = self.items(name)
        return [_Fields(item, f"{self.place}, {name}[{at}]") for at, item in enumerate(items)]

    def texts(self, name: str) -> tuple[str, ...]:
        items = self.items(name) if self.content.get(name) is not None else []
        if not all(isinstance(item, str) for item in items):
            self.refuse(name, "must be a list of texts")
        return tuple(items)

    def one_of(self, name: str, *words: str) -> Any:
        word = self.take(name, str)
        if word not in words:
            self.refuse(name, f"must be one of {', '.join(words)}")
        return word

    def refuse(self, name: str, problem: str) -> NoReturn:
        raise PayloadError(f"portable definition: {name!r} of {self.place} {problem}")


@dataclass(slots=True)
class _Reader:
    reads: dict[str, tuple[ResultRead, ...]] = field(
        default_factory=dict[str, tuple[ResultRead, ...]]
    )

    def sequence(self, holder: _Fields, name: str, prefix: str, depth: int) -> NodeSequence:
        if depth > MAX_NESTING_DEPTH:
            holder.refuse(name, f"nests deeper than {MAX_NESTING_DEPTH} levels")
        return NodeSequence(
            tuple(self._node(fields, prefix, depth) for fields in holder.objects(name))
        )

    def _node(self, fields: _Fields, prefix: str, depth: int) -> Node:
        kind, node_id = fields.take("kind", str), fields.take("id", str)
        read = _READERS.get(kind)
        if read is None:
            fields.refuse("kind", f"is {kind[:40]!r}, which this release doesn't know")
        return read(self, fields, prefix + node_id, depth)

    def body(self, fields: _Fields, path: str, depth: int) -> NodeSequence:
        return self.sequence(fields, "nodes", f"{path}/", depth + 1)

    def task(self, fields: _Fields, name: str, path: str) -> TaskSpec:
        reads = [] if fields.content.get("reads") is None else fields.objects("reads")
        if reads:
            self.reads[path] = tuple(_result_read(read) for read in reads)
        task = _Fields(fields.content.get(name), f"{name} of {fields.place}")
        return TaskSpec(
            name=task.take("name", str),
            function=None,
            decorated=not task.flag("plain"),
            is_async=task.flag("is_async"),
            version=task.text("version"),
            timeout_seconds=task.seconds("timeout_seconds"),
            policy=RetryPolicy(max_retries=task.maybe("max_retries", int) or 0),
            tags=task.texts("tags"),
            priority=task.maybe("priority", int),
            run_in=task.take("run_in", str),
            idempotent=task.flag("idempotent"),
            description=task.text("description"),
            known_body=task.text("body_digest"),
        )


def _result_read(fields: _Fields) -> ResultRead:
    return ResultRead(
        parameter=fields.take("parameter", str),
        node_paths=fields.texts("node_paths"),
        shared_numbers=fields.take("shared_numbers", int),
        same_strand=fields.take("same_strand", bool),
    )


def _task_node(reader: _Reader, fields: _Fields, path: str, depth: int) -> Node:
    return TaskNode(fields.take("id", str), reader.task(fields, "task", path))


def _fork(reader: _Reader, fields: _Fields, path: str, depth: int) -> Node:
    arms: list[Arm] = []
    for arm in fields.objects("arms"):
        selector = arm.take("selector", str)
        body = reader.body(arm, f"{path}[{quoted_selector(selector)}]", depth)
        arms.append(Arm(selector, body))
    join: Literal["all", "last"] = fields.one_of("join", "all", "last")
    return Fork(fields.take("id", str), tuple(arms), named=fields.take("named", bool), join=join)


def _branch(reader: _Reader, fields: _Fields, path: str, depth: int) -> Node:
    arms: list[BranchArm] = []
    for arm in fields.objects("arms"):
        selector = arm.take("selector", str)
        body = reader.body(arm, f"{path}[{quoted_selector(selector)}]", depth)
        # The key itself, an Enum perhaps, doesn't travel; its text picks the arm all the same.
        arms.append(BranchArm(key=selector, selector=selector, body=body))
    default = None
    if fields.content.get("default") is not None:
        default = reader.sequence(fields, "default", f"{path}[*]/", depth + 1)
    return Branch(
        fields.take("id", str),
        key=reader.task(fields, "key", path),
        arms=tuple(arms),
        default=default,
        merged=fields.take("merged", bool),
    )


def _loop(reader: _Reader, fields: _Fields, path: str, depth: int) -> Node:
    return Loop(
        fields.take("id", str),
        reader.body(fields, path, depth),
        max_iterations=fields.take("max_iterations", int),
        on_max=fields.one_of("on_max", "fail", "exit_with_last"),
        history=fields.one_of("history", "last", "all"),
    )


def _map(reader: _Reader, fields: _Fields, path: str, depth: int) -> Node:
    return Map(
        fields.take("id", str),
        reader.body(fields, path, depth),
        max_concurrency=fields.maybe("max_concurrency", int),
        on_error=fields.one_of("on_error", "fail", "collect"),
    )


def _delay(reader: _Reader, fields: _Fields, path: str, depth: int) -> Node:
    text = fields.maybe("until", str)
    try:
        until = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        fields.refuse("until", "must be an ISO 8601 date and time")
    # Neither is there where the moment is asked of a callable, which doesn't travel.
    return Delay(fields.take("id", str), seconds=fields.seconds("seconds"), until=until)


def _await_signal(reader: _Reader, fields: _Fields, path: str, depth: int) -> Node:
    return AwaitSignal(
        fields.take("id", str),
        fields.take("signal_name", str),
        timeout_seconds=fields.seconds("timeout_seconds"),
        has_default=fields.take("has_default", bool),
        keep_input=fields.take("keep_input", bool),
    )


def _child(reader: _Reader, fields: _Fields, path: str, depth: int) -> Node:
    return ChildWorkflow(
        fields.take("id", str),
        name=fields.take("name", str),
        version=fields.take("version", str),
        body=reader.body(fields, path, depth),
    )


_READERS: Final[dict[str, Callable[[_Reader, _Fields, str, int], Node]]] = {
    "task": _task_node,
    "fork": _fork,
    "branch": _branch,
    "loop": _loop,
    "map": _map,
    "delay": _delay,
    "await_signal": _await_signal,
    "child": _child,
}
