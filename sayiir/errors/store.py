"""What a store could not do."""

from __future__ import annotations

from sayiir.errors.base import SayiirError

__all__ = ["LeaseLost", "SchemaVersionError", "StoreError", "StoreUnavailable"]


class StoreError(SayiirError):
    """A store could not do what it was asked; the message says what and why.

    >>> from sayiir import WorkflowClient
    >>> try:
    ...     WorkflowClient("sqlite:////no/such/folder/orders.db").store()
    ... except StoreError as error:
    ...     print(error)
    there is no directory /no/such/folder to keep orders.db in
    """


class StoreUnavailable(StoreError):
    """The store can't be reached, is full or is closed. What was acknowledged is kept.

    >>> import asyncio
    >>> from sayiir import open_store
    >>> async def use_a_closed_store() -> None:
    ...     store = await open_store("memory://")
    ...     await store.close()
    ...     await store.describe("a")
    >>> asyncio.run(use_a_closed_store())
    Traceback (most recent call last):
    sayiir.errors.StoreUnavailable: the memory store is closed
    """


class LeaseLost(StoreError):
    """A write was refused because another worker has the work item now.

    >>> issubclass(LeaseLost, StoreError)
    True
    """


class SchemaVersionError(StoreError):
    """The database holds a format that this version can't use; it was left as it was.

    >>> issubclass(SchemaVersionError, StoreError)
    True
    """
