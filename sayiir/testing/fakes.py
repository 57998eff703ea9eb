"""Fake results: what a task gives in a test instead of running."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast, overload

from sayiir.dsl.context import get_task_context
from sayiir.dsl.flow import Flow
from sayiir.dsl.nodes import Branch, TaskNode
from sayiir.dsl.task import Task
from sayiir.errors import DefinitionError

if TYPE_CHECKING:
    from sayiir.dsl.spec import TaskSpec
    from sayiir.workflow import Workflow

__all__ = ["Fake", "FakeBook", "Fakes", "fake"]

T = TypeVar("T")

Outcome: TypeAlias = Callable[..., Any]


class Fake(Generic[T]):
    """What a task gives in a test instead of running. Made by ``fake``, and never changed.

    The outcomes said one after the other are those of the first call, the second, …; the last
    one stays. A retry is a call, and so is what runs again after a crash.

    >>> fake("fork[0]/charge_card").raises(TimeoutError).gives(19.0)
    <fake of 'fork[0]/charge_card', 2 outcomes>
    """

    __slots__ = ("outcomes", "target")

    def __init__(self, target: object, outcomes: tuple[Outcome, ...] = ()) -> None:
        self.target = target
        self.outcomes = outcomes

    def gives(self, value: T) -> Fake[T]:
        """The next call gives this value; it is checked and stored as a real result is."""
        return Fake(self.target, (*self.outcomes, _giving(value)))

    def raises(self, error: BaseException | type[BaseException]) -> Fake[T]:
        """The next call raises this; retries and failures follow as they do from the task."""
        return Fake(self.target, (*self.outcomes, _raising(error)))

    def calls(self, function: Callable[..., T] | Callable[..., Awaitable[T]]) -> Fake[T]:
        """The next call calls this instead, sync or async.

        It gets the task's inputs in their order, of what is injected what it has a parameter
        for by name, and a ``TaskContext`` where it has a parameter ``ctx``.
        """
        return Fake(self.target, (*self.outcomes, _calling(function)))

    def __repr__(self) -> str:
        return f"<fake of {_target_name(self.target)!r}, {len(self.outcomes)} outcomes>"


@overload
def fake(target: str) -> Fake[Any]: ...
@overload
def fake(target: Flow[Any, T]) -> Fake[T]: ...
@overload
def fake(target: Callable[..., Awaitable[T]]) -> Fake[T]: ...
@overload
def fake(target: Callable[..., T]) -> Fake[T]: ...
def fake(target: object) -> Fake[Any]:
    """Begins a fake: ``fake(charge_card).gives(Payment(amount=9.5))``.

    Args:
        target: a task, wherever it stands; a plain function that stands in a flow; or a path:
            ``"fork[0]/charge_card"``, in loops and maps with a number (``"poll[2]/ask"``) or
            without (``"poll/ask"``). A path goes before a task, a number before none.

    Raises:
        DefinitionError: it is none of these.

    >>> from sayiir import task, workflow
    >>> from sayiir.testing import WorkflowEnvironment
    >>> @task(retries=1)
    ... def charge(amount: float) -> str:
    ...     raise ConnectionError("tests have no bank")
    >>> paying = workflow("paying", charge)
    >>> with WorkflowEnvironment(
    ...     paying, fakes=[fake(charge).raises(TimeoutError()).gives("paid")]
    ... ) as environment:
    ...     environment.run(paying, "p-1", 9.5)
    Completed(output='paid')
    """
    if not isinstance(target, (Task, str)) and not callable(target):
        raise DefinitionError(f"fake() takes a task, a function or a path, not {target!r}")
    if isinstance(target, Flow) and not isinstance(target, Task):
        raise DefinitionError(f"fake() takes a task or a path; {target!r} is a flow of several")
    return Fake(cast("object", target))


Fakes: TypeAlias = Mapping[Any, object] | Iterable[Fake[Any]]
"""Fakes of a run: a list of ``fake(…)``, or for short a mapping of targets to what they do.

