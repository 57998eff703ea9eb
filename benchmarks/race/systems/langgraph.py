"""LangGraph: in memory, and with its SQLite and PostgreSQL savers."""

from __future__ import annotations

import asyncio
import operator
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from benchmarks.race.adapter import Figures, Job, Tripwire, main, repeated, repeated_async

AT_ONCE = 100
POOL = 20
MEGABYTE = "x" * 1_000_000


class State(TypedDict):
    number: int


class Arms(TypedDict):
    number: int
    found: Annotated[list[int], operator.add]


class Text(TypedDict):
    text: str


async def increment(state: State) -> State:
    return {"number": state["number"] + 1}


def increment_at_once(state: State) -> State:
    return {"number": state["number"] + 1}


async def arm(state: Arms) -> dict[str, Any]:
    return {"found": [state["number"] + 1]}


async def total(state: Arms) -> dict[str, Any]:
    return {"number": sum(state["found"])}


async def longer(state: Text) -> Text:
    return {"text": state["text"] + "x"}


def _chain(kind: type, step: Callable[..., Any], steps: int, saver: Any = None) -> Any:
    """A node for each step."""
    graph = StateGraph(kind)
    names = [f"step_{number}" for number in range(steps)]
    for name in names:
        graph.add_node(name, step)
    for before, after in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(before, after)
    return graph.compile(checkpointer=saver)


def _loop(step: Callable[..., Any], steps: int, saver: Any = None) -> Any:
    """One node that goes back to itself: a graph of so many nodes would be slower."""
    graph = StateGraph(State)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges(
        "step", lambda state: "step" if state["number"] < steps else END, ["step", END]
    )
    return graph.compile(checkpointer=saver)


def _fork(arms: int, saver: Any) -> Any:
    graph = StateGraph(Arms)
    graph.add_node("total", total)
    names = [f"arm_{number}" for number in range(arms)]
    for name in names:
        graph.add_node(name, arm)
        graph.add_edge(START, name)
    graph.add_edge(names, "total")
    graph.add_edge("total", END)
    return graph.compile(checkpointer=saver)


@asynccontextmanager
async def _saver(job: Job) -> AsyncIterator[Any]:
    """The saver as its documents open it; on PostgreSQL with a pool."""
    if job.store == "sqlite":
        async with AsyncSqliteSaver.from_conn_string(job.url.removeprefix("sqlite:///")) as saver:
            await saver.setup()
            yield saver
        return
    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(job.url, max_size=POOL, kwargs=options, open=False) as pool:
        yield AsyncPostgresSaver(pool)


def _as(name: str, limit: int = 1_000) -> Any:
    return {"configurable": {"thread_id": name}, "recursion_limit": limit}


async def prepare(job: Job) -> Figures:
    """Make the tables."""
    async with _saver(job) as saver:
        await saver.setup()
    return {}


def call(job: Job) -> Figures:
    """``invoke`` in memory, no loop running."""
    graph = _chain(State, increment_at_once, job.steps)
    limit = _as("x", job.steps + 10)
    return repeated(lambda number: graph.invoke({"number": number}, limit), job)


async def awaited(job: Job) -> Figures:
    """``ainvoke`` in memory, in a running loop: a node for each step, from 100 on one in a loop."""
    long = job.steps > 100
    graph = _loop(increment, job.steps) if long else _chain(State, increment, job.steps)
    limit = _as("x", job.steps + 10)
    return await repeated_async(
        lambda _: graph.ainvoke({"number": 0}, limit), job, warm=1, parts=job.steps
    )


async def lone(job: Job) -> Figures:
    """One thread after the other."""
    async with _saver(job) as saver:
        graph = _chain(State, increment, job.steps, saver)
        return await repeated_async(
            lambda number: graph.ainvoke({"number": number}, _as(f"lone-{number}")), job
        )


async def many(job: Job) -> Figures:
    """Threads in one gather, a hundred at a time."""
    slots = asyncio.Semaphore(AT_ONCE)
    async with _saver(job) as saver:
        graph = _chain(State, increment, job.steps, saver)

        async def one(name: str) -> None:
            async with slots:
                await graph.ainvoke({"number": 0}, _as(name))

        await asyncio.gather(*(one(f"warm-{n}") for n in range(min(20, job.count))))
        began = time.perf_counter()
        await asyncio.gather(*(one(f"many-{n}") for n in range(job.count)))
        seconds = time.perf_counter() - began
    return {"seconds": seconds / (job.count * job.steps), "count": job.count}


async def fork(job: Job) -> Figures:
    """A hundred nodes beside each other and one after them."""
    async with _saver(job) as saver:
        graph = _fork(job.steps, saver)
        return await repeated_async(
            lambda n: graph.ainvoke({"number": n, "found": []}, _as(f"fork-{n}")), job, warm=1
        )


async def big(job: Job) -> Figures:
    """A chain whose every step returns a string of a megabyte; by the step."""
    async with _saver(job) as saver:
        graph = _chain(Text, longer, job.steps, saver)
        return await repeated_async(
            lambda n: graph.ainvoke({"text": MEGABYTE}, _as(f"big-{n}")), job, parts=job.steps
        )


async def long(job: Job) -> Figures:
    """Begin a long loop, or continue its thread after a kill.

    By default a step begins while what came before it is still being written; here each is on
    disk first, as with the others, or there would be no telling at which step it was killed.
    """
    wire = Tripwire(job)

    async def tripping(state: State) -> State:
        wire.step(state["number"])
        return {"number": state["number"] + 1}

    wire.begin()
    async with _saver(job) as saver:
        graph = _loop(tripping, job.steps + 100, saver)
        given = {"number": 0} if job.workload == "begin" else None
        await graph.ainvoke(given, _as("long", job.steps + 200), durability="sync")
    raise RuntimeError("the loop ended before it was killed")


if __name__ == "__main__":
    main(prepare, call, awaited, lone, many, fork, big, long)
