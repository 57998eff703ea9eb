"""Only what provably doesn't fit is refused."""

from __future__ import annotations

import collections.abc as abc
import datetime
import decimal
import enum
import typing as t
import uuid
from dataclasses import dataclass, field

import pydantic
import pytest

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.annotations import NamedOutputs, described, loop_parts, union_of
from sayiir.dsl.fits import fits
from sayiir.values import Again, BranchResult, Done, LoopResult

T = t.TypeVar("T")
UserId = t.NewType("UserId", int)


class Animal: ...


class Dog(Animal): ...


class Barks(t.Protocol):
    def bark(self) -> None: ...


class Colour(enum.Enum):
    RED = "red"


class Size(enum.StrEnum):
    BIG = "big"


class Box(t.Generic[T]): ...


class Order(pydantic.BaseModel):
    number: int
    note: str = ""


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    number: int


class Aliased(pydantic.BaseModel):
    number: int = pydantic.Field(alias="no")


class Converting(pydantic.BaseModel):
    number: int

    @pydantic.field_validator("number", mode="before")
    @classmethod
    def parse(cls, value: object) -> object:
        return value


class Ids(pydantic.RootModel[list[int]]): ...


@dataclass
class Point:
    x: int
    y: float = 0.0
    tags: list[str] = field(default_factory=list)


class Row(t.TypedDict):
    number: int
    note: t.NotRequired[str]


class Tree(t.TypedDict):
    left: Tree
    right: Tree


class OtherTree(t.TypedDict):
    left: OtherTree
    right: OtherTree


class Pair(t.NamedTuple):
    a: int
    b: str


FITTING = [
    (int, int),
    (int, float),
    (bool, int),
    (bool, float),
    (float, complex),
    (None, None),
    (Dog, Animal),
    (Animal, Barks),
    (Animal, T),
    (Animal, "Unresolved"),
    (Animal, UNDECLARED),
    (UNDECLARED, Dog),
    (t.Any, Dog),
    (object, Dog),
    (int, object),
    (t.Never, int),
    (int, int | None),
    (None, t.Optional[int]),  # noqa: UP045 - both spellings
    (int | None, None | int | str),
    (t.Annotated[int, "unit"], int),
    (int, t.Annotated[float, "unit"]),
    (UserId, int),
    (int, UserId),
    (t.Literal["a"], str),
    (t.Literal["a"], t.Literal["a", "b"]),
    (t.Literal["a", 1], str | int),
    (t.Literal["a", "b"], t.Literal["a"] | t.Literal["b"]),
    (str, t.Literal["a"]),
    (Colour, Colour),
    (Size, str),
    (list[int], list[int]),
    (list[int], list),
    (list, list[int]),
    (list[int], list[float]),
    (list[int], abc.Sequence[int]),
    (list[int], abc.Iterable[float]),
    (abc.Sequence[int], list[int]),
    (t.List[int], list[int]),  # noqa: UP006
    (str, abc.Sequence[str]),
    (tuple[int, str], tuple[int, str]),
    (tuple[int, int], tuple[float, ...]),
    (tuple[int, ...], tuple[int, int]),
    (tuple[int, int], abc.Sequence[int]),
    (tuple, tuple[int, str]),
    (tuple[int, str], Pair),
    (Pair, tuple[int, str]),
    (dict[str, int], abc.Mapping[str, float]),
    (dict[str, int], dict),
    (dict[str, t.Any], Order),
    (dict[str, t.Any], Point),
    (dict, Row),
    (abc.Mapping[str, object], Order),
    (Row, Order),
    (Row, dict[str, t.Any]),
    (Row, Row),
    (dict, Ids),
    (list[int], Ids),
    (str, pydantic.SecretStr),
    (Order, pydantic.BaseModel),
    (Box[int], Box[int]),
    (Box[int], Box),
    (Box[bool], Box[int]),
    (Box[int], Box[bool]),
    (Again[int], LoopResult[int, str]),
    (BranchResult[int], BranchResult[float]),
    (type[int], type[object]),
    (abc.Callable[[int], int], abc.Callable[[str], str]),
    (datetime.datetime, datetime.date),
]

