"""The root of the tree."""

from __future__ import annotations

__all__ = ["SayiirError"]


class SayiirError(Exception):
    """Base of every error that this library raises.

    >>> issubclass(StoreError, SayiirError), issubclass(TaskFailed, SayiirError)
    (True, True)
    """
