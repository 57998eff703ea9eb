"""Events and what people ask of an instance. Its root is locked first, and what it needs then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.stores.postgres.needs import Needs
from sayiir.stores.relational import controls, instances

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.stores.postgres.work import Work
    from sayiir.stores.postgres.working_set import WorkingSet

__all__ = ["delete", "request_cancel", "request_pause", "retry", "send_event", "unpause"]


async def send_event(
    work: Work, instance_id: str, signal_name: str, payload: bytes, path: str | None
) -> None:
    """Give the event to the longest wait, or to the one at ``path``; else keep it."""

    def needs(run: int) -> Needs:
        found = Needs(items={(run, "", 0)}, event_numbers=1)
        if path is None:
            found.longest.add((run, signal_name))
        else:
            found.waiting.add((run, signal_name, path))
        return found

    def verb(rows: WorkingSet) -> None:
        controls.send_event(rows, instance_id, signal_name, payload, path)

    await work.run_on(instance_id, needs, verb)


async def request_cancel(
    work: Work, instance_id: str, reason: str | None, requested_by: str | None
) -> None:
    """End what is unclaimed; Cancelled at once if nothing is claimed."""
    await _on_whole(
        work,
        instance_id,
        lambda rows: controls.request_cancel(rows, instance_id, reason, requested_by),
    )


async def request_pause(
    work: Work, instance_id: str, reason: str | None, requested_by: str | None
) -> None:
    """Let nothing new start. A cancel that was asked before stands."""
    await _on_whole(
        work,
        instance_id,
        lambda rows: controls.request_pause(rows, instance_id, reason, requested_by),
    )


async def unpause(work: Work, instance_id: str) -> None:
    """Let it go on."""
    await _on_whole(work, instance_id, lambda rows: controls.unpause(rows, instance_id))


async def retry(work: Work, instance_id: str) -> None:
    """Make what a failure stopped due again, with fresh counts and a fresh deadline."""
    await _on_whole(work, instance_id, lambda rows: controls.retry(rows, instance_id))


async def delete(work: Work, instance_id: str) -> None:
    """Remove a finished instance with all that belongs to it."""
    await _on_whole(work, instance_id, lambda rows: instances.delete(rows, instance_id))


async def _on_whole(work: Work, instance_id: str, verb: Callable[[WorkingSet], None]) -> None:
    await work.run_on(instance_id, lambda run: Needs(whole={run}), verb)
