"""Whether what one task gives can be what the next one takes, told from annotations alone.

The answer is no only where that is provable; where an annotation is open (``Any``, a protocol,
a type variable, a name that didn't resolve) or a library converts by rules of its own, it is
yes, and the codec tells at run time. What counts as fitting is what ``Codec.conform`` does
between two tasks: an instance fits, an int fits float, a mapping fits a model, a dataclass or
a TypedDict; nothing else is converted.
"""

from __future__ import annotations

import collections.abc
from collections.abc import Callable
from typing import Any, Final, Literal, Never, NoReturn, get_args, get_origin

from sayiir.dsl.annotations import (
    NamedOutputs,
    fields_of,
    has_own_schema,
    is_open,
    is_root_model,
    is_typed_dict,
    is_union,
    takes_mappings,
    unwrapped,
)
from sayiir.values import Again, BranchResult, Done

__all__ = ["fits"]

_MAX_DEPTH: Final = 25
"""Annotations that nest deeper are recursive; what couldn't be disproved by then fits."""

_COVARIANT: Final = (
    list,
    set,
    frozenset,
    dict,
    collections.deque,
    collections.abc.Iterable,
    BranchResult,
    Again,
    Done,
)


def fits(produced: Any, wanted: Any, _depth: int = 0) -> bool:
    """False only where no value of type ``produced`` is fit for ``wanted``, or some aren't.

    ``int | None`` doesn't fit ``int``, and a base class doesn't fit a derived one, just as a
    type checker says.

    >>> fits(int, float), fits(dict[str, int], list[int]), fits(bool | None, int)
    (True, False, False)
    """
    if _depth > _MAX_DEPTH:
        return True
    produced, wanted = unwrapped(produced), unwrapped(wanted)
    if produced is wanted or is_open(wanted) or is_open(produced) or produced in (Never, NoReturn):
        return True
    if is_union(produced):
        return all(fits(member, wanted, _depth + 1) for member in get_args(produced))
    if get_origin(produced) is Literal:
        return all(_literal_fits(value, wanted, _depth + 1) for value in get_args(produced))
    if is_union(wanted):
        return any(fits(produced, member, _depth + 1) for member in get_args(wanted))
    if isinstance(produced, NamedOutputs):
        return _named_fit(produced, wanted, _depth + 1)
    if get_origin(wanted) is Literal:
        # A str may well be one of the words; an int never is.
        return any(fits(type(value), produced, _depth + 1) for value in get_args(wanted))
    return _classes_fit(produced, wanted, _depth + 1)


def _literal_fits(value: object, wanted: Any, depth: int) -> bool:
    wanted = unwrapped(wanted)
    if is_union(wanted):
        return any(_literal_fits(value, member, depth + 1) for member in get_args(wanted))
    if get_origin(wanted) is Literal:
        return any(type(value) is type(one) and value == one for one in get_args(wanted))
    return fits(type(value), wanted, depth)


def _named_fit(produced: NamedOutputs, wanted: Any, depth: int) -> bool:
    """A named fork's dict into a mapping type, or into fields of those names."""
    origin = get_origin(wanted) or wanted
    fields = fields_of(wanted)
    if fields is not None:
        return fields.fit(dict(produced.fields), _fits_in_field(depth))
    if takes_mappings(origin) or has_own_schema(origin) or not isinstance(origin, type):
        return True
    if not _is_subclass(dict, origin):
        return False
    arguments = get_args(wanted)
    if len(arguments) != 2:
        return True
    return fits(str, arguments[0], depth) and all(
        fits(kind, arguments[1], depth) for _, kind in produced.fields
    )


def _classes_fit(produced: Any, wanted: Any, depth: int) -> bool:
    have, want = get_origin(produced) or produced, get_origin(wanted) or wanted
    if not (isinstance(have, type) and isinstance(want, type)):
        return True
    if have in (int, bool) and want in (float, complex):
        return True
    if have is float and want is complex:
        return True
    if _is_mapping(have) and takes_mappings(want):
        return _mapping_fits(produced, wanted, depth)
    if is_typed_dict(want):
        return False
    if _is_subclass(have, want):
        return _arguments_fit(produced, wanted, have, want, depth)
    if has_own_schema(want) or has_own_schema(have) or is_root_model(want):
        return True
    if want.__module__ == "builtins" and have.__module__ == "collections.abc":
        # Declared as a Sequence, and a list once it is decoded.
        return _is_subclass(want, have)
    # A tuple may have a NamedTuple's shape.
    return have is tuple and issubclass(want, tuple)


def _fits_in_field(depth: int) -> Callable[[Any, Any], bool]:
    # Types with fields may hold themselves, several times over: after two levels of them the
    # question would have grown like a tree.
    return lambda have, want: fits(have, want, depth + _MAX_DEPTH // 3)


def _mapping_fits(produced: Any, wanted: Any, depth: int) -> bool:
    arguments = get_args(produced)
    if len(arguments) == 2 and not fits(str, arguments[0], depth):
        return False
    fields, given = fields_of(wanted), fields_of(produced)
    if fields is None or given is None:
        return True
    # A key that may be absent may be there.
    return fields.fit(given.annotations(), _fits_in_field(depth))


def _arguments_fit(produced: Any, wanted: Any, have: type, want: type, depth: int) -> bool:
    given, asked = get_args(produced), get_args(wanted)
    if have is tuple and given:
        return _tuple_fits(given, asked, want, depth)
    if len(given) != len(asked) or not asked:
        return True
    pairs = list(zip(given, asked, strict=True))
    if any(_is_subclass(want, one) for one in _COVARIANT):
        return all(fits(one, other, depth) for one, other in pairs)
    if have is want and hasattr(have, "__parameters__"):
        # Of what variance somebody's own generic is, nobody knows; but int is never str.
        return all(fits(one, other, depth) or fits(other, one, depth) for one, other in pairs)
    return True


def _tuple_fits(given: tuple[Any, ...], asked: tuple[Any, ...], want: type, depth: int) -> bool:
    open_ended = len(given) == 2 and given[1] is Ellipsis
    items = given[:1] if open_ended else given
    if not asked or any(get_origin(one) is not None and is_open(one) for one in (*items, *asked)):
        return True
    if want is not tuple:
        return len(asked) != 1 or all(fits(item, asked[0], depth) for item in items)
    if len(asked) == 2 and asked[1] is Ellipsis:
        return all(fits(item, asked[0], depth) for item in items)
    if open_ended:
        return all(fits(items[0], one, depth) for one in asked)
    return len(items) == len(asked) and all(
        fits(item, one, depth) for item, one in zip(items, asked, strict=True)
    )


def _is_mapping(kind: type) -> bool:
    return is_typed_dict(kind) or _is_subclass(kind, collections.abc.Mapping)


def _is_subclass(kind: type, of: type) -> bool:
    try:
        return issubclass(kind, of)
    except Exception:  # somebody's metaclass refuses the question: then we don't know
        return True
