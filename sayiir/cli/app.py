"""All commands under one name. What a command needs beyond typer is imported when it runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated

import typer

from sayiir.cli.commands.again import compare, rerun
from sayiir.cli.commands.asking import list_command, show
from sayiir.cli.commands.checking import check
from sayiir.cli.commands.graphs import diff_command, graph, hash_command
from sayiir.cli.commands.operating import doctor, migrate
from sayiir.cli.commands.running import ensure, resume, run, submit
from sayiir.cli.commands.starting import new
from sayiir.cli.commands.steering import cancel, delete, pause, retry, send_event, unpause
from sayiir.cli.commands.watching import watch
from sayiir.cli.commands.workers import workers
from sayiir.cli.commands.working import worker
from sayiir.cli.exits import ExitCode
from sayiir.cli.guard import guarded

__all__ = ["COMMANDS", "app"]

app = typer.Typer(
    name="sayiir",
    help="Durable workflows written as decorated Python functions.",
    epilog="Exit codes: 0 done, 1 the instance failed or something is wrong, 2 wrong usage, "
    "3 the store can't be used, 4 the store's answer is no, 130 Ctrl-C.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback of ours is for a report: whole and plain
    context_settings={"help_option_names": ["-h", "--help"]},
)

_PANELS: dict[str, dict[str, Callable[..., ExitCode | None]]] = {
    "Run": {
        "run": run,
        "ensure": ensure,
        "resume": resume,
        "submit": submit,
        "rerun": rerun,
        "worker": worker,
    },
    "Look": {
        "list": list_command,
        "show": show,
        "compare": compare,
        "watch": watch,
        "workers": workers,
    },
    "Steer": {
        "send-event": send_event,
        "cancel": cancel,
        "pause": pause,
        "unpause": unpause,
        "retry": retry,
        "delete": delete,
    },
    "Workflows": {
        "graph": graph,
        "check": check,
        "hash": hash_command,
        "diff": diff_command,
        "new": new,
    },
    "Stores": {"migrate": migrate, "doctor": doctor},
}

COMMANDS = tuple(name for panel in _PANELS.values() for name in panel)
"""The names of all commands, as ``--help`` shows them."""


def _help_of(command: Callable[..., object]) -> str:
    """Its docstring for a terminal: lines are broken there, by its width, and nothing is marked."""
    paragraphs = (inspect.getdoc(command) or "").replace("``", "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


for _panel, _commands in _PANELS.items():
    for _name, _command in _commands.items():
        app.command(_name, help=_help_of(_command), rich_help_panel=_panel)(guarded(_command))


def _show_version(asked: bool) -> None:
    if asked:
        from sayiir.cli.versions import sayiir_version

        typer.echo(f"sayiir {sayiir_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Durable workflows written as decorated Python functions."""