MISFITTING = [
    (int, str),
    (float, int),
    (int, bool),
    (str, int),
    (int, None),
    (None, int),
    (int | None, int),
    (int | str, int),
    (int, str | None),
    (Animal, Dog),
    (int, decimal.Decimal),
    (str, uuid.UUID),
    (str, datetime.datetime),
    (str, Colour),
    (t.Literal["a", "c"], t.Literal["a", "b"]),
    (t.Literal[1], str),
    (t.Literal[1], t.Literal[True]),
    (int, t.Literal["a"]),
    (list[int], list[str]),
    (list[int], dict[str, int]),
    (list[int | None], list[int]),
    (list[int], tuple[int, ...]),
    (list[int], set[int]),
    (set[int], list[int]),
    (set[int], abc.Sequence[int]),
    (tuple[int, str], tuple[int, int]),
    (tuple[int, str], tuple[int]),
    (tuple[int, str], list[int]),
    (tuple[int, str], abc.Sequence[int]),
    (tuple[str, ...], tuple[int, int]),
    (dict[str, int], dict[str, str]),
    (dict[int, int], dict[str, int]),
    (dict[int, int], Order),
    (dict[str, t.Any], int),
    (list[int], Order),
    (int, Row),
    (Point, Order),
    (Order, Point),
    (Order, dict[str, t.Any]),
    (Box[int], Box[str]),
    (BranchResult[int], BranchResult[str]),
    (BranchResult[int], int),
    (t.Annotated[int, "unit"], str),
    (UserId, str),
]


def ids(pairs):
    return [f"{described(one)} into {described(other)}" for one, other in pairs]


@pytest.mark.parametrize(("produced", "wanted"), FITTING, ids=ids(FITTING))
def test_what_may_fit_is_accepted(produced, wanted):
    assert fits(produced, wanted)


@pytest.mark.parametrize(("produced", "wanted"), MISFITTING, ids=ids(MISFITTING))
def test_what_provably_does_not_fit_is_refused(produced, wanted):
    assert not fits(produced, wanted)


def named(**fields):
    return NamedOutputs(tuple(fields.items()))


@pytest.mark.parametrize(
    ("given", "wanted", "expected"),
    [
        (named(number=int), Order, True),
        (named(number=int, other=str), Order, True),
        (named(number=str), Order, False),
        (named(note=str), Order, False),
        (named(number=int, other=str), Strict, False),
        (named(no=int), Aliased, True),
        (named(number=str), Converting, True),
        (named(x=int, y=int), Point, True),
        (named(y=int), Point, False),
        (named(number=int), Row, True),
        (named(note=str), Row, False),
        (named(x=int), dict, True),
        (named(x=int), dict[str, int], True),
        (named(x=str), dict[str, int], False),
        (named(x=str), abc.Mapping[str, t.Any], True),
        (named(x=int), t.Any, True),
        (named(x=int), object, True),
        (named(x=int), Order | dict[str, int], True),
        (named(x=int), int, False),
        (named(x=int), tuple[int], False),
        (named(x=UNDECLARED), dict[str, int], True),
    ],
)
def test_named_arms_fit_mappings_and_fields(given, wanted, expected):
    assert fits(given, wanted) is expected


def test_a_recursive_annotation_ends():
    assert fits(Tree, Tree)
    assert fits(Tree, OtherTree)
    assert fits(dict[str, object], Tree)
    deep = int
    for _ in range(200):
        deep = list[deep]
    assert fits(deep, list[str]) is False
    assert fits(deep, deep)


def test_a_class_that_answers_nothing_is_accepted():
    class Refuses(type):
        def __subclasscheck__(cls, other: type) -> bool:
            raise RuntimeError

    class Odd(metaclass=Refuses): ...

    assert fits(int, Odd)


@pytest.mark.parametrize(
    ("annotation", "parts"),
    [
        (Again[int] | Done[str], (int, str)),
        (LoopResult[int, str], (int, str)),
        (Done[str], (t.Never, str)),
        (Again[int], (int, t.Never)),
        (Again[int] | Again[str] | Done[bool], (int | str, bool)),
        (Done, (t.Never, UNDECLARED)),
        (LoopResult, (UNDECLARED, UNDECLARED)),
        (UNDECLARED, (UNDECLARED, UNDECLARED)),
        (t.Any, (UNDECLARED, UNDECLARED)),
        (int, None),
        (Again[int] | int, None),
    ],
)
def test_what_a_loop_goes_on_and_leaves_with(annotation, parts):
    assert loop_parts(annotation) == parts


def test_a_union_with_something_undeclared_is_undeclared():
    assert union_of((int, UNDECLARED)) is UNDECLARED
    assert union_of((int, int)) is int
    assert union_of((int, None)) == int | None
