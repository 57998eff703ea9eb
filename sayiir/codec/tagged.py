"""The tagged encoding: values whose type nobody declared, as JSON that tells its own types.

JSON's own types stand for themselves. Everything else is an object with the single key
``"!"``, whose list begins with a tag: ``{"!": ["tuple", 1, 2]}``. A user's dict can't imitate
that, because a dict with the key ``"!"``, or with keys that are not text, is written as pairs:
``{"!": ["dict", key, value, …]}``.
"""

# Values of unknown types are this module's subject, and narrowing one tells only its container.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

import base64
from itertools import chain
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from sayiir import limits
from sayiir.codec.jsontext import quick_text
from sayiir.codec.scalars import SCALAR_READERS, SCALAR_WRITERS
from sayiir.codec.walk import Walk, name_of, too_deep
from sayiir.errors import FailureInfo, PayloadError
from sayiir.values import Again, BranchResult, Done, ItemFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.codec.jsontext import Tree

__all__ = ["MARK", "body_of", "from_tree", "is_plain", "mapping_tree", "tagged", "to_tree"]

MARK: Final = "!"
_MARK_IN_TEXT: Final = b'"!"'
_OPENS_CONTAINER: Final = (b"[", b"{")
_PLAIN_SCALARS: Final = frozenset({str, int, bool, type(None)})
_SAFE_INT_BITS: Final = 4_096
"""Longer ints are written in hexadecimal: Python bounds the digits of decimal text."""


def tagged(tag: str, *arguments: Tree) -> Tree:
    """The tree that a tag and its arguments make."""
    return {MARK: [tag, *arguments]}


def body_of(tree: Tree) -> list[Any] | None:
    """The tag and arguments of a tagged tree, or None for a tree that stands for itself."""
    if type(tree) is dict and MARK in tree:
        body = tree[MARK]
        if len(tree) != 1 or type(body) is not list or not body or type(body[0]) is not str:
            raise PayloadError("the stored bytes hold a malformed tag")
        return body
    return None


def to_tree(value: Any, walk: Walk) -> Tree:
    """A value as a tree that tells its own types.

    Raises:
        PayloadError: the value, or one in it, is of a type that has no tag.
    """
    kind = type(value)
    if kind is str:
        return text_tree(value)
    if kind is bool or value is None:
        return value
    if kind is int:
        return value if value.bit_length() <= _SAFE_INT_BITS else tagged("int", hex(value))
    if kind is float:
        return value if isfinite(value) else tagged("float", repr(value))
    if kind is dict:
        return _dict_tree(value, walk)
    if kind is list:
        walk.enter(len(value))
        items = [to_tree(item, walk) for item in value]
        walk.leave()
        return items
    tag = _COLLECTIONS.get(kind)
    if tag is not None:
        walk.enter(len(value))
        items = [to_tree(item, walk) for item in value]
        walk.leave()
        return {MARK: [tag, *items]}
    return _other_tree(value, walk)


def _other_tree(value: Any, walk: Walk) -> Tree:
    kind = type(value)
    if (scalar := SCALAR_WRITERS.get(kind)) is not None:
        tag, write = scalar
        return tagged(tag, *write(value))
    if (envelope := _ENVELOPES.get(kind)) is not None:
        walk.enter(1)
        tree = envelope(value, walk)
        walk.leave()
        return tree
    raise PayloadError(
        f"a {name_of(kind)} has no declared type here and can't be stored without one; declare "
        "it as the task's type, or return plain data",
        type_name=name_of(kind),
    )


def text_tree(value: str) -> Tree:
    """A str as a tree; one with lone surrogates, which UTF-8 can't hold, gets a tag.

    JSON's escapes would not do: two lone halves in a row read back as one character.
    """
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return tagged("str", base64.b64encode(value.encode("utf-8", "surrogatepass")).decode())
    return value


def mapping_tree(pairs: list[tuple[Tree, Tree]]) -> Tree:
    """The tree of a dict from the trees of its keys and values."""
    if all(type(key) is str and key != MARK for key, _ in pairs):
        return dict(pairs)
    return {MARK: ["dict", *chain.from_iterable(pairs)]}


def _dict_tree(value: dict[Any, Any], walk: Walk) -> Tree:
    walk.enter(len(value) * 2)
    pairs = [(to_tree(key, walk), to_tree(item, walk)) for key, item in value.items()]
    walk.leave()
    return mapping_tree(pairs)


def failure_tree(failed: ItemFailed, walk: Walk) -> Tree:
    """The tree of a failed item; every part is text or a number, and checked to be."""
    if type(failed.error) is not FailureInfo:
        raise PayloadError("an ItemFailed must hold a FailureInfo", type_name="ItemFailed")
    error = failed.error
    parts = [getattr(error, name) for name in FailureInfo.__slots__]
    return tagged("failed", failed.index, *(to_tree(part, walk) for part in parts))


