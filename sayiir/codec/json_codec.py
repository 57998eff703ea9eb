"""The default codec: JSON by declared types, with tags where no type is declared."""

# Values of unknown types are this module's subject, and narrowing one tells only its container.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from sayiir import limits
from sayiir.codec import tagged
from sayiir.codec.book import Kept, TypeBook
from sayiir.codec.compiling import is_open
from sayiir.codec.jsontext import from_text, from_utf8, to_text
from sayiir.codec.protocol import FORMAT_TAGGED, FORMAT_TEXT, FORMAT_TYPED, UNDECLARED
from sayiir.codec.sameness import same
from sayiir.codec.walk import Walk, name_of, told, too_deep
from sayiir.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import TypeAdapter

    from sayiir.codec.compiling import Compiled
    from sayiir.codec.jsontext import Tree
    from sayiir.codec.nodes import Checker
    from sayiir.codec.protocol import Plan

__all__ = ["JsonCodec", "bounded", "split", "unknown_format"]

_MAX_TYPED_DEPTH: Final = 100
"""Typed JSON is read by a parser that stops at 200 levels; deeper types take the other way."""
_WIDE: Final = 1 << 63
"""Ints of up to 64 bits are exact in every JSON reader of ours."""
_MAX_PASSED_CHARACTERS: Final = 1_000_000
"""Longer text is encoded even in memory, so that the size bound is found there too."""


class JsonCodec:
    """Stores values as JSON. Lossless or loud: a value comes back equal, or is refused.

    Args:
        max_bytes: the largest encoded value.

    >>> codec = JsonCodec()
    >>> plan = codec.plan(tuple[int, str])
    >>> plan.decode(plan.encode((1, "a")))
    (1, 'a')
    """

    __slots__ = ("_book", "_plans", "max_bytes")

    def __init__(self, *, max_bytes: int = limits.MAX_RESULT_BYTES) -> None:
        self.max_bytes = max_bytes
        self._book = TypeBook()
        self._plans: Kept[Plan] = Kept(self._new_plan)

    @property
    def name(self) -> str:
        """``"json"``."""
        return "json"

    def plan(self, annotation: Any) -> Plan:
        """The plan for a resolved annotation, or for ``UNDECLARED``."""
        return self._plans(annotation)

    def _new_plan(self, annotation: Any) -> Plan:
        if is_open(annotation):
            return _OpenPlan(self.max_bytes)
        # pyright binds the attribute `passes_through` as if it were a method.
        return _TypedPlan(annotation, self._book, self.max_bytes)  # pyright: ignore[reportReturnType]

    def decode_plain(self, data: bytes) -> Any:
        """Reads bytes without knowing a type: typed ones come back as plain JSON data.

        Raises:
            PayloadError: the bytes are damaged or in another format.
        """
        return self.plan(UNDECLARED).decode(data)

    def accept(self, value: object, annotation: Any) -> Any:
        """Validates a value from outside leniently.

        Raises:
            PayloadError: the value doesn't fit.

        >>> JsonCodec().accept({"1": "2"}, dict[int, int])
        {1: 2}
        """
        return self._book.accept(value, annotation)

    def conform(self, value: object, annotation: Any) -> Any:
        """Validates a value between two tasks strictly.

        Raises:
            PayloadError: the value doesn't fit.

        >>> JsonCodec().conform(3, float)
        3.0
        """
        return self._book.conform(value, annotation)


class _OpenPlan:
    """For places without a type."""

    __slots__ = ("_max_bytes",)

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    def encode(self, value: object) -> bytes:
        plain = _plain_bytes(value, self._max_bytes)
        if plain is not None:
            return bounded(plain, self._max_bytes)
        return _tagged_bytes(tagged.to_tree, value, self._max_bytes)

    def decode(self, data: bytes) -> Any:
        if data.startswith(FORMAT_TEXT):
            return from_utf8(data)
        format_byte, text = split(data)
        if format_byte == FORMAT_TYPED:
            return from_text(text)
        if format_byte != FORMAT_TAGGED:
            raise unknown_format(format_byte)
        tree = from_text(text)
        if tagged.needs_no_reading(text):
            return tree
        try:
            return tagged.from_tree(tree)
        except RecursionError:
            raise too_deep() from None

    def passes_through(self, value: object) -> bool:
        return _passing(type(value))(value)


