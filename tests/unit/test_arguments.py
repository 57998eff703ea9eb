"""What runner and client are called with by mistake, and what they say of it, in both forms."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, NewType, Protocol

import pytest
from pydantic import BaseModel

from sayiir import (
    AsyncCheckpointingRunner,
    AsyncWorkflowClient,
    CheckpointingRunner,
    ConflictPolicy,
    DefinitionError,
    InstanceAlreadyExists,
    PayloadError,
    RetryPolicy,
    TaskContext,
    WorkflowClient,
    await_signal,
    resource,
    task,
    workflow,
)
from sayiir.executors import ProcessPool
from sayiir.testing import MovedClock


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


@pytest.mark.parametrize("make", [CheckpointingRunner, AsyncCheckpointingRunner])
def test_a_lease_lasts(make: Callable[..., Any]) -> None:
    """One of no length would be over before the first task begins, and be renewed without rest."""
    with pytest.raises(ValueError, match="lease is longer than 0 s, not '0s'"):
        make("memory://", lease="0s")


WRONG_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"executors": 5}, "a mapping of names to executors"),
    ({"executors": {"process": 5}}, "executors={'process': 5}: an executor has run()"),
    ({"executors": {"process": ProcessPool}}, "an executor has run() and close()"),
    ({"executors": {5: ProcessPool}}, "the name of an executor is a str"),
    ({"on_event": 5}, "on_event is a function that takes one event, not 5"),
    ({"on_event": asyncio.sleep}, ""),
    ({"on_event": lambda: None}, "a listener takes one argument"),
    ({"on_event": lambda a, b: None}, "a listener takes one argument"),
    ({"clock": 5}, "a clock has now_us() and sleep(), as sayiir.testing.MovedClock(), not 5"),
    ({"clock": MovedClock}, "a clock has now_us()"),
]


@pytest.mark.parametrize(("options", "said"), WRONG_OPTIONS)
def test_what_runs_are_handed_is_checked_at_once(options: dict[str, Any], said: str) -> None:
    """In memory, in either form, and where a runner is made."""
    if not said:  # what can be called with one argument will do
        assert adding.run(1, **options) == 3
        return
    with pytest.raises(TypeError, match=re.escape(said)):
        adding.run(1, **options)
    with pytest.raises(TypeError, match=re.escape(said)):
        asyncio.run(adding.arun(1, **options))
    with pytest.raises(TypeError, match=re.escape(said)):
        CheckpointingRunner("memory://", **options)


WRONG_ASKS: list[tuple[Callable[[Any], Any], type[Exception], str]] = [
    (lambda c: c.result("a", timeout="soon"), DefinitionError, "'soon' is no duration"),
    (lambda c: c.list(status=["Failed"]), TypeError, "status is the name of one"),
    (lambda c: c.list(limit="5"), TypeError, "limit is a whole number, not '5'"),
    (lambda c: c.list(limit=True), TypeError, "limit is a whole number, not True"),
    (lambda c: c.list(cursor=5), TypeError, "cursor is that of the page before"),
    (lambda c: c.list(5), TypeError, "a workflow is asked for, not 5"),
    (lambda c: c.describe("a", "w"), TypeError, "a workflow is asked for, not the text 'w'"),
    (lambda c: c.delete_finished(0, status=["Failed"]), TypeError, "status is the name of one"),
    (lambda c: c.delete_finished(0, workflow=5), TypeError, "a workflow is asked for, not 5"),
    (lambda c: c.delete_finished(0, limit=1.5), TypeError, "limit is a whole number, not 1.5"),
    (lambda c: c.cancel("a", reason=5), TypeError, "reason is a str or None, not int"),
    (lambda c: c.cancel("a", cancelled_by=5), TypeError, "cancelled_by is a str or None"),
    (lambda c: c.pause("a", reason=5), TypeError, "reason is a str or None, not int"),
    (lambda c: c.pause("a", "\ud800"), PayloadError, "not valid Unicode"),
    (lambda c: c.submit(adding, "b", 1, traceparent=5), TypeError, "traceparent is a str or None"),
]


@pytest.mark.parametrize(("ask", "kind", "said"), WRONG_ASKS)
def test_what_a_client_is_asked_wrongly(
    ask: Callable[[Any], Any], kind: type[Exception], said: str
) -> None:
    """In both forms, in the words of what was asked."""

    async def in_loop() -> None:
        async with AsyncWorkflowClient("memory://") as client:
            await client.submit(adding, "a", 1)
            with pytest.raises(kind, match=re.escape(said)):
                await ask(client)

    asyncio.run(in_loop())
    with WorkflowClient("memory://") as client:
        client.submit(adding, "a", 1)
        with pytest.raises(kind, match=re.escape(said)):
            ask(client)


def test_a_result_is_waited_for_as_long_as_any_duration_says() -> None:
    """As every other duration is written."""
    with WorkflowClient("memory://") as client:
        client.submit(adding, "a", 1)
        with pytest.raises(TimeoutError, match=r"has not ended within 0\.01 s"):
            client.result("a", adding, timeout="10ms")


class Colour(Enum):
    RED = 1


@dataclass
class Said:
    text: str


class Model(BaseModel):
    text: str = ""


@pytest.mark.parametrize("wrong", ["int", 5, ["int"], Colour.RED, Said("yes"), Model()])
def test_a_payloads_type_is_no_value(wrong: Any) -> None:
    with pytest.raises(DefinitionError, match="the payload's type is a type"):
        await_signal("go", wrong)
    if type(wrong) in (Colour, Said, Model):
        await_signal("go", type(wrong))


def test_progress_is_a_number() -> None:
    half: Any = "half"
    with pytest.raises(TypeError, match="progress is a number from 0 to 1, not 'half'"):
        TaskContext().progress(half)


class Db:
    """Some resource."""


Dsn = NewType("Dsn", str)


class Queries(Protocol):
    """What a resource may be asked for as."""

    def query(self) -> str: ...


def test_a_resource_is_of_its_parameters_type() -> None:
    """Where that can be told; told when the workflow is built."""

    @task
    def wrong(n: int, db: int = resource(Db)) -> int:  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
        return n

    with pytest.raises(DefinitionError, match=r"write db: Db = resource\(Db\)"):
        workflow("w", wrong)

    class Wrong:
        def __init__(self, db: str = resource(Db)) -> None:  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
            pass

        def __call__(self, n: int) -> int:
            return n

    with pytest.raises(DefinitionError, match="the constructor of Wrong has the parameter 'db'"):
        task(Wrong)

    @task
    def right(
        n: int,
        db: Db | None = resource(Db),
        any_db: Any = resource(Db),
        dsn: Dsn = resource(Dsn),
        text: str = resource(Dsn),
        queries: Queries = resource(Db),  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
        rates: Mapping[str, float] = resource(dict[str, float]),
    ) -> int:
        return n

    assert workflow("w", right).name == "w"


def test_a_first_wait_beyond_the_longest_is_refused() -> None:
    """It would silently be five minutes."""
    with pytest.raises(DefinitionError, match=r"initial_delay='1h' is beyond max_delay=300\.0"):
        RetryPolicy(initial_delay="1h")
    with pytest.raises(DefinitionError, match="give a longer max_delay"):
        RetryPolicy(initial_delay=2, max_delay="1s")
    assert RetryPolicy(initial_delay="1h", max_delay="1h").delay_bound_seconds(1) == 3600
    assert RetryPolicy(max_delay="100ms").delay_bound_seconds(1) == 0.1


def test_a_class_that_was_defined_again_is_told_as_such() -> None:
    """As by a notebook's cell that ran twice."""
    made = [type("Model", (), {"__module__": __name__}) for _ in range(2)]

    def give(n: int) -> Any:
        return n

    def take(model: Any) -> int:
        return 1

    give.__annotations__["return"], take.__annotations__["model"] = made
    with pytest.raises(DefinitionError, match="there are two classes named Model, and 'give'"):
        workflow("w", task(give) >> task(take))
