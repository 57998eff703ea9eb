"""Writes the last part of ``docs/reference/command-line.md``: every command with its options.

    python -m tools.generate_command_reference          write it
    python -m tools.generate_command_reference --check  fail if it would change

What stands above the marker is written by hand; the tests hold it to the code as well.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from sayiir.cli.app import COMMANDS, app

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "command-line.md"
MARKER = "## Commands\n"


def generated() -> str:
    """The whole page, its last part made anew."""
    kept = PAGE.read_text(encoding="utf-8").split(MARKER)[0].rstrip()
    return f"{kept}\n\n{MARKER}\n" + "\n".join(_commands()).rstrip() + "\n"


def _commands() -> Iterator[str]:
    group: Any = typer.main.get_command(app)
    yield "This part is made from the code, by `python -m tools.generate_command_reference`."
    yield ""
    for name in COMMANDS:
        command = group.commands[name]
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        options = [one for one in command.params if one.param_type_name == "option"]
        yield f"### sayiir {name}"
        yield ""
        yield " ".join(["`sayiir", name, *(_argument(one) for one in arguments), "[OPTIONS]`"])
        yield ""
        yield _escaped(command.help)
        yield ""
        yield "| | |"
        yield "| --- | --- |"
        for one in [*arguments, *options]:
            yield _row(one)
        yield ""


def _argument(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name.strip('[]')}]"


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        spelled = f"`{(parameter.metavar or parameter.name.upper()).strip('[]')}`"
    else:
        names = [*parameter.opts, *parameter.secondary_opts]
        # The name alone for switches; typer's own word for what an option takes isn't stable.
        metavar = f" {parameter.metavar}" if parameter.metavar and not parameter.is_flag else ""
        spelled = ", ".join(f"`{name}{metavar}`" for name in names)
    told = _escaped(parameter.help or "")
    default = parameter.default
    if isinstance(default, (str, int, float)) and not isinstance(default, bool):
        shown = getattr(default, "value", default)
        told = f"{told} Default: `{shown}`.".strip()
    return f"| {spelled.replace('|', chr(92) + '|')} | {told} |"


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> int:
    text = generated()
    if "--check" in sys.argv:
        if PAGE.read_text(encoding="utf-8") != text:
            print(f"{PAGE.name} is not what its generator writes", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
