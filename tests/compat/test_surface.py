"""What programs for the published package can name, and how they may call it."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

import pytest

import sayiir.compat as compat

# Every public name of 1.0.0, and ours beside them.
_NAMES = """
BackendError BranchBuilder DurableEngine Flow FlowBuilder ForkBuilder InMemoryBackend
InstanceAlreadyExistsError LoopResult NodeInfo OnMax PostgresBackend RetryPolicy TaskError
TaskExecutionContext TaskMetadata Worker WorkerHandle Workflow WorkflowClient WorkflowEngine
WorkflowError WorkflowStatus cancel_workflow get_task_context init_tracing parse_duration
pause_workflow resume_workflow run_durable_workflow run_workflow send_signal shutdown_tracing
task unpause_workflow SqliteBackend
"""
NAMES = _NAMES.split()

MODULES = {
    "decorators": "task parse_duration",
    "executor": "run_workflow run_durable_workflow resume_workflow send_signal",
    "flow": "Flow ForkBuilder BranchBuilder Workflow NodeInfo",
    "loop_result": "LoopResult OnMax",
    "worker": "Worker WorkerHandle",
    "workflow_client": "WorkflowClient",
}

# Parameters in order; those behind `*` by keyword only.
SIGNATURES = {
    "run_workflow": "workflow input_data * instance_id backend conflict_policy",
    "run_durable_workflow": "workflow instance_id input_data backend conflict_policy",
    "resume_workflow": "workflow instance_id backend",
    "cancel_workflow": "instance_id backend reason cancelled_by",
    "pause_workflow": "instance_id backend reason paused_by",
    "unpause_workflow": "instance_id backend",
    "send_signal": "instance_id signal_name payload backend",
    "RetryPolicy": "max_retries initial_delay_secs backoff_multiplier",
    "TaskMetadata": "display_name description timeout_secs retries tags version priority",
    "Flow": "name * metadata",
    "Flow.then": "self task_func * name",
    "Flow.loop": "self task_func * max_iterations on_max name",
    "Flow.delay": "self name duration",
    "Flow.wait_for_signal": "self signal_name * name timeout",
    "Flow.route": "self key_fn * keys",
    "Flow.then_flow": "self child_workflow",
    "ForkBuilder.branch": "self * name",
    "ForkBuilder.join": "self task_func * name",
    "BranchBuilder.branch": "self key * name",
    "BranchBuilder.default_branch": "self * name",
    "DurableEngine": "backend conflict_policy",
    "DurableEngine.run": "self workflow instance_id input task_registry",
    "WorkflowEngine.run": "self workflow input task_registry",
    "WorkflowClient": "backend * conflict_policy",
    "WorkflowClient.submit": "self workflow instance_id input",
    "WorkflowClient.cancel": "self instance_id * reason cancelled_by",
    "WorkflowClient.get_task_result": "self instance_id task_id",
    "Worker": "worker_id backend * poll_interval claim_ttl",
    "Worker.start": "self workflows",
    "PostgresBackend": (
        "url * max_connections min_connections acquire_timeout_secs idle_timeout_secs "
        "max_lifetime_secs statement_timeout_secs idle_in_transaction_session_timeout_secs"
    ),
}


def parameters(function: object) -> str:
    """The names of a callable's parameters, `*` before those by keyword only."""
    told: list[str] = []
    for parameter in inspect.signature(function).parameters.values():  # type: ignore[arg-type]
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in told:
            told.append("*")
        if parameter.kind is not parameter.VAR_POSITIONAL:
            told.append(parameter.name)
    return " ".join(told)


def test_every_name_is_there() -> None:
    """`from sayiir.compat import X` works for what `from sayiir import X` did."""
    assert sorted(compat.__all__) == sorted(NAMES)
    assert all(hasattr(compat, name) for name in NAMES)


@pytest.mark.parametrize("module", MODULES)
def test_modules_have_their_names(module: str) -> None:
    """Programs import from the modules below the package too."""
    found = importlib.import_module(f"sayiir.compat.{module}")
    assert all(hasattr(found, name) for name in MODULES[module].split())


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name: str) -> None:
    """Arguments are taken in the published order and by the published names."""
    found: object = compat
    for part in name.split("."):
        found = getattr(found, part)
    assert parameters(found) == SIGNATURES[name]


def test_nothing_below_knows_of_it() -> None:
    """Importing the native interface loads nothing of the compatible one."""
    script = (
        "import sayiir, sys; sayiir.CheckpointingRunner, sayiir.WorkflowClient\n"
        "print([name for name in sys.modules if name.startswith('sayiir.compat')])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]", ended.stderr