class _TypedPlan:
    """For a declared type; what it needs is built when it is first used."""

    __slots__ = (
        "_annotation",
        "_book",
        "_checker",
        "_compiled",
        "_max_bytes",
        "_plain_checker",
        "passes_through",
    )

    def __init__(self, annotation: Any, book: TypeBook, max_bytes: int) -> None:
        self.passes_through: Callable[[object], bool] = _passing(annotation)
        self._annotation = annotation
        self._book = book
        self._max_bytes = max_bytes
        self._compiled: Compiled | None = None
        self._checker: Checker | None = None
        self._plain_checker: Checker | None = None

    def _ready(self) -> Compiled:
        if self._compiled is None:
            compiled = self._book.compiled(self._annotation)
            self._plain_checker = compiled.node.checker(plain=True)
            if self._plain_checker is None and compiled.depth <= _MAX_TYPED_DEPTH:
                self._checker = self._typed_checker(compiled)
            self._compiled = compiled
        return self._compiled

    def _typed_checker(self, compiled: Compiled) -> Checker | None:
        checker = compiled.node.checker()
        if checker is not None and not compiled.node.identity:
            try:
                self._adapter()
            except PayloadError:
                return None  # pydantic has no schema for the type, but the nodes serve it
            return checker
        return None

    def encode(self, value: object) -> bytes:
        if self.passes_through is _is_narrow_int and _is_narrow_int(value):
            data = b"%b%d" % (FORMAT_TAGGED, value)
            return data if len(data) <= self._max_bytes else bounded(data, self._max_bytes)
        compiled = self._ready()
        try:
            quick = self._quick_bytes(value)
        except RecursionError:
            raise too_deep() from None
        if quick is not None:
            return bounded(quick, self._max_bytes)
        return _tagged_bytes(partial(self._tree, compiled), value, self._max_bytes)

    def _quick_bytes(self, value: object) -> bytes | None:
        """The value by one of the two quick ways, or None where neither is proved for it."""
        if self._plain_checker is not None:
            if not self._plain_checker(value):
                return None
            return _plain_bytes(value, self._max_bytes)
        if self._checker is None or not self._checker(value):
            return None
        try:
            return FORMAT_TYPED + self._adapter().dump_json(value, by_alias=False, round_trip=True)
        except ValueError:
            return None  # half a surrogate pair: the other way serves it

    def _adapter(self) -> TypeAdapter[Any]:
        return self._book.adapter(self._annotation)

    def _tree(self, compiled: Compiled, value: object, walk: Walk) -> Tree:
        tree = compiled.node.lower(value, walk)
        if not compiled.exact and not same(compiled.node.lift(tree), value):
            name = name_of(self._annotation)
            raise PayloadError(
                f"a {name_of(type(value))} declared as {name} would not come back equal and of "
                "the same types; a validator, a serialiser or a hidden part of it changes it",
                type_name=name,
            )
        return tree

    def decode(self, data: bytes) -> Any:
        compiled = self._ready()
        if data.startswith(FORMAT_TEXT):
            tree, tagless = from_utf8(data), True
        else:
            format_byte, text = split(data)
            if format_byte == FORMAT_TYPED:
                return self._decode_typed(compiled, text)
            if format_byte != FORMAT_TAGGED:
                raise unknown_format(format_byte)
            tree, tagless = from_text(text), tagged.needs_no_reading(text)
        try:
            if tagless and self._plain_checker is not None and self._plain_checker(tree):
                return tree
            return compiled.node.lift(tree)
        except RecursionError:
            raise too_deep() from None

    def _decode_typed(self, compiled: Compiled, text: bytes) -> Any:
        if self._checker is None:
            # The bytes were written for an earlier type; what JSON says by itself may fit.
            return _guarded_lift(compiled, from_text(text))
        try:
            return self._adapter().validate_json(text, strict=True, by_alias=False, by_name=True)
        except PayloadError:
            raise
        except Exception as error:  # default factories are user code
            name = name_of(self._annotation)
            raise PayloadError(
                f"the stored value doesn't fit {name}: {told(error)}", type_name=name
            ) from error


# Which values of a scalar type are certain to come back as they are. One function for each, since
# every step in memory asks.


def _never(value: object) -> bool:
    return False


def _is_none(value: object) -> bool:
    return value is None


def _is_bool(value: object) -> bool:
    return type(value) is bool


def _is_narrow_int(value: object) -> TypeGuard[int]:
    return type(value) is int and -_WIDE < value < _WIDE


def _is_finite_float(value: object) -> bool:
    return type(value) is float and isfinite(value)


def _is_short_text(value: object) -> bool:
    return type(value) is str and len(value) < _MAX_PASSED_CHARACTERS and value.isascii()


def _is_short_bytes(value: object) -> bool:
    return type(value) is bytes and len(value) < _MAX_PASSED_CHARACTERS


_PASSING: Final[tuple[tuple[type | None, Callable[[object], bool]], ...]] = (
    (int, _is_narrow_int),
    (str, _is_short_text),
    (bool, _is_bool),
    (float, _is_finite_float),
    (type(None), _is_none),
    (None, _is_none),
    (bytes, _is_short_bytes),
)


def _passing(kind: Any) -> Callable[[object], bool]:
    # By identity: to hash or compare a class may run code of its metaclass.
    return next((passes for known, passes in _PASSING if known is kind), _never)


def _guarded_lift(compiled: Compiled, plain: Any) -> Any:
    try:
        return compiled.node.lift(tagged.to_tree(plain, Walk(limits.MAX_JOIN_BYTES)))
    except RecursionError:
        raise too_deep() from None


def _plain_bytes(value: object, max_bytes: int) -> bytes | None:
    """The bytes of text, or of a value that is plain data; None for one that needs tags."""
    if type(value) is str:
        try:
            return FORMAT_TEXT + value.encode()
        except UnicodeEncodeError:
            return None  # half a surrogate pair
    text = tagged.plain_text(value, max_bytes)
    return None if text is None else FORMAT_TAGGED + text


def _tagged_bytes(make: Callable[[Any, Walk], Tree], value: object, max_bytes: int) -> bytes:
    try:
        tree = make(value, Walk(max_bytes))
    except RecursionError:
        raise too_deep() from None
    return bounded(FORMAT_TAGGED + to_text(tree), max_bytes)


def split(data: bytes) -> tuple[bytes, bytes]:
    """The format byte of stored bytes, and the rest."""
    if not data:
        raise PayloadError("the stored bytes are empty")
    return data[:1], data[1:]


def bounded(data: bytes, max_bytes: int) -> bytes:
    """The same bytes, if they are not too many."""
    if len(data) > max_bytes:
        raise PayloadError(
            f"the encoded value has {len(data):,} bytes, more than the {max_bytes:,} that a "
            "result may have; store it elsewhere and return where it is"
        )
    return data


def unknown_format(format_byte: bytes) -> PayloadError:
    """The error for bytes that another codec wrote."""
    return PayloadError(
        f"the stored bytes have format {format_byte[0]}, which this codec doesn't read; use the "
        "codec that wrote them"
    )
