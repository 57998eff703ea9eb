"""A codec for trusted notebooks: cloudpickle, chosen by name and never by default."""

# Values of unknown types are this module's subject, and narrowing one tells only its container.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sayiir import limits
from sayiir.codec.book import TypeBook
from sayiir.codec.json_codec import bounded, split, unknown_format
from sayiir.codec.protocol import FORMAT_PICKLE
from sayiir.codec.walk import name_of
from sayiir.errors import PayloadError

if TYPE_CHECKING:
    from sayiir.codec.protocol import Plan

__all__ = ["PickleCodec"]

_PASSED: frozenset[type] = frozenset({bool, int, float, type(None)})


class PickleCodec:
    """Stores values as pickles, functions and classes of a notebook included.

    Reading a pickle runs whatever it says: who can write to the store can run code in every
    process that reads it. Use it only where nobody else can.

    Args:
        max_bytes: the largest encoded value.

    >>> plan = PickleCodec().plan(object)
    >>> plan.decode(plan.encode(1 + 2j))
    (1+2j)
    """

    __slots__ = ("_book", "_plan")

    def __init__(self, *, max_bytes: int = limits.MAX_RESULT_BYTES) -> None:
        self._book = TypeBook()
        self._plan = _PicklePlan(max_bytes)

    @property
    def name(self) -> str:
        """``"pickle"``."""
        return "pickle"

    def plan(self, annotation: Any) -> Plan:
        """The plan; it is one for all types."""
        return self._plan

    def decode_plain(self, data: bytes) -> Any:
        """The value itself: a pickle needs no type.

        Raises:
            PayloadError: the bytes are damaged or in another format.
        """
        return self._plan.decode(data)

    def accept(self, value: object, annotation: Any) -> Any:
        """As ``JsonCodec.accept``."""
        return self._book.accept(value, annotation)

    def conform(self, value: object, annotation: Any) -> Any:
        """As ``JsonCodec.conform``."""
        return self._book.conform(value, annotation)


class _PicklePlan:
    __slots__ = ("_max_bytes",)

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    def encode(self, value: object) -> bytes:
        # Imported late, with the module that most processes never need.
        import cloudpickle  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

        try:
            text: bytes = cloudpickle.dumps(value)
        except Exception as error:  # reducers are user code
            name = name_of(type(value))
            raise PayloadError(f"a {name} can't be pickled: {error}", type_name=name) from error
        return bounded(FORMAT_PICKLE + text, self._max_bytes)

    def decode(self, data: bytes) -> Any:
        import pickle

        format_byte, text = split(data)
        if format_byte != FORMAT_PICKLE:
            raise unknown_format(format_byte)
        try:
            return pickle.loads(text)  # noqa: S301  (what this codec is for, and says)
        except Exception as error:  # a pickle may raise anything
            raise PayloadError(f"the stored pickle can't be read: {error}") from error

    def passes_through(self, value: object) -> bool:
        return type(value) in _PASSED
