"""pydantic-graph, in memory: it has no store."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic_graph import GraphBuilder, StepContext

from benchmarks.race.adapter import Figures, Job, main, repeated, repeated_async


def _chain(steps: int) -> Any:
    """A step of the graph for each step."""
    builder = GraphBuilder(input_type=int, output_type=int)

    async def increment(context: StepContext[None, None, int]) -> int:
        return int(context.inputs) + 1

    each = [builder.step(increment, node_id=f"step_{number}") for number in range(steps)]
    edges = [builder.edge_from(builder.start_node).to(each[0])]
    edges += [builder.edge_from(before).to(after) for before, after in zip(each, each[1:])]  # noqa: B905, RUF007
    builder.add(*edges, builder.edge_from(each[-1]).to(builder.end_node))
    return builder.build()


def call(job: Job) -> Figures:
    """``asyncio.run(graph.run(...))``: it has no call of its own for where no loop runs."""
    graph = _chain(job.steps)
    return repeated(lambda number: asyncio.run(graph.run(inputs=number)), job)


async def awaited(job: Job) -> Figures:
    """``await graph.run(...)``."""
    graph = _chain(job.steps)
    return await repeated_async(lambda number: graph.run(inputs=number), job, parts=job.steps)


if __name__ == "__main__":
    main(call, awaited)
