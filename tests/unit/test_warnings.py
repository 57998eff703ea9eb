"""What is warned of: bodies that change under one hash, and edges that nobody annotates."""

from __future__ import annotations

import asyncio
import sys
import textwrap
import warnings
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

import sayiir
from sayiir import (
    ChangedBodyWarning,
    CheckpointingRunner,
    LongWaitWarning,
    OtherInputWarning,
    SayiirWarning,
    StoreUnavailable,
    UntypedEdgeWarning,
    await_signal,
    delay,
    diff,
    fork,
    task,
    workflow,
)
from sayiir.access.programs import Programs
from sayiir.codec.json_codec import JsonCodec
from sayiir.dsl.bodies import body_digest
from sayiir.dsl.portable import from_portable, to_portable
from sayiir.testing import MovedClock

if TYPE_CHECKING:
    from pathlib import Path


def function_of(tmp_path: Path, source: str, name: str = "step") -> Any:
    """A function from a file of its own, as a deployment would bring it."""
    file = tmp_path / f"code_{len(list(tmp_path.iterdir()))}.py"
    file.write_text(textwrap.dedent(source), encoding="utf-8")
    module = ModuleType(file.stem)
    sys.modules[file.stem] = module
    exec(compile(file.read_text(), str(file), "exec"), vars(module))
    return vars(module)[name]


ONE = """
    def step(n: int) -> int:
        return n + 1
"""
SAME = """
    import functools

    def step(n: int, more: int = 3) -> int:
        '''Says what it does.'''
        # and why
        return (
            n + 1
        )
"""
OTHER = """
    def step(n: int) -> int:
        return n + 2
"""


def test_comments_layout_and_docstrings_are_no_change(tmp_path: Path) -> None:
    one, same, other = (body_digest(function_of(tmp_path, s)) for s in (ONE, SAME, OTHER))
    assert one
    assert one == same
    assert one != other


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return n", "return -n"),
        ("return n", "return None"),
        ("return 1", "return True"),
        ("return 1", "return 1.0"),
        ("return 'a'", "return b'a'"),
        ("return n if n else 1", "return 1 if n else n"),
        ("if n: n = 1\n    return n", "if n:\n        n = 1\n        return n"),
        ("return [n, [n]]", "return [[n], n]"),
        ("return f'{n}'", "return f'{n!r}'"),
        ("return n.a(1)", "return n.a(x=1)"),
    ],
)
def test_what_means_something_else_is_a_change(tmp_path: Path, before: str, after: str) -> None:
    made = [function_of(tmp_path, f"def step(n):\n    {s}\n") for s in (before, after)]
    assert body_digest(made[0]) != body_digest(made[1])


def test_what_has_no_source_has_no_digest() -> None:
    names: dict[str, Any] = {}
    exec("def step(n):\n    return n", names)
    assert body_digest(names["step"]) == ""
    assert body_digest(len) == ""
    assert body_digest(lambda n: n) == ""
    assert body_digest(None) == ""


def test_a_class_task_has_the_body_of_its_call(tmp_path: Path) -> None:
    source = "class step:\n    def __call__(self, n: int) -> int:\n        return n + {}\n"
    one, two = (task(function_of(tmp_path, source.format(n))) for n in (1, 2))
    assert changes(workflow("w", one), workflow("w", two)) == ["step: changed: body of the task"]


def changes(old: Any, new: Any) -> list[str]:
    assert old.definition_hash == new.definition_hash
    return [str(one).removesuffix(" (not counted in the hash)") for one in diff(old, new)]


def test_bodies_travel_with_the_portable_form(tmp_path: Path) -> None:
    old, new = (workflow("w", task(function_of(tmp_path, s))) for s in (ONE, OTHER))
    stored = from_portable(to_portable(old.definition))
    assert changes(stored, old) == []
    assert changes(stored, new) == ["step: changed: body of the task"]


def flows(tmp_path: Path, *sources: str) -> list[Any]:
    return [
        workflow("w", task(function_of(tmp_path, source)) >> await_signal("go", int))
        for source in sources
    ]


