"""Values on their way to another process and back, by cloudpickle."""

# cloudpickle tells no types, and what tells its classes apart has no public name.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportPrivateUsage=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import io
import pickle
import weakref
from typing import Any, Final

import cloudpickle  # type: ignore[import-untyped]
from cloudpickle import cloudpickle as tracked_by

from sayiir.errors import PayloadError

__all__ = ["Answers", "goes_by_value", "pack"]

_SCALARS: Final = frozenset({type(None), bool, int, float, str, bytes})
"""Their pickles name nothing, so what cloudpickle adds, for 20 µs, isn't needed."""


def goes_by_value(module: str) -> bool:
    """Whether the user asked cloudpickle to send whole what is in this module."""
    asked: set[str] = cloudpickle.list_registry_pickle_by_value()
    return any(module == name or module.startswith(f"{name}.") for name in asked)


def pack(value: object, what: str) -> bytes:
    """Any value as bytes; classes and functions of ``__main__`` go whole.

    Raises:
        PayloadError: part of it can't be pickled.
    """
    if type(value) in _SCALARS:
        return pickle.dumps(value, protocol=5)
    try:
        data: bytes = cloudpickle.dumps(value, protocol=5)
    except Exception as error:
        raise PayloadError(f"{what} can't be sent to another process: {error}") from error
    return data


class Answers:
    """Packs values for the way back, in the process that was called.

    A class that came whole from the parent goes as a mark of itself. Sent back whole it would be
    defined anew over there, and replace the methods of the user's own class.
    """

    def __init__(self) -> None:
        self._made_here: weakref.WeakSet[type] = weakref.WeakSet()

    def pack(self, value: object, what: str) -> bytes:
        """The value as bytes.

        Raises:
            PayloadError: part of it can't be pickled.
        """
        if type(value) in _SCALARS:
            return pickle.dumps(value, protocol=5)
        file = io.BytesIO()
        try:
            _AnswerPickler(file, self._made_here).dump(value)
        except Exception as error:
            raise PayloadError(f"{what} can't be sent to another process: {error}") from error
        return file.getvalue()


class _AnswerPickler(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(self, file: io.BytesIO, made_here: weakref.WeakSet[type]) -> None:
        super().__init__(file, protocol=5)
        self._made_here = made_here

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, type) and obj not in self._made_here:
            # cloudpickle knows the classes that it made here of what was sent.
            mark = tracked_by._DYNAMIC_CLASS_TRACKER_BY_CLASS.get(obj)
            if mark is not None:
                return _class_marked, (mark,)
            self._made_here.add(obj)
        return super().reducer_override(obj)


def _class_marked(mark: str) -> type:
    found: type | None = tracked_by._DYNAMIC_CLASS_TRACKER_BY_ID.get(mark)
    if found is None:
        raise LookupError("a class that was sent to another process is gone here")
    return found
