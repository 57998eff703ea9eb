"""What a running task of a compat workflow can ask about itself."""

from __future__ import annotations

import json
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Final

from sayiir.compat.decorators import TaskMetadata
from sayiir.dsl.context import get_task_context as native_context

__all__ = ["CURRENT_PLACE", "Place", "TaskExecutionContext", "WorkflowFacts", "get_task_context"]


@dataclass(frozen=True, slots=True)
class WorkflowFacts:
    """What its tasks are told of a workflow. ``metadata``: as JSON, so that nobody changes it."""

    workflow_id: str
    metadata: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """A task of a workflow."""

    workflow: WorkflowFacts
    task_id: str
    metadata: TaskMetadata | None


CURRENT_PLACE: Final[ContextVar[Place | None]] = ContextVar("sayiir_compat_place", default=None)
"""Set around each call of a task's function, in the thread or the coroutine that runs it."""


@dataclass(frozen=True, slots=True)
class TaskExecutionContext:
    """Where a task runs.

    Attributes:
        workflow_id: the workflow's name; a child's tasks see the outermost one's.
        instance_id: the instance; of a run in memory, the workflow's name.
        task_id: the task's id.
        metadata: timeout, retries, tags and the like.
        workflow_metadata: what ``Flow(..., metadata=...)`` was given, or None.

    >>> TaskExecutionContext("w", "a", "t", TaskMetadata(), None)
    TaskExecutionContext(workflow_id='w', instance_id='a', task_id='t')
    """

    workflow_id: str
    instance_id: str
    task_id: str
    metadata: TaskMetadata
    workflow_metadata: dict[str, Any] | None

    def __repr__(self) -> str:
        return (
            f"TaskExecutionContext(workflow_id={self.workflow_id!r}, "
            f"instance_id={self.instance_id!r}, task_id={self.task_id!r})"
        )


def get_task_context() -> TaskExecutionContext | None:
    """The context of the task that runs here, or None outside one.

    >>> get_task_context() is None
    True
    """
    place = CURRENT_PLACE.get()
    if place is None:
        return None
    workflow, metadata = place.workflow, place.metadata or TaskMetadata()
    return TaskExecutionContext(
        workflow_id=workflow.workflow_id,
        instance_id=native_context().instance_id or workflow.workflow_id,
        task_id=place.task_id,
        metadata=replace(metadata, tags=list(metadata.tags or ())),
        workflow_metadata=None if workflow.metadata is None else json.loads(workflow.metadata),
    )
