"""Whether something is of the type that a resource is asked for by; on either side of a call."""

from __future__ import annotations

import types
from typing import Any

from sayiir.dsl.inject import class_of_key, type_name

__all__ = ["check_made", "fits"]

_NOT_MEMBERS = frozenset(
    (
        "__annotate__",
        "__class_getitem__",
        "__init__",
        "__init_subclass__",
        "__new__",
        "__subclasshook__",
        "_abc_impl",
        "_is_protocol",
        "_is_runtime_protocol",
    )
)


def check_made(value: object, key: Any) -> None:
    """Refuse what a factory gave where it is of another type.

    Raises:
        TypeError: it is no instance of the key.

    >>> check_made(3, int)
    >>> check_made(3, str)
    Traceback (most recent call last):
    TypeError: what was handed over to make the resource str gave a int, not a str
    """
    if not fits(value, key):
        name = type_name(key)
        raise TypeError(
            f"what was handed over to make the resource {name} gave a "
            f"{type(value).__name__}, not a {name}"
        )


def fits(value: object, key: Any) -> bool:
    """True for an object of a key's type; protocols are compared by their members."""
    kind = class_of_key(key)
    if kind is None:
        return False
    if isinstance(value, type) and not issubclass(kind, type):
        return False  # a class has its instances' methods and yet is none of them
    if not getattr(kind, "_is_protocol", False):
        return isinstance(value, kind)
    return all(hasattr(value, member) for member in _members(kind))


def _members(protocol: type) -> set[str]:
    """Names that a protocol asks for: also of those that isinstance() refuses to look at."""
    names: set[str] = set()
    for base in protocol.__mro__:
        if getattr(base, "_is_protocol", False) and base.__module__ != "typing":
            names |= set(vars(base).get("__annotations__", ()))
            names |= {n for n, member in vars(base).items() if _is_member(n, member)}
    return names - _NOT_MEMBERS


def _is_member(name: str, member: object) -> bool:
    special = name.startswith("__") and name.endswith("__")
    return isinstance(member, types.FunctionType) if special else True
