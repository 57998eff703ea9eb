"""``AsyncWorkflowClient``: submits, asks, signals and steers; runs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.access.connection import StoreConnection
from sayiir.client.asking import AskingClient
from sayiir.client.results import ResultsClient
from sayiir.client.starting import StartingClient
from sayiir.client.steering import SteeringClient
from sayiir.policy import ConflictPolicy

if TYPE_CHECKING:
    from sayiir.codec.protocol import Codec
    from sayiir.stores.protocols import Store

__all__ = ["AsyncWorkflowClient"]


# The reference shows what a class inherits from the last of its bases on.
class AsyncWorkflowClient(SteeringClient, ResultsClient, AskingClient, StartingClient):
    """Talks to a store about instances. Use it with ``async with``, or ``await close()``.

    Args:
        store: a URL (``sqlite:///orders.db``, ``memory://``, …) or an open store.
        conflict_policy: what ``submit`` does where the instance id is taken.
        codec: how values are stored; the same for everybody who uses the store.

    Raises:
        TypeError: the store or the codec is none.
        ValueError: there is no such conflict policy.

    >>> import asyncio
    >>> from sayiir import task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> doubling = workflow("doubling", double >> double)
    >>> async def main() -> str:
    ...     async with AsyncWorkflowClient("memory://") as client:
    ...         return str(await client.submit(doubling, "a", 3))
    >>> asyncio.run(main())
    'InProgress(parked=())'
    """

    def __init__(
        self,
        store: str | Store,
        *,
        conflict_policy: ConflictPolicy = ConflictPolicy.FAIL,
        codec: Codec | None = None,
    ) -> None:
        self._connection = StoreConnection(store, codec)
        self._owns_connection = True
        self._policy = ConflictPolicy(conflict_policy)

    @classmethod
    def from_shared(
        cls,
        store: Store,
        *,
        conflict_policy: ConflictPolicy = ConflictPolicy.FAIL,
        codec: Codec | None = None,
    ) -> AsyncWorkflowClient:
        """A client on a store that somebody else opened and closes."""
        return cls(store, conflict_policy=conflict_policy, codec=codec)

    def with_conflict_policy(self, policy: ConflictPolicy) -> AsyncWorkflowClient:
        """A client on the same store with another conflict policy.

        Raises:
            ValueError: there is no such policy.
        """
        return self.on_connection(self._connection, ConflictPolicy(policy))

    @classmethod
    def on_connection(
        cls, connection: StoreConnection, policy: ConflictPolicy
    ) -> AsyncWorkflowClient:
        """A client that shares a connection with whoever made it, and closes it."""
        client = cls.__new__(cls)
        client._connection, client._policy = connection, policy
        client._owns_connection = False
        return client

    async def store(self) -> Store:
        """The open store.

        Raises:
            StoreError: it can't be opened.
        """
        return await self._connection.open()

    async def close(self) -> None:
        """Close the store, if this client opened it. Idempotent.

        A client that came from a runner or from another client closes nothing.
        """
        if self._owns_connection:
            await self._connection.close()

    async def __aenter__(self) -> AsyncWorkflowClient:
        await self.store()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
