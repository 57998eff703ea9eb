"""The command line: ``sayiir`` and ``python -m sayiir``.

Importing this loads nothing. ``app`` lists the commands, ``commands/`` holds one file for each
family of them, and the rest is what they share. Commands are thin: what they do is done by the
runner, the client and the worker that everybody uses.
"""

from __future__ import annotations

import sys
from importlib import import_module

__all__ = ["main"]

_NEEDED = ("typer", "rich")


def main() -> None:
    """Run the command that the process was started with, and exit with its code."""
    for name in _NEEDED:
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            sys.stderr.write(
                f"the command line needs {name}, which isn't installed here; "
                "pip install 'sayiir-py[cli]'\n"
            )
            raise SystemExit(2) from None
    try:
        from sayiir.cli.app import app

        app(prog_name="sayiir")
    except KeyboardInterrupt:  # before a command has begun
        raise SystemExit(130) from None
