"""How a command ends: exit codes, and problems told as one clear message."""

from __future__ import annotations

from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from sayiir.errors import SayiirError

__all__ = ["ExitCode", "Problem", "UserCodeProblem", "code_of", "told_arguments"]


class ExitCode(IntEnum):
    """What the exit codes of all commands mean."""

    DONE = 0
    """What was asked is done; an instance that still waits counts as well."""
    FAILED = 1
    """The instance failed or was cancelled; ``doctor`` or ``check`` found something wrong;
    ``diff`` found another definition hash, ``compare`` other results; or an error of sayiir's
    own."""
    USAGE = 2
    """It can't be done as it was written: an option, a module, a workflow, an input."""
    STORE = 3
    """The store can't be opened, reached or used."""
    REFUSED = 4
    """The store's answer is no: no such instance, one of that id exists, its status or its
    definition doesn't allow it."""
    INTERRUPTED = 130
    """Ctrl-C."""


class Problem(Exception):
    """Why a command ends without having done it, in words for people.

    Attributes:
        message: what happened, where and what to do.
        code: the exit code.
        hint: lines that may help, shown below the message.
    """

    def __init__(
        self, message: str, code: ExitCode = ExitCode.USAGE, hint: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint


class UserCodeProblem(Problem):
    """The user's own module raised while it was imported.

    Attributes:
        traceback: the formatted traceback, from the user's first frame on.
    """

    def __init__(self, message: str, traceback: str) -> None:
        super().__init__(message)
        self.traceback = traceback


@contextmanager
def told_arguments(hint: Callable[[], tuple[str, ...]] = tuple) -> Generator[None]:
    """Inside, an argument that the library refuses is a Problem; what has a name stays itself.

    Args:
        hint: lines that may help, asked for where they are needed.
    """
    from sayiir.errors import SayiirError

    try:
        yield
    except (TypeError, ValueError) as error:
        if isinstance(error, SayiirError):
            raise
        raise Problem(str(error), hint=hint()) from None


def code_of(error: SayiirError) -> ExitCode:
    """The exit code for an error of the library."""
    from sayiir import errors

    if isinstance(error, errors.StoreError):
        return ExitCode.STORE
    refused = (
        errors.InstanceNotFound,
        errors.InstanceAlreadyExists,
        errors.InvalidTransition,
        errors.UnknownSignal,
        errors.DefinitionMismatch,
        errors.RerunRefused,
    )
    if isinstance(error, refused):
        return ExitCode.REFUSED
    if isinstance(error, (errors.WorkflowFailed, errors.WorkflowCancelled)):
        return ExitCode.FAILED
    return ExitCode.USAGE
