"""What a claimed work item needs of its run: what is asked for, and what was found."""

from __future__ import annotations

from dataclasses import field

from sayiir.frozen import frozen
from sayiir.stores.records.items import ItemKey

__all__ = ["ArmEnd", "Latest", "Loaded", "Wanted"]


@frozen
class Latest:
    """The result with the highest ordinal among these node paths whose ordinal begins so."""

    node_paths: tuple[str, ...]
    ordinal_prefix: bytes = b""


@frozen
class ArmEnd:
    """How one arm ended: its output reference, or its failure if it was collected."""

    index: int
    output: str | None
    error: bytes | None


@frozen(kw_only=True)
class Wanted:
    """What must be read of one run. ``joins`` are spawn paths, ``elements`` item keys."""

    run: int
    results: tuple[str, ...] = ()
    latest: tuple[Latest, ...] = ()
    joins: tuple[str, ...] = ()
    elements: tuple[ItemKey, ...] = ()
    events: tuple[int, ...] = ()
    input: bool = False


@frozen(kw_only=True)
class Loaded:
    """What was found of it; what isn't there is left out."""

    results: dict[str, bytes] = field(default_factory=dict[str, bytes])
    latest: dict[Latest, tuple[str, bytes]] = field(default_factory=dict[Latest, tuple[str, bytes]])
    """The path that was found, and its output."""
    joins: dict[str, tuple[ArmEnd, ...]] = field(default_factory=dict[str, tuple[ArmEnd, ...]])
    elements: dict[ItemKey, bytes] = field(default_factory=dict[ItemKey, bytes])
    events: dict[int, bytes] = field(default_factory=dict[int, bytes])
    input: bytes | None = None
