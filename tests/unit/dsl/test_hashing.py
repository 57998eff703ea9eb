"""The definition hash: meaning changed ⇔ hash changed, the same everywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayiir.dsl.build import build_definition
from sayiir.dsl.hashing import continuation_hashes
from sayiir.dsl.nodes import Loop, Node, NodeSequence, TaskNode
from sayiir.dsl.walk import walk
from tests.graphs import Steps, sequence_of_shape, shapes
from tests.unit.dsl.edits import (
    COUNTED,
    FREE,
    built,
    current_vectors,
    edited,
    graph,
    of,
    parts,
    spec,
    step,
)
from tests.unit.dsl.rebuild import rebuilt

ROOT = Path(__file__).parents[3]
VECTORS = Path(__file__).with_name("golden_hashes.json")


def test_there_are_at_least_fifty_kinds_of_edit(report_figure):
    assert len(COUNTED) >= 50
    report_figure(f"{len(COUNTED)} edits counted, {len(FREE)} free, each with the right effect")


@pytest.mark.parametrize("edit", COUNTED.values(), ids=COUNTED.keys())
def test_an_edit_of_meaning_changes_the_hash(edit):
    assert edited(edit).definition_hash != built(parts()).definition_hash


@pytest.mark.parametrize("edit", FREE.values(), ids=FREE.keys())
def test_an_edit_without_meaning_keeps_the_hash(edit):
    assert edited(edit).definition_hash == built(parts()).definition_hash


def test_no_two_edits_of_meaning_give_the_same_hash():
    hashes = {name: edited(edit).definition_hash for name, edit in COUNTED.items()}
    assert len(set(hashes.values())) == len(hashes)


def test_the_golden_vectors_hold():
    # They pin the format across releases: stored instances name their definition by its hash.
    assert current_vectors() == json.loads(VECTORS.read_text())


SCRIPT = """
from tests.unit.dsl.edits import current_vectors
print(hash("seeded"), *sorted(current_vectors().items()))
"""


def seeded(seed):
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, check=True, text=True
    ).stdout.partition(" ")


def test_hashes_are_equal_under_any_hash_seed(repetitions, report_figure):
    count = repetitions(20, 100)
    with ThreadPoolExecutor(2) as pool:
        outputs = list(pool.map(seeded, range(1, count + 1)))
    assert len({seed for seed, _, _ in outputs}) == count
    assert len({vectors for _, _, vectors in outputs}) == 1
    report_figure(f"{count} hash seeds, one set of hashes")


DUMP = """
import json, sys
from tests.unit.dsl.edits import current_vectors
print(json.dumps([sys.version_info[:2], current_vectors()]))
"""


@pytest.mark.nightly
@pytest.mark.timeout(1_800)  # packages are fetched
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_other_pythons_give_the_golden_vectors(version, tmp_path, report_figure):
    """Where such a Python is on the path, in an environment of its own."""
    python = shutil.which(f"python{version}")
    works = [python, "-V"]
    if python is None or subprocess.run(works, check=False, capture_output=True).returncode:
        pytest.skip(f"there is no python{version} here")
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)
    own = tmp_path / "venv" / "bin" / "python"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    install = [own, "-m", "pip", "install", "--quiet", *project["dependencies"]]
    subprocess.run(install, check=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    printed = subprocess.run(
        [own, "-c", DUMP], env=environment, capture_output=True, check=True, text=True
    ).stdout
    found, vectors = json.loads(printed)
    assert ".".join(map(str, found)) == version
    assert vectors == json.loads(VECTORS.read_text())
    report_figure(f"Python {version}: {len(vectors)} golden vectors equal")


@given(shapes())
def test_building_twice_gives_the_same_hashes(steps: Steps):
    one, other = (build_definition("w", sequence_of_shape(steps)) for _ in range(2))
    assert one.definition_hash == other.definition_hash
    assert continuation_hashes(one) == continuation_hashes(other)


@given(shapes(), st.data())
def test_renaming_any_one_node_changes_the_hash(steps: Steps, data: st.DataObject):
    root = sequence_of_shape(steps)
    target = data.draw(st.sampled_from([path for path, _ in walk(root)]))

    def change(path: str, node: Node) -> Node:
        return replace(node, id="renamed") if path == target else node

    before, after = (build_definition("w", one) for one in (root, rebuilt(root, change)))
    assert before.definition_hash != after.definition_hash


def test_continuations_are_equal_where_the_rest_is_equal():
    rest = (step(spec("b")), step(spec("c")))
    short = build_definition("w", of(*rest))
    long = build_definition("another", of(step(spec("a")), *rest), version="7")
    here, there = continuation_hashes(short), continuation_hashes(long)
    assert here["b"] == there["b"]
    assert here["c"] == there["c"]
    assert short.definition_hash != long.definition_hash


def test_a_continuation_includes_what_follows_the_enclosing_nodes():
    def definition(tail):
        inner = Loop("loop", of(step(spec("ask")), step(spec("decide"))))
        return build_definition("w", of(inner, step(spec(tail))))

    one, other = (continuation_hashes(definition(tail)) for tail in ("x", "y"))
    assert one.keys() - other.keys() == {"x"}
    for path in ("loop", "loop/ask", "loop/decide"):
        assert one[path] != other[path]


def test_a_continuation_in_a_loop_includes_the_next_iteration():
    def definition(first):
        return build_definition(
            "w", of(Loop("loop", of(step(spec(first), "ask"), step(spec("decide")))))
        )

    one, other = (continuation_hashes(definition(first)) for first in ("x", "y"))
    assert one["loop/decide"] != other["loop/decide"]


def test_every_node_has_a_continuation_hash_and_no_two_the_same():
    root = graph(parts())
    hashes = continuation_hashes(build_definition("w", root))
    assert set(hashes) == {path for path, _ in walk(root)}
    assert len(set(hashes.values())) == len(hashes)


def test_text_cannot_imitate_structure():
    # The same characters, parted otherwise between the name, the version and the task.
    pairs = [("a", "bc", "d"), ("ab", "c", "d"), ("a", "b", "cd"), ("abc", "", "d")]
    hashes = {
        build_definition(name, of(step(spec(task))), version=version).definition_hash
        for name, version, task in pairs
    }
    assert len(hashes) == len(pairs)


def test_fifty_thousand_nodes_hash_in_linear_time():
    task = spec("inc")

    def seconds(count):
        nodes = tuple(TaskNode(f"inc#{at + 2}" if at else "inc", task) for at in range(count))
        started = time.process_time()
        definition = build_definition("w", NodeSequence(nodes))
        continuation_hashes(definition)
        return time.process_time() - started

    seconds(1_000)
    small = min(seconds(5_000) for _ in range(3))
    assert min(seconds(50_000) for _ in range(2)) < 30 * small
