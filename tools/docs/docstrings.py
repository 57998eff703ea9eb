"""What the site shows of the code: examples as code, ``task`` as the function it is, and defaults
as the values that they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import griffe

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONSTANT = re.compile(r"[A-Z][A-Z_]*")
_NUMBER = re.compile(r"\d[\d_]*(\.\d+)?")
# An example: a line that begins with >>>, and all that follows up to an empty line.
_EXAMPLE = re.compile(r"^>>>(?:.+\n?)+", re.MULTILINE)


class SayiirDocstrings(griffe.Extension):
    """Changes what was read, before it is rendered."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Fence the examples: Markdown takes ``>>>`` for three quotations in one another."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Show ``task`` by its implementation: what checkers see of it has 23 signatures.

        And a default that is a named number as the number: what it is called helps no reader.
        """
        if pkg.name != "sayiir":
            return
        for function in _functions(pkg):
            for parameter in function.parameters:
                parameter.default = _shown(parameter.default, function)
        module = pkg["dsl.task"]
        function = module["_task"]
        function.name = "task"
        module.set_member("task", function)


def _functions(outer: griffe.Module | griffe.Class) -> Iterator[griffe.Function]:
    for member in outer.members.values():
        if isinstance(member, griffe.Function):
            yield member
        elif isinstance(member, (griffe.Module, griffe.Class)):
            yield from _functions(member)


def _shown(
    default: str | griffe.Expr | None, function: griffe.Function
) -> str | griffe.Expr | None:
    """The number that a default's name stands for; every other default as it is."""
    if not isinstance(default, griffe.ExprName) or _CONSTANT.fullmatch(default.name) is None:
        return default
    constant = function.modules_collection[default.canonical_path]
    number = str(constant.value)
    return number.removesuffix(".0") if _NUMBER.fullmatch(number) else default


def fenced(text: str) -> str:
    """The docstring with its examples in fences."""
    return _EXAMPLE.sub(lambda found: f"```pycon\n{found[0].rstrip()}\n```\n", text)
