"""What is asked of instances that exist: events to take, to stop or go on, to be gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sayiir.access.arguments import workflow_name
from sayiir.access.events import encoded_event, signal_names, waits_at
from sayiir.access.texts import check_text
from sayiir.client.connected import ConnectedClient
from sayiir.durations import Duration, duration_seconds
from sayiir.engine.payloads import told_of
from sayiir.errors import UnknownSignal
from sayiir.ids import check_instance_id

if TYPE_CHECKING:
    from sayiir.workflow import Workflow

__all__ = ["SteeringClient"]


class SteeringClient(ConnectedClient):
    """Sends events to instances, and cancels, pauses, retries and deletes them."""

    async def send_event(
        self,
        instance_id: str,
        signal_name: str,
        payload: Any = None,
        *,
        path: str | None = None,
        workflow: Workflow[Any, Any] | None = None,
    ) -> None:
        """Send a message to a signal. It is kept until a wait takes it, first in, first out.

        Args:
            instance_id: the instance.
            signal_name: the signal.
            payload: what the wait gives on.
            path: only the wait at this path gets it.
            workflow: the instance's workflow, so that the payload is validated at once: by
                the wait at ``path``, else by all that wait for the signal, one of which has to
                take it.

        Raises:
            InstanceNotFound: there is none.
            InvalidTransition: it is finished.
            UnknownSignal: its definition waits for no such signal, or not at that path.
            PayloadError: the payload can't be stored, or doesn't fit the wait.
        """
        record = await self._record(instance_id, workflow)
        _, programs = await self._connection.opened()
        program = await programs.for_record(record, workflow)
        known = signal_names(program)
        fits = path is None or waits_at(program, path, signal_name)
        if signal_name not in known or not fits:
            raise UnknownSignal(instance_id, signal_name, tuple(known))
        with told_of(f"the event for signal {signal_name!r} of instance {instance_id!r}"):
            data = encoded_event(
                payload,
                signal_name,
                self._connection.codec,
                program if workflow else None,
                path=path,
            )
        await self._ask(lambda store: store.send_event(instance_id, signal_name, data, path=path))

    async def cancel(
        self, instance_id: str, reason: str | None = None, cancelled_by: str | None = None
    ) -> None:
        """Cancel an unfinished instance; results are kept. Harmless on a cancelled one.

        Raises:
            InstanceNotFound: there is none.
            InvalidTransition: it is completed or failed.
            TypeError: ``reason`` or ``cancelled_by`` is no text.
            PayloadError: one of them can't be stored.
        """
        check_text(reason, "reason")
        check_text(cancelled_by, "cancelled_by")
        checked = check_instance_id(instance_id)
        await self._ask(lambda store: store.request_cancel(checked, reason, cancelled_by))

    async def pause(
        self, instance_id: str, reason: str | None = None, paused_by: str | None = None
    ) -> None:
        """Let nothing new start; what runs finishes. Harmless on a paused one.

        Raises:
            InstanceNotFound: there is none.
            InvalidTransition: it is finished.
            TypeError: ``reason`` or ``paused_by`` is no text.
            PayloadError: one of them can't be stored.
        """
        check_text(reason, "reason")
        check_text(paused_by, "paused_by")
        checked = check_instance_id(instance_id)
        await self._ask(lambda store: store.request_pause(checked, reason, paused_by))

    async def unpause(self, instance_id: str) -> None:
        """Let a paused instance go on.

        Raises:
            InstanceNotFound: there is none.
            InvalidTransition: it isn't paused.
        """
        checked = check_instance_id(instance_id)
        await self._ask(lambda store: store.unpause(checked))

    async def retry(self, instance_id: str) -> None:
        """Let a failed instance continue from its last checkpoints, with fresh retries.

        Raises:
            InstanceNotFound: there is none.
            InvalidTransition: it isn't failed.
        """
        checked = check_instance_id(instance_id)
        await self._ask(lambda store: store.retry(checked))

    async def delete(self, instance_id: str) -> None:
        """Remove a finished instance with all that belongs to it.

        Raises:
            InstanceNotFound: there is none.
            InvalidTransition: it isn't finished.
        """
        checked = check_instance_id(instance_id)
        await self._ask(lambda store: store.delete(checked))

    async def delete_finished(
        self,
        older_than: Duration,
        *,
        limit: int | None = None,
        workflow: Workflow[Any, Any] | str | None = None,
        status: str | None = None,
    ) -> int:
        """Remove instances that ended long ago, the longest ago first; how many were removed.

        Done a hundred at a time, so it may run beside anything else, and be cut short. What has
        not ended is never touched.

        Args:
            older_than: how long ago they ended at least, as ``"30d"``.
            limit: at most so many; None: all.
            workflow: only those of this workflow, or of this name.
            status: only these: ``"Completed"``, ``"Failed"`` or ``"Cancelled"``.

        Raises:
            DefinitionError: ``older_than`` is no duration.
            TypeError: another argument is of another type.
            ValueError: the status is no end, or the limit below 0.
        """
        from sayiir.access.retention import delete_finished

        seconds = duration_seconds(older_than)
        name = workflow_name(workflow)
        store, _ = await self._connection.opened()
        return await delete_finished(store, seconds, limit, name, status)
