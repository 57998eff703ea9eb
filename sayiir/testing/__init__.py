"""What users and authors of stores test with: time, fakes, an environment, crashes, a contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sayiir.testing.clock import MovedClock
    from sayiir.testing.contract import StoreContract
    from sayiir.testing.crashes import CrashReport, NotDurable, explore_crashes
    from sayiir.testing.crashes.fixture import Durable
    from sayiir.testing.environment import AsyncWorkflowEnvironment, TaskCall
    from sayiir.testing.environment_blocking import WorkflowEnvironment
    from sayiir.testing.fakes import Fake, fake
    from sayiir.testing.skipping import SkippingClock

__all__ = [
    "AsyncWorkflowEnvironment",
    "CrashReport",
    "Durable",
    "Fake",
    "MovedClock",
    "NotDurable",
    "SkippingClock",
    "StoreContract",
    "TaskCall",
    "WorkflowEnvironment",
    "explore_crashes",
    "fake",
]

# A test that moves a clock needs neither the contract nor the explorer: name -> module.
_LAZY = {
    "AsyncWorkflowEnvironment": "sayiir.testing.environment",
    "CrashReport": "sayiir.testing.crashes",
    "Durable": "sayiir.testing.crashes.fixture",
    "Fake": "sayiir.testing.fakes",
    "MovedClock": "sayiir.testing.clock",
    "NotDurable": "sayiir.testing.crashes",
    "SkippingClock": "sayiir.testing.skipping",
    "StoreContract": "sayiir.testing.contract",
    "TaskCall": "sayiir.testing.environment",
    "WorkflowEnvironment": "sayiir.testing.environment_blocking",
    "explore_crashes": "sayiir.testing.crashes",
    "fake": "sayiir.testing.fakes",
}


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'sayiir.testing' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
