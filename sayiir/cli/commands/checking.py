"""``check``: what a definition tells before anything has run."""

from __future__ import annotations

from typing import Annotated

import typer

from sayiir.cli.exits import ExitCode
from sayiir.cli.options import JsonOption, TargetArgument

__all__ = ["check"]


def check(
    target: TargetArgument,
    strict: Annotated[
        bool, typer.Option("--strict", help="Warnings end with exit code 1 as well.")
    ] = False,
    as_json: JsonOption = False,
) -> ExitCode:
    """Tell a workflow's worst cases, what it needs, and what looks wrong; nothing is run.

    Exit code 1 where something was found that can't work.
    """
    from sayiir.cli.screen import print_json, say
    from sayiir.cli.targets import import_workflow

    told = import_workflow(target).explain()
    if as_json:
        print_json(told.as_data())
    else:
        say(str(told))
    bad = ("error", "warning") if strict else ("error",)
    found = any(finding.severity in bad for finding in told.findings)
    return ExitCode.FAILED if found else ExitCode.DONE