In the mapping an exception (or its class) is raised, a function is called, a ``fake(…)`` does
what it says, and anything else is given as it is.
"""


def _giving(value: object) -> Outcome:
    def give(*args: Any, **kwargs: Any) -> Any:
        del args, kwargs
        return value

    return give


def _raising(error: BaseException | type[BaseException]) -> Outcome:
    def fail(*args: Any, **kwargs: Any) -> Any:
        del args, kwargs
        raise error

    return fail


def _calling(function: Callable[..., Any]) -> Outcome:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # one that doesn't tell what it takes
        return function
    every = any(each.kind is each.VAR_KEYWORD for each in parameters.values())

    def call(*args: Any, **kwargs: Any) -> Any:
        known = {name: value for name, value in kwargs.items() if every or name in parameters}
        if "ctx" in parameters:
            known["ctx"] = get_task_context()
        return function(*args, **known)

    return call


def _target_name(target: object) -> str:
    if isinstance(target, str):
        return target
    return str(getattr(target, "name", getattr(target, "__name__", repr(target))))


def _fakes_of(given: Fakes) -> list[Fake[Any]]:
    if isinstance(given, Mapping):
        mapping = cast("Mapping[Any, object]", given)
        return [_fake_of(target, what) for target, what in mapping.items()]
    fakes = list(given)
    for each in fakes:
        if not isinstance(cast("object", each), Fake):
            raise DefinitionError(
                f"fakes are a mapping, or a list of fake(task).gives(…), not {each!r}"
            )
    return fakes


def _fake_of(target: Any, what: Any) -> Fake[Any]:
    begun: Fake[Any] = fake(target)
    if isinstance(what, Fake):
        outcomes: tuple[Outcome, ...] = what.outcomes
        return Fake(target, outcomes)
    if isinstance(what, BaseException) or _is_error(what):
        return begun.raises(what)
    return begun.calls(what) if inspect.isroutine(what) else begun.gives(what)


def _is_error(what: Any) -> bool:
    return isinstance(what, type) and issubclass(what, BaseException)


class FakeBook:
    """The fakes of one run, found by path or task, each with its count of calls.

    Args:
        fakes: what the user gave.
        workflows: what they are for.

    Raises:
        DefinitionError: a fake is for a task or a path that no workflow has, or says nothing; or
            two are for the same.
    """

    def __init__(self, fakes: Fakes | None, workflows: Iterable[Workflow[Any, Any]]) -> None:
        places = [place for workflow in workflows for place in _places(workflow)]
        self._by_path: dict[str, Fake[Any]] = {}
        self._by_function: dict[object, Fake[Any]] = {}
        self._counts: dict[Fake[Any], int] = {}
        for each in _fakes_of(fakes or ()):
            name = _target_name(each.target)
            if not each.outcomes:
                raise DefinitionError(f"fake({name!r}) says nothing: add .gives(…), .raises(…) …")
            known: dict[Any, Fake[Any]] = self._by_path
            key: object = each.target
            if isinstance(key, str):
                found = any(_matches(key, path) for path, _ in places)
            else:
                known, key = self._by_function, _function_of(key)
                found = any(spec.function is key for _, spec in places)
            if not found:
                there = ", ".join(sorted({path for path, _ in places})[:20])
                raise DefinitionError(
                    f"a fake is given for {name!r}, which no workflow here has; there are {there}"
                )
            if key in known:
                raise DefinitionError(
                    f"two fakes are given for {name!r}; say the second outcome behind the first: "
                    "fake(…).raises(…).gives(…)"
                )
            known[key] = each

    def begin(self) -> None:
        """A new run: all outcomes are ahead."""
        self._counts.clear()

    def find(self, path: str, node_path: str, spec: TaskSpec) -> Outcome | None:
        """What happens instead of the call at a path, which counts as called; None: nothing."""
        found = (
            self._by_path.get(path)
            or self._by_path.get(node_path)
            or self._by_function.get(spec.function)
        )
        if found is None:
            return None
        count = self._counts.get(found, 0)
        self._counts[found] = count + 1
        return found.outcomes[min(count, len(found.outcomes) - 1)]

    def always(self, node_path: str, spec: TaskSpec) -> bool:
        """Whether every call at a node path is faked, so that a class needn't be built."""
        return node_path in self._by_path or spec.function in self._by_function


def _function_of(target: object) -> object:
    return target.spec.function if isinstance(target, Task) else target


def _places(workflow: Workflow[Any, Any]) -> Iterable[tuple[str, TaskSpec]]:
    for path, node in workflow.nodes():
        if isinstance(node, TaskNode):
            yield path, node.task
        elif isinstance(node, Branch):
            yield path, node.key


def _matches(given: str, node_path: str) -> bool:
    """Whether a path, with numbers of loops and maps or without, is of this node."""
    if given == node_path:
        return True
    given_parts, parts = given.split("/"), node_path.split("/")
    if len(given_parts) != len(parts):
        return False
    return all(
        mine == part or (mine.startswith(f"{part}[") and mine[len(part) + 1 : -1].isdecimal())
        for mine, part in zip(given_parts, parts, strict=True)
    )
