"""``diff`` names what changed, node by node; counted changes are those that change the hash."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayiir.dsl.build import build_definition
from sayiir.dsl.definition import Definition
from sayiir.dsl.diff import Change, diff
from sayiir.dsl.nodes import Delay, NodeSequence
from sayiir.dsl.portable import from_portable, to_portable
from tests.graphs import Steps, sequence_of_shape, shapes
from tests.unit.dsl.edits import COUNTED, FREE, built, edited, of, parts, spec, step


@pytest.mark.parametrize("edit", COUNTED.values(), ids=COUNTED.keys())
def test_an_edit_of_meaning_is_named(edit):
    before, after = built(parts()), edited(edit)
    assert any(change.counted for change in diff(before, after))
    assert any(change.counted for change in diff(after, before))
    assert diff(from_portable(to_portable(before)), after) == diff(before, after)


@pytest.mark.parametrize("edit", FREE.values(), ids=FREE.keys())
def test_an_edit_without_meaning_is_at_most_noted(edit):
    assert not any(change.counted for change in diff(built(parts()), edited(edit)))


@given(shapes(), shapes())
def test_counted_changes_are_there_exactly_where_hashes_differ(one: Steps, other: Steps):
    before, after = (build_definition("w", sequence_of_shape(steps)) for steps in (one, other))
    counted = any(change.counted for change in diff(before, after))
    assert counted == (before.definition_hash != after.definition_hash)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("workflow version", ["workflow: changed: version from '' to '2'"]),
        ("task version", ["first: changed: task version from None to '2'"]),
        ("task added at the end", ["more: added: task after 'last'"]),
        ("node removed", ["last: removed: task"]),
        ("fork arm added", ["fork[2]: added: arm"]),
        ("branch default removed", ["branch[*]: removed: arm"]),
        ("branch merged", ["branch: changed: merged from False to True"]),
        ("node added in a loop", ["loop/delay: added: delay after 'ask'"]),
        ("map becomes a loop", ["map: changed: kind from map to loop"]),
        ("nodes swapped", ["go: moved: after 'map'"]),
        (
            "named arms reordered",
            ["fork#2: changed: order of arms from ['x', 'y'] to ['y', 'x']"],
        ),
        (
            "result_of dropped",
            [
                "reader: changed: reads from {'one': ['first'], 'two': ['second']} to "
                "{'one': ['first']}"
            ],
        ),
    ],
)
def test_changes_read_well(name, lines):
    assert [str(change) for change in diff(built(parts()), edited(COUNTED[name]))] == lines


def test_what_is_not_counted_is_noted():
    (change,) = diff(built(parts()), edited(FREE["task timeout"]))
    assert str(change) == (
        "first: changed: task timeout_seconds from None to 3.0 (not counted in the hash)"
    )
    assert change == Change(
        "first", "changed", "task timeout_seconds from None to 3.0", counted=False
    )


def test_types_are_compared_where_both_are_known():
    def typed(input_type) -> Definition:
        return build_definition("w", of(step(spec("x"))), input_type=input_type)

    (change,) = diff(typed(int), typed(str))
    assert change.detail.startswith("input_digest from")
    assert not change.counted
    bare = build_definition("w", of(step(spec("x"))))
    assert diff(bare, typed(int)) == ()


def test_what_has_a_definition_can_be_compared():
    @dataclass
    class Holder:
        definition: Definition

    before, after = built(parts()), edited(COUNTED["node removed"])
    assert diff(Holder(before), Holder(after)) == diff(before, after)


@given(st.permutations(range(8)))
def test_moving_one_node_names_one_node(order: list[int]):
    def sequence(ids) -> Definition:
        return build_definition(
            "w", NodeSequence(tuple(Delay(f"d{one}", seconds=1.0) for one in ids))
        )

    moved = diff(sequence(range(8)), sequence(order))
    assert {change.what for change in moved} <= {"moved"}
    assert (not moved) == (list(order) == sorted(order))
    rises = [1] * len(order)
    for at in range(len(order)):
        rises[at] = 1 + max((rises[b] for b in range(at) if order[b] < order[at]), default=0)
    assert len(moved) == len(order) - max(rises)
