"""``result_of``: the nearest that precedes on every path, or an error when it is built."""

from __future__ import annotations

import pytest
from hypothesis import given

from sayiir.dsl.build import build_definition
from sayiir.dsl.definition import ResultRead
from sayiir.dsl.nodes import (
    Arm,
    Branch,
    BranchArm,
    ChildWorkflow,
    Fork,
    Loop,
    Map,
    TaskNode,
)
from sayiir.dsl.walk import walk
from sayiir.errors import DefinitionError
from tests.graphs import Steps, sequence_of_shape, shapes
from tests.unit.dsl.edits import of, spec, step

SOURCE = spec("source")
READER = spec("reader", ("found", SOURCE))


def fork(*bodies):
    return Fork("fork", tuple(Arm(str(at), body) for at, body in enumerate(bodies)))


def branch(*bodies, default=None, key=None):
    arms = tuple(BranchArm(str(at), str(at), body) for at, body in enumerate(bodies))
    return Branch("branch", key or spec("key"), arms, default=default)


def reads(*nodes):
    return build_definition("w", of(*nodes)).reads


def read(*node_paths, shared=0, same=True):
    return (ResultRead("found", node_paths, shared, same),)


def test_an_earlier_task_is_found_in_the_same_sequence():
    assert reads(step(SOURCE), step(spec("x")), step(READER)) == {"reader": read("source")}


def test_of_several_the_nearest_is_taken():
    nodes = step(SOURCE), step(SOURCE, "source#2"), step(READER), step(SOURCE, "source#3")
    assert reads(*nodes) == {"reader": read("source#2")}


def test_a_later_task_and_a_task_from_nowhere_are_refused():
    for nodes in ([step(READER), step(SOURCE)], [step(READER)]):
        with pytest.raises(DefinitionError, match=r"workflow 'w', node 'reader': .*result_of"):
            reads(*nodes)


def test_another_task_of_the_same_name_is_not_it():
    with pytest.raises(DefinitionError, match="result_of"):
        reads(step(spec("source", decorated=False)), step(READER))


def test_a_node_may_have_another_id_than_its_task():
    assert reads(step(SOURCE, "origin"), step(READER)) == {"reader": read("origin")}


def test_from_inside_a_loop_what_ran_before_it_is_seen():
    loop = Loop("loop", of(step(READER), step(spec("decide"))))
    assert reads(step(SOURCE), loop) == {"loop/reader": read("source")}


def test_in_a_loop_it_is_the_same_iteration_never_the_one_before():
    loop = Loop("loop", of(step(SOURCE), step(READER)))
    assert reads(loop) == {"loop/reader": read("loop/source", shared=1)}
    with pytest.raises(DefinitionError, match="result_of"):
        reads(Loop("loop", of(step(READER), step(SOURCE))))


def test_after_a_loop_it_is_its_last_iteration():
    loop = Loop("loop", of(step(SOURCE), step(spec("decide"))))
    assert reads(loop, step(READER)) == {"reader": read("loop/source")}


def test_after_a_loop_in_a_loop_the_outer_iteration_is_shared():
    inner = Loop("inner", of(step(SOURCE), step(spec("decide"))))
    outer = Loop("outer", of(inner, step(READER), step(spec("end"))))
    assert reads(outer) == {"outer/reader": read("outer/inner/source", shared=1)}


def test_after_a_fork_its_arms_are_seen_from_another_strand():
    forked = fork(of(step(spec("x"))), of(step(SOURCE)))
    assert reads(forked, step(READER)) == {"reader": read("fork[1]/source", same=False)}


def test_in_a_fork_arm_the_other_arms_are_not_seen():
    with pytest.raises(DefinitionError, match="result_of"):
        reads(fork(of(step(SOURCE)), of(step(READER))))


def test_in_a_fork_arm_what_ran_before_the_fork_is_on_another_strand():
    forked = fork(of(step(READER)), of(step(spec("x"))))
    assert reads(step(SOURCE), forked) == {"fork[0]/reader": read("source", same=False)}
    own = fork(of(step(SOURCE), step(READER)), of(step(spec("x"))))
    assert reads(own) == {"fork[0]/reader": read("fork[0]/source")}


