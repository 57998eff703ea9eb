"""``new``: a starter project."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from sayiir.cli.options import JsonOption

__all__ = ["new"]


def new(
    folder: Annotated[
        Path,
        typer.Argument(help="Where to write it; its name is the project's.", show_default=False),
    ],
    as_json: JsonOption = False,
) -> None:
    """Write a starter project: a workflow, its test, a pyproject.toml and a README."""
    from sayiir.cli.exits import Problem
    from sayiir.cli.screen import print_json, say
    from sayiir.cli.starter import starter_files

    project = folder.resolve().name
    module = project.replace("-", "_").replace(" ", "_").lower()
    if not module.isidentifier():
        raise Problem(f"{project!r} can't be a module's name; begin it with a letter")
    files = starter_files(project, module)
    taken = [name for name in files if (folder / name).exists()]
    if taken:
        raise Problem(f"{folder} has {', '.join(taken)} already; nothing was written")
    for name, text in files.items():
        file = folder / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Problem(f"{file}: {error.strerror or error}") from None
    if as_json:
        print_json({"folder": str(folder), "files": sorted(files)})
        return
    for name in sorted(files):
        say(f"{folder}/{name}")
    say(f"\ncd {shlex.quote(str(folder))}\nsayiir run {module}:greet --input '\"Ada\"'")
