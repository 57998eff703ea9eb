"""A codec's types: each annotation compiled once, and the two validations at the edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sayiir.codec.compiling import Compiled, compile_annotation, is_open
from sayiir.codec.opaque import adapter_for
from sayiir.codec.walk import name_of, told, too_deep
from sayiir.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import TypeAdapter

__all__ = ["Kept", "TypeBook"]

K = TypeVar("K")


class Kept(Generic[K]):
    """What a function makes of an annotation, made once for each.

    Filling it from two threads at once makes a value twice and keeps one.
    """

    __slots__ = ("_kept", "_make")

    def __init__(self, make: Callable[[Any], K]) -> None:
        self._make = make
        self._kept: dict[Any, K] = {}

    def __call__(self, annotation: Any) -> K:
        """What is made of this annotation, made now or before."""
        try:
            kept = self._kept.get(annotation)
        except TypeError:  # metadata that can't be hashed
            return self._make(annotation)
        if kept is None:
            kept = self._kept.setdefault(annotation, self._make(annotation))
        return kept


class TypeBook:
    """What one codec knows of the annotations it was asked for."""

    __slots__ = ("adapter", "compiled")

    def __init__(self) -> None:
        self.compiled: Kept[Compiled] = Kept(compile_annotation)
        self.adapter: Kept[TypeAdapter[Any]] = Kept(adapter_for)

    def accept(self, value: object, annotation: Any) -> Any:
        """Lenient validation; see ``Codec.accept``."""
        if type(value) is annotation or is_open(annotation):
            return value
        if isinstance(annotation, type) and _is_instance(value, annotation):
            return value
        try:
            return self.adapter(annotation).validate_python(value)
        except PayloadError:
            return self.conform(value, annotation)
        except RecursionError:
            raise too_deep() from None
        except Exception as error:  # validators are user code
            raise PayloadError(
                f"the value doesn't fit {name_of(annotation)}: {told(error)}",
                type_name=name_of(annotation),
            ) from error

    def conform(self, value: object, annotation: Any) -> Any:
        """Strict validation; see ``Codec.conform``."""
        if type(value) is annotation or is_open(annotation):
            return value
        try:
            return self.compiled(annotation).node.fit(value)
        except RecursionError:
            raise too_deep() from None


def _is_instance(value: object, kind: type) -> bool:
    # float is asked of pydantic: an int is no instance of it, and becomes one.
    try:
        return isinstance(value, kind)
    except TypeError:
        return False
