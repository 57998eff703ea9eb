"""Running an instance with a live picture of its graph on standard error."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sayiir.cli.exits import Problem
from sayiir.cli.screen import console, symbols
from sayiir.cli.stores import open_store_of
from sayiir.cli.texts import nearest
from sayiir.errors import SayiirError, UnknownSignal
from sayiir.render.states import GraphStates
from sayiir.runner import AsyncCheckpointingRunner
from sayiir.status import AwaitingSignal, Cancelled, Completed, Failed, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from rich.console import Console
    from rich.text import Text

    from sayiir.client import AsyncWorkflowClient
    from sayiir.events import RunnerEvent
    from sayiir.status import WorkflowStatus
    from sayiir.workflow import Workflow

    Work: TypeAlias = Callable[[AsyncCheckpointingRunner], Coroutine[Any, Any, WorkflowStatus[Any]]]

__all__ = ["Asked", "LivePicture", "run_durably", "run_in_memory"]

FRAME_SECONDS: Final = 0.1
LOOK_SECONDS: Final = 0.5
"""How often the store is asked for what only it knows: progress, and what others did."""


@dataclass(slots=True)
class Asked:
    """What a command was asked to run.

    Attributes:
        began: the instance is in the store: it can be resumed.
        seconds: how long the command worked on it.
    """

    workflow: Workflow[Any, Any]
    instance_id: str
    value: Any
    events: tuple[tuple[str, Any], ...] = ()
    wait: bool = True
    as_json: bool = False
    labels: dict[str, str] = field(default_factory=dict[str, str])
    began: bool = False
    seconds: float = 0.0


class LivePicture:
    """The graph of an instance, drawn again as it changes; nothing where nobody looks.

    Args:
        states: what is drawn.
        shown: whether to draw at all.
        title: the line above the graph.
    """

    def __init__(self, states: GraphStates, *, shown: bool, title: str) -> None:
        self._states = states
        self._title = title
        self._shown = shown

    @contextlib.contextmanager
    def drawn(self) -> Generator[None]:
        """While inside, what tasks print goes to standard error, above the picture."""
        with contextlib.redirect_stdout(sys.stderr):
            if not self._shown:
                yield
                return
            from rich.live import Live

            screen = console(stderr=True)
            frame = self.frames(screen)
            began = time.monotonic()

            def picture(height: int | None) -> Text:
                return frame(time.monotonic() - began, height, None)

            live = Live(
                console=screen,
                auto_refresh=True,
                refresh_per_second=1 / FRAME_SECONDS,
                get_renderable=lambda: picture(screen.height),
            )
            with live:
                yield
                # What stays on the screen is the whole graph, as far as a screen and a half.
                last = picture(max(screen.height, 60))
                live.update(last)
                live.get_renderable = lambda: last  # type: ignore[method-assign]

    def frames(self, screen: Console) -> Callable[[float, int | None, datetime | None], Text]:
        """What draws it on a screen: after so many seconds, in so many rows, at a moment."""
        from rich.text import Text

        from sayiir.cli.tree_view import TreeView

        view = TreeView(self._states, plain=not symbols(screen.encoding))

        def frame(seconds: float, height: int | None, now: datetime | None) -> Text:
            head = Text(self._head(seconds), style="bold", no_wrap=True)
            head.truncate(screen.width, overflow="ellipsis")
            rows = None if height is None else max(height - 2, 1)
            return Text("\n", no_wrap=True).join([head, view.lines(screen.width, rows, now)])

        return frame

    def _head(self, seconds: float) -> str:
        from sayiir.cli.texts import clean, span_text

        ended = self._states.ended
        return clean(f"{self._title}  {ended.lower() + ' after ' if ended else ''}") + span_text(
            seconds
        )


async def run_in_memory(asked: Asked) -> WorkflowStatus[Any]:
    """Run with a store in memory, which ends with the call: as it would run durably.

    Raises:
        Problem: it waits for a signal without a timeout, and nobody can send it an event.
    """

    async def work(runner: AsyncCheckpointingRunner) -> WorkflowStatus[Any]:
        workflow, instance = asked.workflow, asked.instance_id
        await runner.client.submit(workflow, instance, asked.value)
        await _send(runner.client, asked)
        status = await runner.resume(workflow, instance)
        while asked.wait and isinstance(status, (Waiting, AwaitingSignal)):
            moments = [one.wake_at for one in status.parked if one.wake_at is not None]
            if not moments:
                raise _nobody_sends(status)
            left = (min(moments) - datetime.now(UTC)).total_seconds()
            await asyncio.sleep(max(left, 0.0) + 0.001)
            status = await runner.resume(workflow, instance)
        return status

    return await _with_picture(asked, "memory://", work)


def _nobody_sends(status: Waiting | AwaitingSignal) -> Problem:
    names = sorted({one.signal_name for one in status.parked if one.signal_name})
    given = " ".join(f"--event {name}=JSON" for name in names)
    return Problem(
        f"it waits for {', '.join(names)}, and in memory nobody can send that; give {given}, "
        "or run it durably: an INSTANCE id and --store",
    )


async def run_durably(verb: str, asked: Asked, url: str) -> WorkflowStatus[Any]:
    """Run, ensure or resume an instance of a store.

    Raises:
        SayiirError: as the runner's method.
        Problem: labels or URL can't be those of an instance or a store.
    """

    async def work(runner: AsyncCheckpointingRunner) -> WorkflowStatus[Any]:
        workflow, instance, wait = asked.workflow, asked.instance_id, asked.wait
        if verb == "resume":
            asked.began = True
            return await runner.resume(workflow, instance, wait=wait)
        if verb == "ensure":
            return await runner.ensure(
                workflow, instance, asked.value, wait=wait, labels=asked.labels
            )
        if not asked.events:
            return await runner.run(workflow, instance, asked.value, wait=wait, labels=asked.labels)
        await runner.client.submit(workflow, instance, asked.value, labels=asked.labels)
        asked.began = True
        await _send(runner.client, asked)
        return await runner.resume(workflow, instance, wait=wait)

    return await _with_picture(asked, url, work)


async def _send(client: AsyncWorkflowClient, asked: Asked) -> None:
    for name, payload in asked.events:
        try:
            await client.send_event(asked.instance_id, name, payload, workflow=asked.workflow)
        except UnknownSignal as error:
            told = UnknownSignal(None, name, error.known)  # the instance's id is no news here
            raise Problem(str(told), hint=nearest(name, error.known)) from None


async def _with_picture(asked: Asked, url: str, work: Work) -> WorkflowStatus[Any]:
    states = GraphStates(asked.workflow.definition)

    def heard(event: RunnerEvent) -> None:
        if event.instance_id == asked.instance_id:
            asked.began = True
            states.add_event(event)

    shown = sys.stderr.isatty() and not asked.as_json
    durable = not url.startswith("memory:")
    title = f"{asked.workflow.name} {asked.instance_id}" if durable else asked.workflow.name
    began = time.monotonic()
    runner = AsyncCheckpointingRunner(url, on_event=heard)
    try:
        await open_store_of(runner, url)
        with LivePicture(states, shown=shown, title=title).drawn():
            if not shown:
                return await work(runner)
            return await _looking(runner.client, asked, states, work(runner))
    finally:
        asked.seconds = time.monotonic() - began
        await runner.close()


async def _looking(
    client: AsyncWorkflowClient,
    asked: Asked,
    states: GraphStates,
    work: Coroutine[Any, Any, WorkflowStatus[Any]],
) -> WorkflowStatus[Any]:
    """Do the work; meanwhile ask the store what the listener isn't told."""
    looking = asyncio.create_task(_look_on(client, asked, states))
    try:
        status = await work
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
    # What it shows at the end is the truth, up to the last step.
    states.add_results(await client.task_results(asked.instance_id))
    states.set_open_items((await client.describe(asked.instance_id)).open_items)
    if isinstance(status, (Completed, Failed, Cancelled)):
        states.end(type(status).__name__)
    return status


async def _look_on(client: AsyncWorkflowClient, asked: Asked, states: GraphStates) -> None:
    earlier_known = False
    while True:
        with contextlib.suppress(SayiirError):  # not created yet, or the store is away: told later
            if asked.began and not earlier_known:
                states.add_results(await client.task_results(asked.instance_id))
                earlier_known = True
            described = await client.describe(asked.instance_id)
            if described.finished_at is None:
                states.set_open_items(described.open_items)
        await asyncio.sleep(LOOK_SECONDS)
