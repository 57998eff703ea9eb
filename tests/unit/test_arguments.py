"""What runner and client are called with by mistake, and what they say of it, in both forms."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sayiir import (
    AsyncCheckpointingRunner,
    AsyncWorkflowClient,
    CheckpointingRunner,
    ConflictPolicy,
    InstanceAlreadyExists,
    WorkflowClient,
    task,
    workflow,
)


@task
def inc(n: int) -> int:
    return n + 1


adding = workflow("adding", inc >> inc)

MAKERS: list[Callable[..., Any]] = [
    CheckpointingRunner,
    AsyncCheckpointingRunner,
    WorkflowClient,
    AsyncWorkflowClient,
]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("policy", ["replace", "FAIL", None, 1])
def test_a_policy_that_there_is_not_is_refused(make: Callable[..., Any], policy: object) -> None:
    """Where it is given, with the names that there are."""
    with pytest.raises(ValueError, match=r"allowed are ConflictPolicy\.FAIL"):
        make("memory://", conflict_policy=policy)


def test_a_policy_may_be_given_by_its_value() -> None:
    """The exact text means what the enum's member means."""
    policy: Any = "fail"
    with CheckpointingRunner("memory://", conflict_policy=policy) as runner:
        runner.run(adding, "a", 1)
        with pytest.raises(InstanceAlreadyExists):
            runner.run(adding, "a", 1)
        with pytest.raises(InstanceAlreadyExists):
            runner.client.submit(adding, "a", 1)
        replacing: Any = "terminate_existing"
        runner.client.with_conflict_policy(replacing).submit(adding, "a", 5)
        unknown: Any = "replace"
        with pytest.raises(ValueError, match="'replace' is no conflict policy"):
            runner.client.with_conflict_policy(unknown)
    assert ConflictPolicy("use_existing") is ConflictPolicy.USE_EXISTING


WRONG_STORES: list[tuple[object, str]] = [
    (Path("orders.db"), 'write "sqlite:///orders.db"'),
    (5, "an open store, not 5"),
    (None, "an open store, not None"),
]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(("store", "said"), WRONG_STORES)
def test_what_is_no_store_is_refused_at_once(
    make: Callable[..., Any], store: object, said: str
) -> None:
    """A path above all: the message has the URL to write."""
    with pytest.raises(TypeError, match=re.escape(said)):
        make(store)


@pytest.mark.parametrize("make", MAKERS)
def test_what_is_no_codec_is_refused_at_once(make: Callable[..., Any]) -> None:
    """Its name is none."""
    with pytest.raises(TypeError, match=r"as sayiir.codec.JsonCodec\(\), not 'json'"):
        make("memory://", codec="json")


WRONG_WORKFLOWS: list[tuple[object, str]] = [
    (inc, '<Task inc>; give it a name: workflow("name", flow)'),
    (inc >> inc, 'give it a name: workflow("name", flow)'),
    (lambda n: n, "make a flow of tasks"),
    ("a", "the workflow comes first, then the instance id"),
    (None, "not None"),
]

Verb = Callable[[Any, Any], Any]
RUNS: list[Verb] = [
    lambda runner, wrong: runner.run(wrong, "a", 1),
    lambda runner, wrong: runner.ensure(wrong, "a", 1),
    lambda runner, wrong: runner.resume(wrong, "a"),
    lambda runner, wrong: runner.resume_all([adding, wrong]),
    lambda runner, wrong: runner.client.submit(wrong, "a", 1),
]
ASKS: list[Verb] = [
    lambda client, wrong: client.status("a", wrong),
    lambda client, wrong: client.result("a", wrong),
    lambda client, wrong: client.get_task_result("a", "inc", wrong),
    lambda client, wrong: client.task_results("a", wrong),
    lambda client, wrong: client.send_event("a", "go", 1, workflow=wrong),
    lambda client, wrong: client.list(wrong),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG_WORKFLOWS)
@pytest.mark.parametrize("verb", RUNS)
def test_what_is_no_workflow_is_told_how_to_become_one(
    wrong: object, said: str, verb: Verb
) -> None:
    """A task, a flow, a function, or the arguments in another order."""

    async def in_loop() -> None:
        async with AsyncCheckpointingRunner("memory://") as runner:
            with pytest.raises(TypeError, match=re.escape(said)):
                await verb(runner, wrong)

    asyncio.run(in_loop())
    with (
        CheckpointingRunner("memory://") as runner,
        pytest.raises(TypeError, match=re.escape(said)),
    ):
        verb(runner, wrong)


@pytest.mark.parametrize("verb", ASKS)
def test_a_client_asked_with_a_task_says_so(verb: Verb) -> None:
    """Before it waits for anything: the instance here never ends by itself."""
    with CheckpointingRunner("memory://") as runner:
        runner.client.submit(adding, "a", 1)
        with pytest.raises(TypeError, match="give it a name"):
            verb(runner.client, inc)


@pytest.mark.parametrize(
    ("given", "said"),
    [(adding, r"write resume_all\(\[workflow\]\)"), (3, "a list of workflows"), ("a", "a list")],
)
def test_resume_all_takes_a_list(given: Any, said: str) -> None:
    """One workflow alone is most likely meant as a list of one."""
    with CheckpointingRunner("memory://") as runner:
        with pytest.raises(TypeError, match=said):
            runner.resume_all(given)
        assert runner.resume_all(each for each in [adding]) == 0


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_claims_at_least_one(limit: int) -> None:
    """Nothing at all is no work to ask for."""
    with (
        CheckpointingRunner("memory://") as runner,
        pytest.raises(ValueError, match="at least 1"),
    ):
        runner.resume_all([adding], limit=limit)
