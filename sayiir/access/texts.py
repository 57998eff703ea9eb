"""Short texts that people hand in: who asked, and why."""

from __future__ import annotations

from sayiir.errors import PayloadError

__all__ = ["check_text"]


def check_text(text: object, what: str) -> str | None:
    """The text as it was given, or None.

    Raises:
        TypeError: no ``str``.
        PayloadError: with lone surrogates, which no store could give back.

    >>> check_text("out of stock", "reason")
    'out of stock'
    """
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError(f"{what} is a str or None, not {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PayloadError(
            f"{what} {text!r} is not valid Unicode and can't be stored", type_name="str"
        ) from None
    return text
