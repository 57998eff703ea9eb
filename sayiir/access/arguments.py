"""What client, runner and worker are called with, checked where they are called.

A wrong argument is told by what was asked for and what to write instead, not by the attribute
that some inner function misses.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sayiir.dsl.flow import Flow
from sayiir.durations import duration_seconds
from sayiir.workflow import Workflow

if TYPE_CHECKING:
    from sayiir.codec.protocol import Codec
    from sayiir.durations import Duration
    from sayiir.stores.protocols import Store

__all__ = [
    "check_codec",
    "check_store",
    "check_whole",
    "check_workflow",
    "check_workflows",
    "lasting_seconds",
    "workflow_name",
]

A = TypeVar("A")
B = TypeVar("B")


def check_workflow(workflow: Workflow[A, B]) -> Workflow[A, B]:
    """The workflow as it was given.

    Raises:
        TypeError: it is something else: a task, a flow, or the next argument.
    """
    given: object = workflow
    if isinstance(given, Workflow):
        return workflow
    raise TypeError(f"a workflow is asked for, not {_told(given)}")


def check_workflows(
    workflows: Iterable[Workflow[Any, Any]], written: str = "resume_all([workflow])"
) -> list[Workflow[Any, Any]]:
    """The workflows as a list.

    Args:
        workflows: what was given.
        written: how to write it.

    Raises:
        TypeError: a single one, or something else among them.
    """
    given: object = workflows
    if isinstance(given, Flow):
        raise TypeError(f"several workflows are asked for: write {written}")
    if not isinstance(given, Iterable) or isinstance(given, str):
        raise TypeError(f"a list of workflows is asked for, as {written}, not {_told(given)}")
    return [check_workflow(each) for each in workflows]


def workflow_name(workflow: Workflow[Any, Any] | str | None) -> str | None:
    """The name to filter by, where a workflow or its name may be given.

    Raises:
        TypeError: it is something else.
    """
    if workflow is None or isinstance(workflow, str):
        return workflow
    return check_workflow(workflow).name


def check_whole(number: int, what: str) -> int:
    """The number as it was given.

    Raises:
        TypeError: it is no whole number.

    >>> check_whole(5, "limit")
    5
    """
    given: object = number
    if isinstance(given, bool) or not isinstance(given, int):
        raise TypeError(f"{what} is a whole number, not {given!r}")
    return number


def lasting_seconds(duration: Duration, what: str) -> float:
    """A duration that is longer than none, in seconds.

    Raises:
        DefinitionError: it is no duration.
        ValueError: it is 0 s.

    >>> lasting_seconds("250ms", "lease")
    0.25
    """
    seconds = duration_seconds(duration)
    if seconds <= 0:
        raise ValueError(f"{what} is longer than 0 s, not {duration!r}")
    return seconds


def _told(given: object) -> str:
    if isinstance(given, Flow):
        return f'{given!r}; give it a name: workflow("name", flow)'
    if isinstance(given, str):
        return f"the text {given!r}; the workflow comes first, then the instance id, then the input"
    if callable(given):
        return f'{given!r}; make a flow of tasks and give it a name: workflow("name", flow)'
    return repr(given)


def check_store(store: str | Store) -> str | Store:
    """The URL or the open store as it was given.

    Raises:
        TypeError: it is neither, such as a path.
    """
    given: object = store
    if isinstance(given, str):
        return given
    if isinstance(given, os.PathLike):
        path = os.fspath(cast("os.PathLike[str]", given))
        raise TypeError(f'a store is named by a URL; for this file write "sqlite:///{path}"')
    if isinstance(given, type) or not _has(given, "create", "commit", "claim", "describe"):
        raise TypeError(
            'a store is a URL, as "sqlite:///orders.db" or "memory://", or an open store, not '
            f"{given!r}"
        )
    return store


def check_codec(codec: Codec | None) -> Codec | None:
    """The codec as it was given.

    Raises:
        TypeError: it is none, such as the name of one or its class.
    """
    given: object = codec
    if given is None:
        return None
    if isinstance(given, type) or not _has(given, "plan", "accept", "conform", "decode_plain"):
        raise TypeError(f"a codec is an object, as sayiir.codec.JsonCodec(), not {given!r}")
    return codec


def _has(given: object, *names: str) -> bool:
    return all(callable(getattr(given, name, None)) for name in names)
