"""Hostile ids and names: refused with an error of ours, or stored and given back equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from sayiir import (
    AsyncCheckpointingRunner,
    AsyncPooledWorker,
    AsyncWorkflowClient,
    Cancelled,
    DefinitionError,
    InvalidInstanceId,
    PayloadError,
    SayiirError,
    TaskContext,
    UnknownSignal,
    await_signal,
    open_store,
    task,
    workflow,
)
from sayiir.policy import ConflictPolicy
from sayiir.stores.records import ClaimRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from sayiir.stores.protocols import Store

pytestmark = pytest.mark.anyio

HOSTILE: Final = (
    "'; drop table instance; --",
    '"; drop table "instance" cascade; --',
    "' or '1'='1",
    "$1",
    "%s%n%(x)s",
    "{0.__class__}",
    "@work_item",
    "@now",
    ":name ?1",
    "back\\slash",
    "../../../../etc/passwd",
    "..\\..\\windows",
    "/etc/passwd",
    "a/b[0]#2",
    "nul\0in it",
    "line\nERROR a line of its own",
    "return\r\rover",
    "\x1b[2J\x1b]0;title\x07",
    "\x9b31m",
    "\u202etxt.exe",
    "\u200b",
    "\u2028",
    "\ufeffmarked",
    "e\u0301 or \u00e9",
    "\ud800",
    "\udfff\ud800",
    "\U0001f4a9",
    "\uffff",
    "",
    " ",
    " spaces ",
    "x" * 64,
    "x" * 129,
    "x" * 257,
    "x" * 100_000,
    "null",
    "-1",
    "<script>alert(1)</script>",
    "__proto__",
)

_REPLACES: Final = ConflictPolicy.TERMINATE_EXISTING
SLIPS: Final = (SayiirError, ValueError, TypeError)
"""What arguments are refused with: ours, or Python's own for an argument that is none."""


@pytest.fixture
def anyio_backend() -> str:
    """asyncio is the one promised loop."""
    return "asyncio"


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str
) -> AsyncIterator[Store]:
    url = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path / 'a.db'}"}.get(request.param)
    opened = await open_store(url or request.getfixturevalue("postgres_url"))
    yield opened
    await opened.close()


@task
async def same(text: str) -> str:
    return text


PLAIN: Final = workflow("plain", same >> await_signal("go", str))


async def test_instance_ids(store: Store) -> None:
    client = AsyncWorkflowClient(store)
    taken = []
    for name in HOSTILE:
        try:
            await client.submit(PLAIN, name, name)
        except InvalidInstanceId:
            # Looked up, it is refused in the same way.
            with pytest.raises(InvalidInstanceId):
                await client.status(name)
        except PayloadError:
            raise AssertionError(f"{name!r} is text, and comes back equal") from None
        else:
            taken.append(name)
    assert len(taken) > len(HOSTILE) / 2
    for name in taken:
        assert (await client.describe(name, PLAIN)).input == name
    page = await client.list(limit=1_000)
    assert sorted(info.instance_id for info in page.items) == sorted(taken)


async def test_reasons_and_who_asked(store: Store) -> None:
    client = AsyncWorkflowClient(store)
    for number, text in enumerate(HOSTILE):
        await client.submit(PLAIN, f"i{number}", "x")
        try:
            await client.cancel(f"i{number}", reason=text, cancelled_by=text)
        except SayiirError:
            assert not text.isprintable(), text
            continue
        assert await client.status(f"i{number}") == Cancelled(text, text)


async def test_labels(store: Store) -> None:
    client = AsyncWorkflowClient(store)
    for number, text in enumerate(HOSTILE):
        labels = {text: text, "n": text}
        try:
            await client.submit(PLAIN, f"i{number}", "x", labels=labels)
        except SLIPS:
            continue
        assert (await client.describe(f"i{number}")).labels == labels
        found = await client.list(labels={text: text})
        assert [info.instance_id for info in found.items] == [f"i{number}"]


async def test_signal_names_paths_and_traceparents(store: Store) -> None:
    client = AsyncWorkflowClient(store)
    await client.submit(PLAIN, "i", "x")
    for number, text in enumerate(HOSTILE):
        with pytest.raises(UnknownSignal):
            await client.send_event("i", text, "x")
        with pytest.raises(UnknownSignal):
            await client.send_event("i", "go", "x", path=text)
        with pytest.raises(SLIPS):
            await client.get_task_result("i", text, PLAIN)
        assert await client.count_task_results("i", "nothing") == 0
        try:
            await client.submit(PLAIN, f"t{number}", "x", traceparent=text)
        except SLIPS:
            continue
        assert (await client.describe(f"t{number}")).traceparent == (text or None)


def named(name: str) -> list[Callable[[], Any]]:
    """Ways to give a name to something of a definition."""
    return [
        lambda: workflow(name, same),
        lambda: workflow("w", same, version=name),
        lambda: workflow("w", same, description=name),
        lambda: workflow("w", task(name)(_same)),
        lambda: workflow("w", task("t", version=name)(_same)),
        lambda: workflow("w", task("t", description=name)(_same)),
        lambda: workflow("w", task("t", tags=[name])(_same)),
        lambda: workflow("w", same.named(name)),
        lambda: workflow("w", same >> await_signal(name, str)),
    ]


def _same(text: str) -> str:
    return text


async def test_names_of_definitions(store: Store) -> None:
    """What a workflow can be built with, a store can keep; the instance has it back."""
    client, runner = AsyncWorkflowClient(store), AsyncCheckpointingRunner(store)
    flows: dict[str, Any] = {}
    for number, name in enumerate(HOSTILE):
        for kind, build in enumerate(named(name)):
            try:
                flow = build()
            except DefinitionError:
                continue
            flows[f"i{number}-{kind}"] = flow
            await client.submit(flow, f"i{number}-{kind}", "x")
    assert len(flows) > 150
    await runner.resume_all(flows.values())
    await runner.close()
    page = await client.list(limit=1_000)
    assert {
        info.instance_id: (info.workflow_name, info.workflow_version) for info in page.items
    } == {name: (flow.name, flow.version) for name, flow in flows.items()}
    for name in flows:
        assert [result.output for result in await client.task_results(name)] == ["x"]


async def test_worker_ids(store: Store) -> None:
    for text in HOSTILE:
        try:
            worker = AsyncPooledWorker(store, workflows=[PLAIN], worker_id=text)
        except SLIPS:
            continue
        assert worker.worker_id == text
        client = AsyncWorkflowClient(store, conflict_policy=_REPLACES)
        await client.submit(PLAIN, "i", "x")
        await store.claim(ClaimRequest(holder=text, lease_us=60_000_000))
        [item] = (await client.describe("i")).open_items
        assert item.holder == text


async def test_progress_messages_and_errors(store: Store) -> None:
    """What a task says, or raises, is kept as far as it can be, and never breaks the run."""

    @task
    async def says(text: str, ctx: TaskContext) -> str:
        ctx.progress(0.5, text)
        raise ValueError(text)

    flow = workflow("w", says)
    client, runner = AsyncWorkflowClient(store), AsyncCheckpointingRunner(store)
    for number, text in enumerate(HOSTILE):
        status: Any = await runner.run(flow, f"i{number}", text)
        assert status.error.message == text[:5_000]
        assert (await client.status(f"i{number}")) == status
    await runner.close()
