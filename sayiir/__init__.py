"""Durable workflows written as decorated Python functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sayiir.dsl.branch import branch
from sayiir.dsl.context import TaskContext, get_task_context
from sayiir.dsl.flow import Flow
from sayiir.dsl.fork import fork
from sayiir.dsl.inject import resource, result_of, workflow_input
from sayiir.dsl.loop import loop
from sayiir.dsl.task import Task, task
from sayiir.dsl.waits import await_signal, delay
from sayiir.errors import (
    BlockingCallInLoop,
    BranchKeyNotFound,
    DefinitionError,
    DefinitionMismatch,
    ExecutorMissing,
    InstanceAlreadyExists,
    InstanceNotFound,
    InvalidInstanceId,
    InvalidTransition,
    LeaseLost,
    LoopExhausted,
    PayloadError,
    RerunRefused,
    SayiirError,
    SchemaVersionError,
    SignalTimedOut,
    SignalUnavailable,
    StoreError,
    StoreUnavailable,
    TaskFailed,
    TaskProcessDied,
    TaskTimedOut,
    UnknownSignal,
    WorkerLost,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowTimedOut,
)
from sayiir.logs import be_quiet
from sayiir.policy import ConflictPolicy, RetryPolicy
from sayiir.values import Again, BranchResult, Done, ItemFailed, LoopResult
from sayiir.warning_types import (
    ChangedBodyWarning,
    LongWaitWarning,
    OtherInputWarning,
    SayiirWarning,
    UntypedEdgeWarning,
)
from sayiir.workflow import Workflow, workflow

be_quiet()

if TYPE_CHECKING:
    from sayiir.blocking.client import WorkflowClient
    from sayiir.blocking.runner import CheckpointingRunner
    from sayiir.blocking.worker import PooledWorker
    from sayiir.client import AsyncWorkflowClient
    from sayiir.description import InstanceDescription
    from sayiir.dsl.diff import diff
    from sayiir.runner import AsyncCheckpointingRunner
    from sayiir.status import (
        AwaitingSignal,
        Cancelled,
        Completed,
        Failed,
        InProgress,
        InstanceInfo,
        Paused,
        Waiting,
        WorkflowStatus,
    )
    from sayiir.stores.open import open_store
    from sayiir.worker import AsyncPooledWorker

__all__ = [
    "Again",
    "AsyncCheckpointingRunner",
    "AsyncPooledWorker",
    "AsyncWorkflowClient",
    "AwaitingSignal",
    "BlockingCallInLoop",
    "BranchKeyNotFound",
    "BranchResult",
    "Cancelled",
    "ChangedBodyWarning",
    "CheckpointingRunner",
    "Completed",
    "ConflictPolicy",
    "DefinitionError",
    "DefinitionMismatch",
    "Done",
    "ExecutorMissing",
    "Failed",
    "Flow",
    "InProgress",
    "InstanceAlreadyExists",
    "InstanceDescription",
    "InstanceInfo",
    "InstanceNotFound",
    "InvalidInstanceId",
    "InvalidTransition",
    "ItemFailed",
    "LeaseLost",
    "LongWaitWarning",
    "LoopExhausted",
    "LoopResult",
    "OtherInputWarning",
    "Paused",
    "PayloadError",
    "PooledWorker",
    "RerunRefused",
    "RetryPolicy",
    "SayiirError",
    "SayiirWarning",
    "SchemaVersionError",
    "SignalTimedOut",
    "SignalUnavailable",
    "StoreError",
    "StoreUnavailable",
    "Task",
    "TaskContext",
    "TaskFailed",
    "TaskProcessDied",
    "TaskTimedOut",
    "UnknownSignal",
    "UntypedEdgeWarning",
    "Waiting",
    "WorkerLost",
    "Workflow",
    "WorkflowCancelled",
    "WorkflowClient",
    "WorkflowFailed",
    "WorkflowStatus",
    "WorkflowTimedOut",
    "await_signal",
    "branch",
    "delay",
    "diff",
    "fork",
    "get_task_context",
    "loop",
    "open_store",
    "resource",
    "result_of",
    "task",
    "workflow",
    "workflow_input",
]

# What needs a store or pydantic is imported when it is first asked for: name -> module.
_LAZY = {
    "AsyncCheckpointingRunner": "sayiir.runner",
    "AsyncPooledWorker": "sayiir.worker",
    "AsyncWorkflowClient": "sayiir.client",
    "AwaitingSignal": "sayiir.status",
    "Cancelled": "sayiir.status",
    "CheckpointingRunner": "sayiir.blocking.runner",
    "Completed": "sayiir.status",
    "Failed": "sayiir.status",
    "InProgress": "sayiir.status",
    "InstanceDescription": "sayiir.description",
    "InstanceInfo": "sayiir.status",
    "Paused": "sayiir.status",
    "PooledWorker": "sayiir.blocking.worker",
    "Waiting": "sayiir.status",
    "WorkflowClient": "sayiir.blocking.client",
    "WorkflowStatus": "sayiir.status",
    "diff": "sayiir.dsl.diff",
    "open_store": "sayiir.stores.open",
}


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'sayiir' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
