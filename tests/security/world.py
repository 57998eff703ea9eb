"""Instances in the middle of their lives, and everything that can be asked of one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from sayiir import (
    AsyncCheckpointingRunner,
    AsyncWorkflowClient,
    SayiirError,
    await_signal,
    fork,
    result_of,
    task,
    workflow,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from sayiir.stores.protocols import Store

__all__ = ["LIFE", "Note", "finish_all", "question_all", "stage"]


class Note(BaseModel):
    by: str
    n: int = 0


@task
async def start(note: Note) -> Note:
    return note


@task
async def left(note: Note) -> int:
    return note.n


@task
async def right(note: Note) -> dict[str, Any]:
    return {"by": note.by, "seen": (1, 2)}


@task
async def listed(n: int, seen: dict[str, Any]) -> list[Note]:
    return [Note(by=str(seen["by"]), n=n), Note(by="second", n=n)]


@task
async def finish(note: Note, event: Note, first: Note = result_of(start)) -> str:
    if event.by == FAILS:
        raise ValueError("as it was told")
    return f"{note.by} {event.by} {first.by}"


@task
async def total(parts: list[str], first: Note = result_of(start)) -> tuple[str, ...]:
    return (first.by, *parts)


each = (await_signal("go", Note, keep_input=True) >> finish).map().named("each")
LIFE: Final = workflow("life", start >> fork(left, right) >> listed >> each >> total)
"""Reads an input, results by name, a join, elements, events, and the ends of a map's items."""

FAILS: Final = "fails"
LABELS: Final = {"team": "blue"}


async def stage(store: Store, names: Iterable[str]) -> None:
    """Bring instances to where one of two map items has ended and the other waits."""
    client, runner = AsyncWorkflowClient(store), AsyncCheckpointingRunner(store)
    names = list(names)
    for batch in (names[at : at + 50] for at in range(0, len(names), 50)):
        await asyncio.gather(
            *(client.submit(LIFE, name, Note(by=name, n=1), labels=LABELS) for name in batch)
        )
    await runner.resume_all([LIFE])
    for name in names:
        await client.send_event(name, "go", Note(by="first event"))
    await runner.resume_all([LIFE])
    await runner.close()
    await client.close()


async def finish_all(store: Store, names: Iterable[str]) -> None:
    """Bring staged instances to their ends: every other one fails."""
    client, runner = AsyncWorkflowClient(store), AsyncCheckpointingRunner(store)
    for number, name in enumerate(names):
        await client.send_event(name, "go", Note(by=FAILS if number % 2 else "second event"))
    await runner.resume_all([LIFE])
    await runner.close()
    await client.close()


async def question_all(
    client: AsyncWorkflowClient, name: str, *, briefly: bool = False
) -> list[str]:
    """Ask all that can be asked of an instance; what was no value and no error of ours."""
    asked: list[tuple[str, Awaitable[object]]] = [("status", client.status(name))]
    asked += (
        []
        if briefly
        else [
            ("typed status", client.status(name, LIFE)),
            ("describe", client.describe(name)),
            ("typed describe", client.describe(name, LIFE)),
            ("results", client.task_results(name)),
            ("typed results", client.task_results(name, LIFE)),
            ("result of", client.get_task_result_of(name, start)),
            ("result of many", client.get_task_result_of(name, finish)),
            ("by path", client.get_task_result(name, "start")),
            ("by typed path", client.get_task_result(name, "fork[1]/right", LIFE)),
            ("outcome", client.result(name, LIFE, timeout=0)),
        ]
    )
    wrong: list[str] = []
    for what, question in asked:
        try:
            async with asyncio.timeout(20):
                await question
        except (SayiirError, TimeoutError):
            continue
        except Exception as error:
            wrong.append(f"{what}: {error!r}"[:300])
    return wrong
