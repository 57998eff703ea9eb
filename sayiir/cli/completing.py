"""What a shell offers on Tab beside commands and options: instance ids and statuses.

Called by the shell with every Tab: whatever goes wrong here offers nothing and says nothing.
"""

from __future__ import annotations

import contextlib
import re
from typing import Final

__all__ = ["STATUS_NAMES", "complete_instance", "complete_status"]

STATUS_NAMES: Final = (
    "AwaitingSignal",
    "Cancelled",
    "Completed",
    "Failed",
    "InProgress",
    "Paused",
    "Waiting",
)
_OFFERED = 100


def complete_status(incomplete: str) -> list[str]:
    """The statuses that begin so, spelled as it was begun: a shell keeps no others."""
    small = [re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower() for name in STATUS_NAMES]
    return [name for name in (*STATUS_NAMES, *small) if name.startswith(incomplete)]


def complete_instance(incomplete: str) -> list[str]:
    """The newest instances of the store that ``SAYIIR_STORE`` names, as far as they begin so."""
    from sayiir.cli.stores import ask

    with contextlib.suppress(Exception):
        page = ask(None, lambda client: client.list(limit=_OFFERED))
        return [info.instance_id for info in page if info.instance_id.startswith(incomplete)]
    return []
