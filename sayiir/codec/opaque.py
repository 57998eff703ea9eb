"""Nodes that leave the work to pydantic, and take its word for nothing."""

# What a node's methods promise is said once, at Node.
# ruff: noqa: D102

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sayiir.codec import tagged
from sayiir.codec.jsontext import from_text, to_text
from sayiir.codec.nodes import Node
from sayiir.codec.walk import Walk, name_of
from sayiir.errors import PayloadError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from sayiir.codec.jsontext import Tree

__all__ = ["Constrained", "Opaque", "adapter_for"]


def adapter_for(annotation: Any) -> TypeAdapter[Any]:
    """Pydantic's adapter for an annotation.

    Raises:
        PayloadError: pydantic has no schema for the type.
    """
    # Imported late: pydantic costs 100 ms and more, and many workflows never need it.
    from pydantic import TypeAdapter

    try:
        return TypeAdapter(annotation)
    except Exception as error:  # schema building runs the type's own hooks
        raise PayloadError(
            f"{name_of(annotation)} can't be stored: it is neither plain data, a dataclass, a "
            "TypedDict, a NamedTuple, an Enum nor a type that pydantic can read and write",
            type_name=name_of(annotation),
        ) from error


class _Adapted(Node):
    """Has a pydantic adapter, made on first use."""

    __slots__ = ("_adapter", "_annotation")

    def __init__(self, label: str, annotation: Any) -> None:
        super().__init__(label)
        self._annotation = annotation
        self._adapter: TypeAdapter[Any] | None = None

    def adapter(self) -> TypeAdapter[Any]:
        if self._adapter is None:
            self._adapter = adapter_for(self._annotation)
        return self._adapter

    def failed(self, error: Exception) -> PayloadError:
        return PayloadError(f"{self.label}: {error}", type_name=self.label)


class Opaque(_Adapted):
    """A type that only pydantic knows: a path, an URL, a class with a schema of its own.

    Its JSON is what pydantic writes. A plan with such a node reads back what it wrote and
    compares, so a serialisation that can't be reversed is found where it happens.
    """

    __slots__ = ()

    def accepts(self, value: Any) -> bool:
        return not isinstance(self._annotation, type) or type(value) is self._annotation

    def lower(self, value: Any, walk: Walk) -> Tree:
        adapter = self.adapter()
        try:
            text = adapter.dump_json(value, by_alias=False, round_trip=True, warnings="error")
        except Exception as error:  # serialisers are user code
            raise self.failed(error) from error
        return tagged.to_tree(from_text(text), walk)

    def lift(self, tree: Tree) -> Any:
        text = to_text(tagged.from_tree(tree))
        try:
            return self.adapter().validate_json(text, strict=True, by_alias=False, by_name=True)
        except PayloadError:
            raise
        except Exception as error:  # validators are user code
            raise self.failed(error) from error

    def fit(self, value: Any) -> Any:
        kind = self._annotation
        try:
            if isinstance(value, kind):
                return value
        except TypeError:  # a protocol or a special form: pydantic must tell
            if getattr(kind, "_is_protocol", False):
                return value
        try:
            return self.adapter().validate_python(value, strict=True)
        except PayloadError:
            raise
        except Exception as error:
            raise self.failed(error) from error


class Constrained(_Adapted):
    """``Annotated[int, Gt(0)]``: stored as its type, and checked where it is handed over."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Node, annotation: Any) -> None:
        super().__init__(inner.label, annotation)
        self._inner = inner

    def shapes(self) -> frozenset[str]:
        return self._inner.shapes()

    def accepts(self, value: Any) -> bool:
        return self._inner.accepts(value)

    def resembles(self, tree: Tree) -> bool:
        return self._inner.resembles(tree)

    def lower(self, value: Any, walk: Walk) -> Tree:
        return self._inner.lower(value, walk)

    def lift(self, tree: Tree) -> Any:
        return self._inner.lift(tree)

    def fit(self, value: Any) -> Any:
        fitted = self._inner.fit(value)
        try:
            return self.adapter().validate_python(fitted)
        except PayloadError:
            raise
        except Exception as error:
            raise self.failed(error) from error
