"""Branch keys as text: how paths, the hash and ``BranchResult.branch`` spell them."""

from __future__ import annotations

from enum import Enum

from sayiir.errors import DefinitionError

__all__ = ["key_text"]


def key_text(key: object) -> str:
    """The key as text; keys that render alike can't stand in one branch.

    Raises:
        DefinitionError: not a str, bool, int or an Enum whose value is one of them.

    >>> key_text("a"), key_text(1), key_text(True)
    ('a', '1', 'True')
    """
    value = key.value if isinstance(key, Enum) else key
    if isinstance(value, (str, bool, int)):
        return str(value)
    raise DefinitionError(
        f"a branch key is a str, bool, int or Enum of those, not {type(key).__name__}"
    )
