"""Every error that sayiir raises, in one tree.

``except SayiirError`` catches them all. The message of each says what happened, where
(workflow, instance, path) and what to do next; the same facts are attributes, so that nobody
has to parse a message.
"""

from __future__ import annotations

from sayiir.errors.asking import (
    BlockingCallInLoop,
    InstanceAlreadyExists,
    InstanceNotFound,
    InvalidInstanceId,
    InvalidTransition,
    RerunRefused,
    SignalUnavailable,
    UnknownSignal,
    WorkflowCancelled,
)
from sayiir.errors.base import SayiirError
from sayiir.errors.definition import DefinitionError, DefinitionMismatch, ExecutorMissing
from sayiir.errors.failure import (
    BranchKeyNotFound,
    FailureInfo,
    LoopExhausted,
    SignalTimedOut,
    TaskFailed,
    TaskProcessDied,
    TaskTimedOut,
    WorkerLost,
    WorkflowFailed,
    WorkflowTimedOut,
)
from sayiir.errors.payload import PayloadError
from sayiir.errors.store import LeaseLost, SchemaVersionError, StoreError, StoreUnavailable

__all__ = [
    "BlockingCallInLoop",
    "BranchKeyNotFound",
    "DefinitionError",
    "DefinitionMismatch",
    "ExecutorMissing",
    "FailureInfo",
    "InstanceAlreadyExists",
    "InstanceNotFound",
    "InvalidInstanceId",
    "InvalidTransition",
    "LeaseLost",
    "LoopExhausted",
    "PayloadError",
    "RerunRefused",
    "SayiirError",
    "SchemaVersionError",
    "SignalTimedOut",
    "SignalUnavailable",
    "StoreError",
    "StoreUnavailable",
    "TaskFailed",
    "TaskProcessDied",
    "TaskTimedOut",
    "UnknownSignal",
    "WorkerLost",
    "WorkflowCancelled",
    "WorkflowFailed",
    "WorkflowTimedOut",
]

# Where a class is written is the house's business. What users catch, print, pickle and find in the
# record of a failure is called as it is imported.
for _name in __all__:
    globals()[_name].__module__ = __name__
