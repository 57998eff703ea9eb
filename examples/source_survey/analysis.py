"""One source file, parsed and counted. Pure: bytes in, findings out."""

from __future__ import annotations

import ast
import warnings
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from examples.source_survey.values import (
    COMPLEXITY_STARTS,
    Counts,
    FileFindings,
    FunctionFindings,
)

__all__ = ["FEATURES", "analyse_source", "decisions_of"]

KEPT_FUNCTIONS: Final = 3
"""How many of a file's worst functions are kept: enough for a list of the worst of all."""

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Definition: TypeAlias = Function | ast.ClassDef

FEATURES: Final[dict[str, tuple[type[ast.AST], ...]]] = {
    "comprehensions": (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
    "decorators": (),  # told by what a definition carries, not by a node
    "context managers": (ast.With, ast.AsyncWith),
    "lambda": (ast.Lambda,),
    "f-strings": (ast.JoinedStr,),
    "generators": (ast.Yield, ast.YieldFrom),
    "variable annotations": (ast.AnnAssign,),
    "async": (ast.AsyncFunctionDef,),
    "walrus": (ast.NamedExpr,),
    "match": (ast.Match,),
}
_FEATURE_OF: Final = {kind: name for name, kinds in FEATURES.items() for kind in kinds}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a node stands.

    Attributes:
        name: dotted name of the innermost class or function; empty for the module.
        function: index of the function whose decisions these are, or None outside any.
        public: a public name would be visible here.
        in_class: it stands directly in a class, so that parameters may be self or cls.
    """

    name: str = ""
    function: int | None = None
    public: bool = True
    in_class: bool = False


def analyse_source(path: str, source: bytes) -> FileFindings:
    """Parse a file and count what is in it.

    Args:
        path: its path, relative to the root; nothing is opened.
        source: its bytes; an encoding declaration in them is obeyed.

    Raises:
        SyntaxError: it is no Python of this version, or its encoding is unknown.
        ValueError: it has bytes that no source may have.
        RecursionError, MemoryError: it is nested deeper than the parser goes.

    >>> findings = analyse_source("a.py", b"def f(x: int):\\n    return x if x else 0\\n")
    >>> findings.counts.functions, findings.counts.annotated, findings.counts.slots
    (1, 1, 2)
    >>> findings.most_complex[0].complexity
    2
    """
    tree = _parsed(source, path)
    survey = _Survey(path)
    survey.walk(tree)
    functions = survey.functions()
    buckets = Counter(bisect_right(COMPLEXITY_STARTS, f.complexity) - 1 for f in functions)
    lines = _line_kinds(source, survey.docstring_lines)
    worst = sorted(functions, key=lambda f: (-f.complexity, f.line))[:KEPT_FUNCTIONS]
    return FileFindings(
        path=path,
        counts=Counts(
            files=1,
            code_lines=lines["code"],
            docstring_lines=lines["docstring"],
            comment_lines=lines["comment"],
            blank_lines=lines["blank"],
            complexity=sum(f.complexity for f in functions),
            functions=len(functions),
            **survey.tally,
        ),
        complexities=tuple(buckets[index] for index in range(len(COMPLEXITY_STARTS))),
        most_complex=tuple(worst),
        features=tuple(name for name in FEATURES if name in survey.features),
    )


def decisions_of(path: str, source: bytes, line: int) -> dict[str, int]:
    """What makes the function that starts at a line complex: decisions by their kind.

    Raises:
        SyntaxError: as ``analyse_source``.
        LookupError: no function starts there (the file has changed).

    >>> decisions_of("a.py", b"def f(x):\\n    return x and [y for y in x if y]\\n", 1)
    {'and, or': 1, 'comprehension': 2}
    """
    for node in ast.walk(_parsed(source, path)):
        if isinstance(node, Function) and node.lineno == line:
            found: Counter[str] = Counter()
            inside: list[ast.AST] = list(ast.iter_child_nodes(node))
            while inside:
                child = inside.pop()
                kind, weight = _decision(child)
                if weight:
                    found[kind] += weight
                if not isinstance(child, Function):
                    inside.extend(ast.iter_child_nodes(child))
            return dict(sorted(found.items()))
    raise LookupError(f"no function starts at {path}:{line}")


def _parsed(source: bytes, path: str) -> ast.Module:
    with warnings.catch_warnings():
        # What the surveyed files should mend is theirs, and would be printed across the bar.
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        return ast.parse(source, filename=path)


def _decision(node: ast.AST) -> tuple[str, int]:
    """The kind of decision that a node is, and how many ways it adds; ``("", 0)`` for none."""
    match node:
        case ast.If() | ast.IfExp():
            return "if, elif", 1
        case ast.For() | ast.AsyncFor() | ast.While():
            return "loop", 1
        case ast.ExceptHandler():
            return "except", 1
        case ast.BoolOp():
            return "and, or", len(node.values) - 1
        case ast.comprehension():
            return "comprehension", 1 + len(node.ifs)
        case ast.match_case():
            return "case", 1
        case _:
            return "", 0


class _Survey:
    """A walk over one tree, with a stack of its own: generated code can nest very deep."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._found: list[tuple[Function, str]] = []
        self._complexity: list[int] = []
        self.features: set[str] = set()
        self.docstring_lines: set[int] = set()
        self.tally: Counter[str] = Counter()

    def functions(self) -> list[FunctionFindings]:
        """The functions found, in the order of the walk."""
        return [
            FunctionFindings(
                path=self._path,
                name=name,
                line=node.lineno,
                lines=(node.end_lineno or node.lineno) - node.lineno + 1,
                complexity=complexity,
            )
            for (node, name), complexity in zip(self._found, self._complexity, strict=True)
        ]

    def walk(self, tree: ast.Module) -> None:
        self._count_docstring(tree, public=True)
        stack: list[tuple[ast.AST, _Place]] = [(tree, _Place())]
        while stack:
            node, place = stack.pop()
            feature = _FEATURE_OF.get(type(node))
            if feature is not None:
                self.features.add(feature)
            if place.function is not None:
                self._complexity[place.function] += _decision(node)[1]
            if isinstance(node, Definition):
                place = self._enter(node, place)
            stack.extend((child, place) for child in ast.iter_child_nodes(node))

    def _enter(self, node: Definition, place: _Place) -> _Place:
        name = f"{place.name}.{node.name}" if place.name else node.name
        public = place.public and not node.name.startswith("_")
        self._count_docstring(node, public=public)
        if node.decorator_list:
            self.features.add("decorators")
        if isinstance(node, ast.ClassDef):
            self.tally["classes"] += 1
            return _Place(name, place.function, public, in_class=True)
        self.tally["async_functions"] += isinstance(node, ast.AsyncFunctionDef)
        self._count_annotations(node, in_class=place.in_class)
        self._found.append((node, name))
        self._complexity.append(1)
        return _Place(name, len(self._found) - 1, public=False)

    def _count_docstring(self, node: ast.Module | Definition, *, public: bool) -> None:
        documented = ast.get_docstring(node, clean=False) is not None
        if documented:
            first = node.body[0]
            self.docstring_lines.update(range(first.lineno, (first.end_lineno or 0) + 1))
        if public:
            self.tally["public"] += 1
            self.tally["documented"] += documented

    def _count_annotations(self, node: Function, *, in_class: bool) -> None:
        for index, parameter in enumerate(_parameters(node.args)):
            if in_class and index == 0 and parameter.arg in ("self", "cls"):
                continue
            self.tally["slots"] += 1
            self.tally["annotated"] += parameter.annotation is not None
        self.tally["slots"] += 1
        self.tally["annotated"] += node.returns is not None


def _parameters(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from arguments.posonlyargs
    yield from arguments.args
    if arguments.vararg is not None:
        yield arguments.vararg
    yield from arguments.kwonlyargs
    if arguments.kwarg is not None:
        yield arguments.kwarg


def _line_kinds(source: bytes, docstring_lines: set[int]) -> Counter[str]:
    kinds: Counter[str] = Counter()
    for number, line in enumerate(source.splitlines(), start=1):
        text = line.strip()
        if number in docstring_lines:
            kinds["docstring"] += 1
        elif not text:
            kinds["blank"] += 1
        else:
            kinds["comment" if text.startswith(b"#") else "code"] += 1
    return kinds
