"""What the tasks of an instance gave: one result, all of them, or two instances side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from sayiir.access.lookup import newest_result, node_paths_of_task
from sayiir.access.statuses import task_result_of
from sayiir.client.connected import ConnectedClient
from sayiir.dsl.task import Task
from sayiir.ids import check_instance_id
from sayiir.status import TaskResults
from sayiir.stores.records import Wanted

if TYPE_CHECKING:
    from sayiir.comparison import Comparison
    from sayiir.dsl.flow import Flow
    from sayiir.engine.program import Program
    from sayiir.status import TaskResult
    from sayiir.workflow import Workflow

__all__ = ["ResultsClient"]

B = TypeVar("B")
D = TypeVar("D")


class ResultsClient(ConnectedClient):
    """Reads what is stored of tasks."""

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
            ValueError: the instance's definition has no node at this path.
        """
        store, programs = await self._connection.opened()
        record = await self._record(instance_id, workflow)
        program = await programs.for_record(record, workflow)
        if _node_path(program, path) not in program.places:
            raise ValueError(
                f"workflow {record.workflow_name!r} has no node at {path!r}; its workflow.nodes() "
                "lists them"
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
    ) -> list[TaskResult]:
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


def _node_path(program: Program, path: str) -> str | None:
    """The path without loop and map numbers; None where the definition has no such path."""
    try:
        return program.node_path(path)
    except (LookupError, ValueError):
        return None
