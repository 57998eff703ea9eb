"""Defaults that the engine fills: ``result_of``, ``workflow_input``, ``resource``."""

from __future__ import annotations

from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any, NewType, TypeVar, cast, get_origin

from sayiir.dsl.nodes import TaskNode
from sayiir.dsl.spec import Injected, Injection, TaskSpec
from sayiir.errors import DefinitionError

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from sayiir.dsl.task import Task

__all__ = [
    "InjectedDefault",
    "class_of_key",
    "resource",
    "result_of",
    "type_name",
    "workflow_input",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class InjectedDefault:
    """Stands as a parameter's default until the engine puts the value in its place.

    Attributes:
        source: where the value comes from.
        task: for RESULT_OF, the task.
        annotation: for the others, the type that was asked for.
    """

    source: Injection
    task: TaskSpec | None = None
    annotation: Any = None

    def parameter(self, name: str) -> Injected:
        """The parameter of this default, as signatures list it."""
        if self.task is not None:
            return Injected(name, self.source, task=self.task)
        return Injected(name, self.source, annotation=self.annotation)

    def __repr__(self) -> str:
        if self.task is not None:
            return f"{self.source.value}({self.task.name})"
        return f"{self.source.value}({type_name(self.annotation)})"


def result_of(task: Task[Any, T]) -> T:
    """As a default: the stored result of an earlier task.

    It is the nearest one that precedes on every path to here: within the same iteration or map
    item; after a loop, of its last iteration; after a branch only if every arm has the task.
    That there is one is checked when the workflow is built.

    Raises:
        DefinitionError: not a task made by ``@task``.

    >>> from sayiir import result_of, task
    >>> @task
    ... def first(n: int) -> int:
    ...     return n + 1
    >>> @task
    ... def second(n: int, before: int = result_of(first)) -> int:
    ...     return n * before
    >>> second(3, before=4)
    12
    """
    node = getattr(task, "piece", None)
    if not isinstance(node, TaskNode):
        raise DefinitionError(f"result_of() takes a task made by @task, not {task!r}")
    return cast("T", InjectedDefault(Injection.RESULT_OF, task=node.task))


def workflow_input(input_type: TypeForm[T]) -> T:
    """As a default: the input of the nearest enclosing workflow, of that type.

    >>> from sayiir import task, workflow_input
    >>> @task
    ... def tail(n: int, whole: str = workflow_input(str)) -> str:
    ...     return whole[n:]
    >>> tail(2, whole="abc")
    'c'
    """
    return cast("T", InjectedDefault(Injection.WORKFLOW_INPUT, annotation=input_type))


def class_of_key(key: object) -> type | None:
    """The class that a resource of this type is an instance of; None: it is no such type.

    >>> class_of_key(dict[str, int]), class_of_key(3)
    (<class 'dict'>, None)
    """
    while isinstance(key, NewType):
        key = key.__supertype__
    kind = get_origin(key) or key
    return kind if isinstance(kind, type) and kind not in (UnionType, Any) else None


def type_name(key: object) -> str:
    """A type as messages spell it."""
    plain = isinstance(key, (type, NewType)) and get_origin(key) is None
    return str(getattr(key, "__name__", key)) if plain else repr(key)


def resource(resource_type: TypeForm[T]) -> T:
    """As a default: the object that was handed over under exactly that type.

    ``resources={Type: ...}`` of a runner or of an in-memory run gives it. Constructors of class
    tasks may ask for resources too.

    Args:
        resource_type: a class, a ``NewType``, or a class with parameters (``dict[str, int]``).

    Raises:
        DefinitionError: it is none of these.

    >>> from sayiir import resource, task, workflow
    >>> class Rates(dict[str, float]): ...
    >>> @task
    ... def to_euro(dollars: float, rates: Rates = resource(Rates)) -> float:
    ...     return dollars * rates["USD"]
    >>> workflow("exchange", to_euro).run(10.0, resources={Rates: Rates(USD=0.5)})
    5.0
    """
    if class_of_key(resource_type) is None:
        raise DefinitionError(
            f"resource() takes a class, a NewType or a class with parameters, not {resource_type!r}"
        )
    return cast("T", InjectedDefault(Injection.RESOURCE, annotation=resource_type))
