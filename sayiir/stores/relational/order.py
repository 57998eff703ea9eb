"""Where a range of an index begins and ends: pages of runs, and prefixes of ordinals."""

from __future__ import annotations

__all__ = ["after", "run_before"]

_NEWEST_RUN = 2**63 - 1


def run_before(cursor: str | None) -> int:
    """The number below which the runs of a page are; the last page gave it as its cursor.

    Raises:
        ValueError: no page gave that.

    >>> run_before("17")
    17
    """
    if cursor is None:
        return _NEWEST_RUN
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise ValueError(f"{cursor!r} is no cursor; pass the one that the page before gave")
    return int(cursor)


def after(prefix: bytes) -> bytes:
    r"""What sorts after everything that begins so.

    No prefix, or one of 255s alone, has no successor; there it is longer than any ordinal.

    >>> after(b"a\xff"), len(after(b""))
    (b'b', 4096)
    """
    stripped = prefix.rstrip(b"\xff")
    if not stripped:
        return b"\xff" * 4_096
    return stripped[:-1] + bytes([stripped[-1] + 1])
