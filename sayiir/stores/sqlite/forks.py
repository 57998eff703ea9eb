"""What a forked child must let go of, and what it must not touch.

It inherits open lock files, and with them would keep its parent's locks alive after the
parent's death: it closes them. It inherits SQLite connections too, and closing one could
checkpoint or remove the WAL file under its parent: it keeps them, unused, for as long as it
lives.
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sayiir.stores.sqlite.reader import Reader
    from sayiir.stores.sqlite.writer import Writer

__all__ = ["watch_forks"]


def watch_forks(writer: Writer, reader: Reader | None) -> None:
    """See to this store's files in every child that is forked from now on."""
    writer_ref = weakref.ref(writer)
    reader_ref = None if reader is None else weakref.ref(reader)
    kept: list[object] = []  # lives as long as the process: hooks can't be taken back

    def in_child() -> None:
        parents = writer_ref()
        if parents is None:
            return
        for descriptor in parents.descriptors():
            os.close(descriptor)
        kept.append(parents.connection)
        readers = None if reader_ref is None else reader_ref()
        if readers is not None:
            kept.append(readers.connection)

    os.register_at_fork(after_in_child=in_child)
