"""What ``read_signature`` finds: inputs, optional and injected parameters, resolved types."""

from __future__ import annotations

import functools
import operator
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from sayiir import DefinitionError, TaskContext, result_of, task, workflow_input
from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.signature import read_signature
from sayiir.dsl.spec import Injection

if TYPE_CHECKING:
    from decimal import Decimal

    from sayiir import TaskContext as OnlyForCheckers


@task
def first(number: int) -> int:
    return number


def inputs(function: Callable[..., Any]) -> dict[str, Any]:
    return {p.name: p.annotation for p in read_signature(function).inputs}


def optional(function: Callable[..., Any]) -> dict[str, Any]:
    return {p.name: p.annotation for p in read_signature(function).optional}


def injected(function: Callable[..., Any]) -> dict[str, Injection]:
    return {p.name: p.source for p in read_signature(function).injected}


def test_parameters_without_default_are_inputs_in_order() -> None:
    def function(a: int, b: str | None, c, d: list[int], e=3, f: float = 4) -> None: ...  # type: ignore[no-untyped-def]

    assert inputs(function) == {"a": int, "b": str | None, "c": UNDECLARED, "d": list[int]}
    assert optional(function) == {"e": UNDECLARED, "f": float}
    assert read_signature(function).output is type(None)


def test_an_unresolved_name_is_undeclared_for_that_parameter_only() -> None:
    def function(a: Decimal, b: int, c: list[Decimal]) -> Decimal: ...  # type: ignore[empty-body]

    assert inputs(function) == {"a": UNDECLARED, "b": int, "c": UNDECLARED}
    assert read_signature(function).output is UNDECLARED


def test_annotations_that_can_not_be_evaluated_are_undeclared() -> None:
    def function(a, b, c: int) -> int: ...  # type: ignore[no-untyped-def, empty-body]

    function.__annotations__.update({"a": "1 / 0", "b": "not python"})

    assert inputs(function) == {"a": UNDECLARED, "b": UNDECLARED, "c": int}


def test_any_and_metadata_are_kept() -> None:
    def function(a: Any, b: Annotated[int, "positive"]) -> Any: ...

    assert inputs(function) == {"a": Any, "b": Annotated[int, "positive"]}
    assert read_signature(function).output is Any


def test_local_names_are_found_by_capture_and_by_closure() -> None:
    class Captured: ...

    class Closed: ...

    @task
    def function(a: Captured, b: Closed, c: list[Captured]) -> Captured:
        return Closed and a

    found = {p.name: p.annotation for p in function.spec.signature.inputs}
    assert found == {"a": Captured, "b": Closed, "c": list[Captured]}
    assert function.spec.signature.output is Captured
    assert set(function.spec.namespace or ()) == {"Captured", "Closed"}


def test_local_names_are_found_through_a_helper_that_decorates() -> None:
    def decorated(function: Callable[..., Any]) -> Any:
        return task(retries=1)(function)

    class Local: ...

    @decorated
    def function(a: Local) -> None: ...

    assert function.spec.signature.inputs[0].annotation is Local


def test_the_context_is_injected_by_name_and_by_annotation_anywhere() -> None:
    def by_both(a: int, ctx: TaskContext) -> None: ...
    def by_name(ctx, a: int) -> None: ...  # type: ignore[no-untyped-def]
    def by_annotation(context: TaskContext, a: int) -> None: ...
    def by_keyword(a: int, *, ctx: TaskContext) -> None: ...
    def optional_context(a: int, ctx: TaskContext | None = None) -> None: ...
    def only_for_checkers(a: int, context: OnlyForCheckers) -> None: ...
    def unresolved_ctx(a: int, ctx: OnlyForCheckers) -> None: ...

    for function in (by_both, by_name, by_keyword, optional_context, unresolved_ctx):
        assert injected(function) == {"ctx": Injection.CONTEXT}, function
        assert inputs(function) == {"a": int}
    assert injected(by_annotation) == {"context": Injection.CONTEXT}
    assert inputs(only_for_checkers) == {"a": int, "context": UNDECLARED}


def test_a_ctx_of_another_type_is_an_input() -> None:
    def function(ctx: int) -> None: ...

    assert inputs(function) == {"ctx": int}
    assert injected(function) == {}


def test_marks_are_injected() -> None:
    def function(
        a: int, b: int = result_of(first), *, c: str = workflow_input(str), d: int = 3
    ) -> None: ...

    found = {p.name: p for p in read_signature(function).injected}
    assert found["b"].source is Injection.RESULT_OF
    assert found["b"].task is first.spec
    assert found["c"].source is Injection.WORKFLOW_INPUT
    assert found["c"].annotation is str
    assert inputs(function) == {"a": int}
    assert optional(function) == {"d": int}


@pytest.mark.parametrize(
    "function", [len, max, print, operator.attrgetter("x"), str.upper, functools.partial(pow, 2)]
)
def test_callables_that_do_not_tell_take_one_input(function: Callable[..., Any]) -> None:
    assert len(read_signature(function).inputs) == 1


@pytest.mark.parametrize("kind", [str, int, float, bool, list, dict, set, tuple, bytes])
def test_builtin_classes_take_one_input_and_give_themselves(kind: type) -> None:
    signature = read_signature(kind)
    assert len(signature.inputs) == 1
    assert signature.output is kind


def test_classes_take_what_their_constructor_takes() -> None:
    @dataclass
    class Point:
        x: int
        y: int = 0

    signature = read_signature(Point)
    assert [p.name for p in signature.inputs] == ["x"]
    assert [p.name for p in signature.optional] == ["y"]
    assert signature.output is Point


def test_partials_methods_and_wrappers_are_seen_through() -> None:
    def function(a: int, b: str, c: float = 1.0) -> bytes: ...  # type: ignore[empty-body]

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    class Thing:
        def method(self, a: int) -> bytes: ...  # type: ignore[empty-body]

        def __call__(self, a: str) -> bytes: ...  # type: ignore[empty-body]

    assert inputs(functools.partial(function, 1)) == {"b": str}
    assert inputs(functools.partial(function, b="x")) == {"a": int}
    assert inputs(wrapper) == {"a": int, "b": str}
    assert inputs(Thing().method) == {"a": int}
    assert inputs(Thing()) == {"a": str}


def test_a_variadic_alone_takes_one_input_and_beside_inputs_nothing() -> None:
    def alone(*values: int, **rest: int) -> None: ...
    def beside(a: str, *values: int) -> None: ...

    assert inputs(alone) == {"values": int}
    assert inputs(beside) == {"a": str}


def test_an_awaitable_output_is_what_awaiting_it_gives() -> None:
    def awaitable(a: int) -> Awaitable[str]: ...  # type: ignore[empty-body]
    def coroutine(a: int) -> Coroutine[Any, Any, str]: ...  # type: ignore[empty-body]
    async def function(a: int) -> str: ...  # type: ignore[empty-body]

    for each in (awaitable, coroutine, function):
        assert read_signature(each).output is str


def test_inputs_by_keyword_only_are_refused() -> None:
    def function(a: int, *, b: int) -> None: ...

    with pytest.raises(DefinitionError, match=r"function\(\) takes its input 'b' by keyword only"):
        read_signature(function)


def test_injected_parameters_by_position_only_are_refused() -> None:
    def function(a: int, b: int = result_of(first), /) -> None: ...

    with pytest.raises(DefinitionError, match="'b' by position only"):
        read_signature(function)
