"""What sayiir warns of by ``warnings``: what works, and may not be meant so."""

from __future__ import annotations

__all__ = [
    "ChangedBodyWarning",
    "LongWaitWarning",
    "OtherInputWarning",
    "SayiirWarning",
    "UntypedEdgeWarning",
]


class SayiirWarning(UserWarning):
    """What all warnings of sayiir are: turn them into errors, or off, by this one name.

    >>> import warnings
    >>> warnings.filterwarnings("error", category=SayiirWarning)
    """


class ChangedBodyWarning(SayiirWarning):
    """An instance goes on with tasks whose bodies have changed since its definition was stored.

    A body isn't counted in the definition hash, so that a bug can be mended under a running
    instance. Where old and new must not mix, give the task another ``version=``: that makes
    another definition.

    Only bodies whose source can be read are compared: not lambdas, not what was typed at a
    prompt, and not the functions that a task calls.

    >>> import warnings
    >>> warnings.filterwarnings("ignore", category=ChangedBodyWarning)
    """


class LongWaitWarning(SayiirWarning):
    """A run in memory has nothing to do for more than a minute but to wait, in real time.

    For a delay, or for the timeout of a signal that no event is left for. Told once a run.

    >>> issubclass(LongWaitWarning, SayiirWarning)
    True
    """


class OtherInputWarning(SayiirWarning):
    """An instance that exists was asked for with another input; its own stays.

    >>> issubclass(OtherInputWarning, SayiirWarning)
    True
    """


class UntypedEdgeWarning(SayiirWarning):
    """A task's output is annotated nowhere, and nobody after it says what it takes.

    Such a value is stored with tags for its types, so a model or another object is refused; and
    nothing is checked between the two tasks. Annotate what the task returns.

    >>> import warnings
    >>> warnings.filterwarnings("ignore", category=UntypedEdgeWarning)
    """
