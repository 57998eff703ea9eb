"""``graph``, ``hash`` and ``diff``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from sayiir.cli.exits import ExitCode
from sayiir.cli.options import JsonOption, StoreOption, TargetArgument

if TYPE_CHECKING:
    from sayiir.dsl.definition import Definition

__all__ = ["diff_command", "graph", "hash_command"]


class Form(StrEnum):
    """How a graph is written."""

    TEXT = "text"
    MERMAID = "mermaid"


def graph(
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:WORKFLOW|@FILE|INSTANCE",
            help="A workflow; what graph --json wrote; or, with --store, an instance.",
            show_default=False,
        ),
    ],
    form: Annotated[Form, typer.Option("--format", "-f", help="How to write it.")] = Form.TEXT,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw a workflow's graph; of an instance, without importing its code."""
    import json

    from sayiir.cli.screen import print_json, say, symbols
    from sayiir.dsl.portable import to_portable
    from sayiir.render.mermaid import mermaid_flowchart
    from sayiir.render.outline import outline_text

    definition = _definition(target, store)
    if as_json:
        print_json(json.loads(to_portable(definition)))
    elif form is Form.MERMAID:
        say(mermaid_flowchart(definition))
    else:
        import sys

        for line in outline_text(definition, plain=not symbols(sys.stdout.encoding)):
            say(line)


def _definition(target: str, store: str | None) -> Definition:
    from sayiir.cli.stored import look
    from sayiir.cli.stores import ask
    from sayiir.cli.targets import import_workflow

    if target.startswith("@"):
        return _read(target[1:])
    if ":" in target or store is None:
        return import_workflow(target).definition
    return ask(store, lambda client: look(client, target))[2]


def _read(name: str) -> Definition:
    """The definition in a file that ``graph --json`` wrote."""
    from pathlib import Path

    from sayiir.cli.exits import Problem
    from sayiir.cli.texts import clean
    from sayiir.dsl.portable import from_portable

    try:
        return from_portable(Path(name).read_bytes())
    except OSError as error:
        raise Problem(f"@{clean(name)}: {error.strerror or error}") from None


def hash_command(target: TargetArgument, as_json: JsonOption = False) -> None:
    """Print a workflow's definition hash, which changes when what it means does."""
    from sayiir.cli.screen import print_json, say
    from sayiir.cli.targets import import_workflow

    workflow = import_workflow(target)
    if as_json:
        print_json(
            {
                "workflow_name": workflow.name,
                "workflow_version": workflow.version,
                "definition_hash": workflow.definition_hash,
            }
        )
    else:
        say(workflow.definition_hash)


def diff_command(
    old: Annotated[
        str,
        typer.Argument(
            metavar="OLD",
            help="MODULE:WORKFLOW; @FILE, what graph --json wrote; or, with --store, an instance.",
            show_default=False,
        ),
    ],
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="The same for the new one.", show_default=False)
    ],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> ExitCode:
    """Tell what changed between two definitions; exit code 1 where the hash differs.

    Instances of the old one can be continued by the new one where it doesn't.
    """
    from sayiir.cli.screen import print_json, say
    from sayiir.dsl.diff import diff

    before, after = _definition(old, store), _definition(new, store)
    changes = diff(before, after)
    if as_json:
        print_json(
            {
                "old_hash": before.definition_hash,
                "new_hash": after.definition_hash,
                "changes": [
                    {
                        "node": change.node,
                        "what": change.what,
                        "detail": change.detail,
                        "counted": change.counted,
                    }
                    for change in changes
                ],
            }
        )
    else:
        for change in changes:
            say(str(change))
        if not changes:
            say("nothing changed")
    same = before.definition_hash == after.definition_hash
    return ExitCode.DONE if same else ExitCode.FAILED
