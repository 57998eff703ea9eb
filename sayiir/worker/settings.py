"""What a worker is told, checked where it is told."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sayiir.access.arguments import check_whole, check_workflows, lasting_seconds
from sayiir.dsl.options import check_tags
from sayiir.durations import Duration, duration_seconds
from sayiir.limits import MAX_CONCURRENCY, MAX_WORKER_ID_CHARACTERS, MAX_WORKER_PROCESSES

if TYPE_CHECKING:
    from sayiir.clock import Clock
    from sayiir.codec.protocol import Codec
    from sayiir.events import Listener
    from sayiir.executors.protocol import Executor
    from sayiir.stores.protocols import Store
    from sayiir.workflow import Workflow

__all__ = ["WorkerSettings", "new_worker_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """The arguments of a worker as they are used."""

    store: str | Store
    workflows: tuple[Workflow[Any, Any], ...]
    concurrency: int
    tags: frozenset[str]
    processes: int
    worker_id: str
    lease_seconds: float
    poll_seconds: float
    grace_seconds: float
    clock: Clock | None
    codec: Codec | None
    resources: Mapping[Any, Any] | None
    on_event: Listener | None
    executors: Mapping[str, Executor] | None

    @classmethod
    def checked(
        cls,
        store: str | Store,
        *,
        workflows: Iterable[Workflow[Any, Any]],
        concurrency: int,
        tags: Iterable[str],
        processes: int,
        worker_id: str | None,
        lease: Duration,
        poll_interval: Duration,
        grace: Duration,
        clock: Clock | None,
        codec: Codec | None,
        resources: Mapping[Any, Any] | None,
        on_event: Listener | None,
        executors: Mapping[str, Executor] | None,
    ) -> WorkerSettings:
        """The settings, if they make sense.

        Raises:
            TypeError, ValueError: one of them doesn't.
            DefinitionError: the tags aren't allowed, or a duration is none.
        """
        given = check_workflows(workflows, "workflows=[workflow]")
        if not given:
            raise ValueError("workflows is empty: a worker runs what it is given, so give it some")
        return cls(
            store=store,
            workflows=tuple(given),
            concurrency=_within(concurrency, "concurrency", MAX_CONCURRENCY),
            tags=frozenset(check_tags(tags, "the worker")),
            processes=_within(processes, "processes", MAX_WORKER_PROCESSES),
            worker_id=_checked_id(worker_id),
            lease_seconds=lasting_seconds(lease, "lease"),
            poll_seconds=lasting_seconds(poll_interval, "poll_interval"),
            grace_seconds=duration_seconds(grace),
            clock=clock,
            codec=codec,
            resources=resources,
            on_event=on_event,
            executors=executors,
        )


def new_worker_id() -> str:
    """A name that no other worker has: the machine, the process, and something drawn."""
    machine = "".join(filter(str.isprintable, socket.gethostname()))[:100]
    return f"{machine}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


def _within(number: int, what: str, most: int) -> int:
    if not 1 <= check_whole(number, what) <= most:
        raise ValueError(f"{what} is 1 to {most:,}, not {number:,}")
    return number


def _checked_id(worker_id: str | None) -> str:
    given: object = worker_id
    if given is None:
        return new_worker_id()
    if not isinstance(given, str):
        raise TypeError(f"worker_id is a str, not {given!r}")
    allowed: Callable[[str], bool] = str.isprintable
    if not 1 <= len(given) <= MAX_WORKER_ID_CHARACTERS or not allowed(given):
        raise ValueError(
            f"worker_id is 1 to {MAX_WORKER_ID_CHARACTERS} printable characters, unique among all "
            f"workers, not {given[:300]!r}"
        )
    return given
