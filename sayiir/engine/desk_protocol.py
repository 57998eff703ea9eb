"""What the driver asks of whoever decides which items run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sayiir.engine.position import Position
    from sayiir.engine.program import Program
    from sayiir.engine.refs import Ref
    from sayiir.engine.work import Work

__all__ = ["Desk"]


class Desk(Protocol):
    """Who decides how many items run beside each other."""

    held: set[Work]

    def start(self, work: Work) -> None:
        """Begin to drive a further item beside those that run."""
        ...

    def room(self) -> int:
        """How many further items could be started at once; below zero: so many wait for that."""
        ...

    def wants(self, work: Work) -> bool:
        """Whether a claimed item is to run here; what isn't, ``start`` gives back."""
        ...

    def runs(self, program: Program, position: Position) -> bool:
        """Whether what follows at a position can run here, or is for others.

        Before a task it is asked only where the definition asks for tags anywhere.
        """
        ...

    def ending(self, work: Work) -> None:
        """A run's root item is about to end: its code is done, and only that is to be stored."""
        ...

    def ended(self, work: Work, output: Ref) -> None:
        """A run has ended: its root item, with this output. That is stored."""
        ...

    def fail(self, error: BaseException) -> bool:
        """Driving has met an error that is no failure of the instance.

        Whether the item is given back; else its lease ends by itself, as an interruption.
        """
        ...
