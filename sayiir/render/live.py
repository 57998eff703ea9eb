"""Instances that run in a notebook cell, as pictures that follow them."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from sayiir.dsl.context import CURRENT_ATTEMPT
from sayiir.errors import SayiirError
from sayiir.render.cell import CellOutput, current_cell
from sayiir.render.picture import Picture
from sayiir.render.states import GraphStates
from sayiir.render.words import one_line, span_text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from sayiir.description import InstanceDescription
    from sayiir.dsl.definition import Definition
    from sayiir.events import Listener, RunnerEvent
    from sayiir.status import TaskResult

    class Asked(Protocol):
        """What is asked of a client."""

        async def picture(self, instance_id: str) -> Picture:
            """The instance as the store has it."""
            ...

        async def describe(self, instance_id: str) -> InstanceDescription:
            """What is open of it."""
            ...

        async def task_results(self, instance_id: str) -> Iterable[TaskResult]:
            """What is done of it."""
            ...


__all__ = ["LivePictures"]

logger = logging.getLogger("sayiir.render")

FRAME_SECONDS: Final = 0.2
LOOK_SECONDS: Final = 0.5
"""How often the store is asked for what only it knows: progress, and what others did."""
END_SECONDS: Final = 2.0
"""So long the store may take to tell how it stands in the end: somebody may have pressed stop."""
MOST_SHARE: Final = 0.1
"""So much of the time, at most, goes into drawing."""
MOST_IN_CELL: Final = 3
"""A cell that runs more instances than that shows no further pictures."""
MOST_NODES: Final = 500
"""A graph of more nodes isn't drawn again and again."""


class LivePictures:
    """The pictures of one runner: each of what it runs in a cell at the moment.

    Args:
        listener: the runner's own listener, which is told everything.
        cell: gives the cell that runs; None where there is none.
        output: makes a place for a picture.
    """

    def __init__(
        self,
        listener: Listener | None,
        cell: Callable[[], int | None] = current_cell,
        output: Callable[[], CellOutput] = CellOutput,
    ) -> None:
        self._listener = listener
        self._cell = cell
        self._output = output
        self._shown: dict[str, _LivePicture] = {}
        self._counted: tuple[int | None, int] = (None, 0)

    def hear(self, event: RunnerEvent) -> Any:
        """Tell the picture that it concerns, and the listener, which may raise."""
        picture = self._shown.get(event.instance_id)
        if picture is not None:
            picture.hear(event)
        return None if self._listener is None else self._listener(event)

    @asynccontextmanager
    async def following(
        self, client: Asked, definition: Definition, instance_id: str
    ) -> AsyncGenerator[None]:
        """While inside, the instance's picture is kept up to date, if it is one to show."""
        if instance_id in self._shown or not self._has_room(definition):
            yield
            return
        picture = _LivePicture(client, definition, instance_id, self._output())
        self._shown[instance_id] = picture
        whole = False
        try:
            yield
            whole = True
        finally:
            del self._shown[instance_id]
            # Of a call that was refused at once there is nothing to show.
            await picture.end(shown=whole or picture.begun)

    def _has_room(self, definition: Definition) -> bool:
        cell = self._cell()
        # What a task runs is that task's business, and its cell may be long over.
        if cell is None or CURRENT_ATTEMPT.get(None) is not None:
            return False
        if len(definition.edges) > MOST_NODES:
            return False
        count = self._counted[1] if self._counted[0] == cell else 0
        self._counted = (cell, count + 1)
        return count < MOST_IN_CELL


class _LivePicture:
    """One instance's picture.

    Attributes:
        begun: something of it has happened here.
    """

    def __init__(
        self, client: Asked, definition: Definition, instance_id: str, output: CellOutput
    ) -> None:
        self.begun = False
        self._client = client
        self._instance_id = instance_id
        self._states = GraphStates(definition)
        self._output: CellOutput | None = output
        self._began = time.monotonic()
        self._frame: asyncio.TimerHandle | None = None
        self._not_before = 0.0
        self._looking: asyncio.Task[None] | None = None

    def hear(self, event: RunnerEvent) -> None:
        """Take it in, and draw soon."""
        self._states.add_event(event)
        if not self.begun:
            self.begun = True
            self._looking = asyncio.get_running_loop().create_task(self._look_on())
        self._draw_soon()

    async def end(self, *, shown: bool) -> None:
        """Draw it for the last time, as the store has it.

        Args:
            shown: whether there is anything to draw.
        """
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
        if self._frame is not None:
            self._frame.cancel()
        if not shown:
            return
        try:
            async with asyncio.timeout(END_SECONDS):
                picture = await self._client.picture(self._instance_id)
        except (SayiirError, TimeoutError):
            self._draw()  # what was heard last
        else:
            self._show(picture)

    async def _look_on(self) -> None:
        earlier_known = False
        while True:
            with suppress(SayiirError):  # the store is away: whoever runs the instance tells that
                if not earlier_known:
                    self._states.add_results(await self._client.task_results(self._instance_id))
                    earlier_known = True
                described = await self._client.describe(self._instance_id)
                if described.finished_at is None:
                    self._states.set_open_items(described.open_items)
                self._draw_soon()
            await asyncio.sleep(LOOK_SECONDS)

    def _draw_soon(self) -> None:
        if self._frame is None and self._output is not None:
            wait = max(self._not_before - time.monotonic(), 0.0)
            self._frame = asyncio.get_running_loop().call_later(wait, self._draw)

    def _draw(self) -> None:
        self._frame = None
        began = time.monotonic()
        states = self._states
        name = one_line(states.definition.name)
        stands = "in progress" if states.ended is None else states.ended.lower()
        heading = (
            one_line(self._instance_id),
            f"{name}: {stands}",
            f"for {span_text(began - self._began)}",
        )
        self._show(Picture(states.definition, states, heading, datetime.now(UTC)))
        cost = time.monotonic() - began
        self._not_before = time.monotonic() + max(FRAME_SECONDS, cost / MOST_SHARE)

    def _show(self, picture: Picture) -> None:
        if self._output is None:
            return
        try:
            self._output.show({"image/svg+xml": picture.to_svg(), "text/plain": repr(picture)})
        except Exception:
            logger.warning("a live picture can't be shown, and isn't any more", exc_info=True)
            self._output = None
