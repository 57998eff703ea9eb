"""What ``watch`` looks at: a page of instances with what is open in them, or one instance."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sayiir.cli.outcome import status_text
from sayiir.cli.shapes import described, listed
from sayiir.cli.stored import definition_of
from sayiir.cli.texts import clock_text
from sayiir.errors import InstanceNotFound, StoreUnavailable
from sayiir.status import Cancelled, Completed, Failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sayiir.client import AsyncWorkflowClient
    from sayiir.description import InstanceDescription, OpenItem, WorkerInfo
    from sayiir.dsl.definition import Definition
    from sayiir.status import InstanceInfo, TaskResult, WorkflowStatus

__all__ = ["Change", "Seen", "Sight"]

MAX_WATCHED: Final = 50
_ENDED: Final = (Completed, Failed, Cancelled)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is another way than it was: as JSON data, and as a line of text."""

    data: dict[str, Any]
    line: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One look.

    Attributes:
        at: when it was (aware, UTC).
        instances: the page of instances, newest first.
        close: those of them that haven't ended, seen closely, by id.
        one: the instance that was asked for, with its history and its graph.
        here: the workers that say that they are here, busy or idle.
        more: there are more instances than are shown.
        trouble: why the store can't be asked since then.
    """

    at: datetime
    instances: tuple[InstanceInfo, ...] = ()
    close: dict[str, InstanceDescription] = field(default_factory=dict[str, "InstanceDescription"])
    one: tuple[InstanceDescription, list[TaskResult], Definition] | None = None
    here: tuple[WorkerInfo, ...] = ()
    more: bool = False
    trouble: str = ""

    @property
    def ended(self) -> WorkflowStatus[Any] | None:
        """The status of the one instance, if that is an end."""
        if self.one is None or not isinstance(self.one[0].status, _ENDED):
            return None
        return self.one[0].status

    def workers(self) -> dict[str, list[tuple[str, OpenItem]]]:
        """Who holds what: each holder with (instance id, item), and who is here with nothing."""
        held: dict[str, list[tuple[str, OpenItem]]] = {each.worker_id: [] for each in self.here}
        for instance_id, seen in self.close.items():
            for item in seen.open_items:
                if item.holder is not None:
                    held.setdefault(item.holder, []).append((instance_id, item))
        return dict(sorted(held.items()))

    def changes(self, told: dict[str, object]) -> Iterator[Change]:
        """What is another way than was told before; ``told`` is kept up to date."""
        now = clock_text(self.at, self.at)
        if self.one is not None:
            seen = self.one[0]
            if told.get(seen.instance_id) != (mark := _mark(seen)):
                told[seen.instance_id] = mark
                line = f"{now}  {seen.instance_id}  {status_text(seen.status)}{_doing(seen)}"
                yield Change(described(seen), line)
            return
        for info in reversed(self.instances):
            if told.get(info.instance_id) != (info.run_id, info.status):
                told[info.instance_id] = (info.run_id, info.status)
                line = f"{now}  {info.instance_id}  {info.workflow_name}  {info.status}"
                yield Change(listed(info), line)


def _mark(seen: InstanceDescription) -> object:
    items = tuple((item.path, item.phase, item.attempt, item.progress) for item in seen.open_items)
    return (seen.run_id, type(seen.status).__name__, items)


def _doing(seen: InstanceDescription) -> str:
    running = [item.path for item in seen.open_items if item.phase == "running"]
    return f"  at {', '.join(running[:5])}" if running else ""


@dataclass(slots=True)
class Sight:
    """Which instances to look at.

    Attributes:
        instance_id: this one alone; else a page of those that the others let through.
    """

    instance_id: str | None = None
    workflow_name: str | None = None
    status: str | None = None
    labels: dict[str, str] = field(default_factory=dict[str, str])
    _definition: Definition | None = None

    async def look_again(self, client: AsyncWorkflowClient, before: Seen) -> Seen:
        """Look once more; while the store is away, what was seen before, with the trouble.

        Raises:
            InstanceNotFound: the one instance isn't there any more.
            StoreError: the store can't be read, for a reason that doesn't pass by itself.
        """
        try:
            return await self.look(client)
        except StoreUnavailable as error:
            return replace(before, trouble=str(error))

    async def look(self, client: AsyncWorkflowClient) -> Seen:
        """Look once.

        Raises:
            InstanceNotFound: the one instance isn't there.
            StoreError: the store can't be read.
        """
        now = datetime.now(UTC)
        if self.instance_id is not None:
            seen = await client.describe(self.instance_id)
            if self._definition is None or self._definition.definition_hash != seen.definition_hash:
                self._definition = await definition_of(client, seen)
            history = await client.task_results(self.instance_id)
            return Seen(now, one=(seen, history, self._definition))
        page = await client.list(
            self.workflow_name, self.status, limit=MAX_WATCHED, labels=self.labels
        )
        open_ids = [info.instance_id for info in page if info.finished_at is None]
        close = await asyncio.gather(*(_described(client, one) for one in open_ids))
        found = {seen.instance_id: seen for seen in close if seen is not None}
        workers = await client.workers()
        here = tuple(each for each in workers if self.workflow_name in (None, *each.workflows))
        return Seen(now, page.items, found, here=here, more=page.cursor is not None)


async def _described(client: AsyncWorkflowClient, instance_id: str) -> InstanceDescription | None:
    try:
        return await client.describe(instance_id)
    except InstanceNotFound:
        return None  # deleted between the two looks
