"""What a call needs over there is made once a process, and left when that ends in good order."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import TaskContext
from sayiir.executors import Call, ProcessPool, Setup

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.anyio


class Entered:
    """A context manager that writes down when it is entered and left."""

    def __init__(self, name: str, diary: str) -> None:
        self.name, self.diary = name, Path(diary)

    def write(self, text: str) -> None:
        with self.diary.open("a", encoding="utf-8") as file:
            file.write(f"{text} {self.name}\n")

    def __enter__(self) -> Entered:
        self.write("enter")
        return self

    def __exit__(self, *_: object) -> None:
        self.write("leave")


class AsyncEntered(Entered):
    async def __aenter__(self) -> AsyncEntered:
        self.write("enter")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.write("leave")


class Adder:
    """A task's object: what is called."""

    def __init__(self, start: int) -> None:
        self.sum = start

    def __call__(self, n: int) -> tuple[int, int]:
        self.sum += n
        return os.getpid(), self.sum


def names(n: int, first: Entered, second: Entered) -> tuple[int, str, str]:
    return os.getpid(), first.name, second.name


def never() -> datetime | None:
    return None


def call(function: Any, *args: Any, setup: tuple[Setup, ...]) -> Call:
    return Call(
        function=function, args=args, kwargs={}, context=TaskContext(), setup=setup, started=never
    )


async def test_things_are_entered_once_and_left_in_reverse(tmp_path: Path) -> None:
    diary = str(tmp_path / "diary")
    setup = (
        Setup("a", lambda: Entered("a", diary), "first"),
        Setup("b", lambda: AsyncEntered("b", diary), "second"),
    )
    async with ProcessPool(max_workers=1) as pool:
        results = [await pool.run(call(names, n, setup=setup)) for n in range(3)]
    assert {result[1:] for result in results} == {("a", "b")}
    assert len({result[0] for result in results}) == 1
    lines = Path(diary).read_text(encoding="utf-8").splitlines()
    assert lines == ["enter a", "enter b", "leave b", "leave a"]


async def test_what_is_made_may_be_what_is_called() -> None:
    setup = (Setup("adder", lambda: Adder(10), None),)
    async with ProcessPool(max_workers=1) as pool:
        sums = [(await pool.run(call(Adder, n, setup=setup)))[1] for n in (1, 2)]
    assert sums == [11, 13]
