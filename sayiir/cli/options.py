"""The options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from sayiir.cli.completing import complete_instance, complete_status

__all__ = [
    "ByOption",
    "EventOption",
    "InputOption",
    "InstanceArgument",
    "JsonOption",
    "LabelOption",
    "OptionalInstance",
    "PriorityOption",
    "ReasonOption",
    "StatusOption",
    "StoreOption",
    "TargetArgument",
    "UseExistingOption",
    "WaitOption",
]

StoreOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="sqlite:///file.db, postgresql://host/name …; else the variable SAYIIR_STORE.",
        show_default=False,
    ),
]
JsonOption: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON for scripts instead of text for people.")
]
TargetArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="MODULE:WORKFLOW",
        help="As orders:fulfil_order; the current directory is searched first.",
        show_default=False,
    ),
]
InstanceArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="INSTANCE",
        help="The instance's id.",
        show_default=False,
        autocompletion=complete_instance,
    ),
]
OptionalInstance: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="[INSTANCE]",
        help="The instance's id.",
        show_default=False,
        autocompletion=complete_instance,
    ),
]
InputOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--input",
        "-i",
        metavar="JSON|@FILE|-",
        help="The input: JSON, @ and a file of it, or - for standard input.",
        show_default=False,
    ),
]
LabelOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--label", "-l", metavar="NAME=VALUE", help="May be given again."),
]
EventOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--event",
        "-e",
        metavar="SIGNAL=JSON",
        help="An event that is there from the start; may be given again.",
    ),
]
PriorityOption: TypeAlias = Annotated[
    int | None,
    typer.Option("--priority", min=1, max=5, help="1 is most urgent.", show_default=False),
]
WaitOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--wait/--no-wait",
        help="Stay through delays and signals until it ends, or leave when nothing is due.",
    ),
]
ReasonOption: TypeAlias = Annotated[
    str | None, typer.Option("--reason", help="Why, for those who look.", show_default=False)
]
ByOption: TypeAlias = Annotated[
    str | None, typer.Option("--by", help="Who asks, for those who look.", show_default=False)
]
StatusOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--status",
        "-s",
        metavar="STATUS",
        help="Failed, AwaitingSignal … (awaiting-signal will do).",
        show_default=False,
        autocompletion=complete_status,
    ),
]
UseExistingOption: TypeAlias = Annotated[
    bool,
    typer.Option("--use-existing", help="If there is an instance of that id, tell how it stands."),
]
