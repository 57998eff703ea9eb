"""An instance as the store keeps it, drawn without importing anybody's code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.cli.tree import GraphStates
from sayiir.dsl.portable import from_portable
from sayiir.errors import StoreError
from sayiir.status import Cancelled, Completed, Failed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sayiir.client import AsyncWorkflowClient
    from sayiir.description import InstanceDescription
    from sayiir.dsl.definition import Definition
    from sayiir.status import TaskResult

__all__ = ["definition_of", "look", "states_of"]


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
    store = await client.store()
    data = await store.definition(seen.definition_hash)
    if data is None:
        raise StoreError(f"the store has lost definition {seen.definition_hash}")
    return from_portable(data)


def states_of(
    definition: Definition, seen: InstanceDescription, history: Iterable[TaskResult]
) -> GraphStates:
    """How each node of an instance stands, as of one description and its history."""
    states = GraphStates(definition)
    states.add_results(history)
    states.set_open_items(seen.open_items)
    if isinstance(seen.status, (Completed, Failed, Cancelled)):
        states.end(type(seen.status).__name__)
    return states
