"""Results of an in-memory run that ``result_of`` reads later, in place of a store's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sayiir.engine.payloads import Payload
    from sayiir.engine.transitions import Returned
    from sayiir.stores.records import Latest

__all__ = ["KeptResults"]


class KeptResults:
    """By node path and ordinal, as a store's index has them."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[bytes, tuple[str, Payload]]] = {}

    def add(self, computed: Returned) -> None:
        """Keep a result."""
        position = computed.position
        results = self._rows.setdefault(position.place.node_path, {})
        results[position.frame.ordinal] = (computed.ref.path, computed.payload)

    def latest(self, latest: Latest) -> Payload | None:
        """The one with the highest ordinal among the node paths, or None."""
        best: tuple[bytes, Payload] | None = None
        for node_path in latest.node_paths:
            for ordinal, (_, payload) in self._rows.get(node_path, {}).items():
                fits = ordinal.startswith(latest.ordinal_prefix)
                if fits and (best is None or ordinal > best[0]):
                    best = (ordinal, payload)
        return None if best is None else best[1]

    def prune(self, prefixes: tuple[str, ...]) -> None:
        """Drop those whose paths begin so."""
        for results in self._rows.values():
            for ordinal, (path, _) in list(results.items()):
                if path.startswith(prefixes):
                    del results[ordinal]
