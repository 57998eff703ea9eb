"""A value that can't be stored and come back equal."""

from __future__ import annotations

from sayiir.errors.base import SayiirError

__all__ = ["PayloadError"]


class PayloadError(SayiirError):
    """A value can't be stored and come back equal, or stored bytes don't fit the type.

    Also ends an instance: a task that returns such a value fails at once, without retries.

    Attributes:
        path: where it happened, or None outside a run.
        task: the task that gave or should take the value, or None.
        type_name: name of the type that the value has or should have.

    >>> from sayiir import task, workflow
    >>> @task
    ... def opened(name: str) -> object:
    ...     return iter(name)
    >>> try:
    ...     workflow("w", opened)("a")
    ... except PayloadError as error:
    ...     error.task, error.path
    ('opened', 'opened')
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        task: str | None = None,
        type_name: str | None = None,
    ) -> None:
        where = [f"task {task!r}"] if task else []
        where += [f"at {path!r}"] if path else []
        super().__init__(f"{' '.join(where)}: {message}" if where else message)
        self.problem = message
        self.path = path
        self.task = task
        self.type_name = type_name

    def located(self, *, path: str, task: str | None = None) -> PayloadError:
        """The same problem, told with its place; what is known already stays."""
        return PayloadError(
            self.problem,
            path=self.path or path,
            task=self.task or task,
            type_name=self.type_name,
        )

    def about(self, what: str) -> PayloadError:
        """The same problem, told of the value that has it."""
        return PayloadError(
            f"{what}: {self.problem}", path=self.path, task=self.task, type_name=self.type_name
        )
