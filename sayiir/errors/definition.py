"""The graph: it can't run as it is written, isn't the one, or needs what nobody gave."""

from __future__ import annotations

from sayiir.errors.base import SayiirError

__all__ = ["DefinitionError", "DefinitionMismatch", "ExecutorMissing"]


class DefinitionError(SayiirError):
    """A flow or workflow can't be built as it is written.

    Raised where it is built (``>>``, ``fork()``, ``@workflow`` …), never when it runs; and before
    it runs, where its tasks need resources that nobody gave.

    Attributes:
        workflow: name of the workflow, or None where it isn't known yet.
        node: path of the node that is wrong, or None.

    >>> from sayiir import task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> try:
    ...     workflow("wrong", double.map() >> double)
    ... except DefinitionError as error:
    ...     error.workflow, error.node
    ('wrong', 'double')
    """

    def __init__(
        self, message: str, *, workflow: str | None = None, node: str | None = None
    ) -> None:
        where = [f"workflow {workflow!r}"] if workflow else []
        where += [f"node {node!r}"] if node else []
        super().__init__(f"{', '.join(where)}: {message}" if where else message)
        self.problem = message
        self.workflow = workflow
        self.node = node


class DefinitionMismatch(SayiirError):
    """An instance was made by another definition than the one that was named.

    Attributes:
        instance_id: the instance.
        expected: definition hash of the workflow that the caller named.
        found: definition hash that the instance was created with.
        difference: what changed, one line a node; empty where the stored one is not known.

    >>> from sayiir import CheckpointingRunner, await_signal, workflow
    >>> with CheckpointingRunner("memory://") as runner:
    ...     _ = runner.ensure(workflow("w", await_signal("go", int)), "a", None)
    ...     try:
    ...         runner.ensure(workflow("w", await_signal("go", int) >> str), "a", None)
    ...     except DefinitionMismatch as mismatch:
    ...         mismatch.difference[-1]
    "str: added: task after 'go'"
    """

    def __init__(
        self, instance_id: str, expected: str, found: str, difference: tuple[str, ...] = ()
    ) -> None:
        changes = "".join(f"\n  {line}" for line in difference)
        super().__init__(
            f"instance {instance_id!r} was created by definition {found}, but the workflow "
            f"given has {expected}; use the version that created it, or another instance "
            f"id.{changes}"
        )
        self.instance_id = instance_id
        self.expected = expected
        self.found = found
        self.difference = difference


def _or_meant(executor: str, given: tuple[str, ...]) -> str:
    """The place to run in that a name is probably a slip of, if it is near one."""
    from difflib import get_close_matches  # only for who has made a mistake

    near = get_close_matches(executor.lower(), ("process", "thread", "loop", *given), n=1)
    return f", or write run_in={near[0]!r} if that was meant" if near else ""


class ExecutorMissing(SayiirError, LookupError):
    """A task names an executor by ``run_in=`` that nobody gave; nothing was started.

    Attributes:
        executor: the name.
        workflow: the workflow that was to run.
        path: node path of the first task that names it.
        given: the names that were given.

    >>> from sayiir import task, workflow
    >>> @task(run_in="cluster")
    ... def heavy(n: int) -> int:
    ...     return n * n
    >>> workflow("squares", heavy >> heavy)(3)
    Traceback (most recent call last):
    sayiir.errors.ExecutorMissing: workflow 'squares', node 'heavy': it runs in the executor ...
    """

    def __init__(self, executor: str, workflow: str, path: str, given: tuple[str, ...]) -> None:
        names = ", ".join(map(repr, given)) or "none"
        super().__init__(
            f"workflow {workflow!r}, node {path!r}: it runs in the executor {executor!r}, which "
            f"nobody gave (given: {names}); pass executors={{{executor!r}: ...}}"
            f"{_or_meant(executor, given)}"
        )
        self.executor = executor
        self.workflow = workflow
        self.path = path
        self.given = given
