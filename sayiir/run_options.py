"""Checks of what runs are handed: executors, a listener, a clock. Wrong ones are told at once."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

__all__ = ["check_clock", "check_executors", "check_listener"]


def check_executors(executors: object) -> None:
    """Refuse what is no mapping of names to executors.

    Raises:
        TypeError: it is something else, or something in it is no executor.

    >>> check_executors({"process": 5})
    Traceback (most recent call last):
    TypeError: executors={'process': 5}: an executor has run() and close(), as ...
    """
    if executors is None:
        return
    if not isinstance(executors, Mapping):
        raise TypeError(
            'executors is a mapping of names to executors, as {"process": ProcessPool()}, not '
            f"{executors!r}"
        )
    given: Mapping[Any, Any] = executors  # pyright: ignore[reportUnknownVariableType]
    for name, executor in given.items():
        if not isinstance(name, str):
            raise TypeError(f"executors={{{name!r}: …}}: the name of an executor is a str")
        if isinstance(executor, type) or not _has(executor, "run", "close"):
            raise TypeError(
                f"executors={{{name!r}: {executor!r}}}: an executor has run() and close(), as "
                "sayiir.executors.ProcessPool()"
            )


def check_listener(listener: object) -> None:
    """Refuse what can't be called with one event.

    Raises:
        TypeError: it is no function, or takes another number of arguments.

    >>> check_listener(print)
    >>> check_listener(lambda: None)
    Traceback (most recent call last):
    TypeError: on_event=<lambda>: a listener takes one argument, the event; too many ...
    """
    if listener is None:
        return
    if not callable(listener):
        raise TypeError(f"on_event is a function that takes one event, not {listener!r}")
    try:
        signature = inspect.signature(listener)
    except (TypeError, ValueError):  # one that doesn't tell what it takes
        return
    try:
        signature.bind(None)
    except TypeError as error:
        name = getattr(listener, "__name__", repr(listener))
        raise TypeError(
            f"on_event={name}: a listener takes one argument, the event; {error}"
        ) from None


def check_clock(clock: object) -> None:
    """Refuse what is no clock.

    Raises:
        TypeError: it has no ``now_us()`` and ``sleep()``.

    >>> check_clock(5)
    Traceback (most recent call last):
    TypeError: a clock has now_us() and sleep(), as sayiir.testing.MovedClock(), not 5
    """
    if clock is not None and (isinstance(clock, type) or not _has(clock, "now_us", "sleep")):
        raise TypeError(
            f"a clock has now_us() and sleep(), as sayiir.testing.MovedClock(), not {clock!r}"
        )


def _has(given: object, *names: str) -> bool:
    return all(callable(getattr(given, name, None)) for name in names)
