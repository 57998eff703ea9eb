"""``AsyncWorkflowClient``: submits, asks, signals and steers; runs nothing."""

from __future__ import annotations

import asyncio
import builtins
from typing import TYPE_CHECKING, Any, TypeVar, overload

from sayiir.access.arguments import check_whole, check_workflow, workflow_name
from sayiir.access.connection import StoreConnection
from sayiir.access.events import encoded_event, signal_names, waits_at
from sayiir.access.labels import check_labels
from sayiir.access.lookup import newest_result, node_paths_of_task
from sayiir.access.snapshots import info_of, status_from_name, status_of, task_result_of
from sayiir.access.submission import new_instance, warn_of_other_input
from sayiir.access.texts import check_text
from sayiir.dsl.task import Task
from sayiir.durations import Duration, duration_seconds
from sayiir.engine.failures import failure_from_bytes
from sayiir.engine.payloads import told_of
from sayiir.errors import (
    InstanceAlreadyExists,
    InstanceNotFound,
    UnknownSignal,
    WorkflowCancelled,
    failure_of,
)
from sayiir.ids import check_instance_id
from sayiir.limits import MAX_LIST_LIMIT
from sayiir.policy import ConflictPolicy
from sayiir.status import InProgress, InstancePage, TaskResults
from sayiir.stores.records import InstanceQuery, InstanceState, Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sayiir.access.snapshots import Programs
    from sayiir.codec.protocol import Codec
    from sayiir.comparison import Comparison
    from sayiir.description import InstanceDescription, WorkerInfo
    from sayiir.dsl.flow import Flow
    from sayiir.engine.program import Program
    from sayiir.render.picture import Picture
    from sayiir.status import TaskResult, WorkflowStatus
    from sayiir.stores.protocols import Store
    from sayiir.stores.records import InstanceRecord, NewInstance
    from sayiir.workflow import Workflow

__all__ = ["AsyncWorkflowClient"]

A = TypeVar("A")
B = TypeVar("B")
D = TypeVar("D")

_LONGEST_NAP_SECONDS = 1.0