def test_where_several_fork_arms_have_it_the_last_is_the_nearest():
    forked = fork(of(step(SOURCE)), of(step(SOURCE)), of(step(spec("x"))))
    assert reads(forked, step(READER)) == {"reader": read("fork[1]/source", same=False)}


def test_after_a_branch_every_arm_must_have_it():
    both = branch(of(step(SOURCE)), of(step(spec("x")), step(SOURCE)))
    expected = read("branch[0]/source", "branch[1]/source")
    assert reads(both, step(READER)) == {"reader": expected}
    one = branch(of(step(SOURCE)), of(step(spec("x"))))
    with pytest.raises(DefinitionError, match="every arm must have it"):
        reads(one, step(READER))


def test_after_a_branch_the_default_must_have_it_too():
    with_default = branch(of(step(SOURCE)), default=of(step(SOURCE)))
    expected = read("branch[0]/source", "branch[*]/source")
    assert reads(with_default, step(READER)) == {"reader": expected}
    with pytest.raises(DefinitionError, match="result_of"):
        reads(branch(of(step(SOURCE)), default=of(step(spec("x")))), step(READER))


def test_a_branch_with_it_in_some_arms_leaves_the_one_before():
    some = branch(of(step(SOURCE)), of(step(spec("x"))))
    assert reads(step(SOURCE), some, step(READER)) == {"reader": read("source")}


def test_from_outside_a_map_nothing_in_it_is_seen():
    with pytest.raises(DefinitionError, match="map"):
        reads(step(spec("list")), Map("map", of(step(SOURCE))), step(READER))


def test_in_a_map_item_its_own_and_what_ran_before_are_seen():
    own = Map("map", of(step(SOURCE), step(READER)))
    assert reads(own) == {"map/reader": read("map/source", shared=1)}
    outer = Map("map", of(step(READER)))
    assert reads(step(SOURCE), outer) == {"map/reader": read("source", same=False)}


def test_a_child_and_its_parent_do_not_see_each_other():
    inside = ChildWorkflow("child", "child", "", of(step(SOURCE), step(READER)))
    assert reads(inside) == {"child/reader": read("child/source")}
    reader = ChildWorkflow("child", "child", "", of(step(READER)))
    with pytest.raises(DefinitionError, match="child and its parent"):
        reads(step(SOURCE), reader)
    source = ChildWorkflow("child", "child", "", of(step(SOURCE)))
    with pytest.raises(DefinitionError, match="child and its parent"):
        reads(source, step(READER))


def test_numbers_around_a_child_are_shared_too():
    child = ChildWorkflow("child", "child", "", of(step(SOURCE), step(READER)))
    assert reads(Map("map", of(child))) == {"map/child/reader": read("map/child/source", shared=1)}


def test_a_branch_key_reads_and_is_read_at_the_branch():
    key = spec("key", ("found", SOURCE))
    after = spec("after", ("found", key))
    nodes = step(SOURCE), branch(of(step(after)), key=key), step(after)
    assert reads(*nodes) == {
        "branch": read("source"),
        "branch[0]/after": read("branch"),
        "after": read("branch"),
    }


def test_what_is_read_is_kept():
    definition = build_definition("w", of(step(SOURCE), step(spec("x")), step(READER)))
    assert definition.kept == {"source"}


@given(shapes(longest=4))
def test_what_is_read_precedes_its_reader_on_every_path(steps: Steps):
    root = sequence_of_shape(steps)
    definition = build_definition("w", root)
    order = {path: at for at, (path, _) in enumerate(walk(root))}
    tasks = {path: node.task for path, node in walk(root) if isinstance(node, TaskNode)}
    for reader, found in definition.reads.items():
        for one in found:
            (source,) = one.node_paths
            assert order[source] < order[reader]
            (injected,) = tasks[reader].signature.injected
            assert injected.task is tasks[source]
