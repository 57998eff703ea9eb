"""What is measured on every store, and the goals of each."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from benchmarks.measure.figures import Figure, Line, alternated, told
from benchmarks.stores import BenchedStore
from benchmarks.workloads import chains, flows
from benchmarks.workloads.fleet import Rush, rush, waking_seconds, workers
from benchmarks.workloads.waves import Wave, run_wave
from benchmarks.workloads.wide import fork_seconds, megabyte_seconds
from sayiir import Workflow

__all__ = ["POSTGRES_GOALS", "SQLITE_GOALS", "Goals", "lines"]

ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Goals:
    """What a store is to reach: ``…_ratio`` over the floor, all else by itself. None: no goal."""

    lone_ratio: float | None = None
    async_ratio: float | None = None
    async_a_second: float | None = None
    sync_ratio: float | None = None
    worker_ratio: float | None = None
    worker_async_a_second: float | None = None
    worker_sync_a_second: float | None = None
    step_cpu_seconds: float | None = None
    fork_ratio: float | None = None
    fork_seconds: float | None = None
    megabyte_ratio: float | None = None
    megabyte_seconds: float | None = None
    late_ratio: float | None = None
    instances_a_second: float | None = None
    instance_seconds: float | None = None
    waking_seconds: float | None = None
    statements: float | None = None


SQLITE_GOALS = Goals(
    lone_ratio=1.4,
    async_ratio=2.5,
    async_a_second=17_700,
    sync_ratio=2.5 / 3,
    fork_seconds=0.004,
    megabyte_seconds=0.005,
    late_ratio=1.25,
)
POSTGRES_GOALS = Goals(
    lone_ratio=1.5,
    worker_ratio=4,
    worker_async_a_second=18_000,
    worker_sync_a_second=8_000,
    step_cpu_seconds=35e-6,
    fork_seconds=0.008,
    megabyte_seconds=0.010,
    late_ratio=1.25,
    instances_a_second=1_000,
    instance_seconds=0.15,
    waking_seconds=0.003,
    statements=0.1,
)


def lines(store: BenchedStore, goals: Goals) -> Iterator[Line]:
    """The lines of one store."""
    kinds: tuple[tuple[str, Callable[[BenchedStore, Goals], Iterator[Figure]]], ...] = (
        ("a step of a lone chain", _lone),
        ("1,000 instances by a worker", _worker),
        ("1,000 instances by a runner", _runner),
        ("two workers and a client", _rush),
        ("an idle worker is woken", _waking),
        ("a fork of 100 arms and its join", _fork),
        ("a step with a string of a megabyte", _megabyte),
        ("a step at 10,000", _late),
    )
    for name, take in kinds:
        yield Line(f"{store.name}, {name}", partial(take, store, goals))


def _lone(store: BenchedStore, goals: Goals) -> Iterator[Figure]:
    yield alternated(
        f"{store.name}, a step of a lone chain",
        lambda: chains.lone_step_seconds(store.url()),
        store.commit_seconds,
        goal=goals.lone_ratio,
        unit="s",
    )
    yield alternated(
        "  the same in a loop of the user's (async runner)",
        lambda: asyncio.run(chains.lone_async_step_seconds(store.url())),
        store.commit_seconds,
        unit="s",
    )


def _worker(store: BenchedStore, goals: Goals) -> Iterator[Figure]:
    for kind, bound, ratio in (
        ("async", goals.worker_async_a_second, goals.worker_ratio),
        ("sync", goals.worker_sync_a_second, None),
    ):
        taken: list[Wave] = []

        def measure(kind: str = kind, taken: list[Wave] = taken) -> float:
            taken.append(run_wave(store.url(), sync=kind == "sync"))
            return 1 / taken[-1].step_seconds

        yield alternated(
            f"{store.name}, a worker: 1,000 instances of 10 {kind} steps, 100 at a time",
            measure,
            lambda: 1 / store.commit_seconds(),
            goal=ratio,
            bound=bound,
            at_most=False,
            unit="/s",
        )
        cpu = [each.cpu_seconds for each in taken[1:]]
        cpu_bound = goals.step_cpu_seconds if kind == "async" else None
        yield told("  CPU a step of the worker's process", cpu, unit="s", bound=cpu_bound)
    if goals.statements is not None:
        counted = run_wave(store.url(), counted=True).statements
        yield told("  statements a step", [counted], unit="", bound=goals.statements)


def _runner(store: BenchedStore, goals: Goals) -> Iterator[Figure]:
    for kind, flow, goal, bound in (
        ("async", flows.chain(10), goals.async_ratio, goals.async_a_second),
        ("sync", flows.sync_chain(10), goals.sync_ratio, None),
    ):
        yield alternated(
            f"{store.name}, a runner: 1,000 instances of 10 {kind} steps, 100 at a time",
            partial(_runner_steps_a_second, store, flow),
            lambda: 1 / store.commit_seconds(),
            goal=goal,
            bound=bound,
            at_most=False,
            unit="/s",
        )
    chain = flows.chain(10)
    yield alternated(
        "  the same by one run() each, created and read too (async)",
        lambda: 1 / asyncio.run(chains.concurrent_run_step_seconds(store.url(), chain)),
        lambda: 1 / store.commit_seconds(),
        at_most=False,
        unit="/s",
    )


def _runner_steps_a_second(store: BenchedStore, flow: Workflow[int, int]) -> float:
    return 1 / asyncio.run(chains.concurrent_step_seconds(store.url(), flow))


def _rush(store: BenchedStore, goals: Goals) -> Iterator[Figure]:
    url = store.url()
    taken: list[Rush] = []

    def measure() -> float:
        taken.append(asyncio.run(rush(url)))
        return taken[-1].per_second

    with workers(url, 2):
        yield alternated(
            f"{store.name}, 500 instances of 3 steps, two worker processes and a client",
            measure,
            lambda: 1 / store.commit_seconds(),
            bound=goals.instances_a_second,
            at_most=False,
            unit="/s",
        )
    ways = [each.median_seconds for each in taken[1:]]
    yield told("  from the call of submit to the end", ways, unit="s", bound=goals.instance_seconds)
    submits = [each.submits_per_second for each in taken[1:]]
    yield told("  submitted", submits, unit="/s", bound=None, at_most=False)


def _waking(store: BenchedStore, goals: Goals) -> Iterator[Figure]:
    url = store.url()
    with workers(url, 1):
        yield alternated(
            f"{store.name}, idle worker: from submit elsewhere to the first task",
            lambda: asyncio.run(waking_seconds(url)),
            store.commit_seconds,
            bound=goals.waking_seconds,
            unit="s",
        )


def _fork(store: BenchedStore, goals: Goals) -> Iterator[Figure]:
    yield alternated(
        f"{store.name}, a fork of 100 arms and its join",
        lambda: asyncio.run(fork_seconds(store.url())),
        store.commit_seconds,
        goal=goals.fork_ratio,
        bound=goals.fork_seconds,
        unit="s",
    )


def _megabyte(store: BenchedStore, goals: Goals) -> Iterator[Figure]:
    megabyte = b"x" * 1_000_000
    yield alternated(
        f"{store.name}, a step with a string of a megabyte",
        lambda: asyncio.run(megabyte_seconds(store.url())),
        lambda: store.row_seconds(megabyte),
        goal=goals.megabyte_ratio,
        bound=goals.megabyte_seconds,
        unit="s",
    )


def _late(store: BenchedStore, goals: Goals) -> Iterator[Figure]:
    ratios = [asyncio.run(chains.late_step_ratio(store.url())) for _ in range(ROUNDS // 2 + 1)]
    yield told(
        f"{store.name}, a step at 10,000 over one at 10",
        [statistics.median(ratios)],
        unit=" x",
        bound=goals.late_ratio,
    )
