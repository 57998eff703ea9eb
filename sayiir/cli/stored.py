"""An instance as the store keeps it, drawn without importing anybody's code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.access.pictures import stored_definition

if TYPE_CHECKING:
    from sayiir.client import AsyncWorkflowClient
    from sayiir.description import InstanceDescription
    from sayiir.dsl.definition import Definition
    from sayiir.status import TaskResult

__all__ = ["definition_of", "is_left", "look"]


def is_left(seen: InstanceDescription) -> bool:
    """Whether something of an instance could run now, and nobody runs any of it."""
    phases = {item.phase for item in seen.open_items}
    return seen.finished_at is None and "ready" in phases and "running" not in phases


async def look(
    client: AsyncWorkflowClient, instance_id: str
) -> tuple[InstanceDescription, list[TaskResult], Definition]:
    """All there is to show of an instance.

    Raises:
        InstanceNotFound: there is none.
        StoreError: the store has lost its definition.
    """
    seen = await client.describe(instance_id)
    history = await client.task_results(instance_id)
    return seen, history, await definition_of(client, seen)


async def definition_of(client: AsyncWorkflowClient, seen: InstanceDescription) -> Definition:
    """The definition that an instance runs.

    Raises:
        StoreError: the store has lost it.
    """
    return await stored_definition(await client.store(), seen)
