"""Where tasks can run beside the loop and threads: worker processes, clusters, your own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sayiir.executors.protocol import Call, Executor, ProcessDied, Setup

if TYPE_CHECKING:
    from sayiir.executors.processes.pool import ProcessPool

__all__ = ["Call", "Executor", "ProcessDied", "ProcessPool", "Setup"]


def __getattr__(name: str) -> Any:
    # The engine imports the protocol for every run; few runs need cloudpickle and subprocess.
    if name == "ProcessPool":
        from sayiir.executors.processes.pool import ProcessPool

        return ProcessPool
    raise AttributeError(f"module 'sayiir.executors' has no attribute {name!r}")
