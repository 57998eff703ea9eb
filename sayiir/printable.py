"""Texts of others in lines of a log: one line stays one line, whatever is in them."""

from __future__ import annotations

__all__ = ["printable"]


def printable(value: object) -> str:
    r"""The text of a value with everything escaped that is no character to see.

    Line breaks, terminal sequences and marks that turn the direction of writing come from whoever
    names an instance or fills a database, and a log is read line by line.

    >>> printable("one\ntwo \x1b[2J \u202e")
    'one\\ntwo \\x1b[2J \\u202e'
    >>> printable("Grüße")
    'Grüße'
    """
    text = str(value)
    if text.isprintable():
        return text
    # Not by the codec unicode_escape, which is imported when it is first used: what others have
    # written must not make anything be imported.
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
