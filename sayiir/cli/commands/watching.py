"""``watch``: the instances and workers of a store, or one instance, as they change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from sayiir.cli.exits import ExitCode
from sayiir.cli.options import (
    JsonOption,
    LabelOption,
    OptionalInstance,
    StatusOption,
    StoreOption,
)

if TYPE_CHECKING:
    from sayiir.cli.watched import Sight
    from sayiir.client import AsyncWorkflowClient

__all__ = ["watch"]


def watch(
    instance: OptionalInstance = None,
    store: StoreOption = None,
    workflow: Annotated[
        str | None, typer.Option("--workflow", "-w", help="Only of the workflow of this name.")
    ] = None,
    status: StatusOption = None,
    label: LabelOption = None,
    interval: Annotated[
        float, typer.Option("--interval", min=0.1, max=3600, help="Seconds between two looks.")
    ] = 1.0,
    as_json: JsonOption = False,
) -> ExitCode | None:
    """Watch instances and workers until Ctrl-C; or one INSTANCE until it ends.

    On a terminal it is a screen, and leaves the terminal as it was. In a pipe, and with --json,
    each change is a line.
    """
    from sayiir.cli.commands.asking import status_name
    from sayiir.cli.inputs import read_labels
    from sayiir.cli.screen import console
    from sayiir.cli.stores import ask
    from sayiir.cli.watched import Sight

    sight = Sight(
        instance_id=instance,
        workflow_name=workflow,
        status=status_name(status),
        labels=read_labels(label or ()),
    )
    on_screen = console().is_terminal and not as_json

    async def follow(client: AsyncWorkflowClient) -> ExitCode | None:
        if on_screen:
            return await _on_screen(client, sight, interval)
        return await _as_lines(client, sight, interval, as_json)

    return ask(store, follow)


async def _on_screen(client: AsyncWorkflowClient, sight: Sight, interval: float) -> ExitCode | None:
    from rich.live import Live

    from sayiir.cli.outcome import code_for, tell_end
    from sayiir.cli.screen import console
    from sayiir.cli.watch_view import picture

    screen = console()
    # A whole screen is given back by the terminal itself; one instance stays to be read.
    whole = sight.instance_id is None
    seen = await sight.look(client)
    with Live(console=screen, screen=whole, auto_refresh=False) as live:
        while True:
            live.update(picture(seen, screen), refresh=True)
            if seen.ended is not None:
                break
            await asyncio.sleep(interval)
            seen = await sight.look_again(client, seen)
    tell_end(seen.ended)
    return code_for(seen.ended)


async def _as_lines(
    client: AsyncWorkflowClient, sight: Sight, interval: float, as_json: bool
) -> ExitCode | None:
    import sys

    from sayiir.cli.outcome import code_for
    from sayiir.cli.screen import print_json, say, warn

    told: dict[str, object] = {}
    seen, trouble = await sight.look(client), ""
    while True:
        for change in seen.changes(told):
            if as_json:
                print_json(change.data, on_one_line=True)
            else:
                say(change.line)
        sys.stdout.flush()
        if seen.ended is not None:
            return code_for(seen.ended)
        await asyncio.sleep(interval)
        seen = await sight.look_again(client, seen)
        if seen.trouble != trouble:
            trouble = seen.trouble
            warn(trouble or "the store is there again")
