"""What all verbs of the client share: the store, the policy, and an instance's record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sayiir.access.arguments import check_workflow
from sayiir.access.connection import place_of
from sayiir.errors import InstanceNotFound
from sayiir.ids import check_instance_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sayiir.access.connection import StoreConnection
    from sayiir.policy import ConflictPolicy
    from sayiir.stores.protocols import Store
    from sayiir.stores.records import InstanceRecord
    from sayiir.workflow import Workflow

__all__ = ["ConnectedClient"]


class ConnectedClient:
    """What the groups of verbs stand on; ``AsyncWorkflowClient`` is all of them together."""

    _connection: StoreConnection
    _policy: ConflictPolicy

    async def _record(
        self, instance_id: str, workflow: Workflow[Any, Any] | None = None
    ) -> InstanceRecord:
        if workflow is not None:
            check_workflow(workflow)
        store, _ = await self._connection.opened()
        record = await store.describe(check_instance_id(instance_id))
        if record is None:
            raise InstanceNotFound(instance_id, place_of(store))
        return record

    async def _ask(self, verb: Callable[[Store], Awaitable[None]]) -> None:
        """Have the store do it; an instance that isn't there is told with the store's place."""
        store, _ = await self._connection.opened()
        try:
            await verb(store)
        except InstanceNotFound as error:
            raise InstanceNotFound(error.instance_id, place_of(store)) from None
