"""Digests of functions' bodies: kept beside the definition hash, to tell people what changed."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sayiir.dsl.callables import is_lambda, python_function
from sayiir.dsl.nodes import Branch, TaskNode
from sayiir.dsl.walk import walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.dsl.definition import Definition
    from sayiir.dsl.spec import TaskSpec

__all__ = ["body_digest", "changed_bodies"]

_UNSAID = frozenset({"ctx", "type_comment", "kind"})
"""Fields of the syntax tree that say nothing more than the others, or differ between Pythons."""


def body_digest(function: Callable[..., Any] | None) -> str:
    """32 hexadecimal digits of what the function's statements say; empty where that isn't known.

    Taken from the source's syntax tree and not from bytecode, which every Python writes
    otherwise. Comments, layout, docstrings, decorators and annotations of parameters don't
    count. What it calls isn't followed. Lambdas have none: a line may hold several.

    >>> body_digest(len), body_digest(lambda n: n)
    ('', '')
    """
    if function is None or is_lambda(function):
        return ""
    written = python_function(function)
    if written is None:
        return ""
    import xxhash

    try:
        (node,) = ast.parse(textwrap.dedent(inspect.getsource(written))).body
    except (OSError, TypeError, ValueError, SyntaxError, RecursionError):
        return ""  # typed at a prompt, built by exec, or its file has gone
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return ""
    statements = node.body
    if ast.get_docstring(node, clean=False) is not None:
        statements = statements[1:]
    lines: list[str] = []
    _say(statements, 0, lines)
    return str(xxhash.xxh3_128_hexdigest("\n".join(lines).encode(errors="surrogatepass")))


def _say(value: object, depth: int, lines: list[str]) -> None:
    """What a syntax tree says, a line for each node; positions and what is empty are left out."""
    if isinstance(value, ast.AST):
        lines.append(f"{depth} {type(value).__name__}")
        for name, inner in ast.iter_fields(value):
            if name not in _UNSAID and inner is not None and inner != []:
                lines.append(f"{depth} .{name}")
                _say(inner, depth + 1, lines)
    elif isinstance(value, list):
        inners: list[object] = value  # pyright: ignore[reportUnknownVariableType]
        for inner in inners:
            _say(inner, depth, lines)
    else:
        lines.append(f"{depth} {value!r}")


def changed_bodies(old: Definition, new: Definition) -> tuple[str, ...]:
    """Names of the tasks whose bodies differ, in the order of the graph; both have one hash.

    A body that either of them doesn't know hasn't changed.
    """
    before = {path: task.body_digest for path, task in _tasks(old)}
    return tuple(
        dict.fromkeys(
            task.name
            for path, task in _tasks(new)
            if before.get(path) and task.body_digest and before[path] != task.body_digest
        )
    )


def _tasks(definition: Definition) -> Iterator[tuple[str, TaskSpec]]:
    for path, node in walk(definition.root):
        match node:
            case TaskNode(task=task) | Branch(key=task):
                yield path, task
            case _:
                pass
