"""The notebook cell that runs at the moment: whether there is one, and pictures in its output.

IPython is never imported for it. Who runs in its kernel has loaded it already; nobody else has a
cell.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from sayiir.ids import new_run_id
from sayiir.run_options import check_listener

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sayiir.events import Listener
    from sayiir.render.live import LivePictures

__all__ = ["CellOutput", "current_cell", "live_pictures"]


def live_pictures(listener: Listener | None) -> LivePictures | None:
    """The pictures of a runner that is made in a notebook's kernel; elsewhere None.

    Args:
        listener: the runner's own, which goes on being told everything.

    Raises:
        TypeError: it is no listener.
    """
    check_listener(listener)
    if current_cell() is None:
        return None
    from sayiir.render.live import LivePictures

    return LivePictures(listener)


def current_cell() -> int | None:
    """The number of the cell that runs or ran last; None outside of a kernel."""
    ipython = sys.modules.get("IPython")
    get: Any = getattr(ipython, "get_ipython", None)
    shell: Any = get() if callable(get) else None
    if getattr(shell, "kernel", None) is None:
        return None
    return int(getattr(shell, "execution_count", 0))


class CellOutput:
    """One place in a cell's output, whose content can be replaced."""

    def __init__(self) -> None:
        self._display_id = new_run_id()
        self._shown = False

    def show(self, bundle: Mapping[str, str]) -> None:
        """Show this, in place of what was shown before.

        Args:
            bundle: by MIME type.
        """
        display: Any = sys.modules["IPython"].display
        display.display(dict(bundle), raw=True, display_id=self._display_id, update=self._shown)
        self._shown = True
