"""``@task`` and what it makes: a function, or a class with ``__call__``, that is also a flow."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

from sayiir.dsl.callables import (
    callable_name,
    captured_namespace,
    is_async_callable,
    is_lambda,
    refuse_hidden_task,
)
from sayiir.dsl.class_call import ClassCall, class_call
from sayiir.dsl.flow import Flow
from sayiir.dsl.inject import InjectedDefault
from sayiir.dsl.nodes import TaskNode
from sayiir.dsl.options import check_priority, check_tags, check_text, check_timeout
from sayiir.dsl.signature import parameters_of
from sayiir.dsl.spec import TaskSpec
from sayiir.durations import Duration
from sayiir.errors import DefinitionError
from sayiir.ids import check_node_id
from sayiir.policy import RetryPolicy, retry_policy

if TYPE_CHECKING:
    from sayiir.dsl.task_overloads import TaskDecorator

__all__ = ["ClassTask", "FunctionTask", "Task", "task"]

In = TypeVar("In", contravariant=True)  # users read Flow[In, Out]
Out = TypeVar("Out", covariant=True)
R_co = TypeVar("R_co", covariant=True)
P = ParamSpec("P")


class Task(Flow[In, Out]):
    """A task: a flow of one node, and still the function that it was made of.

    Calling it calls the function, without an engine: that is how a task is tested.

    Attributes:
        spec: what the graph knows of it.

    >>> from sayiir import task
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> double.name, double(4)
    ('double', 8)
    """

    # Tasks carry __wrapped__, __name__ and __doc__ of their function, as any wrapper does.
    __slots__ = ("__dict__", "_injected", "spec")

    spec: TaskSpec

    def __init__(self, spec: TaskSpec) -> None:
        function = spec.function
        if function is None:
            raise DefinitionError(f"task {spec.name!r} has no function")
        super().__init__(TaskNode(spec.name, spec))
        functools.update_wrapper(cast("Any", self), function)
        self.spec = spec
        self._injected = _injected_defaults(function)

    @property
    def name(self) -> str:
        """The task's name."""
        return self.spec.name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function.

        Raises:
            TypeError: a parameter that the engine would fill is not given.
        """
        function = self.spec.function
        assert function is not None
        if self._injected:
            self._check_given(args, kwargs)
        return function(*args, **kwargs)

    def _check_given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        # The default is a mark for the engine; a function that met it would fail far from here.
        for name, place, default in self._injected:
            if name not in kwargs and (place is None or place >= len(args)):
                raise TypeError(
                    f"{self.name}() was called directly, where nobody fills {name!r} with "
                    f"{default!r}; pass {name}=..."
                )

    def __repr__(self) -> str:
        return f"<Task {self.name}>"


class FunctionTask(Task[In, Out], Generic[In, Out, P, R_co]):
    """A task that knows its function's own signature: what ``@task`` gives.

    Annotate with ``Task[In, Out]``; checkers carry the rest along.
    """

    __slots__ = ()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Calls the function with its own signature, as ``Task.__call__`` does."""
        return cast("R_co", super().__call__(*args, **kwargs))


