"""An instance to create, and what came of it."""

from __future__ import annotations

from dataclasses import field

from sayiir.frozen import frozen
from sayiir.limits import DEFAULT_PRIORITY
from sayiir.stores.records.claims import Claimed
from sayiir.stores.records.instances import InstanceRecord

__all__ = ["CreateAnswer", "NewInstance"]


@frozen(kw_only=True)
class NewInstance:
    """An instance to create, with the position of its root item."""

    instance_id: str
    run_id: str
    workflow_name: str
    workflow_version: str
    definition_hash: str
    definition: bytes
    """The portable definition, kept once under its hash."""
    input: bytes
    root_path: str
    root_input: str
    priority: int = DEFAULT_PRIORITY
    root_priority: int | None = None
    """The priority of the root's first task, where it has its own."""
    root_tags: tuple[str, ...] = ()
    """What the root's first task asks of a worker; see ``Move.tags``."""
    timeout_us: int | None = None
    labels: tuple[tuple[str, str], ...] = ()
    traceparent: str | None = None


@frozen(kw_only=True)
class CreateAnswer:
    """What ``create`` did: ``existing`` None means that it was created.

    ``claimed``: the root, if that was asked.
    """

    existing: InstanceRecord | None = None
    claimed: Claimed | None = None
    input_data: bytes | None = field(default=None, compare=False)
    """The input of what exists, which whoever goes on with it reads next, where the store brings
    it."""
    definition: bytes | None = field(default=None, compare=False)
    """The same of its definition, as it was first stored."""
