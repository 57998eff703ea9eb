"""fork, branch, loop, delay and await_signal: the nodes they make, and what they refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import Enum, IntEnum, StrEnum
from typing import Any

import pytest

from sayiir import DefinitionError, Flow, await_signal, branch, delay, fork, loop, task
from sayiir.dsl.nodes import AwaitSignal, Branch, Delay, Fork, Loop, TaskNode


@task
def double(number: int) -> int:
    return 2 * number


@task
def half(number: int) -> int:
    return number // 2


def node_of(flow: Flow[Any, Any], kind: type[Any]) -> Any:
    assert isinstance(flow.piece, kind)
    return flow.piece


# -- fork


def test_positional_arms_are_numbered_and_scopes_of_their_own() -> None:
    node = node_of(fork(double, double >> double, str), Fork)
    assert node.id == "fork"
    assert [arm.selector for arm in node.arms] == ["0", "1", "2"]
    assert [[inner.id for inner in arm.body.nodes] for arm in node.arms] == [
        ["double"],
        ["double", "double#2"],
        ["str"],
    ]
    assert (node.named, node.into, node.join) == (False, None, "all")


def test_named_arms_keep_their_names_and_order() -> None:
    node = node_of(fork(into=dict, y=double, x=half), Fork)
    assert [arm.selector for arm in node.arms] == ["y", "x"]
    assert (node.named, node.into) == (True, dict)


def test_the_same_task_may_be_several_arms() -> None:
    assert len(node_of(fork(double, double), Fork).arms) == 2


def test_join_last() -> None:
    assert node_of(fork(double, half, join="last"), Fork).join == "last"


@pytest.mark.parametrize(
    ("arms", "named", "message"),
    [
        ((), {}, "no arms"),
        ((), {"into": dict}, "no arms"),
        ((double,), {"x": half}, "with and without names"),
        ((double,), {"join": half}, "can't be called 'join'"),
        ((), {"into": half, "x": double}, "can't be called 'into'"),
        ((double,), {"join": "first"}, "'all' or 'last'"),
        ((), {"x": double, "join": "last"}, "positional arms"),
        ((double,), {"into": dict}, "needs named arms"),
        ((3,), {}, "fork arm '0' takes"),
        ((), {"x": None}, "fork arm 'x' takes"),
        ((), {"": double}, "0 characters"),
    ],
)
def test_forks_that_are_refused(arms: tuple[Any, ...], named: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        fork(*arms, **named)


def test_a_fork_of_too_many_arms_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"\.map\(\)"):
        fork(*[double] * 10_001)


# -- branch


class Colour(Enum):
    RED = "red"
    ONE = 1


class Level(IntEnum):
    LOW = 1


class Shape(StrEnum):
    ROUND = "round"


def selectors(flow: Flow[Any, Any]) -> list[str]:
    return [arm.selector for arm in node_of(flow, Branch).arms]


def test_keys_are_written_as_text() -> None:
    assert selectors(branch(len, {"a": double, 1: double, True is None: double})) == [
        "a",
        "1",
        "False",
    ]
    assert selectors(branch(len, {Colour.RED: double, Colour.ONE: double})) == ["red", "1"]
    assert selectors(branch(len, {Level.LOW: double, Shape.ROUND: half})) == ["1", "round"]


def test_pairs_and_a_dict_are_the_same() -> None:
    by_dict = node_of(branch(len, {"a": double, "b": half}, default=half), Branch)
    by_pairs = node_of(branch(len, ("a", double), ("b", half), default=half), Branch)
    for node in (by_dict, by_pairs):
        assert [arm.key for arm in node.arms] == ["a", "b"]
        assert node.default is not None
        assert not node.merged
    assert node_of(branch(len, ("a", double)), Branch).default is None


def test_the_key_is_a_task_or_a_callable() -> None:
    assert node_of(branch(double, {1: half}), Branch).key is double.spec
    assert node_of(branch(len, {1: half}), Branch).key.name == "len"


def test_merge_drops_the_envelope_and_changes_nothing_else() -> None:
    enveloped = branch(len, {1: half})
    assert node_of(enveloped.merge(), Branch).merged
    assert not node_of(enveloped, Branch).merged


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        (({},), "no arms"),
        ((), "no arms"),
        (({1: double, "1": half},), "both written '1'"),
        ((("a", double), ("a", half)), "both written 'a'"),
        (({True: double, "True": half},), "both written 'True'"),
        (({Colour.ONE: double, 1: half},), "both written '1'"),
        (({1.5: double},), "branch key is"),
        (({None: double},), "branch key is"),
        (({"a": 3},), "branch arm 'a' takes"),
        ((double,), "pairs"),
        ((("a", double, half),), "pairs"),
    ],
)
def test_branches_that_are_refused(arms: tuple[Any, ...], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        branch(len, *arms)


def test_a_key_of_several_nodes_is_refused() -> None:
    with pytest.raises(DefinitionError, match="one task or callable"):
        branch(double >> half, {1: double})
    with pytest.raises(DefinitionError, match="key takes"):
        branch(3, {1: double})  # type: ignore[call-overload]


# -- loop


def test_a_loop_closes_its_body() -> None:
    node = node_of(
        loop(double >> double, max_iterations=3, on_max="exit_with_last", history="all"),  # type: ignore[misc]
        Loop,
    )
    assert [inner.id for inner in node.body.nodes] == ["double", "double#2"]
    assert (node.max_iterations, node.on_max, node.history) == (3, "exit_with_last", "all")
    default = node_of(loop(str), Loop)  # type: ignore[misc]
    assert (default.max_iterations, default.on_max, default.history) == (10, "fail", "last")


@pytest.mark.parametrize(
    "options",
    [
        {"max_iterations": 0},
        {"max_iterations": True},
        {"max_iterations": 2.0},
        {"on_max": "stop"},
        {"history": "none"},
    ],
)
def test_loop_options_out_of_their_bounds(options: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        loop(double, **options)


def test_a_loop_of_no_flow_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"loop\(\) takes"):
        loop(3)  # type: ignore[call-overload]


# -- delay


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("1h30m", 5400.0), (2, 2.0), (0, 0.0), (timedelta(days=1), 86_400.0), ("250ms", 0.25)],
)
def test_a_delay_is_seconds(duration: Any, seconds: float) -> None:
    node = node_of(delay(duration), Delay)
    assert (node.id, node.seconds, node.until) == ("delay", seconds, None)


def test_a_delay_until_a_moment_or_what_a_function_says() -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    assert node_of(delay(until=moment), Delay).until is moment

    def says(number: int) -> datetime:
        return moment

    assert node_of(delay(until=says), Delay).until is says


async def says_async() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((), {}, "either"),
        ((1,), {"until": datetime(2030, 1, 1, tzinfo=UTC)}, "either"),
        ((), {"until": datetime(2030, 1, 1)}, "no time zone"),  # noqa: DTZ001
        ((), {"until": "tomorrow"}, "aware datetime"),
        ((), {"until": double}, "plain function"),
        ((), {"until": says_async}, "must not be async"),
        ((-1,), {}, "not negative"),
        (("soon",), {}, "no duration"),
        ((float("nan"),), {}, "finite"),
    ],
)
def test_delays_that_are_refused(
    arguments: tuple[Any, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DefinitionError, match=message):
        delay(*arguments, **options)


# -- await_signal


def test_a_wait_is_named_after_its_signal() -> None:
    node = node_of(await_signal("picked_up", int, timeout="3d"), AwaitSignal)
    assert (node.id, node.signal_name, node.payload_type) == ("picked_up", "picked_up", int)
    assert (node.timeout_seconds, node.has_default, node.keep_input) == (259_200.0, False, False)
    renamed = node_of(await_signal("picked_up", int).named("gone"), AwaitSignal)
    assert (renamed.id, renamed.signal_name) == ("gone", "picked_up")


def test_none_is_a_default_like_any_other() -> None:
    node = node_of(await_signal("x", int, timeout=1, default=None, keep_input=True), AwaitSignal)
    assert (node.has_default, node.default, node.keep_input) == (True, None, True)


def test_waits_that_are_refused() -> None:
    with pytest.raises(DefinitionError, match="no timeout"):
        await_signal("x", int, default=3)  # type: ignore[call-overload]
    with pytest.raises(DefinitionError, match="must not hold"):
        await_signal("a/b", int)
    with pytest.raises(DefinitionError, match="no duration"):
        await_signal("x", int, timeout="soon")


def test_what_passes_its_input_on_chains_like_any_flow() -> None:
    flow = delay(1) >> delay(2) >> await_signal("x", int, keep_input=True) >> delay(3) >> str
    assert repr(flow) == "<Flow: delay >> delay#2 >> x >> delay#3 >> str>"
    assert isinstance((delay(1) >> double).piece, tuple)
    assert isinstance(fork(delay(1)).piece, Fork)
    assert isinstance(double.piece, TaskNode)