class AsyncWorkflowClient:
    """Talks to a store about instances. Use it with ``async with``, or ``await close()``.

    Args:
        store: a URL (``sqlite:///orders.db``, ``memory://``, …) or an open store.
        conflict_policy: what ``submit`` does where the instance id is taken.
        codec: how values are stored; the same for everybody who uses the store.

    >>> import asyncio
    >>> from sayiir import task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> doubling = workflow("doubling", double >> double)
    >>> async def main() -> str:
    ...     async with AsyncWorkflowClient("memory://") as client:
    ...         return str(await client.submit(doubling, "a", 3))
    >>> asyncio.run(main())
    'InProgress(parked=())'
    """

    def __init__(
        self,
        store: str | Store,
        *,
        conflict_policy: ConflictPolicy = ConflictPolicy.FAIL,
        codec: Codec | None = None,
    ) -> None:
        self._connection = StoreConnection(store, codec)
        self._owns_connection = True
        self._policy = ConflictPolicy(conflict_policy)

    @classmethod
    def from_shared(
        cls,
        store: Store,
        *,
        conflict_policy: ConflictPolicy = ConflictPolicy.FAIL,
        codec: Codec | None = None,
    ) -> AsyncWorkflowClient:
        """A client on a store that somebody else opened and closes."""
        return cls(store, conflict_policy=conflict_policy, codec=codec)

    def with_conflict_policy(self, policy: ConflictPolicy) -> AsyncWorkflowClient:
        """A client on the same store with another conflict policy.

        Raises:
            ValueError: there is no such policy.
        """
        return self.on_connection(self._connection, ConflictPolicy(policy))

    @classmethod
    def on_connection(
        cls, connection: StoreConnection, policy: ConflictPolicy
    ) -> AsyncWorkflowClient:
        """A client that shares a connection with whoever made it, and closes it."""
        client = cls.__new__(cls)
        client._connection, client._policy = connection, policy
        client._owns_connection = False
        return client

    async def store(self) -> Store:
        """The open store.

        Raises:
            StoreError: it can't be opened.
        """
        return await self._connection.open()

    async def close(self) -> None:
        """Close the store, if this client opened it. Idempotent.

        A client that came from a runner or from another client closes nothing.
        """
        if self._owns_connection:
            await self._connection.close()

    async def __aenter__(self) -> AsyncWorkflowClient:
        await self.store()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # -- starting

    async def submit(
        self,
        workflow: Workflow[A, B],
        instance_id: str,
        input: A,  # noqa: A002  the word of the interface
        *,
        priority: int | None = None,
        traceparent: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> WorkflowStatus[B]:
        """Create an instance; a worker or runner runs it.

        Args:
            workflow: what to run.
            instance_id: its name, 1 to 256 bytes of UTF-8 without control characters.
            input: validated leniently: a dict becomes the model.
            priority: 1 (most urgent) to 5; the workflow's own by default.
            traceparent: W3C trace context to keep; the current OpenTelemetry span's by default.
            labels: to find it by in ``list``: at most 50, names of 1 to 64 characters, values of
                up to 256. Of an instance that exists they stay as they are.

        Raises:
            InvalidInstanceId: the id isn't allowed.
            TypeError, ValueError: the labels aren't, or ``traceparent`` is no text.
            PayloadError: the input doesn't fit, or ``traceparent`` can't be stored.
            InstanceAlreadyExists: the id is taken and the policy is FAIL.
            DefinitionMismatch: it is taken by another definition, whatever the policy.
        """
        check_workflow(workflow)
        _, programs = await self._connection.opened()
        new = new_instance(
            programs.of(workflow),
            instance_id,
            input,
            priority=priority,
            traceparent=traceparent,
            labels=labels,
        )
        return await self._created(workflow, new)

    async def rerun(
        self,
        workflow: Workflow[Any, B],
        source_id: str,
        instance_id: str,
        *,
        start: str | Flow[Any, Any],
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> WorkflowStatus[B]:
        """Create an instance that keeps an earlier one's results up to a node, and goes on there.

        It has the earlier one's input. What comes before ``start``, and what stands beside it in
        other arms, isn't called again where the earlier instance has a result: the result is
        taken, as ``attempts`` 0. Delays and signals before it aren't waited for again. The
        earlier instance stays as it is, and may be finished or not. It has to stay until the
        results have been taken, which whoever runs the new one does first.

        Args:
            workflow: what to run. Before ``start`` and beside it, it has to mean what the earlier
                instance's workflow does; the node itself and what follows may be another's.
            source_id: the earlier instance.
            instance_id: the new one's id; what happens where it is taken, the policy says.
            start: path of the node, as ``"fork[0]/train"``, or a task that stands in one place.
                In a loop: of its first iteration, or as ``"poll[3]/ask"``. In a map: of all
                items, or as ``"map[7]/parse"``.
            priority: 1 (most urgent) to 5; the workflow's own by default.
            labels: of the new instance, as with ``submit``.

        Raises:
            RerunRefused: the workflow differs before the node, the earlier instance never came
                there, or what the node is given was not kept.
            InstanceNotFound: there is no earlier instance.
            InvalidInstanceId, InstanceAlreadyExists, DefinitionMismatch: as ``submit``.
            PayloadError: an earlier result doesn't fit its task any more.
            TypeError, ValueError: the workflow has no such node, or the labels aren't allowed.
        """
        from sayiir.access.rerunning import Again, instance_again

        check_workflow(workflow)
        store, programs = await self._connection.opened()
        new = await instance_again(
            store,
            programs,
            programs.of(workflow),
            Again(source_id, start),
            instance_id,
            priority=priority,
            labels=labels,
        )
        return await self._created(workflow, new)

    async def _created(self, workflow: Workflow[Any, B], new: NewInstance) -> WorkflowStatus[B]:
        """What was created, or what is there already, as the policy says."""
        store, programs = await self._connection.opened()
        instance_id = new.instance_id
        replace = self._policy is ConflictPolicy.TERMINATE_EXISTING
        answer = await store.create(new, replace=replace)
        if answer.existing is None:
            return InProgress()  # its root is ready: nothing need be read for that
        if answer.existing.definition_hash != new.definition_hash:
            raise await programs.mismatch(answer.existing, workflow.definition)
        if self._policy is not ConflictPolicy.USE_EXISTING:
            raise InstanceAlreadyExists(instance_id)
        await warn_of_other_input(store, answer.existing, new.input)
        return await self.status(instance_id, workflow)

    # -- asking

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
            raise InstanceNotFound(instance_id)
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

        seen = await self.describe(instance_id)
        results = await self.task_results(instance_id)
        return await picture_of(await self.store(), seen, results)

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

    async def get_task_result(
        self,
        instance_id: str,
        path: str,
        workflow: Workflow[Any, Any] | None = None,
        default: Any = None,
    ) -> Any:
        """The result stored at a path, as ``"fork[0]/charge_card"``; ``default`` if none is yet.

        Raises:
            InstanceNotFound: there is none.
            DefinitionMismatch: ``workflow`` is not the one that created it.
            ValueError: ``workflow`` is given and has no node at this path.
        """
        store, programs = await self._connection.opened()
        record = await self._record(instance_id, workflow)
        program = await programs.for_record(record, workflow)
        if workflow is not None and _node_path(program, path) not in program.places:
            raise ValueError(
                f"workflow {workflow.name!r} has no node at {path!r}; workflow.nodes() lists them"
            )
        (loaded,) = await store.load([Wanted(run=record.run, results=(path,))])
        if path not in loaded.results:
            return default
        return program.plan(program.node_path(path)).decode(loaded.results[path])

    @overload
    async def get_task_result_of(
        self, instance_id: str, task: Flow[Any, B], *, path: str | None = None
    ) -> B | None: ...
    @overload
    async def get_task_result_of(
        self, instance_id: str, task: Flow[Any, B], *, path: str | None = None, default: D
    ) -> B | D: ...
    async def get_task_result_of(
        self,
        instance_id: str,
        task: Flow[Any, Any],
        *,
        path: str | None = None,
        default: Any = None,
    ) -> Any:
        """The result of a task, typed by the task; ``default`` if it has none yet.

        Where the task ran more than once: the highest iteration, then the last place in the
        definition, then the highest map item; ``path`` says another.

        Raises:
            InstanceNotFound: there is none.
            TypeError: ``task`` is no task.
            ValueError: the instance's definition has no such task, or not at this path.
        """
        if not isinstance(task, Task):
            raise TypeError("get_task_result_of takes a task; use get_task_result for a path")
        store, programs = await self._connection.opened()
        record = await self._record(instance_id)
        program = await programs.stored(record.definition_hash)
        spec = task.spec
        node_paths = node_paths_of_task(program, spec.name)
        if not node_paths:
            raise ValueError(
                f"workflow {record.workflow_name!r} of instance {instance_id!r} has no task "
                f"{spec.name!r}"
            )
        if path is None:
            newest = await newest_result(store, record, program, node_paths)
        else:
            if _node_path(program, path) not in node_paths:
                raise ValueError(f"there is no task {spec.name!r} at {path!r}")
            (loaded,) = await store.load([Wanted(run=record.run, results=(path,))])
            newest = (path, loaded.results[path]) if path in loaded.results else None
        if newest is None:
            return default
        return self._connection.codec.plan(spec.signature.output).decode(newest[1])

    async def task_results(
        self, instance_id: str, workflow: Workflow[Any, Any] | None = None
    ) -> builtins.list[TaskResult]:
        """Everything that was executed and is still kept, in the order it was committed.

        Raises:
            InstanceNotFound: there is none.
            DefinitionMismatch: ``workflow`` is not the one that created it.
        """
        store, programs = await self._connection.opened()
        record = await self._record(instance_id, workflow)
        program = await programs.for_record(record, workflow)
        return TaskResults(
            task_result_of(entry, program) for entry in await store.results(instance_id)
        )

    async def compare(
        self,
        first_id: str,
        second_id: str,
        workflow: Workflow[Any, Any] | None = None,
    ) -> Comparison:
        """Two instances node by node: which results are equal, different, or only in one.

        They may be of different workflows, and may still run. A notebook shows the table, and so
        does ``print``.

        Args:
            first_id: one instance, usually the earlier.
            second_id: the other.
            workflow: the workflow of both, so that typed results come back as their types.

        Raises:
            InstanceNotFound: there is none.
            DefinitionMismatch: ``workflow`` is not the one that created them.
        """
        from sayiir.access.comparing import comparison_of

        store, programs = await self._connection.opened()
        first, second = [
            (
                instance_id,
                await store.results(instance_id),
                await programs.for_record(await self._record(instance_id, workflow), workflow),
            )
            for instance_id in (first_id, second_id)
        ]
        return comparison_of(first, second)

    async def count_task_results(self, instance_id: str, node_path: str) -> int:
        """How many results are stored for a node path: ``"map/analyse"`` counts finished items."""
        store, _ = await self._connection.opened()
        return await store.count_results(check_instance_id(instance_id), node_path)

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
        >>> from sayiir import AsyncPooledWorker, open_store, task, workflow
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

    # -- steering

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
        store, programs = await self._connection.opened()
        record = await self._record(instance_id, workflow)
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
        await store.send_event(instance_id, signal_name, data, path=path)

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
        store, _ = await self._connection.opened()
        await store.request_cancel(check_instance_id(instance_id), reason, cancelled_by)

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
        store, _ = await self._connection.opened()
        await store.request_pause(check_instance_id(instance_id), reason, paused_by)

    async def unpause(self, instance_id: str) -> None:
        """Let a paused instance go on.

        Raises:
            InstanceNotFound: there is none.
            InvalidTransition: it isn't paused.
        """
        store, _ = await self._connection.opened()
        await store.unpause(check_instance_id(instance_id))

    async def retry(self, instance_id: str) -> None:
        """Let a failed instance continue from its last checkpoints, with fresh retries.

        Raises:
            InstanceNotFound: there is none.
            InvalidTransition: it isn't failed.
        """
        store, _ = await self._connection.opened()
        await store.retry(check_instance_id(instance_id))

    async def delete(self, instance_id: str) -> None:
        """Remove a finished instance with all that belongs to it.

        Raises:
            InstanceNotFound: there is none.
            InvalidTransition: it isn't finished.
        """
        store, _ = await self._connection.opened()
        await store.delete(check_instance_id(instance_id))

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
        from sayiir.access.describing import delete_finished

        seconds = duration_seconds(older_than)
        name = workflow_name(workflow)
        store, _ = await self._connection.opened()
        return await delete_finished(store, seconds, limit, name, status)

    # -- inside

    async def _record(
        self, instance_id: str, workflow: Workflow[Any, Any] | None = None
    ) -> InstanceRecord:
        if workflow is not None:
            check_workflow(workflow)
        store, _ = await self._connection.opened()
        record = await store.describe(check_instance_id(instance_id))
        if record is None:
            raise InstanceNotFound(instance_id)
        return record


def _node_path(program: Program, path: str) -> str | None:
    """The path without loop and map numbers; None where the definition has no such path."""
    try:
        return program.node_path(path)
    except (LookupError, ValueError):
        return None
