"""The portable form: a round trip keeps the hash, and hostile text ends in one clear error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayiir.dsl.build import build_definition
from sayiir.dsl.diff import diff
from sayiir.dsl.hashing import continuation_hashes
from sayiir.dsl.nodes import Branch, TaskNode
from sayiir.dsl.portable import from_portable, to_portable
from sayiir.dsl.walk import walk
from sayiir.errors import PayloadError
from tests.graphs import Steps, sequence_of_shape, shapes
from tests.unit.dsl.edits import COUNTED, FREE, built, edited, of, parts, spec, step


def content():
    return json.loads(to_portable(built(parts())))


def refused(data: object, match: str = "portable definition") -> None:
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    with pytest.raises(PayloadError, match=match):
        from_portable(text)


@pytest.mark.parametrize("edit", [*COUNTED.values(), *FREE.values()], ids=[*COUNTED, *FREE])
def test_a_round_trip_keeps_the_hash_and_the_bytes(edit):
    definition = edited(edit)
    data = to_portable(definition)
    back = from_portable(data)
    assert back.definition_hash == definition.definition_hash
    assert back.reads == definition.reads
    assert back.kept == definition.kept
    assert to_portable(back) == data
    assert diff(definition, back) == ()


@given(shapes())
def test_a_round_trip_of_any_graph(steps: Steps):
    definition = build_definition("w", sequence_of_shape(steps))
    back = from_portable(to_portable(definition))
    assert continuation_hashes(back) == continuation_hashes(definition)
    assert [(path, type(node)) for path, node in walk(back.root)] == [
        (path, type(node)) for path, node in walk(definition.root)
    ]


def test_functions_do_not_travel():
    def secret(value):
        return value

    definition = build_definition("w", of(step(spec("x"))))
    for _, node in walk(from_portable(to_portable(definition)).root):
        assert isinstance(node, TaskNode)
        assert node.task.function is None


def test_options_travel_for_whoever_draws_it():
    definition = build_definition(
        "w",
        of(step(spec("x", timeout_seconds=3.0, tags=("gpu",), description="does x"))),
        timeout_seconds=60,
        priority=2,
        tags=("eu",),
        description="all of it",
    )
    back = from_portable(to_portable(definition))
    assert (back.timeout_seconds, back.priority, back.tags) == (60.0, 2, ("eu",))
    assert back.description == "all of it"
    (node,) = back.root.nodes
    assert isinstance(node, TaskNode)
    assert (node.task.timeout_seconds, node.task.tags) == (3.0, ("gpu",))


def test_type_digests_stand_beside_the_hash():
    def digest(input_type: Any) -> str:
        definition = build_definition("w", of(step(spec("x"))), input_type=input_type)
        assert from_portable(to_portable(definition)).input_digest == json.loads(
            to_portable(definition)
        ).get("input_digest", "")
        return from_portable(to_portable(definition)).input_digest

    assert digest(int) == digest(int) != digest(str)
    # No schema can be made of it; that is no reason to fail.
    assert digest(type("Odd", (), {})) == ""


def test_keys_travel_as_the_text_that_picks_them():
    definition = built(parts())
    (branch,) = [
        node
        for _, node in walk(from_portable(to_portable(definition)).root)
        if isinstance(node, Branch)
    ]
    assert [arm.selector for arm in branch.arms] == ["k", "l"]


def test_another_format_or_version_is_refused():
    refused({**content(), "format": "something else"}, "'format'")
    refused({**content(), "format_version": 2}, "format version 2")
    refused({**content(), "format_version": True}, "format_version")


def test_content_that_does_not_have_its_hash_is_refused():
    refused({**content(), "version": "9"}, "hash")
    changed = content()
    changed["nodes"][0]["task"]["version"] = "9"
    refused(changed, "hash")
    refused({**content(), "hash": "0" * 32}, "hash")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"\x00" * 100,
        b"[" * 100_000,
        b'{"nodes":' * 50_000,
        b"[]",
        b"null",
        b"7",
        b"1" * 10_000,
        b'{"format": "sayiir definition", "format_version": 1}',
    ],
)
def test_what_is_no_definition_at_all_is_refused(data):
    refused(data)


def test_nesting_beyond_the_bound_is_refused():
    inner = content()
    node = {"kind": "delay", "id": "delay", "seconds": 1}
    for _ in range(60):
        node = {"kind": "map", "id": "map", "on_error": "fail", "nodes": [node]}
    refused({**inner, "nodes": [node]}, "nests deeper")


def test_a_graph_that_could_not_be_built_is_refused():
    twice = content()
    twice["nodes"].append(twice["nodes"][-1])
    refused(twice, "same id")
    refused({**content(), "nodes": []}, "no nodes")
    endless = content()
    for node in endless["nodes"]:
        if node["kind"] == "delay":
            node["seconds"] = 1e300
    refused(endless, "between 0 s")


HOSTILE = [None, True, -1, 2**70, 1.5, float("nan"), "", "x" * 500, "a/b", [], [1], {}, {"a": 1}]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    if isinstance(value, (dict, list)):
        for key, inner in items:
            found += (
                places(inner, (*path, key)) if isinstance(inner, (dict, list)) else [(*path, key)]
            )
    return found


@given(st.data())
def test_anything_anywhere_gives_the_definition_or_one_clear_error(data: st.DataObject):
    whole = content()
    *path, last = data.draw(st.sampled_from(places(whole)))
    holder = whole
    for key in path:
        holder = holder[key]
    if data.draw(st.booleans()):
        holder[last] = data.draw(st.sampled_from(HOSTILE))
    else:
        del holder[last]
    try:
        back = from_portable(json.dumps(whole).encode())
    except PayloadError:
        return
    # What isn't counted may be something else; what is counted has the hash it names.
    assert back.definition_hash == whole["hash"] == built(parts()).definition_hash
    assert from_portable(to_portable(back)).definition_hash == back.definition_hash


def test_a_long_definition_travels():
    task = spec("inc")
    nodes = [step(task, f"inc#{at}" if at else "inc") for at in range(20_000)]
    definition = build_definition("w", of(*nodes))
    assert from_portable(to_portable(definition)).definition_hash == definition.definition_hash
