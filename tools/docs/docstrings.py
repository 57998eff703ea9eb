"""How docstrings are read for the site: examples as code, and ``task`` as the function it is."""

from __future__ import annotations

import re
from typing import Any

import griffe

# An example: a line that begins with >>>, and all that follows up to an empty line.
_EXAMPLE = re.compile(r"^>>>(?:.+\n?)+", re.MULTILINE)


class SayiirDocstrings(griffe.Extension):
    """Changes what was read, before it is rendered."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Fence the examples: Markdown takes ``>>>`` for three quotations in one another."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Show ``task`` by its implementation: what checkers see of it has 23 signatures."""
        if pkg.name != "sayiir":
            return
        module = pkg["dsl.task"]
        function = module["_task"]
        function.name = "task"
        module.set_member("task", function)


def fenced(text: str) -> str:
    """The docstring with its examples in fences."""
    return _EXAMPLE.sub(lambda found: f"```pycon\n{found[0].rstrip()}\n```\n", text)
