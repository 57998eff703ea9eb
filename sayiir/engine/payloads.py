"""A value on its way between two nodes: the bytes, and how they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sayiir.errors import PayloadError

if TYPE_CHECKING:
    from sayiir.codec.protocol import Plan

__all__ = ["Payload", "payload_of", "told_of"]


_IMMUTABLE = (str, bytes)


class Payload:
    """What one leaf of a reference stands for.

    Every reader decodes the bytes for itself, so that no two consumers share a mutable object,
    in memory as after a crash. Only immutable values that are certain to come back equal are
    handed on as they are (``direct``).

    Attributes:
        data: the encoded value; None where it was never encoded because nothing stores it.
        plan: how the bytes are read.
        value: the value itself, where ``direct`` is set.
        direct: the value is immutable and is handed on as it is.
    """

    __slots__ = ("data", "direct", "plan", "value")

    def __init__(
        self, data: bytes | None, plan: Plan, value: Any = None, direct: bool = False
    ) -> None:
        self.data = data
        self.plan = plan
        self.value = value
        self.direct = direct

    def read(self) -> Any:
        """A value of the reader's own.

        Raises:
            PayloadError: the bytes don't fit the declared type.
        """
        if self.direct:
            return self.value
        if self.data is None:
            raise TypeError("a payload holds bytes or a direct value")
        value = self.plan.decode(self.data)
        if self.plan.passes_through(value):
            self.value, self.direct = value, True  # a hundred arms read one input
        return value

    @property
    def stored(self) -> bytes:
        """The bytes that a store keeps."""
        if self.data is None:
            self.data = self.plan.encode(self.value)
        return self.data

    @property
    def size_bytes(self) -> int:
        """Size of the encoded value; 0 where it was never encoded."""
        return len(self.data) if self.data is not None else 0


def payload_of(value: object, plan: Plan) -> Payload:
    """The payload of a fresh value; bytes are made at once only where they will be read.

    Raises:
        PayloadError: the value can't be stored and come back equal.
    """
    if plan.passes_through(value):
        return Payload(None, plan, value, True)
    # Text and bytes come back equal by the codec's promise, and nobody can change them.
    return Payload(plan.encode(value), plan, value, type(value) in _IMMUTABLE)


class told_of:  # noqa: N801 - it reads as a function: with told_of("the input"): …
    """A value that doesn't fit within is told as this one; its cause is kept."""

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        """Nothing is done on the way in."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PayloadError):
            raise error.about(self._what) from error.__cause__
