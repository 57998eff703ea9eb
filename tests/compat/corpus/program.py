"""A program of the corpus: what it does with the package it is given, and what it should give."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["SAME", "Corpus", "Program", "aside", "hash_of", "raised", "until"]

SAME: Final = "the same"


@dataclass(frozen=True)
class Program:
    """One program.

    Attributes:
        name: its name, that of the function.
        run: takes the package (the published one or ``sayiir.compat``), gives a literal.
        gives: what it has to give here.
        published: what the published package gives, where that is something else.
        why: why ours is right, where they differ.
        apart: whether it needs a process of its own, which it forks.
    """

    name: str
    run: Callable[[Any], Any]
    gives: Any
    published: Any
    why: str
    apart: bool = False


class Corpus:
    """Collects the programs of one file."""

    def __init__(self, *, apart: bool = False) -> None:
        self._apart = apart
        self.programs: list[Program] = []

    def program(
        self, *, gives: Any, published: Any = SAME, why: str = ""
    ) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
        """A function as a program; ``published`` and ``why`` where the packages differ."""

        def add(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
            assert bool(why) == (published is not SAME), f"{function.__name__}: say why they differ"
            self.programs.append(
                Program(function.__name__, function, gives, published, why, self._apart)
            )
            return function

        return add


def raised(call: Callable[[], Any]) -> str:
    """The name of what a call raises, or what it gives."""
    try:
        given = call()
    except BaseException as error:  # the published package panics with a BaseException of its own
        return type(error).__name__
    return f"nothing: {given!r}"


def aside(call: Callable[[], Any]) -> None:
    """Make a call on a thread of its own: tasks of the published package can't wait for one."""
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def until(ask: Callable[[], Any], done: Callable[[Any], bool], seconds: float = 20.0) -> Any:
    """Ask again and again, for some seconds, until the answer is good; the last answer."""
    end = time.monotonic() + seconds
    while not done(answer := ask()) and time.monotonic() < end:
        time.sleep(0.02)
    return answer


def hash_of(flow: Any) -> str:
    """The hash of a flow as the published package computes it, on either side."""
    try:
        return str(flow.build(hash_format="1.0").definition_hash)
    except TypeError:  # the published one, which has no other format
        return str(flow.build().definition_hash)
