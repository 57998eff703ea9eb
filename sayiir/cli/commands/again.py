"""``rerun`` and ``compare``: an instance once more from a node, and two of them side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sayiir.cli.exits import ExitCode, told_arguments
from sayiir.cli.options import (
    InstanceArgument,
    JsonOption,
    LabelOption,
    PriorityOption,
    StoreOption,
    TargetArgument,
)

if TYPE_CHECKING:
    from sayiir.client import AsyncWorkflowClient
    from sayiir.status import WorkflowStatus

__all__ = ["compare", "rerun"]


def rerun(
    target: TargetArgument,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="The instance to take results from.", show_default=False
        ),
    ],
    instance: InstanceArgument,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            "-f",
            metavar="PATH",
            help="The node to start from, as fork[0]/train; what comes before it is kept.",
            show_default=False,
        ),
    ],
    store: StoreOption = None,
    label: LabelOption = None,
    priority: PriorityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create an instance that keeps another's results up to a node, for who resumes it or a worker.

    To work on it at once, resume it with the same workflow.
    """
    from sayiir.cli.inputs import read_labels
    from sayiir.cli.outcome import tell_status
    from sayiir.cli.stores import ask
    from sayiir.cli.targets import import_workflow
    from sayiir.cli.texts import nearest

    workflow, labels = import_workflow(target), read_labels(label or ())

    async def again(client: AsyncWorkflowClient) -> WorkflowStatus[Any]:
        with told_arguments(lambda: nearest(start, [path for path, _ in workflow.nodes()])):
            return await client.rerun(
                workflow, source, instance, start=start, priority=priority, labels=labels
            )

    status = ask(store, again)
    tell_status(instance, status, as_json, workflow.name)


def compare(
    first: Annotated[
        str, typer.Argument(metavar="FIRST", help="An instance's id.", show_default=False)
    ],
    second: Annotated[str, typer.Argument(metavar="SECOND", help="Another's.", show_default=False)],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> ExitCode | None:
    """Compare two instances node by node; exit code 1 where they differ."""
    from sayiir.cli.screen import console, plain_table, print_json
    from sayiir.cli.shapes import compared
    from sayiir.cli.stores import ask
    from sayiir.cli.texts import clean
    from sayiir.render.tables import comparison_rows

    found = ask(store, lambda client: client.compare(first, second))
    if as_json:
        print_json(compared(found))
    else:
        names, *rows = comparison_rows(found)
        styles = {"equal": None, "different": "red"}
        console().print(
            plain_table(
                [clean(name) for name in names],
                [([clean(cell) for cell in row], styles.get(row[1], "yellow")) for row in rows],
                yielding=("path", names[2], names[3]),
            )
        )
    return None if found.same else ExitCode.FAILED
