"""The bounds of stored values, hostile bytes, and what the edges accept."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict
from uuid import UUID

import pytest
from annotated_types import Gt
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from sayiir import limits
from sayiir.codec import UNDECLARED, JsonCodec, PickleCodec
from sayiir.codec.sameness import same
from sayiir.errors import PayloadError
from sayiir.values import Again, BranchResult, Done, ItemFailed

CODEC = JsonCodec()


class Order(BaseModel):
    number: int
    weight: float = 0


class Node(BaseModel):
    """Recursive on purpose."""

    kids: list[Node] = []


@dataclass
class Line:
    order: Order
    count: int = 1


class Row(TypedDict):
    order: Order


def nested(levels: int, wrap: Callable[[Any], Any], inner: Any) -> Any:
    value = inner
    for _ in range(levels - 1):
        value = wrap(value)
    return value


WRAPS: list[tuple[Callable[[Any], Any], Any]] = [
    (lambda value: [value], []),
    (lambda value: (value,), ()),
    (lambda value: {"a": value}, {}),
    (lambda value: {1: value}, {}),
    (lambda value: {"!": value}, {}),
]


@pytest.mark.parametrize(("wrap", "inner"), WRAPS)
@pytest.mark.parametrize("annotation", [UNDECLARED, list | tuple | dict])
def test_nesting_is_kept_to_the_bound_and_refused_beyond(
    wrap: Callable[[Any], Any], inner: Any, annotation: Any
) -> None:
    plan = CODEC.plan(annotation)
    deepest = nested(limits.MAX_VALUE_DEPTH, wrap, inner)
    assert same(plan.decode(plan.encode(deepest)), deepest)
    for levels in (limits.MAX_VALUE_DEPTH + 1, 5_000):
        with pytest.raises(PayloadError, match="nests more than"):
            plan.encode(nested(levels, wrap, inner))


def test_recursive_model_is_kept_or_refused_by_depth() -> None:
    plan = CODEC.plan(Node)
    deep = nested(90, lambda kid: Node(kids=[kid]), Node())
    assert plan.decode(plan.encode(deep)) == deep
    with pytest.raises(PayloadError):
        plan.encode(nested(400, lambda kid: Node.model_construct(kids=[kid]), Node()))


def test_values_that_hold_themselves_are_refused() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    twice: list[Any] = []
    twice += [twice, twice]
    node = Node()
    node.kids.append(node)
    keyed: dict[Any, Any] = {}
    keyed[1] = keyed
    for value, annotation in [
        (cycle, UNDECLARED),
        (twice, Any),
        (keyed, UNDECLARED),
        (node, Node),
        (cycle, list[Any]),
    ]:
        with pytest.raises(PayloadError):
            CODEC.plan(annotation).encode(value)


def test_shared_parts_that_would_grow_without_end_are_refused() -> None:
    value: Any = []
    for _ in range(100):
        value = [value, value]
    codec = JsonCodec(max_bytes=10_000)
    for shared, annotation in [
        (value, UNDECLARED),
        (value, list[Any]),
        ((value,), UNDECLARED),
        ((value,), tuple[Any, ...]),
    ]:
        with pytest.raises(PayloadError, match="more elements"):
            codec.plan(annotation).encode(shared)


def test_size_is_bounded_with_size_and_limit_told() -> None:
    codec = JsonCodec(max_bytes=100)
    assert codec.plan(str).decode(codec.plan(str).encode("a" * 99)) == "a" * 99
    for annotation in (str, UNDECLARED):
        with pytest.raises(PayloadError, match=r"101 bytes.*100"):
            codec.plan(annotation).encode("a" * 100)
        with pytest.raises(PayloadError, match=r"101 bytes.*100"):
            codec.plan(annotation).encode("ä" * 50)


def test_error_names_the_type() -> None:
    with pytest.raises(PayloadError, match=r"Order") as caught:
        CODEC.plan(UNDECLARED).encode([Order(number=1)])
    assert caught.value.type_name is not None
    assert caught.value.type_name.endswith("Order")


ANNOTATIONS: list[Any] = [
    UNDECLARED,
    int,
    str,
    list[int],
    dict[str, Any],
    dict[tuple[int, int], set[Any]],
    Order,
    Node,
    Line,
    Row,
    tuple[int, ...],
    Order | Line,
    Again[int] | Done[Order],
    BranchResult[Any],
    list[Order | ItemFailed],
]

TAGS = [
    "tuple",
    "set",
    "frozenset",
    "dict",
    "bytes",
    "datetime",
    "date",
    "time",
    "timedelta",
    "decimal",
    "uuid",
    "float",
    "int",
    "str",
    "again",
    "done",
    "branch",
    "failed",
    "union",
    "os.system",
    "__import__",
]
TREES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
        st.sampled_from(["zone", "fixed", "offset", "../../etc/passwd", "Europe", "nan", "kids"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=9),
        st.dictionaries(st.sampled_from(["!", "a", "kids", "number", "order"]), inner),
        st.tuples(st.sampled_from(TAGS), st.lists(inner, max_size=9)).map(
            lambda pair: {"!": [pair[0], *pair[1]]}
        ),
    ),
    max_leaves=15,
)


def value_or_payload_error(data: bytes, annotation: Any) -> None:
    for decode in (CODEC.plan(annotation).decode, CODEC.decode_plain):
        try:
            decode(data)
        except PayloadError:
            continue


@settings(max_examples=400, deadline=None)
@given(TREES, st.sampled_from(ANNOTATIONS), st.sampled_from([b"\x01", b"\x02", b"\x06"]))
def test_hostile_trees_give_a_value_or_a_payload_error(
    tree: Any, annotation: Any, form: bytes
) -> None:
    value_or_payload_error(form + json.dumps(tree).encode(), annotation)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(ANNOTATIONS))
def test_any_bytes_give_a_value_or_a_payload_error(data: bytes, annotation: Any) -> None:
    value_or_payload_error(data, annotation)
    value_or_payload_error(b"\x02" + data, annotation)
    value_or_payload_error(b"\x06" + data, annotation)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[" * 250 + b"]" * 250,
        b'{"!":["tuple",' * 3_000 + b"1" + b"]}" * 3_000,
        b'{"kids":[' * 600 + b"]}" * 600,
        b"1" + b"0" * 5_000,
        b"NaN",
        b"1e999",
        b'"\\ud800"',
        b'{"!":["set",[1]]}',
        b'{"!":["dict",[],1]}',
        b'{"!":["decimal",{"a":1}]}',
        b'{"!":["decimal","1e999999999999999999999"]}',
        b'{"!":["datetime","2026-01-01",0,["zone","../../../etc/passwd"]]}',
        b'{"!":["datetime","2026-01-01",0,["zone","Europe"]]}',
        b'{"!":["uuid",5]}',
        b'{"!":["failed",0]}',
        b'{"!":1}',
        b'{"!":["int","0x"]}',
    ],
)
@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=str)
def test_damaged_and_hostile_text(text: bytes, annotation: Any) -> None:
    for form in (b"", b"\x01", b"\x02", b"\x06", b"\x7f"):
        value_or_payload_error(form + text, annotation)


@pytest.mark.parametrize(
    "text", ["", "a", "ä\0\u20ac", "\N{PARTY POPPER}", '[{"!":["int","0x1"]}]', '"', "\x06", "null"]
)
def test_text_by_itself_is_stored_as_its_utf8(text: str) -> None:
    for annotation in (str, str | None, UNDECLARED, Any):
        data = CODEC.plan(annotation).encode(text)
        assert data == b"\x06" + text.encode()
        assert CODEC.plan(annotation).decode(data) == text
        assert CODEC.decode_plain(data) == text


def test_half_a_surrogate_pair_has_no_utf8_and_takes_a_tag() -> None:
    for annotation in (str, UNDECLARED):
        data = CODEC.plan(annotation).encode("a\ud800")
        assert data[:1] == b"\x02"
        assert CODEC.plan(annotation).decode(data) == "a\ud800"


def test_stored_text_is_read_by_types_that_came_later_where_it_fits() -> None:
    data = CODEC.plan(str).encode("red")
    assert CODEC.plan(Literal["red", "blue"]).decode(data) == "red"
    assert CODEC.plan(int | str).decode(data) == "red"
    assert CODEC.plan(str).decode(b'\x02"red"') == "red"
    for annotation in (int, Literal["blue"], list[str], Order, UUID):
        with pytest.raises(PayloadError):
            CODEC.plan(annotation).decode(data)


def test_json_codec_never_unpickles() -> None:
    data = PickleCodec().plan(UNDECLARED).encode([1])
    for decode in (CODEC.plan(UNDECLARED).decode, CODEC.plan(int).decode, CODEC.decode_plain):
        with pytest.raises(PayloadError, match="format 3"):
            decode(data)


def test_changed_type_is_an_error_and_a_fitting_one_continues() -> None:
    data = CODEC.plan(Order).encode(Order(number=1))
    with pytest.raises(PayloadError):
        CODEC.plan(list[int]).decode(data)
    with pytest.raises(PayloadError):
        CODEC.plan(Line).decode(data)
    assert CODEC.plan(Order | Line).decode(data) == Order(number=1)
    assert CODEC.decode_plain(data) == {"number": 1, "weight": 0}


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        ({"number": "1"}, Order, Order(number=1)),
        ([{"number": 1}], list[Order], [Order(number=1)]),
        ({"order": {"number": 1}}, Line, Line(Order(number=1))),
        ("3", int, 3),
        (True, int, True),
        (3, float, 3.0),
        (object, UNDECLARED, object),
        (Order(number=2), Order, Order(number=2)),
    ],
)
def test_accept_validates_leniently(value: Any, annotation: Any, expected: Any) -> None:
    assert same(CODEC.accept(value, annotation), expected)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [({"number": "x"}, Order), (None, Order), ("x", int), (-1, Annotated[int, Gt(0)]), (1, Gt)],
)
def test_accept_refuses_what_does_not_fit(value: Any, annotation: Any) -> None:
    with pytest.raises(PayloadError):
        CODEC.accept(value, annotation)


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        ({"number": 1, "weight": 2}, Order, Order(number=1, weight=2.0)),
        ({"order": {"number": 1}, "count": 2}, Line, Line(Order(number=1), 2)),
        ({"order": {"number": 1}}, Row, {"order": Order(number=1)}),
        ([1, 2.5], list[float], [1.0, 2.5]),
        (3, float | None, 3.0),
        (3, int | float, 3),
        (Done({"number": 1}), Again[int] | Done[Order], Done(Order(number=1))),
        ((1, {"number": 1}), tuple[int, Order], (1, Order(number=1))),
        (True, int, True),
    ],
)
def test_conform_makes_only_what_is_promised(value: Any, annotation: Any, expected: Any) -> None:
    assert same(CODEC.conform(value, annotation), expected)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        ("1", int),
        (1, str),
        ({"number": "1"}, Order),
        ({"number": 1, "order": 2}, Line),
        ([1], tuple[int]),
        ({}, Row),
        (-1, Annotated[int, Gt(0)]),
        (10**400, float),
    ],
)
def test_conform_converts_nothing_else(value: Any, annotation: Any) -> None:
    with pytest.raises(PayloadError):
        CODEC.conform(value, annotation)


def test_conform_keeps_what_is_an_instance_already() -> None:
    value = [Order(number=1)]
    assert CODEC.conform(value, list[Order]) is value


@pytest.mark.parametrize(
    ("value", "annotation", "passes"),
    [
        (1, int, True),
        (True, bool, True),
        (None, None, True),
        (None, type(None), True),
        ("a", str, True),
        (b"\xff", bytes, True),
        (1.5, UNDECLARED, True),
        (b"a", UNDECLARED, True),
        (2**70, int, False),
        (float("nan"), float, False),
        (True, int, False),
        (1, float, False),
        ([], list, False),
        ((1,), UNDECLARED, False),
        ("\ud800", str, False),
    ],
)
def test_only_exact_scalars_skip_the_trip(value: Any, annotation: Any, passes: bool) -> None:
    assert CODEC.plan(annotation).passes_through(value) is passes


def test_import_brings_neither_pydantic_nor_cloudpickle() -> None:
    code = (
        "import sys, sayiir.codec as c; p = c.JsonCodec().plan(list[int]);"
        "p.decode(p.encode([1]));"
        "assert not {'pydantic', 'cloudpickle'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
