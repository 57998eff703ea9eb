"""What is asked of instances: how they stand, how they ended, which there are, and who works."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar, overload

from sayiir.access.arguments import check_whole, check_workflow, workflow_name
from sayiir.access.connection import place_of
from sayiir.access.labels import check_labels
from sayiir.access.statuses import info_of, status_from_name, status_of
from sayiir.client.connected import ConnectedClient
from sayiir.durations import Duration, duration_seconds
from sayiir.engine.failures import failure_from_bytes
from sayiir.errors import InstanceNotFound, WorkflowCancelled, failure_of
from sayiir.ids import check_instance_id
from sayiir.limits import MAX_LIST_LIMIT
from sayiir.status import InstancePage
from sayiir.stores.records import InstanceQuery, InstanceState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sayiir.access.programs import Programs
    from sayiir.description import InstanceDescription, WorkerInfo
    from sayiir.render.picture import Picture
    from sayiir.status import WorkflowStatus
    from sayiir.stores.protocols import Store
    from sayiir.stores.records import InstanceRecord
    from sayiir.workflow import Workflow

__all__ = ["AskingClient"]

B = TypeVar("B")

_LONGEST_NAP_SECONDS = 1.0


class AskingClient(ConnectedClient):
    """Tells of instances as a whole."""

    @overload
    async def status(self, instance_id: str, workflow: None = None) -> WorkflowStatus[Any]: ...
    @overload
    async def status(self, instance_id: str, workflow: Workflow[Any, B]) -> WorkflowStatus[B]: ...
    async def status(
        self, instance_id: str, workflow: Workflow[Any, Any] | None = None
    ) -> WorkflowStatus[Any]:
        """How the instance stands.

        Args:
            instance_id: the instance.
            workflow: its workflow, so that a typed output comes back as its type.

        Raises:
            InstanceNotFound: there is none.
            DefinitionMismatch: ``workflow`` is not the one that created it.
        """
        _, programs = await self._connection.opened()
        return await status_of(await self._record(instance_id, workflow), programs, workflow)

    async def describe(
        self, instance_id: str, workflow: Workflow[Any, Any] | None = None
    ) -> InstanceDescription:
        """All there is to see of an instance: input, labels, times, open items, pending events.

        Args:
            instance_id: the instance.
            workflow: its workflow, so that input and output come back as their types.

        Raises:
            InstanceNotFound: there is none.
            DefinitionMismatch: ``workflow`` is not the one that created it.
        """
        from sayiir.access.describing import description_of

        if workflow is not None:
            check_workflow(workflow)
        store, programs = await self._connection.opened()
        inspection = await store.inspect(check_instance_id(instance_id))
        if inspection is None:
            raise InstanceNotFound(instance_id, place_of(store))
        return await description_of(inspection, programs, workflow)

    async def picture(self, instance_id: str) -> Picture:
        """The graph of an instance with states and times, drawn from what the store keeps.

        Nobody's code is imported for it. A notebook shows it; ``to_svg()``, ``to_dot()`` and
        ``to_mermaid()`` give it as text.

        Raises:
            InstanceNotFound: there is none.
            StoreError: the store has lost its definition.
        """
        from sayiir.access.pictures import picture_of

        store, programs = await self._connection.opened()
        return await picture_of(store, programs, await self.describe(instance_id))

    async def result(
        self,
        instance_id: str,
        workflow: Workflow[Any, B] | None = None,
        timeout: Duration | None = None,  # noqa: ASYNC109  part of the interface
    ) -> B:
        """Wait for the end and give the output.

        Args:
            instance_id: the instance.
            workflow: its workflow, so that a typed output comes back as its type.
            timeout: how long to wait, as 0.5 or ``"2m"``; None: as long as it takes.

        Raises:
            TimeoutError: it has not ended in time.
            WorkflowFailed: it failed; the subclass and ``info`` say why.
            WorkflowCancelled: it was cancelled.
            InstanceNotFound: there is none.
            DefinitionMismatch: ``workflow`` is not the one that created it.
            DefinitionError: the timeout is no duration.
        """
        seconds = None if timeout is None else duration_seconds(timeout)
        store, programs = await self._connection.opened()
        record = await self._record(instance_id, workflow)
        if record.state is InstanceState.RUNNING:
            record = await self._ended(store, programs, record, seconds)
        program = await programs.for_record(record, workflow)
        if record.state is InstanceState.COMPLETED:
            output: B = await programs.output(record, program)
            return output
        if record.state is InstanceState.CANCELLED:
            raise WorkflowCancelled(instance_id, record.reason, record.requested_by)
        raise failure_of(failure_from_bytes(record.error or b""), instance_id)

    async def _ended(
        self, store: Store, programs: Programs, record: InstanceRecord, seconds: float | None
    ) -> InstanceRecord:
        """The instance once it has ended."""
        instance_id = record.instance_id
        watch = store.watch(record.run)
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                # First of all again: it may have ended before it was watched.
                while (record := await self._record(instance_id)).state is InstanceState.RUNNING:
                    await watch.changed(_LONGEST_NAP_SECONDS)
        except TimeoutError:
            if not scope.expired():
                raise
            status = await status_of(await self._record(instance_id), programs, None)
            raise TimeoutError(
                f"instance {instance_id!r} has not ended within {seconds:g} s: it is {status}"
            ) from None
        finally:
            watch.close()
        return record

    async def list(
        self,
        workflow: Workflow[Any, Any] | str | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> InstancePage:
        """A page of instances, newest first.

        Args:
            workflow: only those of this workflow, or of this name.
            status: only those in it, by the status class's name: ``"Failed"``, ``"Waiting"``,
                ``"AwaitingSignal"`` …
            limit: at most so many, up to 1000.
            cursor: from the page before.
            labels: only those that have all of these.

        Raises:
            TypeError: one of them is of another type.
            ValueError: unknown status, limit or cursor, or labels that nothing can have.
        """
        check_whole(limit, "limit")
        given: object = cursor
        if given is not None and not isinstance(given, str):
            raise TypeError(f"cursor is that of the page before, a str, not {given!r}")
        if not 1 <= limit <= MAX_LIST_LIMIT:
            raise ValueError(f"limit is 1 to {MAX_LIST_LIMIT}, not {limit!r}")
        name = workflow_name(workflow)
        store, _ = await self._connection.opened()
        query = InstanceQuery(
            workflow_name=name,
            status=None if status is None else status_from_name(status),
            labels=check_labels(labels),
            limit=limit,
            cursor=cursor,
        )
        page = await store.page(query)
        return InstancePage(tuple(map(info_of, page.records)), page.cursor)

    async def workers(self) -> tuple[WorkerInfo, ...]:
        """The workers that are here, busy or idle, by their ids; at most 1,000.

        A worker that was killed is here until its lease would have ended; on SQLite it is gone at
        once. Runners aren't told, and a store of a third party may know of no workers at all.

        >>> import asyncio
        >>> from sayiir import AsyncPooledWorker, AsyncWorkflowClient, open_store, task, workflow
        >>> @task
        ... def double(n: int) -> int:
        ...     return 2 * n
        >>> async def main() -> None:
        ...     store = await open_store("memory://")
        ...     doubling = workflow("doubling", double)
        ...     async with AsyncPooledWorker(store, workflows=[doubling], worker_id="ada"):
        ...         for worker in await AsyncWorkflowClient(store).workers():
        ...             print(worker.worker_id, worker.workflows, worker.concurrency)
        >>> asyncio.run(main())
        ada ('doubling',) 100
        """
        from sayiir.access.workers import workers_of

        store, _ = await self._connection.opened()
        return await workers_of(store)
