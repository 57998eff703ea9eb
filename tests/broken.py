"""Stores and engines with one mistake each. A test that lets one of them pass has a hole.

A mistake is a small change to the source of one function: what is replaced must be there, so
that a change of the code that would make a mistake harmless is noticed.
"""

from __future__ import annotations

import inspect
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

__all__ = ["Mistake"]


@dataclass(frozen=True)
class Mistake:
    """In ``owner.name``, ``right`` becomes ``wrong``."""

    what: str
    owner: Any
    name: str
    right: str
    wrong: str

    def make(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Break it until the monkeypatch is undone."""
        found = getattr(self.owner, self.name)
        function = found.fget if isinstance(found, property) else found
        source = textwrap.dedent(inspect.getsource(function))
        assert self.right in source, f"{self.what}: {self.right!r} isn't in {self.name}"
        namespace = dict(function.__globals__)
        exec(compile(source.replace(self.right, self.wrong), self.what, "exec"), namespace)
        monkeypatch.setattr(self.owner, self.name, namespace[self.name])
