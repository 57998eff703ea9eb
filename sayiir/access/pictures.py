"""The picture of an instance, from what the store keeps of it: nobody's code is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.access.statuses import task_result_of
from sayiir.dsl.portable import from_portable
from sayiir.errors import StoreError
from sayiir.render.picture import instance_picture

if TYPE_CHECKING:
    from sayiir.access.programs import Programs
    from sayiir.description import InstanceDescription
    from sayiir.dsl.definition import Definition
    from sayiir.render.picture import Picture
    from sayiir.stores.protocols import Store

__all__ = ["picture_of", "stored_definition"]


async def stored_definition(store: Store, seen: InstanceDescription) -> Definition:
    """The definition that an instance runs.

    Raises:
        StoreError: the store has lost it.
    """
    data = await store.definition(seen.definition_hash)
    if data is None:
        raise StoreError(f"the store has lost definition {seen.definition_hash}")
    return from_portable(data)


async def picture_of(store: Store, programs: Programs, seen: InstanceDescription) -> Picture:
    """The picture of an instance.

    Raises:
        StoreError: the store has lost its definition.
    """
    program = await programs.stored(seen.definition_hash)
    results = [task_result_of(record, program) for record in await store.results(seen.instance_id)]
    return instance_picture(program.definition, seen, results)
