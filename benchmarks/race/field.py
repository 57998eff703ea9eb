"""The field: who races, on which stores, and what each is told to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

__all__ = ["FLOORS", "OURS", "SYSTEMS", "WORKLOADS", "System", "Workload", "steps_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Who races.

    Attributes:
        name: its adapter, and the file of its requirements.
        title: how people call it.
        distributions: what a user installs, with the drivers of the stores named here.
        stores: on which it races.
        imports: the line that a durable program of it begins with; empty: it isn't durable.
        settings: what of it is not its default, and how it is called.
        for_postgres: those of the distributions that nobody needs without PostgreSQL; empty: it
            can't be had without.
        compiled: its engine is machine code.
        lacks: workloads that it can't do, and why.
    """

    name: str
    title: str
    distributions: tuple[str, ...]
    stores: tuple[str, ...]
    imports: str = ""
    settings: str = ""
    for_postgres: tuple[str, ...] = ()
    compiled: bool = False
    lacks: MappingProxyType[str, str] = field(default_factory=lambda: MappingProxyType({}))


OURS: Final = System(
    name="ours",
    title="Sayiir",
    distributions=("cloudpickle", "pydantic", "xxhash", "asyncpg"),
    for_postgres=("asyncpg",),
    stores=("memory", "sqlite", "postgres"),
    imports="from sayiir import CheckpointingRunner, task, workflow",
    settings=(
        "Defaults. One at a time: the blocking runner. Many: one gather of `submit`, then "
        "`resume_all`. Workers, and many that wait: `concurrency=100`."
    ),
)
_NO_WORKERS: Final = "it has no workers of its own"

SYSTEMS: Final = (
    OURS,
    System(
        name="reference",
        title="sayiir 1.0",
        distributions=("sayiir",),
        stores=("memory", "postgres"),
        imports="from sayiir import Flow, PostgresBackend, run_durable_workflow, task",
        settings=(
            "Its calls block, so many at once are sixteen threads. Where it is killed, a chain "
            "instead of a loop, which it would begin at its first step again. Workers: "
            "`poll_interval=0.02` instead of the default 5 s, which would be nothing but pauses."
        ),
        compiled=True,
        lacks=MappingProxyType({"waiting": "a worker of it looks so seldom that this is a pause"}),
    ),
    System(
        name="dbos",
        title="DBOS",
        distributions=("dbos",),
        stores=("sqlite", "postgres"),
        imports="from dbos import DBOS",
        settings=(
            "Defaults: a pool of 20 connections; queues are looked at every second. Many: "
            "`start_workflow_async`, all of them in one gather. A fork is steps in a gather."
        ),
        lacks=MappingProxyType({"waiting": "queues are looked at every second, so it is a pause"}),
    ),
    System(
        name="absurd",
        title="Absurd",
        distributions=("absurd-sdk",),
        stores=("postgres",),
        imports="from absurd_sdk import AsyncAbsurd",
        settings=(
            "One at a time: `spawn` and `work_batch`, without a worker's pauses. Many, and "
            "workers: a worker has one connection, so a process runs eight, 12 tasks each. A fork "
            "is steps in a gather, which that connection takes one by one."
        ),
    ),
    System(
        name="langgraph",
        title="LangGraph",
        distributions=(
            "langgraph",
            "langgraph-checkpoint-sqlite",
            "langgraph-checkpoint-postgres",
            "psycopg[binary]",
        ),
        for_postgres=("langgraph-checkpoint-postgres", "psycopg[binary]"),
        stores=("memory", "sqlite", "postgres"),
        imports=(
            "from langgraph.graph import StateGraph; "
            "from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver"
        ),
        settings=(
            'Defaults, which means `durability="async"`: a step begins while the one before it is '
            'still being written (`"sync"` where it is killed). A pool of 20 connections. A node '
            "for each step; chains of 1,000 and more are a node that goes back to itself."
        ),
        lacks=MappingProxyType({"workers": _NO_WORKERS, "waiting": _NO_WORKERS}),
    ),
    System(
        name="pydantic_graph",
        title="pydantic-graph",
        distributions=("pydantic-graph",),
        stores=("memory",),
        settings="In memory only.",
    ),
)
FLOORS: Final = System(
    name="floors", title="Floor", distributions=(), stores=("memory", "sqlite", "postgres")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What is to be done.

    Attributes:
        name: of the adapters' function.
        title: for people.
        stores: where it makes sense.
        steps: of each instance; several: the workload is done for each of them.
        count: instances or repetitions in a round, at most.
        seconds: after which a round begins nothing more.
        fewer: counts of systems that would take too long with the others'.
    """

    name: str
    title: str
    stores: tuple[str, ...]
    steps: tuple[int, ...] = (10,)
    count: int = 1
    seconds: float = 2.0
    fewer: MappingProxyType[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def count_of(self, system: str) -> int:
        """The count for one system."""
        return self.fewer.get(system, self.count)


_DURABLE: Final = ("sqlite", "postgres")
_ANYWHERE: Final = ("memory",)

WORKLOADS: Final = (
    Workload(name="call", title="called", stores=_ANYWHERE, count=20_000, seconds=1.0),
    Workload(
        name="awaited",
        title="awaited",
        stores=_ANYWHERE,
        steps=(10, 1_000),
        count=20_000,
        seconds=1.0,
    ),
    Workload(name="lone", title="one at a time", stores=_DURABLE, count=30),
    Workload(
        name="many",
        title="many at once",
        stores=_DURABLE,
        count=1_000,
        seconds=20.0,
        fewer=MappingProxyType({"reference": 100, "dbos": 100, "absurd": 300, "langgraph": 100}),
    ),
    Workload(
        name="waiting",
        title="many that wait",
        stores=("postgres",),
        count=1_000,
        seconds=20.0,
        fewer=MappingProxyType({"absurd": 300}),
    ),
    Workload(name="fork", title="a fork", stores=_DURABLE, steps=(100,), count=5),
    Workload(name="big", title="large values", stores=_DURABLE, steps=(8,), count=2),
    Workload(
        name="workers",
        title="two workers",
        stores=("postgres",),
        steps=(3,),
        count=500,
        seconds=20.0,
        fewer=MappingProxyType({"reference": 40, "dbos": 200, "absurd": 300}),
    ),
    Workload(
        name="go_on",
        title="continued after a kill",
        stores=_DURABLE,
        steps=(10, 1_000, 10_000),
        seconds=20.0,
    ),
)


def steps_of(workload: str) -> tuple[int, ...]:
    """The steps that a workload is done for."""
    return next(each.steps for each in WORKLOADS if each.name == workload)
