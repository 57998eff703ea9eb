"""``task(Class)``: what it becomes, what it refuses, and what it does when it is called."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import Any, NewType, Optional

import cloudpickle
import pytest

from sayiir import (
    DefinitionError,
    TaskContext,
    resource,
    result_of,
    task,
    workflow,
    workflow_input,
)
from sayiir.dsl.class_call import ClassCall
from sayiir.dsl.portable import from_portable, to_portable
from sayiir.dsl.spec import Injection


class Carrier:
    pass


class Ship:
    """Ships parcels."""

    def __init__(self, carrier: Carrier = resource(Carrier), *, limit: int = 3) -> None:
        self.carrier, self.limit = carrier, limit

    def __call__(self, parcel: str, insured: bool = False, *, ctx: TaskContext) -> int:
        return len(parcel)


class Count:
    built = 0

    def __init__(self) -> None:
        type(self).built += 1

    def __call__(self, parcel: str) -> int:
        return len(parcel)


class CountLater(Count):
    async def __call__(self, parcel: str) -> int:
        return len(parcel)


def test_the_signature_is_that_of_call() -> None:
    ship = task(Ship)
    assert (ship.name, ship.__name__, ship.__doc__) == ("Ship", "Ship", "Ships parcels.")
    assert list(inspect.signature(ship).parameters) == ["parcel", "insured", "ctx"]
    signature = ship.spec.signature
    assert [(p.name, p.annotation) for p in signature.inputs] == [("parcel", str)]
    assert [(p.name, p.annotation) for p in signature.optional] == [("insured", bool)]
    assert [(p.name, p.source) for p in signature.injected] == [("ctx", Injection.CONTEXT)]
    assert signature.output is int
    assert ship.wrapped is Ship
    assert isinstance(ship.spec.function, ClassCall)
    assert ship.spec.function.needs == {"carrier": Carrier}


def test_options_and_where_it_runs() -> None:
    assert (task(Count).spec.is_async, task(Count).spec.run_in) == (False, "thread")
    assert (task(CountLater).spec.is_async, task(CountLater).spec.run_in) == (True, "loop")
    named = task("counted", retries=2, run_in="loop")(Count)
    assert (named.name, named.spec.policy.max_retries, named.spec.run_in) == ("counted", 2, "loop")
    with pytest.raises(DefinitionError, match="runs in the loop"):
        task(run_in="thread")(CountLater)


def test_as_a_decorator_it_takes_the_class_s_place() -> None:
    @task(name="label")
    class Label:
        def __init__(self, carrier: Carrier = resource(Carrier)) -> None:
            self.carrier = carrier

        def __call__(self, parcel: Local) -> str:
            return f"{parcel}"

    made: Any = Label  # for mypy it is the class still
    assert made.spec.signature.inputs[0].annotation is Local
    assert made.wrapped(Carrier())("x") == "x"
    with pytest.raises(TypeError, match=r"carrier=.*Label\.wrapped"):
        made("x")


class Local(str):
    __slots__ = ()


def test_called_directly_it_builds_an_instance_for_the_call() -> None:
    before = Count.built
    assert task(Count)("abc") == 3
    assert asyncio.run(task(CountLater)("abcd")) == 4
    assert (Count.built - before, CountLater.built > 0) == (1, True)


class Entered:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...
    def __call__(self, value: int) -> int:
        return value


class EnteredLater:
    async def __aenter__(self) -> None: ...
    async def __aexit__(self, *_: object) -> None: ...
    async def __call__(self, value: int) -> int:
        return value


class GivenLater:
    def __call__(self, value: int, carrier: Carrier = resource(Carrier)) -> int:
        return value


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Ship, r"carrier=.*build Ship by hand"),
        (Entered, "context manager, which only a run enters"),
        (EnteredLater, "context manager, which only a run enters"),
        (GivenLater, r"pass carrier=\.\.\."),
    ],
)
def test_a_direct_call_says_what_nobody_gives(kind: Any, message: str) -> None:
    """At the call, not where its coroutine is awaited."""
    with pytest.raises(TypeError, match=message):
        task(kind)(1)


@dataclass
class Weigh:
    carrier: Carrier = resource(Carrier)

    def __call__(self, parcel: str) -> int:
        return len(parcel)


def test_a_dataclass_may_ask_by_its_fields() -> None:
    weigh = task(Weigh)
    weighing = workflow("weighing", weigh)
    assert weighing.run("abc", resources={Carrier: Carrier()}) == 3


def test_an_inherited_call_counts() -> None:
    class Sub(Count):
        pass

    assert task(Sub).spec.signature.inputs[0].annotation is str


class NoDefault:
    def __init__(self, carrier: Carrier) -> None: ...
    def __call__(self, value: int) -> int:
        return value


class FromResult:
    def __init__(self, before: int = result_of(task(Count))) -> None: ...
    def __call__(self, value: int) -> int:
        return value


class FromInput:
    def __init__(self, before: int = workflow_input(int)) -> None: ...
    def __call__(self, value: int) -> int:
        return value


class ByPosition:
    def __init__(self, carrier: Carrier = resource(Carrier), /) -> None: ...
    def __call__(self, value: int) -> int:
        return value


class NoSelf:
    def __call__() -> int:  # type: ignore[misc]
        return 1


class Static:
    @staticmethod
    def __call__(value: int) -> int:
        return value


class Generator:
    def __call__(self, value: int) -> Any:
        yield value


class Starred:
    def __call__(self, *values: int) -> int:
        return 0


class Abstract(ABC):
    @abstractmethod
    def __call__(self, value: int) -> int: ...


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Carrier, "a class without"),
        (NoDefault, r"'carrier' without a default.*carrier: T = resource\(T\)"),
        (FromResult, "only resources are known"),
        (FromInput, "only resources are known"),
        (ByPosition, "by position only"),
        (NoSelf, "takes no self"),
        (Static, "no method written in Python"),
        (partial, "no method written in Python"),
        (Generator, "is a generator"),
        (Starred, "can't be filled"),
        (Abstract, "is abstract"),
    ],
)
def test_what_can_not_be_a_class_task(kind: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        task(kind)


def test_an_undecorated_class_in_a_chain_is_told_how() -> None:
    with pytest.raises(DefinitionError, match=r"task\(Count\)"):
        task(Count) >> Count  # type: ignore[operator]


def test_the_hash_counts_its_name_and_not_what_it_is_built_with() -> None:
    def hash_of(kind: Any) -> str:
        return workflow("w", task("step")(kind)).definition_hash

    def step(parcel: str) -> int:
        return 1

    assert hash_of(Count) == hash_of(Weigh) == hash_of(Ship) == hash_of(step)
    assert workflow("w", task(Count)).definition_hash != hash_of(Count)
    assert workflow("w", task(version="2")(Count)).nodes()


def test_its_definition_is_portable() -> None:
    shipping = workflow("w", task(Ship))
    read = from_portable(to_portable(shipping.definition))
    assert read.definition_hash == shipping.definition_hash


def test_what_stands_for_it_can_be_pickled() -> None:
    """By its class, also one that only this function knows."""

    class Hidden:
        def __call__(self, value: int) -> int:
            return value + 1

    copy = pickle.loads(cloudpickle.dumps(task(Hidden).spec.function))
    assert (copy(2), copy.kind.__name__) == (3, "Hidden")
    assert pickle.loads(pickle.dumps(task(Ship).spec.function)).needs == {"carrier": Carrier}


Address = NewType("Address", str)


@pytest.mark.parametrize("wrong", [3, "Carrier", Optional[int], int | None, Any, None])  # noqa: UP045
def test_resource_takes_types_only(wrong: Any) -> None:
    with pytest.raises(DefinitionError, match="takes a class"):
        resource(wrong)


def test_resource_takes_everything_that_has_a_class() -> None:
    for right in (Carrier, Address, dict[str, int]):
        made: Any = resource(right)
        assert made.annotation == right
    assert repr(resource(Address)) == "resource(Address)"
