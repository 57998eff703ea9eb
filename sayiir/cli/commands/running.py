"""``run``, ``ensure``, ``resume`` and ``submit``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sayiir.cli.exits import ExitCode, Problem
from sayiir.cli.options import (
    EventOption,
    InputOption,
    InstanceArgument,
    JsonOption,
    LabelOption,
    OptionalInstance,
    PriorityOption,
    StoreOption,
    TargetArgument,
    UseExistingOption,
    WaitOption,
)

if TYPE_CHECKING:
    from sayiir.cli.live import Asked
    from sayiir.status import WorkflowStatus

__all__ = ["ensure", "resume", "run", "submit"]


def run(
    target: TargetArgument,
    instance: OptionalInstance = None,
    given: InputOption = None,
    store: StoreOption = None,
    event: EventOption = None,
    label: LabelOption = None,
    wait: WaitOption = True,
    as_json: JsonOption = False,
) -> ExitCode | None:
    """Run a workflow here: in memory, or with an INSTANCE id durably in a store.

    The output goes to standard output as JSON; the live picture, and whatever tasks print, to
    standard error. Ctrl-C leaves a durable run resumable.
    """
    from sayiir.cli.inputs import read_events, read_labels, read_value
    from sayiir.cli.live import Asked, run_in_memory
    from sayiir.cli.targets import import_workflow

    if instance is None and store is not None:
        raise Problem("a durable run has a name: sayiir run MODULE:WORKFLOW INSTANCE --store URL")
    workflow = import_workflow(target)
    value, events = read_value(given), read_events(event or ())
    labels = read_labels(label or ())
    if instance is not None:
        return _work("run", target, instance, value, events, labels, store, wait, as_json)
    if labels:
        raise Problem("labels are kept by a store; name an INSTANCE and a store, or leave them out")
    asked = Asked(workflow, "in-memory", value, tuple(events), wait=wait, as_json=as_json)
    return _end(asked, asyncio.run(run_in_memory(asked)), None, None)


def ensure(
    target: TargetArgument,
    instance: InstanceArgument,
    given: InputOption = None,
    store: StoreOption = None,
    label: LabelOption = None,
    wait: WaitOption = True,
    as_json: JsonOption = False,
) -> ExitCode | None:
    """Start an instance, or continue it: the line to run again after a crash."""
    from sayiir.cli.inputs import read_labels, read_value

    value, labels = read_value(given), read_labels(label or ())
    return _work("ensure", target, instance, value, [], labels, store, wait, as_json)


def resume(
    target: TargetArgument,
    instance: InstanceArgument,
    store: StoreOption = None,
    wait: WaitOption = True,
    as_json: JsonOption = False,
) -> ExitCode | None:
    """Work on an instance that exists; a finished or paused one is shown as it is."""
    return _work("resume", target, instance, None, [], {}, store, wait, as_json)


def submit(
    target: TargetArgument,
    instance: InstanceArgument,
    given: InputOption = None,
    store: StoreOption = None,
    label: LabelOption = None,
    priority: PriorityOption = None,
    use_existing: UseExistingOption = False,
    as_json: JsonOption = False,
) -> None:
    """Create an instance; a worker or runner runs it."""
    from sayiir.cli.inputs import read_labels, read_value
    from sayiir.cli.outcome import tell_status
    from sayiir.cli.stores import ask
    from sayiir.cli.targets import import_workflow
    from sayiir.policy import ConflictPolicy

    workflow = import_workflow(target)
    value, labels = read_value(given), read_labels(label or ())
    policy = ConflictPolicy.USE_EXISTING if use_existing else ConflictPolicy.FAIL
    status = ask(
        store,
        lambda client: client.with_conflict_policy(policy).submit(
            workflow, instance, value, priority=priority, labels=labels
        ),
        make=True,
    )
    tell_status(instance, status, as_json, workflow.name)


def _work(
    verb: str,
    target: str,
    instance: str,
    value: Any,
    events: list[tuple[str, Any]],
    labels: dict[str, str],
    store: str | None,
    wait: bool,
    as_json: bool,
) -> ExitCode:
    from sayiir.cli.live import Asked, run_durably
    from sayiir.cli.outcome import command_line
    from sayiir.cli.screen import warn
    from sayiir.cli.stores import store_url
    from sayiir.cli.targets import import_workflow

    url = store_url(store, make=verb != "resume")
    asked = Asked(
        import_workflow(target),
        instance,
        value,
        tuple(events),
        wait=wait,
        as_json=as_json,
        labels=labels,
    )
    again = command_line("resume", target, instance, store=store)
    try:
        status = asyncio.run(run_durably(verb, asked, url))
    except KeyboardInterrupt:
        if asked.began:
            warn(f"stopped; what was finished is kept. Go on with:\n  {again}")
        raise
    return _end(asked, status, instance, again, store)


def _end(
    asked: Asked,
    status: WorkflowStatus[Any],
    instance: str | None,
    again: str | None,
    store: str | None = None,
) -> ExitCode:
    from sayiir.cli.outcome import code_for, command_line, tell_end
    from sayiir.cli.screen import print_json
    from sayiir.cli.shapes import status_fields
    from sayiir.status import Failed, Paused

    if instance is not None and isinstance(status, (Failed, Paused)):
        first = command_line(
            "retry" if isinstance(status, Failed) else "unpause", instance, store=store
        )
        again = f"{first}\n  {again}"
    if asked.as_json:
        named = {"instance_id": instance, "workflow_name": asked.workflow.name}
        print_json(named | status_fields(status) | {"seconds": round(asked.seconds, 6)})
    else:
        tell_end(status, again)
    return code_for(status)
