"""Whether a branch's arms and the keys that its key function declares fit together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from sayiir.dsl.annotations import is_union, unwrapped
from sayiir.dsl.keys import key_text
from sayiir.errors import DefinitionError
from sayiir.explain.findings import Finding

if TYPE_CHECKING:
    from sayiir.dsl.nodes import Branch

__all__ = ["branch_findings"]

_WHOLE_NUMBER: Final = re.compile(r"0|-?[1-9][0-9]*")


def branch_findings(node: Branch, path: str) -> Iterator[Finding]:
    """What can be told from the key's declared type: ``Literal``, an Enum, bool, int or str."""
    declared = node.key.signature.output
    if node.key.function is None:
        return
    key, keys = node.key.name, possible_keys(declared)
    arms = [arm.selector for arm in node.arms]
    for selector in arms:
        if not _can_be(selector, keys, declared):
            told = "only gives " + ", ".join(keys) if keys is not None else "gives whole numbers"
            yield Finding(
                code="branch-arm-never",
                severity="error",
                path=path,
                message=f"the arm {selector!r} never runs: {key} {told}",
                advice="spell the arm as one of the keys, or widen what the key declares",
            )
    if keys is None:
        if node.default is None:
            yield Finding(
                code="branch-key-open",
                severity="warning",
                path=path,
                message=f"{key} may give a key that has no arm; that fails the instance",
                advice="give default=, or declare the keys: -> Literal['a', 'b'], an Enum, bool",
            )
        return
    missing = [one for one in keys if one not in arms]
    if missing and node.default is None:
        yield Finding(
            code="branch-key-without-arm",
            severity="error",
            path=path,
            message=f"{key} may give {', '.join(missing)}, which has no arm; "
            "that fails the instance",
            advice="add the arm, or give default=",
        )
    if not missing and node.default is not None:
        yield Finding(
            code="branch-default-never",
            severity="note",
            path=path,
            message=f"the default never runs: each key that {key} declares has an arm",
            advice="leave default= out, so that a key that is added later is noticed",
        )


def possible_keys(annotation: Any) -> list[str] | None:
    """All keys that a type allows, as paths spell them; None where that isn't known.

    >>> possible_keys(Literal["a", 2] | bool), possible_keys(int)
    (['a', '2', 'True', 'False'], None)
    """
    annotation = unwrapped(annotation)
    if is_union(annotation):
        parts = [possible_keys(part) for part in get_args(annotation)]
        known = [part for part in parts if part is not None]
        return None if len(known) < len(parts) else list(dict.fromkeys(chain.from_iterable(known)))
    if get_origin(annotation) is Literal:
        return _texts(get_args(annotation))
    if annotation is bool:
        return ["True", "False"]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _texts(tuple(annotation))
    return None


def _texts(values: tuple[Any, ...]) -> list[str] | None:
    try:
        return list(dict.fromkeys(key_text(value) for value in values))
    except DefinitionError:  # None among them, say: that fails when it comes
        return None


def _can_be(selector: str, keys: list[str] | None, declared: Any) -> bool:
    if keys is not None:
        return selector in keys
    return (
        unwrapped(declared) is not int
        or bool(_WHOLE_NUMBER.fullmatch(selector))
        or (
            selector in ("True", "False")  # a bool is an int
        )
    )
