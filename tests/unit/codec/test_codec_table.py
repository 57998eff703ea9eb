"""Lossless or loud: each cell of the table of ``docs/reference/values.md``.

For every kind of value, under every declaration that may hold it: ``decode(encode(x))`` is
equal and of the same types, or ``PayloadError`` is raised. There is no third outcome.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel, computed_field, field_serializer, field_validator

from sayiir.codec import UNDECLARED, JsonCodec
from sayiir.codec.sameness import same
from sayiir.errors import FailureInfo, PayloadError
from sayiir.values import Again, BranchResult, Done, ItemFailed, LoopResult

CODEC = JsonCodec()


class Color(Enum):
    RED = "red"
    ODD = (1, 2)


class Level(IntEnum):
    LOW = 1


class Word(str, Enum):  # noqa: UP042  (older code has these, and they are stored as well)
    YES = "yes"


class Card(BaseModel):
    number: int
    note: str = ""


class Weight(BaseModel):
    kilograms: float


class Cash(BaseModel):
    number: int
    note: str = ""


class Child(Card):
    more: int = 0


class Pay(BaseModel):
    how: Card | Cash
    anything: Any = None
    at: dt.datetime | None = None
    rate: float = 0


class Odd(BaseModel):
    hidden: int = Field(default=1, exclude=True)
    renamed: int = Field(default=2, alias="other")
    shown: dt.date = dt.date(2026, 1, 1)

    @field_serializer("shown")
    def _year_only(self, value: dt.date) -> str:
        return str(value.year)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def double(self) -> int:
        return self.hidden * 2


class Growing(BaseModel):
    """Its validator isn't idempotent: applied again it changes what it made."""

    text: str

    @field_validator("text")
    @classmethod
    def _longer(cls, value: str) -> str:
        return value + "!"


class Secretive(BaseModel):
    x: int
    _secret: int = 0


class Numbers(RootModel[list[int]]):
    pass


class Tree(BaseModel):
    name: str
    kids: list[Tree] = []


@dataclass
class Point:
    x: float
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Box:
    label: str
    inside: Any
    made: int = field(init=False, default=0)


class Options(TypedDict, total=False):
    a: int
    b: tuple[int, ...]


class Pair(NamedTuple):
    left: int
    right: Point


OrderId = NewType("OrderId", int)
Json = dict[str, "Any"] | list[Any] | str | int | float | bool | None


def comes_back_or_is_refused(value: object, annotation: Any) -> bool:
    """True if the value came back the same, False if it was refused; else it fails."""
    plan = CODEC.plan(annotation)
    try:
        data = plan.encode(value)
    except PayloadError:
        return False
    back = plan.decode(data)
    assert same(back, value), f"{value!r} under {annotation} came back as {back!r}"
    CODEC.decode_plain(data)
    return True


def _with_secret() -> Secretive:
    made = Secretive(x=1)
    made._secret = 5
    return made


UTC = dt.UTC
FAILURE = FailureInfo(
    "TaskFailed", "ValueError", "bad\ud800", "tb", "t", "p[0]/t", 2, (("a", "b"),)
)