def warned(url: str, flow: Any, verb: str = "ensure", instance_id: str = "a") -> list[str]:
    with CheckpointingRunner(url) as runner, warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(2):
            if verb == "ensure":
                runner.ensure(flow, instance_id, 1)
            else:
                runner.resume(flow, instance_id)
    assert all(one.category is ChangedBodyWarning for one in seen)
    assert all(one.filename == __file__ for one in seen)
    return [str(one.message) for one in seen]


@pytest.mark.parametrize("verb", ["ensure", "resume"])
def test_going_on_with_another_body_is_warned_of_once(tmp_path: Path, verb: str) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    old, same, new = flows(tmp_path, ONE, SAME, OTHER)
    assert warned(url, old) == []
    assert warned(url, same, verb) == []
    [told] = warned(url, new, verb)
    assert "instance 'a' of workflow 'w'" in told
    assert "step" in told
    assert "version=" in told


def test_many_at_once_are_warned_of_once_and_a_store_that_was_away_is_asked_again(
    tmp_path: Path,
) -> None:
    old, new = flows(tmp_path, ONE, OTHER)
    stored = to_portable(old.definition)

    class Away:
        asked = 0

        async def definition(self, definition_hash: str) -> bytes:
            self.asked += 1
            await asyncio.sleep(0)
            if self.asked == 1:
                raise StoreUnavailable("away")
            return stored

    async def main() -> None:
        programs = Programs(Away(), JsonCodec())  # type: ignore[arg-type]
        program = programs.of(new)
        with pytest.raises(StoreUnavailable):
            await programs.changed_bodies(program)
        told = await asyncio.gather(*(programs.changed_bodies(program) for _ in range(5)))
        assert told == [("step",), (), (), (), ()]

    asyncio.run(main())


def test_what_begins_or_has_ended_warns_of_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    old, new = flows(tmp_path, ONE, OTHER)
    warned(url, old)
    with CheckpointingRunner(url) as runner:
        runner.client.send_event("a", "go", 1)
        runner.resume(old, "a")
    assert warned(url, new, "resume") == []
    with CheckpointingRunner(url) as runner:
        runner.run(new, "b", 1)


def test_an_edge_that_nobody_annotates_is_warned_of_where_it_is_built() -> None:
    @task
    def loose(n: int):  # type: ignore[no-untyped-def]
        return n

    @task
    def takes(n: int) -> int:
        return n

    with pytest.warns(UntypedEdgeWarning, match="workflow 'w': what loose#2 gives") as seen:
        child = workflow("w", loose >> loose)
    assert seen[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        workflow("typed", takes >> loose >> takes)  # whoever takes it says what it is
        workflow("lambdas", takes >> (lambda n: n))
        workflow("of", child >> takes)  # told when the child was built


@pytest.mark.parametrize(
    ("flow", "told"),
    [
        (
            delay("1ms") >> await_signal("go", int, timeout="14d"),
            r"waits at 'go' for 14 days, 0:00:00 for its timeout, as no event .* events=\{'go': \[",
        ),
        (fork(delay("3h"), delay("2h")), r"waits at 'fork\[1\]/delay' for 2:00:00 in real time"),
    ],
    ids=["signal", "delay"],
)
def test_a_run_in_memory_that_only_waits_is_told(flow: Any, told: str) -> None:
    """Else it looks as if it hung. Here the warning ends it, as an error; else it would wait."""
    waits = workflow("waits", flow)
    with warnings.catch_warnings():
        warnings.simplefilter("error", LongWaitWarning)
        with pytest.raises(LongWaitWarning, match=told):
            waits(1)


def test_waits_that_are_short_or_busy_or_pass_by_a_test_s_clock_are_not_told() -> None:
    @task
    async def moves_on(n: int) -> int:
        await clock.advance("2h")
        return n

    clock = MovedClock()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert workflow("short", delay("1ms") >> (lambda n: n))(1) == 1
        gone = workflow("gone", await_signal("go", int, timeout="1ms", default=2))
        assert gone(1) == 2
        moved = workflow("moved", fork(delay("1h"), moves_on))
        assert moved.run(1, clock=clock) == (1, 1)


def test_they_are_all_of_one_kind() -> None:
    for each in (ChangedBodyWarning, LongWaitWarning, OtherInputWarning, UntypedEdgeWarning):
        assert issubclass(each, SayiirWarning)
        assert each.__name__ in sayiir.__all__