class ClassTask(FunctionTask[In, Out, P, R_co]):
    """A task made of a class: what is called is an instance, built once by whoever runs it.

    Called directly it builds one for that call, if the class needs no resources and is no
    context manager. Else the class itself is tested: ``Ship(carrier)(order)``.
    """

    __slots__ = ()

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        cast("Any", self).__wrapped__ = self.wrapped

    @property
    def wrapped(self) -> type[Any]:
        """The class, for where the task has taken its name."""
        return cast("ClassCall", self.spec.function).kind

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Builds an instance and calls it.

        Raises:
            TypeError: the class needs resources or must be entered, or a parameter that the
                engine would fill is not given.
        """
        # Here and not where the instance is awaited: a mistake is told where it is made.
        cast("ClassCall", self.spec.function).check_direct()
        return super().__call__(*args, **kwargs)


def _task(
    function: object = None,
    /,
    *,
    name: str | None = None,
    timeout: Duration | None = None,
    retries: int | RetryPolicy = 0,
    version: str = "",
    tags: object = (),
    priority: int | None = None,
    run_in: str | None = None,
    idempotent: bool = False,
    description: str = "",
) -> Any:
    """Makes a task of a function or class; with options, gives the decorator that does.

    Parameters without a default are the task's input; see ``result_of``, ``resource`` and
    ``TaskContext`` for what the engine fills. Of a class with ``__call__`` one instance is built
    by each runner or worker and called by many at once; its constructor may take resources.

    Args:
        function: the function or class, or the task's name.
        name: the task's name; that of the function or class by default.
        timeout: of one attempt.
        retries: further attempts after a failed one: a count, or a ``RetryPolicy``.
        version: counts for the definition hash; change it when the meaning changes.
        tags: which workers may run it; at most 20, of 1 to 64 characters.
        priority: 1 (most urgent) to 5; the instance's where it is not given.
        run_in: ``"loop"`` (default of async functions and lambdas; a sync function then must be
            quick), ``"thread"`` (default of sync functions), ``"process"`` (a worker process;
            really killed on timeout or cancel), or the name of an executor that the runner or
            the run is given.
        idempotent: tells that running it twice does no harm.
        description: for people.

    Raises:
        DefinitionError: not a function or such a class, an option out of its bounds, or a
            parameter that can't be filled (``*args``, ``**kwargs``, an input by keyword only).

    >>> @task(retries=3, timeout="30s")
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> double(4)
    8
    """
    if isinstance(function, str):
        if name is not None:
            raise DefinitionError(f"the task is named twice: {function!r} and {name!r}")
        name, function = function, None

    def decorate(decorated: Callable[..., Any], /) -> Task[Any, Any]:
        _check_kind(decorated)
        if isinstance(decorated, type):
            decorated = class_call(decorated)
        _check_function(decorated)
        task_name = check_node_id(callable_name(decorated) if name is None else name)
        owner = f"task {task_name!r}"
        is_async = is_async_callable(decorated)
        spec = TaskSpec(
            name=task_name,
            function=decorated,
            is_async=is_async,
            version=check_text("version", version, owner),
            timeout_seconds=check_timeout(timeout, owner),
            policy=retry_policy(retries),
            tags=check_tags(tags, owner),
            priority=check_priority(priority, owner),
            run_in=_where_to_run(run_in, decorated, is_async, owner),
            idempotent=bool(idempotent),
            description=check_text("description", description, owner),
            namespace=captured_namespace(decorated),
        )
        if isinstance(decorated, ClassCall):
            return ClassTask[Any, Any, ..., Any](spec)
        return FunctionTask[Any, Any, ..., Any](spec)

    return decorate if function is None else decorate(cast("Callable[..., Any]", function))


if TYPE_CHECKING:
    task: TaskDecorator
else:
    # Overloads that nobody calls would only slow the import down.
    task = _task
    task.__name__ = task.__qualname__ = "task"


def _where_to_run(run_in: object, function: Callable[..., Any], is_async: bool, owner: str) -> str:
    if run_in is None:
        return "loop" if is_async or is_lambda(function) else "thread"
    if not isinstance(run_in, str) or not run_in:
        raise DefinitionError(
            f"{owner}: run_in is 'loop', 'thread', 'process' or the name of an executor, not "
            f"{run_in!r}"
        )
    if is_async and run_in == "thread":
        raise DefinitionError(
            f"{owner}: an async function runs in the loop, a process or an executor, not in a "
            "thread"
        )
    return run_in


def _check_kind(function: object) -> None:
    """Refuses what is no function or class at all."""
    if isinstance(function, Task):
        raise DefinitionError(f"task {function.name!r} is a task already")
    if isinstance(function, Flow):
        raise DefinitionError("a flow is made into a workflow, by workflow('name', flow)")
    if not callable(function):
        raise DefinitionError(f"@task decorates functions, not {function!r}")
    refuse_hidden_task(function, "@task")


def _check_function(function: Callable[..., Any]) -> None:
    """Refuses what has no one result, and parameters that nothing can fill."""
    name = callable_name(function)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DefinitionError(
            f"{name}() is a generator; a task returns one value, so return a list"
        )
    described = parameters_of(function)
    for index, parameter in enumerate(described.parameters.values() if described else ()):
        _check_parameter(function, name, index, parameter)


def _check_parameter(function: object, name: str, index: int, parameter: inspect.Parameter) -> None:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
        raise DefinitionError(
            f"{name}() has {stars}{parameter.name}, which can't be filled; name each input (a "
            "decorator's wrapper has the names of what it wraps if it says @functools.wraps)"
        )
    required = parameter.default is parameter.empty
    if parameter.kind is parameter.KEYWORD_ONLY and required and parameter.name != "ctx":
        annotation = parameter.annotation
        text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
        if text.rpartition(".")[2] != "TaskContext":
            raise DefinitionError(
                f"{name}() takes its input {parameter.name!r} by keyword only, but inputs are "
                "filled in order; move it before the '*', or give it a default"
            )
    if index == 0 and parameter.name in ("self", "cls") and _in_class(function):
        raise DefinitionError(
            f"{name}() is a method; decorate a function, or the bound method of an object: "
            f"task(thing.{name})"
        )


def _in_class(function: object) -> bool:
    """True where a function stands in a class body."""
    outer = getattr(function, "__qualname__", "").rpartition(".")[0]
    return bool(outer) and not outer.endswith("<locals>")


def _injected_defaults(
    function: Callable[..., Any],
) -> tuple[tuple[str, int | None, InjectedDefault], ...]:
    """Parameters with a mark as their default: name, place among the positional ones, mark."""
    described = parameters_of(function)
    return tuple(
        (
            parameter.name,
            None if parameter.kind is parameter.KEYWORD_ONLY else place,
            parameter.default,
        )
        for place, parameter in enumerate(described.parameters.values() if described else ())
        if isinstance(parameter.default, InjectedDefault)
    )
