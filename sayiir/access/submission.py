"""A workflow and an input made into an instance to create: checked before anything is stored."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from sayiir.access.labels import check_labels
from sayiir.access.texts import check_text
from sayiir.callers import warn_caller
from sayiir.dsl.options import check_priority
from sayiir.errors import PayloadError
from sayiir.ids import check_instance_id, new_run_id
from sayiir.limits import DEFAULT_PRIORITY
from sayiir.stores.records import NewInstance, Wanted
from sayiir.warning_types import ChangedBodyWarning, OtherInputWarning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sayiir.access.programs import Programs
    from sayiir.engine.program import Program
    from sayiir.stores.protocols import Store
    from sayiir.stores.records import InstanceRecord

__all__ = ["new_instance", "warn_of_changed_bodies", "warn_of_other_input"]


def new_instance(
    program: Program,
    instance_id: str,
    value: Any,
    *,
    priority: int | None = None,
    traceparent: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> NewInstance:
    """What is stored of a new instance; nothing of the user's runs for it.

    Raises:
        InvalidInstanceId: the id isn't allowed.
        PayloadError: the input doesn't fit the workflow's declared input, or the trace context
            is no text that can be stored.
        DefinitionError: the priority is not 1 to 5.
        TypeError, ValueError: the labels aren't allowed, or the trace context is no text.
    """
    definition, root = program.definition, program.beginning
    check_instance_id(instance_id)
    check_text(traceparent, "traceparent")
    try:
        accepted = program.codec.accept(value, definition.input_edge)
        data = program.input_plan.encode(accepted)
    except PayloadError as error:
        what = f"the input of workflow {definition.name!r} for instance {instance_id!r}"
        raise error.about(what) from error.__cause__
    timeout = definition.timeout_seconds
    if priority is not None:
        check_priority(priority, f"instance {instance_id!r}")
    return NewInstance(
        instance_id=instance_id,
        run_id=new_run_id(),
        workflow_name=definition.name,
        workflow_version=definition.version,
        definition_hash=definition.definition_hash,
        definition=program.portable,
        input=data,
        root_path=root.path,
        root_input=root.input,
        priority=priority or definition.priority or DEFAULT_PRIORITY,
        root_priority=root.priority,
        root_tags=root.tags,
        timeout_us=None if timeout is None else round(timeout * 1e6),
        labels=check_labels(labels),
        traceparent=traceparent or current_traceparent(),
    )


def current_traceparent() -> str | None:
    """W3C trace context of OpenTelemetry's current span, where the program uses that."""
    # A span can only be current if the program imported it; looking for the package on disk
    # at each submission would cost more than all the rest of it.
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


async def warn_of_other_input(
    store: Store, existing: InstanceRecord, data: bytes, known: bytes | None = None
) -> None:
    """To go on with a different input is most likely a mistake, but no error.

    ``known``: the instance's own, where it is at hand.
    """
    if known is None:
        (loaded,) = await store.load([Wanted(run=existing.run, input=True)])
        known = loaded.input
    if known is not None and known != data:
        warn_caller(
            f"instance {existing.instance_id!r} exists with a different input, which stays",
            OtherInputWarning,
        )


async def warn_of_changed_bodies(
    programs: Programs, program: Program, instance_id: str, known: bytes | None = None
) -> None:
    """To go on with other code is how a bug is mended, and may not be meant; told once.

    ``known``: the definition as it was first stored, where it is at hand.
    """
    changed = await programs.changed_bodies(program, known)
    if changed:
        warn_caller(
            f"instance {instance_id!r} of workflow {program.definition.name!r} goes on with code "
            f"that has changed since the definition was first stored: {', '.join(changed)}. Where "
            "old and new must not mix, give the task another version=",
            ChangedBodyWarning,
        )