KEPT = [
    (3, int),
    (True, int),
    (3, float),
    (2**80, int),
    (-(10**5_000), int),
    (10**5_000, UNDECLARED),
    (-0.0, float),
    (float("nan"), float),
    ([float("inf"), 1.0], list[float]),
    ("a\x00b", str),
    ("\ud83d\ude00", str),
    ({"\udc00": "\ud800"}, UNDECLARED),
    ({"\udc00": 1}, dict[str, int]),
    (b"\xff\x00", bytes),
    (dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")), dt.datetime),
    (dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1), "CET")), UNDECLARED),
    (dt.datetime(2026, 1, 1, tzinfo=UTC), dt.date | dt.datetime),
    (dt.date(2026, 1, 1), dt.datetime | dt.date),
    (dt.date(2026, 1, 1), list[dt.date] | dt.date),
    (dt.time(1, 2, 3, 4, tzinfo=UTC), dt.time),
    (dt.timedelta(days=-1, microseconds=1), dt.timedelta),
    (Decimal("NaN"), Decimal),
    (Decimal("-0.10"), Decimal | float),
    (UUID(int=7), UUID | str),
    (str(UUID(int=7)), UUID | str),
    ((1, "a"), tuple[int, str]),
    ((1, 2), Sequence[int]),
    ([1, 2], Sequence[int]),
    ((1, [2]), tuple[int, ...] | tuple[int, list[int]]),
    ({1, 2}, set[int]),
    (frozenset({(1, 2)}), frozenset[tuple[int, int]]),
    ({1: "a", 2: "b"}, dict[int, str]),
    ({(1, 2): {3}}, dict[tuple[int, int], set[int]]),
    ({None: 1, True: 2}, UNDECLARED),
    ({"b": 1, "a": 2}, Mapping[str, int]),
    ({"!": ["tuple", 1]}, UNDECLARED),
    ({"!": 1}, dict[str, int]),
    ([["a", [49, 50]]], UNDECLARED),
    (1, int | str),
    ("1", int | str),
    (True, bool | str),
    (1, Json),
    (Color.RED, Color),
    (Color.ODD, Color),
    (Color.RED, str | Color),
    ("red", str | Color),
    (Level.LOW, Level | int),
    (1, Level | int),
    (Word.YES, Word),
    (Word.YES, Literal[Word.YES, "yes"] | int),
    ("x", Literal["x", 1]),
    (True, Literal[1, True]),
    (5, OrderId),
    (5, Annotated[int, "a note"]),
    (Card(number=1), Card),
    (Card(number=1), Card | Cash),
    (Cash(number=1), Card | Cash),
    ([Cash(number=1), Card(number=2)], list[Card | Cash]),
    (None, Card | None),
    (Pay(how=Cash(number=1), anything=(1, {2}), at=dt.datetime(2026, 1, 1, tzinfo=UTC)), Pay),
    (Pay(how=Card(number=1), rate=2), Pay),
    (Odd(), Odd),
    ([Odd(hidden=9)], list[Odd]),
    (Growing(text="a"), Growing),
    (Numbers([1, 2]), Numbers),
    (Tree(name="a", kids=[Tree(name="b"), Tree(name="c")]), Tree),
    (Point(1.0), Point),
    (Point(1), Point),
    (Point(float("nan")), Point),
    ([Point(2**70)], list[Point]),
    ((float("inf"), 2**80), tuple[float, int]),
    (Pay(how=Cash(number=1), rate=float("nan")), Pay),
    (Weight(kilograms=float("nan")), Weight),
    (Card(number=2**80, note="\ud800"), Card),
    (Box("b", Done((1,))), Box),
    (Box("a", (1, b"x")), Box),
    ({"b": (1,), "a": 1}, Options),
    ({}, Options),
    (Pair(1, Point(1.0)), Pair),
    (Path("/tmp/x"), Path),
    (1 + 2j, complex),
    (Again(Card(number=1)), Again[Card] | Done[Cash]),
    (Done(Cash(number=1)), LoopResult[Card, Cash]),
    (Done(3), Again[int] | Done[int]),
    (Done(Again((1,))), UNDECLARED),
    (BranchResult("k", Card(number=1)), BranchResult[Card]),
    (BranchResult("k", {1}), UNDECLARED),
    ([Card(number=1), ItemFailed(FAILURE, 3)], list[Card | ItemFailed]),
    ([{"error": 1, "index": 2}, ItemFailed(FAILURE, 3)], list[dict[str, int] | ItemFailed]),
    (ItemFailed(FAILURE, 0), UNDECLARED),
]

