"""The interface of the published ``sayiir`` 1.0.0 on this engine.

Programs change ``sayiir`` to ``sayiir.compat`` in their imports. What differs, and how each of
them looks in the native interface, is told in ``docs/how-to/migrate-from-sayiir-1.md``.
"""

from __future__ import annotations

from sayiir.compat.backends import InMemoryBackend, PostgresBackend, SqliteBackend
from sayiir.compat.builder import FlowBuilder
from sayiir.compat.context import TaskExecutionContext, get_task_context
from sayiir.compat.decorators import RetryPolicy, TaskMetadata, parse_duration, task
from sayiir.compat.engines import DurableEngine, WorkflowEngine
from sayiir.compat.errors import (
    BackendError,
    InstanceAlreadyExistsError,
    TaskError,
    WorkflowError,
)
from sayiir.compat.executor import (
    cancel_workflow,
    pause_workflow,
    resume_workflow,
    run_durable_workflow,
    run_workflow,
    send_signal,
    unpause_workflow,
)
from sayiir.compat.flow import BranchBuilder, Flow, ForkBuilder, NodeInfo, Workflow
from sayiir.compat.loop_result import LoopResult, OnMax
from sayiir.compat.status import WorkflowStatus
from sayiir.compat.tracing import init_tracing, shutdown_tracing
from sayiir.compat.worker import Worker, WorkerHandle
from sayiir.compat.workflow_client import WorkflowClient

__all__ = [
    "BackendError",
    "BranchBuilder",
    "DurableEngine",
    "Flow",
    "FlowBuilder",
    "ForkBuilder",
    "InMemoryBackend",
    "InstanceAlreadyExistsError",
    "LoopResult",
    "NodeInfo",
    "OnMax",
    "PostgresBackend",
    "RetryPolicy",
    "SqliteBackend",
    "TaskError",
    "TaskExecutionContext",
    "TaskMetadata",
    "Worker",
    "WorkerHandle",
    "Workflow",
    "WorkflowClient",
    "WorkflowEngine",
    "WorkflowError",
    "WorkflowStatus",
    "cancel_workflow",
    "get_task_context",
    "init_tracing",
    "parse_duration",
    "pause_workflow",
    "resume_workflow",
    "run_durable_workflow",
    "run_workflow",
    "send_signal",
    "shutdown_tracing",
    "task",
    "unpause_workflow",
]
