"""Where ``result_of`` finds its value: decided once, when the workflow is built.

A reader sees what certainly ran before it: in its own sequence, and in the sequences around
it. Inside a loop that means the same iteration, since what stands behind the reader has not
run in the first one. Compound nodes hand on what certainly ran inside them: a loop its body
(the last iteration), a fork its arms, a branch what every arm has; a map and a child nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sayiir.dsl.definition import ResultRead
from sayiir.dsl.nodes import Branch, ChildWorkflow, Fork, Loop, Map, Node, NodeSequence, TaskNode
from sayiir.dsl.spec import Injected, Injection, TaskSpec
from sayiir.dsl.walk import inner_sequences, walk
from sayiir.errors import DefinitionError

__all__ = ["resolve_reads"]


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a task's result lies: node paths, and the strands that ran them."""

    node_paths: tuple[str, ...]
    strands: frozenset[str]


_Found = dict[TaskSpec, _Source]


@dataclass(slots=True)
class _Scope:
    """What one sequence has run so far. ``outer`` is None at a workflow's own beginning.

    ``strand``: path of the nearest fork arm or map around it. ``numbers``: how many loops and
    maps lie around it, which is how many numbers of a path here all results here share.
    """

    prefix: str
    strand: str
    numbers: int
    outer: _Scope | None
    found: _Found = field(default_factory=dict[TaskSpec, _Source])


def resolve_reads(root: NodeSequence, workflow: str) -> dict[str, tuple[ResultRead, ...]]:
    """The reads of every task, and of every branch key at its branch's node path.

    Raises:
        DefinitionError: a ``result_of`` may be missing where it is read.
    """
    wanted = {
        injected.task
        for _, node in walk(root)
        for injected in _dependencies(node)
        if injected.task is not None
    }
    # Most workflows read nothing back; they needn't be gone through.
    if not wanted:
        return {}
    resolver = _Resolver(workflow, frozenset(wanted))
    resolver.sequence(root, _Scope(prefix="", strand="", numbers=0, outer=None))
    return resolver.reads


def _dependencies(node: Node) -> tuple[Injected, ...]:
    match node:
        case TaskNode(task=task) | Branch(key=task):
            injected = task.signature.injected
            return tuple(one for one in injected if one.source is Injection.RESULT_OF)
        case _:
            return ()


@dataclass(slots=True)
class _Resolver:
    workflow: str
    wanted: frozenset[TaskSpec]
    reads: dict[str, tuple[ResultRead, ...]] = field(
        default_factory=dict[str, tuple[ResultRead, ...]]
    )

    def sequence(self, sequence: NodeSequence, scope: _Scope) -> _Found:
        """Resolve a sequence, and tell what certainly ran in it."""
        for node in sequence.nodes:
            path = scope.prefix + node.id
            dependencies = _dependencies(node)
            if dependencies:
                self.reads[path] = tuple(self._read(one, path, scope) for one in dependencies)
            match node:
                case TaskNode(task=task) | Branch(key=task) if task in self.wanted:
                    scope.found[task] = _Source((path,), frozenset((scope.strand,)))
                case _:
                    pass
            scope.found.update(self._inside(node, path, scope))
        return scope.found

    def _inside(self, node: Node, path: str, scope: _Scope) -> Mapping[TaskSpec, _Source]:
        """What a compound node hands on to what follows it."""
        found = [
            self.sequence(body, _inner_scope(node, path + suffix, scope))
            for suffix, body in inner_sequences(node)
        ]
        match node:
            case Loop():
                return found[0]
            case Fork():
                # Of several arms that hold it the last is the nearest.
                return {task: source for arm in found for task, source in arm.items()}
            case Branch():
                return _in_every_arm(found)
            case _:
                return {}

    def _read(self, injected: Injected, path: str, scope: _Scope) -> ResultRead:
        task = injected.task
        at: _Scope | None = scope
        while at is not None and task is not None:
            source = at.found.get(task)
            if source is not None:
                return ResultRead(
                    parameter=injected.name,
                    node_paths=source.node_paths,
                    shared_numbers=at.numbers,
                    same_strand=source.strands == frozenset((scope.strand,)),
                )
            at = at.outer
        name = task.name if task is not None else "?"
        raise DefinitionError(
            f"parameter {injected.name!r} takes result_of({name}), but {name!r} doesn't precede "
            "it on every path to here; put that task before it in this workflow (a map's "
            "tasks can't be read from outside it, a child and its parent don't see each "
            "other's, and after a branch every arm must have it)",
            workflow=self.workflow,
            node=path,
        )


def _inner_scope(node: Node, path: str, scope: _Scope) -> _Scope:
    return _Scope(
        prefix=f"{path}/",
        strand=path if isinstance(node, (Fork, Map)) else scope.strand,
        numbers=scope.numbers + isinstance(node, (Loop, Map)),
        outer=None if isinstance(node, ChildWorkflow) else scope,
    )


def _in_every_arm(arms: Sequence[_Found]) -> _Found:
    return {
        task: _Source(
            tuple(path for arm in arms for path in arm[task].node_paths),
            frozenset(strand for arm in arms for strand in arm[task].strands),
        )
        for task in arms[0]
        if all(task in arm for arm in arms)
    }