_COLLECTIONS: Final[dict[type, str]] = {tuple: "tuple", set: "set", frozenset: "frozenset"}
_ENVELOPES: Final[dict[type, Callable[[Any, Walk], Tree]]] = {
    Again: lambda value, walk: tagged("again", to_tree(value.value, walk)),
    Done: lambda value, walk: tagged("done", to_tree(value.value, walk)),
    BranchResult: lambda value, walk: tagged(
        "branch", to_tree(value.branch, walk), to_tree(value.result, walk)
    ),
    ItemFailed: failure_tree,
}


# -- the way back


def from_tree(tree: Tree) -> Any:
    """The value that a tree stands for.

    Raises:
        PayloadError: a tag is unknown or its arguments are wrong.
    """
    kind = type(tree)
    if kind is list:
        return [from_tree(item) for item in tree]
    if kind is not dict:
        return tree
    body = body_of(tree)
    if body is None:
        return {key: from_tree(item) for key, item in tree.items()}
    tag, *arguments = body
    try:
        if (scalar := SCALAR_READERS.get(tag)) is not None:
            return scalar(*arguments)
        return _STRUCTURES[tag](*map(from_tree, arguments))
    except PayloadError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise PayloadError(
            f"the stored bytes hold a wrong {tag!r} tag: {type(error).__name__}: {error}"
        ) from None


def _read_dict(*flat: Any) -> dict[Any, Any]:
    if len(flat) % 2:
        raise ValueError("a key has no value")
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _read_branch(branch: Any, result: Any) -> BranchResult[Any]:
    if type(branch) is not str:
        raise TypeError("the branch's key is not text")
    return BranchResult(branch, result)


def read_failure(index: Any, *parts: Any) -> ItemFailed:
    """The failed item of a ``failed`` tag's arguments, each checked for its type."""
    error = FailureInfo(*parts)
    texts = (error.kind, error.type_name, error.message, error.traceback, error.path)
    numbers = (index, error.attempt)
    if (
        any(type(text) is not str for text in texts)
        or any(type(number) is not int for number in numbers)
        or type(error.task) not in (str, type(None))
        or type(error.details) is not tuple
        or any(type(pair) is not tuple or len(pair) != 2 for pair in error.details)
    ):
        raise TypeError("a part of the failure has the wrong type")
    return ItemFailed(error, index)


_STRUCTURES: Final[dict[str, Callable[..., Any]]] = {
    "tuple": lambda *items: items,
    "set": lambda *items: set(items),
    "frozenset": lambda *items: frozenset(items),
    "dict": _read_dict,
    "again": Again,
    "done": Done,
    "branch": _read_branch,
    "failed": read_failure,
    # Read without the declared type, a union's choice is the plain data of its member.
    "union": lambda _label, value: value,
}


# -- the quick way for plain data


def is_plain(value: Any, max_bytes: int) -> bool:
    """True if a value is JSON data as it stands, without anything that needs a tag.

    Goes through the value a level at a time, so that the loops run inside C functions: three
    milliseconds for 12,500 small dicts, where a recursive walk takes thirty.

    Raises:
        PayloadError: it nests too deep, contains itself, or has too many elements.
    """
    items: list[Any] = [value]
    elements_left = max_bytes // 2 + 1
    for _ in range(limits.MAX_VALUE_DEPTH + 1):
        kinds = set(map(type, items))
        containers = kinds - _PLAIN_SCALARS
        if int in kinds and not _are_short([item for item in items if type(item) is int]):
            return False
        if float in containers:
            containers.discard(float)
            if not all(isfinite(item) for item in items if type(item) is float):
                return False
        if not containers:
            return True
        if not containers <= {list, dict}:
            return False
        dicts = [item for item in items if type(item) is dict]
        lists = [item for item in items if type(item) is list]
        elements_left -= sum(map(len, lists)) + sum(map(len, dicts))
        if elements_left < 0:
            raise PayloadError("the value has more elements than may be stored in one result")
        keys = set(chain.from_iterable(dicts))
        if MARK in keys or any(type(key) is not str for key in keys):
            return False
        items = list(chain.from_iterable(chain(lists, map(dict.values, dicts))))
    raise too_deep()


def _are_short(numbers: list[int]) -> bool:
    longest = max(max(numbers).bit_length(), min(numbers).bit_length())
    return longest <= _SAFE_INT_BITS


def plain_text(value: Any, max_bytes: int) -> bytes | None:
    """The JSON text of a value that is plain data, or None for one that needs tags.

    Raises:
        PayloadError: as ``is_plain`` does.
    """
    return quick_text(value) if is_plain(value, max_bytes) else None


def needs_no_reading(text: bytes) -> bool:
    """True if the tree of this JSON text is its own value: no tag can be in it."""
    return text[:1] not in _OPENS_CONTAINER or _MARK_IN_TEXT not in text
