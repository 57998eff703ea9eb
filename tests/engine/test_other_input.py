"""An id that exists with another input: a warning at the line that gave it, wherever it runs."""

from __future__ import annotations

import asyncio
import sys
import warnings

import pytest

from sayiir import (
    AsyncCheckpointingRunner,
    CheckpointingRunner,
    Completed,
    ConflictPolicy,
    await_signal,
    task,
    workflow,
)


@task
def inc(n: int) -> int:
    return n + 1


adding = workflow("adding", inc)
waiting = workflow("waiting", inc >> await_signal("go", int))


def _line() -> int:
    return sys._getframe(1).f_lineno


def _points_at(caught: list[warnings.WarningMessage], lines: list[int]) -> None:
    assert [(each.filename, each.lineno) for each in caught] == [(__file__, n) for n in lines]
    assert all("with a different input" in str(each.message) for each in caught)


def test_blocking_calls_warn_at_their_line() -> None:
    """Finished and unfinished ones; ``ensure`` and the policy; from a loop's thread too."""
    with CheckpointingRunner("memory://", conflict_policy=ConflictPolicy.USE_EXISTING) as runner:
        runner.ensure(adding, "a", 1)
        runner.ensure(waiting, "w", 1)

        async def in_loop() -> None:
            runner.ensure(adding, "a", 3)

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert runner.ensure(adding, "a", 2) == Completed(2)
            runner.ensure(waiting, "w", 2)
            runner.run(adding, "a", 2)
            runner.client.submit(adding, "a", 2)
            asyncio.run(in_loop())
            runner.ensure(adding, "a", 1)
            here = _line()
        inside = in_loop.__code__.co_firstlineno + 1
        _points_at(caught, [here - 6, here - 5, here - 4, here - 3, inside])


def test_to_start_again_where_another_stands_warns_too() -> None:
    """Its input is the earlier instance's; ``run`` and ``submit`` would warn of it."""
    with CheckpointingRunner("memory://", conflict_policy=ConflictPolicy.USE_EXISTING) as runner:
        runner.run(adding, "a", 1)
        runner.run(adding, "b", 2)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert runner.rerun(adding, "a", "b", start="inc") == Completed(3)
            assert runner.client.rerun(adding, "a", "b", start=inc) == Completed(3)
            here = _line()
        _points_at(caught, [here - 2, here - 1])


def test_awaited_calls_warn_at_their_line() -> None:
    """The line that awaits."""

    async def main() -> None:
        async with AsyncCheckpointingRunner("memory://") as runner:
            await runner.ensure(adding, "a", 1)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                assert await runner.ensure(adding, "a", 2) == Completed(2)
                here = _line()
            _points_at(caught, [here - 1])

    asyncio.run(main())


def test_a_line_warns_once() -> None:
    """As other warnings do, unless the program's filters say otherwise."""
    with CheckpointingRunner("memory://") as runner:
        runner.ensure(adding, "a", 1)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            for _ in range(3):
                runner.ensure(adding, "a", 2)
        assert len(caught) == 1


def test_a_warning_made_an_error_reaches_the_caller() -> None:
    """Whoever turns warnings into errors gets one."""
    with CheckpointingRunner("memory://") as runner:
        runner.ensure(adding, "a", 1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UserWarning, match="different input"):
                runner.ensure(adding, "a", 2)
