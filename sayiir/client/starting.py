"""What begins: new instances, and earlier ones again from a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sayiir.access.arguments import check_workflow
from sayiir.access.statuses import status_of
from sayiir.access.submission import new_instance, warn_of_other_input
from sayiir.client.connected import ConnectedClient
from sayiir.errors import InstanceAlreadyExists
from sayiir.policy import ConflictPolicy
from sayiir.status import InProgress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sayiir.dsl.flow import Flow
    from sayiir.status import WorkflowStatus
    from sayiir.stores.records import InstanceRecord, NewInstance
    from sayiir.workflow import Workflow

__all__ = ["StartingClient"]

A = TypeVar("A")
B = TypeVar("B")


class StartingClient(ConnectedClient):
    """Creates instances; a worker or runner runs them."""

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

        Warns:
            OtherInputWarning: the policy is USE_EXISTING, and the instance has another input.
        """
        check_workflow(workflow)
        store, programs = await self._connection.opened()
        new = new_instance(
            programs.of(workflow),
            instance_id,
            input,
            priority=priority,
            traceparent=traceparent,
            labels=labels,
        )
        answer = await store.create(new, replace=self._replaces)
        if answer.existing is None:
            return InProgress()  # its root is ready: nothing need be read for that
        return await self._taken(workflow, new, answer.existing)

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

        Warns:
            OtherInputWarning: as ``submit``.
        """
        from sayiir.access.rerunning import Rerun, instance_again

        check_workflow(workflow)
        store, programs = await self._connection.opened()
        new = await instance_again(
            store,
            programs,
            programs.of(workflow),
            Rerun(source_id, start),
            instance_id,
            priority=priority,
            labels=labels,
        )
        answer = await store.create(new, replace=self._replaces)
        if answer.existing is None:
            return InProgress()  # its root is ready: nothing need be read for that
        return await self._taken(workflow, new, answer.existing)

    @property
    def _replaces(self) -> bool:
        return self._policy is ConflictPolicy.TERMINATE_EXISTING

    async def _taken(
        self, workflow: Workflow[Any, B], new: NewInstance, existing: InstanceRecord
    ) -> WorkflowStatus[B]:
        """What the policy says where the id is taken."""
        store, programs = await self._connection.opened()
        if existing.definition_hash != new.definition_hash:
            raise await programs.mismatch(existing, workflow.definition)
        if self._policy is not ConflictPolicy.USE_EXISTING:
            raise InstanceAlreadyExists(new.instance_id)
        await warn_of_other_input(store, existing, new.input)
        return await status_of(existing, programs, workflow)
