"""Exceptions on their way back from another process, with their traceback as text."""

from __future__ import annotations

import logging
import pickle
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sayiir.errors import PayloadError
from sayiir.executors.protocol import ProcessDied
from sayiir.printable import printable

if TYPE_CHECKING:
    from sayiir.executors.pickling import Answers

__all__ = ["RemoteTraceback", "SentError", "error_from", "sent_error"]

logger = logging.getLogger("sayiir.executors")

MAX_GROUP_DEPTH: Final = 20
"""Groups within groups beyond this come back without their members, as plain exceptions."""


class RemoteTraceback(Exception):
    """The traceback of an exception where it was raised: the ``__cause__`` of what came over."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


@dataclass(frozen=True, slots=True)
class SentError:
    """An exception as plain data.

    Attributes:
        pickled: the exception itself; None: it can't be pickled, or would come back changed.
        classes: module and qualified name of its class and of those that it derives from.
        message: its text.
        traceback: formatted where it was raised.
        group: of an exception group its own message and its members.
    """

    pickled: bytes | None
    classes: tuple[tuple[str, str], ...]
    message: str
    traceback: str
    group: tuple[str, tuple[SentError, ...]] | None = None


def sent_error(error: BaseException, answers: Answers) -> SentError:
    """What goes over of an exception; anything can go, nothing raises."""
    own = error.__traceback__
    while own is not None and _is_ours(own.tb_frame.f_globals.get("__name__")):
        own = own.tb_next
    try:
        text = "".join(traceback.format_exception(error.with_traceback(own)))
    except Exception:  # formatting calls the user's own __str__ and __repr__
        text = ""
    return _sent(error, answers, text, MAX_GROUP_DEPTH)


def error_from(sent: SentError) -> BaseException:
    """The exception that was sent, or one that is told from it by nothing but its contents.

    A stand-in has the same class name and message, and is an instance of the nearest of its
    classes that this process knows, so that ``retry_on=`` decides as it would have.
    """
    error: BaseException | None = None
    if sent.pickled is not None:
        try:
            error = pickle.loads(sent.pickled)  # noqa: S301  our own process wrote it
        except Exception:  # its class can be imported there and not here: a stand-in tells it
            error = None
    if not isinstance(error, BaseException):
        error = _stand_in(sent)
    if isinstance(error, (SystemExit, KeyboardInterrupt)):
        # It asked for the end of its own process, not of ours.
        code = error.code if isinstance(error, SystemExit) else None
        error = ProcessDied(
            f"the task ended its process by {type(error).__name__}({_message(error)})",
            code if isinstance(code, int) else None,
        )
    if sent.traceback:
        error.__cause__ = RemoteTraceback(sent.traceback)
    return error


def _sent(error: Any, answers: Answers, text: str, depth: int) -> SentError:
    classes = tuple((kind.__module__, kind.__qualname__) for kind in type(error).__mro__)
    pickled = _pickled(error, answers)
    group = None
    if _is_group(error) and depth:
        # Pickled or not: one member's class may be unknown where it comes to. Their tracebacks
        # stand in the group's own.
        members = tuple(_sent(each, answers, "", depth - 1) for each in error.exceptions)
        group = (str(error.message), members)
    return SentError(pickled, classes, _message(error), text, group)


def _pickled(error: BaseException, answers: Answers) -> bytes | None:
    """The exception's bytes, if they give it back as it is. Many classes' don't."""
    try:
        data = answers.pack(error, "the exception")
    except PayloadError:
        return None
    try:
        # What came from the parent goes as a mark that only the parent resolves; here the
        # same mark is known too, so the copy is a fair test.
        copy = pickle.loads(data)  # noqa: S301  written one line above
        same = _is_same(copy, error)
    except Exception:
        return None
    return data if same else None


def _is_same(copy: Any, error: Any) -> bool:
    if type(copy) is not type(error) or _message(copy) != _message(error):
        return False
    return not _is_group(error) or all(map(_is_same, copy.exceptions, error.exceptions))


def _is_group(error: BaseException) -> bool:
    return isinstance(error, BaseExceptionGroup)


def _stand_in(sent: SentError) -> BaseException:
    """An instance of the nearest class that can be made here; in the end ``BaseException``."""
    own = _known(*sent.classes[0])
    if sent.group is not None and own in (ExceptionGroup, BaseExceptionGroup):
        return _group(own, sent.group)
    for names in sent.classes:
        base = _known(*names)
        if base is None:
            continue
        try:
            return _made(base, sent)
        except Exception:  # it wants to be derived or made in a way of its own: the next one
            told = printable(sent.classes[0])
            logger.debug("no stand-in for %s can be made of %s", told, printable(base))
    return BaseException(sent.message)


def _made(base: type[BaseException], sent: SentError) -> BaseException:
    module, qualname = sent.classes[0]

    def told_message(_: BaseException) -> str:
        return sent.message

    members: dict[str, Any] = {
        "__module__": module,
        "__qualname__": qualname,
        # Its own might want what its own __init__ would have set.
        "__str__": told_message,
    }
    kind: type[BaseException] = type(qualname.rpartition(".")[2], (base,), members)
    if sent.group is not None and issubclass(kind, BaseExceptionGroup):
        return _group(kind, sent.group)
    # Its own __new__ and __init__ may want anything: Python's own make it, as they did there.
    native: Any = next(each for each in kind.__mro__ if each.__module__ == "builtins")
    error: BaseException = native.__new__(kind)
    error.args = (sent.message,)
    return error


def _group(kind: Any, group: tuple[str, tuple[SentError, ...]]) -> BaseException:
    message, members = group
    make: Any = BaseExceptionGroup.__new__
    error: BaseException = make(kind, message, [error_from(each) for each in members])
    return error


def _known(module: str, qualname: str) -> type[BaseException] | None:
    """The class of that name, if this process has it already; nothing is imported."""
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type) or not issubclass(found, BaseException):
        return None
    return found


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # a user's __str__ may raise anything; the failure must be told
        return "<the exception's own __str__ raised>"


def _is_ours(module: object) -> bool:
    return isinstance(module, str) and module.startswith("sayiir.executors.")
