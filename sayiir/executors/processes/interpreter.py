"""How another process of the same Python is started, which never imports ``__main__``."""

from __future__ import annotations

import json
import sys

from sayiir.errors import SayiirError

__all__ = ["interpreter", "search_path"]


def interpreter() -> list[str]:
    """This Python with the options that change what code means; -P: nothing from the folder.

    Raises:
        SayiirError: this Python doesn't know its own executable.
    """
    if not sys.executable:
        raise SayiirError("sys.executable is empty, so worker processes can't be started")
    optimised = ["-" + "O" * sys.flags.optimize] if sys.flags.optimize else []
    return [sys.executable, "-P", *optimised, *(f"-W{option}" for option in sys.warnoptions)]


def search_path() -> str:
    """Where this process finds modules, as JSON for ``sys.path``."""
    return json.dumps([str(entry) for entry in sys.path])
