"""``FlowBuilder``: the builder below ``Flow``, for programs that keep their functions apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sayiir.compat.compiled import Workflow
from sayiir.compat.decorators import TaskMetadata
from sayiir.compat.flow import fork_step, loop_step, wait_seconds
from sayiir.compat.ids import Ids
from sayiir.compat.loop_result import OnMax
from sayiir.compat.steps import Chain, ChildStep, DelayStep, RouteStep, SignalStep, Step, TaskStep

__all__ = ["FlowBuilder"]

TaskPair = tuple[str, TaskMetadata | None]


class FlowBuilder:
    """Collects steps by the ids of their tasks; a registry gives the functions when it runs.

    >>> from sayiir.compat import WorkflowEngine
    >>> builder = FlowBuilder("doubling")
    >>> builder.then("double")
    >>> WorkflowEngine().run(builder.build(), 4, {"double": lambda n: 2 * n})
    8
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._ids = Ids()
        self._steps: list[Step] = []
        self._metadata: str | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """What was collected so far."""
        return tuple(self._steps)

    def next_lambda_id(self) -> str:
        """The next of ``lambda_0``, ``lambda_1`` and so on."""
        return self._ids.next("lambda")

    def then(self, task_id: str, metadata: TaskMetadata | None = None) -> None:
        """A task."""
        self._steps.append(TaskStep(task_id, metadata, None))

    def delay(self, delay_id: str, seconds: float) -> None:
        """A delay.

        Raises:
            ValueError: the duration is none.
        """
        self._steps.append(DelayStep(delay_id, wait_seconds(seconds, "a delay")))

    def wait_for_signal(
        self, signal_id: str, signal_name: str, timeout_secs: float | None = None
    ) -> None:
        """A wait for a signal.

        Raises:
            ValueError: the timeout is none.
        """
        seconds = None if timeout_secs is None else wait_seconds(timeout_secs, "a timeout")
        self._steps.append(SignalStep(signal_id, signal_name, seconds))

    def add_fork(
        self,
        branches: Sequence[Sequence[TaskPair]],
        join_id: str,
        join_metadata: TaskMetadata | None = None,
    ) -> None:
        """A fork with its join.

        Raises:
            ValueError: there are no branches, or two of one name.
        """
        chains = tuple(_chain(branch) for branch in branches)
        self._steps.append(fork_step(chains, TaskStep(join_id, join_metadata, None)))

    def add_branch(
        self,
        branches: Sequence[tuple[str, Sequence[TaskPair]]],
        default: Sequence[TaskPair] | None = None,
    ) -> str:
        """A choice; its key function is registered as ``"<id>::key_fn"``. Gives the id.

        Raises:
            ValueError: a branch has no tasks.
        """
        branch_id = self._ids.next("branch")
        self._steps.append(
            RouteStep(
                branch_id,
                TaskStep(f"{branch_id}::key_fn", None, None),
                tuple((key, _chain(tasks)) for key, tasks in branches),
                None if default is None else _chain(default),
            )
        )
        return branch_id

    def add_loop(
        self,
        body_task_id: str,
        body_metadata: TaskMetadata | None = None,
        max_iterations: int = 10,
        on_max: str | OnMax = "fail",
    ) -> str:
        """A loop around one task. Gives the loop's id.

        Raises:
            ValueError: ``max_iterations`` is below 1, or ``on_max`` is unknown.
        """
        loop_id = self._ids.next("loop")
        body = TaskStep(body_task_id, body_metadata, None)
        self._steps.append(loop_step(loop_id, body, max_iterations, on_max))
        return loop_id

    def add_child_workflow(self, child_id: str, child_builder: FlowBuilder) -> None:
        """The steps that another builder has collected."""
        self._steps.append(ChildStep(child_id, child_builder.name, child_builder.steps))

    def set_metadata_json(self, json: str) -> None:
        """What the tasks are told of the workflow, as JSON."""
        self._metadata = json

    def build(self) -> Workflow:
        """The workflow, without functions.

        Raises:
            ValueError: it has no steps, or one of them is wrong.
        """
        return Workflow(self.name, self.steps, metadata_json=self._metadata)


def _chain(tasks: Iterable[TaskPair]) -> Chain:
    chain = tuple(TaskStep(task_id, metadata, None) for task_id, metadata in tasks)
    if not chain:
        raise ValueError("a branch has at least one task")
    return chain