REFUSED = [
    ("1", int),
    (Level.LOW, int),
    (Word.YES, str),
    (Level.LOW, UNDECLARED),
    (Color.RED, UNDECLARED),
    (OrderedDict(a=1), dict[str, int]),
    (OrderedDict(a=1), UNDECLARED),
    (Child(number=1), Card),
    (Child(number=1), Card | Cash),
    (Card(number=1), UNDECLARED),
    ([Card(number=1)], list[Any]),
    (_with_secret(), Secretive),
    ((1, 2), list[int]),
    ([1, 2], tuple[int, int]),
    ((1, 2, 3), tuple[int, int]),
    (object(), object),
    (object(), object | None),
    (lambda: 1, Any),
    (Exception("x"), Exception),
    ("y", Literal["x"]),
    (1, Literal[True]),
    ({"a": "x"}, Options),
    (Again(1), Done[int]),
    (iter([1]), Sequence[int]),
]


@pytest.mark.parametrize(("value", "annotation"), KEPT, ids=range(len(KEPT)))
def test_value_comes_back_equal_and_of_the_same_types(value: object, annotation: Any) -> None:
    assert comes_back_or_is_refused(value, annotation)


@pytest.mark.parametrize(("value", "annotation"), REFUSED, ids=range(len(REFUSED)))
def test_value_that_would_change_is_refused(value: object, annotation: Any) -> None:
    with pytest.raises(PayloadError):
        CODEC.plan(annotation).encode(value)


@pytest.mark.parametrize(("value", "_"), KEPT + REFUSED, ids=range(len(KEPT + REFUSED)))
@pytest.mark.parametrize(
    "annotation", [UNDECLARED, object, list, dict, Card | Any, list[Any] | Any]
)
def test_open_types_keep_or_refuse_every_value(value: object, _: Any, annotation: Any) -> None:
    comes_back_or_is_refused(value, annotation)


def test_every_value_under_every_declaration_is_kept_or_refused() -> None:
    annotations = {repr(annotation): annotation for _, annotation in KEPT + REFUSED}
    kept = [
        comes_back_or_is_refused(value, annotation)
        for value, _ in KEPT + REFUSED
        for annotation in annotations.values()
    ]
    assert sum(kept) > len(KEPT)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**200), 2**200),
    st.floats(),
    st.text(st.characters()),
    st.text(st.characters(categories=["Cs", "Lu"])),
    st.sampled_from(["!", "tuple", "dict", "\x00"]),
    st.binary(),
    st.datetimes(timezones=st.sampled_from([None, UTC, ZoneInfo("Europe/Paris")])),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.decimals(),
    st.uuids(),
)
HASHABLE = st.recursive(
    SCALARS.filter(lambda value: not (isinstance(value, Decimal) and value.is_snan())),
    lambda inner: st.one_of(st.tuples(inner, inner), st.frozensets(inner)),
    max_leaves=4,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.sets(HASHABLE, max_size=3),
        st.dictionaries(HASHABLE, inner, max_size=4),
        st.dictionaries(st.sampled_from(["!", "a", "b"]), inner),
        inner.map(Again),
        inner.map(Done),
        st.builds(BranchResult, st.text(), inner),
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_taggable_values_always_come_back(value: object) -> None:
    assert comes_back_or_is_refused(value, UNDECLARED)
    assert comes_back_or_is_refused({"at": [value]}, dict[str, list[Any]])
    assert comes_back_or_is_refused(Box("b", value), Box)


@settings(max_examples=150, deadline=None)
@given(VALUES, st.sampled_from([annotation for _, annotation in KEPT]))
def test_any_value_under_any_declaration_is_kept_or_refused(value: object, annotation: Any) -> None:
    comes_back_or_is_refused(value, annotation)


def _of(annotation: Any) -> st.SearchStrategy[Any]:
    return st.from_type(annotation)


@pytest.mark.parametrize(
    "annotation",
    [
        list[int],
        dict[str, float],
        dict[int, list[str]],
        tuple[int, str, bytes],
        set[dt.date],
        list[Card | Cash],
        Point,
        list[Point | Card | None],
        dict[str, dt.timedelta | Decimal],
        Pair,
        Color | Level | str,
    ],
    ids=str,
)
def test_closed_types_always_bring_their_values_back(annotation: Any) -> None:
    @settings(max_examples=40, deadline=None)
    @given(_of(annotation))
    def holds(value: object) -> None:
        assert comes_back_or_is_refused(value, annotation)

    holds()
