"""Around every command: problems become one message and an exit code, Ctrl-C is quiet."""

from __future__ import annotations

import functools
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import typer

from sayiir.cli.exits import ExitCode, Problem, UserCodeProblem, code_of
from sayiir.cli.screen import print_json, warn
from sayiir.errors import PayloadError, SayiirError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["guarded"]

P = ParamSpec("P")


def guarded(command: Callable[P, ExitCode | None]) -> Callable[P, None]:
    """The command as typer calls it; what it returns is the exit code.

    With ``--json`` a problem is told as ``{"error": …}`` on standard output.
    """

    @functools.wraps(command)
    def guarded_command(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.get("as_json"))
        with warnings.catch_warnings():
            warnings.filterwarnings("default", category=UserWarning)
            warnings.showwarning = _show_warning
            try:
                code = command(*args, **kwargs) or ExitCode.DONE
            except Problem as problem:
                code = _tell(problem, type(problem).__name__, as_json)
            except SayiirError as error:
                said = Problem(str(error), code_of(error), hint=_hint_of(error, kwargs))
                code = _tell(said, type(error).__name__, as_json)
            except KeyboardInterrupt:
                code = ExitCode.INTERRUPTED
        raise typer.Exit(int(code))

    return guarded_command


def _hint_of(error: SayiirError, options: Mapping[str, object]) -> tuple[str, ...]:
    if isinstance(error, PayloadError) and "given" in options and options["given"] is None:
        return ("no --input was given, which is null",)
    return ()


def _tell(problem: Problem, kind: str, as_json: bool) -> ExitCode:
    if as_json:
        error: dict[str, Any] = {"kind": kind, "message": problem.message}
        if isinstance(problem, UserCodeProblem):
            error["traceback"] = problem.traceback
        print_json({"error": {**error, "hint": list(problem.hint)}})
        return problem.code
    warn(f"error: {problem.message}")
    if isinstance(problem, UserCodeProblem):
        warn(problem.traceback.rstrip())
    for line in problem.hint:
        warn(line)
    return problem.code


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    del file, line
    # A place in the user's own files says something; one in what is installed tells nobody.
    mine = Path.cwd() in Path(filename).parents
    where = f"{filename}:{lineno}: " if mine else ""
    warn(f"{where}warning: {message}" + (f" ({category.__name__})" if where else ""))
