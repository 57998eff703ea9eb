"""``send-event``, ``cancel``, ``pause``, ``unpause``, ``retry`` and ``delete``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sayiir.cli.options import (
    ByOption,
    InstanceArgument,
    JsonOption,
    OptionalInstance,
    ReasonOption,
    StatusOption,
    StoreOption,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sayiir.client import AsyncWorkflowClient

__all__ = ["cancel", "delete", "pause", "retry", "send_event", "unpause"]


def send_event(
    instance: InstanceArgument,
    signal: Annotated[str, typer.Argument(metavar="SIGNAL", help="The signal's name.")],
    payload: Annotated[
        str | None,
        typer.Option(
            "--payload",
            "-p",
            metavar="JSON|@FILE|-",
            help="What the wait gives on; null by default.",
            show_default=False,
        ),
    ] = None,
    store: StoreOption = None,
    path: Annotated[
        str | None,
        typer.Option("--path", help="Only the wait at this path gets it.", show_default=False),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--workflow",
            "-w",
            metavar="MODULE:WORKFLOW",
            help="Check the payload against the type that the wait takes.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Send an event to a signal; it is kept until a wait takes it."""
    from sayiir.cli.exits import ExitCode, Problem
    from sayiir.cli.inputs import read_value
    from sayiir.cli.targets import import_workflow
    from sayiir.cli.texts import nearest
    from sayiir.errors import UnknownSignal

    value = read_value(payload, "--payload")
    workflow = None if target is None else import_workflow(target)

    async def send(client: AsyncWorkflowClient) -> None:
        try:
            await client.send_event(instance, signal, value, path=path, workflow=workflow)
        except UnknownSignal as error:
            hint = nearest(signal, error.known)
            raise Problem(str(error), ExitCode.REFUSED, hint=hint) from None

    _steer(instance, store, send, as_json)


def cancel(
    instance: InstanceArgument,
    reason: ReasonOption = None,
    by: ByOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel an unfinished instance; its results are kept."""
    _steer(instance, store, lambda client: client.cancel(instance, reason, by), as_json)


def pause(
    instance: InstanceArgument,
    reason: ReasonOption = None,
    by: ByOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let nothing new of an instance start; what runs finishes."""
    _steer(instance, store, lambda client: client.pause(instance, reason, by), as_json)


def unpause(
    instance: InstanceArgument, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Let a paused instance go on."""
    _steer(instance, store, lambda client: client.unpause(instance), as_json)


def retry(
    instance: InstanceArgument, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Let a failed instance continue from its last checkpoints, with fresh retries."""
    _steer(instance, store, lambda client: client.retry(instance), as_json)


def _steer(
    instance: str,
    store: str | None,
    verb: Callable[[AsyncWorkflowClient], Awaitable[None]],
    as_json: bool,
) -> None:
    from sayiir.cli.outcome import tell_status
    from sayiir.cli.stores import ask

    async def steer(client: AsyncWorkflowClient) -> Any:
        await verb(client)
        return await client.status(instance)

    tell_status(instance, ask(store, steer), as_json)


def delete(
    instance: OptionalInstance = None,
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than",
            metavar="DURATION",
            help="Instead of one: all that ended so long ago, as 30d.",
            show_default=False,
        ),
    ] = None,
    workflow: Annotated[
        str | None,
        typer.Option("--workflow", "-w", help="With --older-than: only of this workflow."),
    ] = None,
    status: StatusOption = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="With --older-than: at most so many.")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a finished instance, or all that ended long ago; there is no way back."""
    from sayiir.cli.commands.asking import status_name
    from sayiir.cli.exits import Problem
    from sayiir.cli.screen import print_json, say
    from sayiir.cli.stores import ask

    if (instance is None) == (older_than is None):
        raise Problem("delete takes either an INSTANCE or --older-than")
    wanted = status_name(status)

    async def remove(client: AsyncWorkflowClient) -> int:
        if instance is not None:
            await client.delete(instance)
            return 1
        return await client.delete_finished(
            older_than or "", limit=limit, workflow=workflow, status=wanted
        )

    try:
        deleted = ask(store, remove)
    except ValueError as error:  # a status that is no end
        raise Problem(str(error)) from None
    if as_json:
        print_json({"deleted": deleted})
    else:
        say(f"deleted {deleted:,} instance{'' if deleted == 1 else 's'}")
