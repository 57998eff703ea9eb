"""Writes ``sayiir/dsl/task_overloads.py``: what ``task`` is for type checkers.

    python tools/generate_task_overloads.py          write it
    python tools/generate_task_overloads.py --check  fail if it would change

Each overload infers two things from one function: its inputs, by position, and its whole
signature, by a ParamSpec. A protocol with an overloaded ``__call__`` does both at once.
The order decides, and was found by trying it on mypy and pyright: classes before functions (a
class is a function too, one that gives its instances); fewest inputs first; async
before sync; the private sentinel before one input, or mypy makes ``x: Any`` into Never;
``Callable[P, …]`` with ``In = Any`` last, for five inputs and more.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

TARGET = Path(__file__).parent.parent / "sayiir" / "dsl" / "task_overloads.py"
MAX_INPUTS = 4

HEAD = '''"""What ``task`` is for type checkers; nothing imports it at run time.

Written by ``tools/generate_task_overloads.py``; change that instead.
"""

# Pyright wants covariant inputs here, and warns that `Any` inputs overlap the last overloads:
# which is why those are the last.
# pyright: reportInvalidTypeVarUse=false, reportOverlappingOverload=false

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ParamSpec, Protocol, TypeVar, final, overload

from sayiir.dsl.context import TaskContext
from sayiir.dsl.task import ClassTask, FunctionTask
from sayiir.durations import Duration
from sayiir.policy import RetryPolicy

__all__ = ["TaskDecorator"]

P = ParamSpec("P")
O = TypeVar("O")  # noqa: E741
R = TypeVar("R")
O_co = TypeVar("O_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)
'''

SENTINEL = '''

@final
class Opaque:
    """Nothing is of this type, so only ``Any`` and ``object`` parameters accept it."""
'''

TAIL = """    @overload
    def __call__(
        self, function: Callable[P, Awaitable[O]], /
    ) -> FunctionTask[Any, O, P, Awaitable[O]]: ...
    @overload
    def __call__(self, function: Callable[P, O], /) -> FunctionTask[Any, O, P, O]: ...
    @overload
    def __call__(
        self,
        name: str | None = None,
        /,
        *,
        timeout: Duration | None = None,
        retries: int | RetryPolicy = 0,
        version: str = "",
        tags: Iterable[str] = (),
        priority: int | None = None,
        run_in: str | None = None,
        idempotent: bool = False,
        description: str = "",
    ) -> TaskDecorator: ...
    @overload
    def __call__(
        self,
        *,
        name: str,
        timeout: Duration | None = None,
        retries: int | RetryPolicy = 0,
        version: str = "",
        tags: Iterable[str] = (),
        priority: int | None = None,
        run_in: str | None = None,
        idempotent: bool = False,
        description: str = "",
    ) -> TaskDecorator: ...
"""


def protocol(inputs: int, *, is_async: bool, has_context: bool) -> str:
    variables = [f"A{index}_contra" for index in range(1, inputs + 1)]
    parameters = "".join(f", a{index}: {v}" for index, v in enumerate(variables, 1))
    parameters += ", /" if variables else ""
    parameters += ", *, ctx: TaskContext" if has_context else ""
    generic = ["P", *(["R_co"] if is_async else []), "O_co", *variables]
    result = "Awaitable[O_co]" if is_async else "O_co"
    whole = "R_co" if is_async else "O_co"
    return f"""

class {protocol_name(inputs, is_async, has_context)}(Protocol[{", ".join(generic)}]):
    @overload
    def __call__(self{parameters}) -> {result}: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> {whole}: ...
"""


def protocol_name(inputs: int, is_async: bool, has_context: bool) -> str:
    return f"{'Async' if is_async else 'Sync'}{'Context' if has_context else ''}{inputs}"


def input_type(types: list[str]) -> str:
    if not types:
        return "object"
    return types[0] if len(types) == 1 else f"tuple[{', '.join(types)}]"


def task_overload(
    arguments: list[str], types: list[str], *, is_async: bool, ctx: bool, is_class: bool
) -> str:
    generic = ["P", *(["R"] if is_async else []), "O", *arguments]
    name = protocol_name(len(arguments), is_async, ctx)
    function = f"{name}[{', '.join(generic)}]"
    function = f"type[{function}]" if is_class else function
    made = "ClassTask" if is_class else "FunctionTask"
    result = f"{made}[{input_type(types)}, O, P, {'R' if is_async else 'O'}]"
    return f"""    @overload
    def __call__(self, function: {function}, /) -> {result}: ...
"""


def overloads() -> str:
    return "".join(
        overload
        for is_class in (True, False)
        for inputs in range(MAX_INPUTS + 1)
        for is_async in (True, False)
        for overload in overloads_of(inputs, is_async=is_async, is_class=is_class)
    )


def overloads_of(inputs: int, *, is_async: bool, is_class: bool) -> Iterator[str]:
    types = [f"A{index}" for index in range(1, inputs + 1)]
    if inputs == 1:
        yield task_overload(["Opaque"], ["Any"], is_async=is_async, ctx=False, is_class=is_class)
    for ctx in (False, True):
        yield task_overload(types, types, is_async=is_async, ctx=ctx, is_class=is_class)


def generated() -> str:
    numbers = range(1, MAX_INPUTS + 1)
    variables = "".join(f'A{n} = TypeVar("A{n}")\n' for n in numbers)
    variables += "".join(
        f'A{n}_contra = TypeVar("A{n}_contra", contravariant=True)\n' for n in numbers
    )
    protocols = "".join(
        protocol(inputs, is_async=is_async, has_context=has_context)
        for has_context in (False, True)
        for inputs in range(MAX_INPUTS + 1)
        for is_async in (True, False)
    )
    decorator = (
        "\n\nclass TaskDecorator(Protocol):\n"
        '    """``@task`` and ``@task(...)``; see ``sayiir.dsl.task`` for what it does."""\n\n'
    )
    return HEAD + variables + SENTINEL + protocols + decorator + overloads() + TAIL


def formatted(text: str) -> str:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or "ruff"
    command = [ruff, "format", "--stdin-filename", str(TARGET), "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def main() -> int:
    text = formatted(generated())
    if "--check" in sys.argv:
        if TARGET.read_text() != text:
            print(f"{TARGET.name} is not what its generator writes", file=sys.stderr)
            return 1
        return 0
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
