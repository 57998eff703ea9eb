"""Exceptions on their way back from another process, with their traceback as text."""

from __future__ import annotations

import pickle
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sayiir.errors import PayloadError

if TYPE_CHECKING:
    from sayiir.executors.pickling import Answers

__all__ = ["RemoteTraceback", "SentError", "error_from", "sent_error"]


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
    """

    pickled: bytes | None
    classes: tuple[tuple[str, str], ...]
    message: str
    traceback: str


def sent_error(error: BaseException, answers: Answers) -> SentError:
    """What goes over of an exception; anything can go, nothing raises."""
    own = error.__traceback__
    while own is not None and _is_ours(own.tb_frame.f_globals.get("__name__")):
        own = own.tb_next
    try:
        text = "".join(traceback.format_exception(error.with_traceback(own)))
    except Exception:  # formatting calls the user's own __str__ and __repr__
        text = ""
    classes = tuple((kind.__module__, kind.__qualname__) for kind in type(error).__mro__)
    return SentError(_pickled(error, answers), classes, _message(error), text)


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
    if sent.traceback:
        error.__cause__ = RemoteTraceback(sent.traceback)
    return error


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
        same = type(copy) is type(error) and _message(copy) == _message(error)
    except Exception:
        return None
    return data if same else None


def _stand_in(sent: SentError) -> BaseException:
    module, qualname = sent.classes[0]
    known = (_known(*names) for names in sent.classes)
    base = next(kind for kind in known if kind is not None)
    members: dict[str, Any] = {
        "__module__": module,
        "__qualname__": qualname,
        "__str__": _told_message,
    }
    kind: type[BaseException] = type(qualname.rpartition(".")[2], (base,), members)
    error = kind.__new__(kind)
    # Its own __init__ may want anything, and its own __str__ what that would have set.
    error.args = (sent.message,)
    return error


def _told_message(error: BaseException) -> str:
    return str(error.args[0])


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
