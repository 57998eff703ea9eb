"""What the store says was committed, beside what the outside world saw being begun."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from examples.worker_fleet import drawn
from examples.worker_fleet.models import Receipt
from examples.worker_fleet.office import account_of
from examples.worker_fleet.workflow import monthly_bill
from sayiir import AsyncWorkflowClient
from sayiir.status import TaskResult

__all__ = ["Checked", "TaskCounts", "check"]

AT_ONCE: Final = 8


@dataclass(slots=True)
class TaskCounts:
    """How often one task was begun, and why more often than committed.

    Attributes:
        begun: starts of it that the outside world saw.
        committed: results of it that the store has.
        failed: starts that ended in a failure, and were followed by another.
        cut_off: starts whose worker was killed before the result was committed.
        unexplained: other starts without a commit: a worker that lived has lost a lease.
        again: starts after the commit. There must be none.
    """

    begun: int = 0
    committed: int = 0
    failed: int = 0
    cut_off: int = 0
    unexplained: int = 0
    again: int = 0


@dataclass(slots=True)
class Checked:
    """What was found.

    Attributes:
        tasks: by the task's name, in the order of the graph.
        lost: acknowledged instances that the store doesn't have as completed.
        unseen: committed results of tasks that the outside world never saw begin.
        wrong: receipts over another sum than who checks it computes.
        charges: payments that the bank has taken.
        asked_again: questions to the bank with a key that it had seen already.
        charged_twice: accounts with more payments than one.
    """

    tasks: dict[str, TaskCounts] = field(default_factory=dict[str, TaskCounts])
    lost: int = 0
    unseen: int = 0
    wrong: int = 0
    charges: int = 0
    asked_again: int = 0
    charged_twice: int = 0

    @property
    def is_sound(self) -> bool:
        """Nothing was lost, repeated after its commit, or wrong."""
        again = sum(counts.again for counts in self.tasks.values())
        return not (self.lost or self.unseen or self.wrong or self.charged_twice or again)


async def check(
    client: AsyncWorkflowClient,
    pool: Any,
    books: str,
    *,
    acknowledged: Sequence[str],
    victim: str,
    seed: int,
) -> Checked:
    """Read every result of every instance, and compare.

    Args:
        client: of the store.
        pool: connections to the server.
        books: the schema of the outside world's books.
        acknowledged: the instances that must be there.
        victim: the worker that was killed.
        seed: what bills come to is drawn from it.
    """
    completed = await _completed(client)
    kept = [each for each in acknowledged if each in completed]
    found = Checked(lost=len(acknowledged) - len(kept))
    committed: dict[tuple[str, str], TaskResult] = {}
    for instance_id, results in zip(kept, await _histories(client, kept), strict=True):
        committed |= {(instance_id, each.path): each for each in results}
        receipt = results[-1].output
        account = account_of(instance_id)
        found.wrong += receipt != Receipt(account, drawn.total_cents(seed, account))
    _compare(found, committed, await pool.fetch(f"select * from {books}.begun"), victim)
    charges = await pool.fetch(f"select account, asked from {books}.charge")
    found.charges = len(charges)
    found.asked_again = sum(asked - 1 for _, asked in charges)
    found.charged_twice = sum(n > 1 for n in Counter(account for account, _ in charges).values())
    return found


async def _completed(client: AsyncWorkflowClient) -> set[str]:
    found, cursor = set[str](), None
    while True:
        page = await client.list(monthly_bill, status="Completed", limit=1000, cursor=cursor)
        found.update(each.instance_id for each in page)
        if (cursor := page.cursor) is None:
            return found


async def _histories(client: AsyncWorkflowClient, ids: Sequence[str]) -> list[list[TaskResult]]:
    room = asyncio.Semaphore(AT_ONCE)

    async def history(instance_id: str) -> list[TaskResult]:
        async with room:
            return await client.task_results(instance_id, monthly_bill)

    return await asyncio.gather(*map(history, ids))


def _compare(
    found: Checked,
    committed: Mapping[tuple[str, str], TaskResult],
    begun: Sequence[Any],
    victim: str,
) -> None:
    paths = {entry["path"] for entry in begun}
    # Names of tasks are those of the last segments: here each task stands at one place.
    found.tasks = {
        path.rsplit("/", 1)[-1]: TaskCounts() for path, _ in monthly_bill.nodes() if path in paths
    }
    unseen = {at: result for at, result in committed.items() if at[1] in paths}
    for entry in begun:
        at = (entry["instance_id"], entry["path"])
        counts, result = found.tasks[entry["path"].rsplit("/", 1)[-1]], committed.get(at)
        counts.begun += 1
        if result is not None and entry["begun_at"] > result.finished_at:
            counts.again += 1
        elif entry["failed_with"] is not None:
            counts.failed += 1
        elif result is not None and entry["attempt"] == result.attempts and unseen.pop(at, None):
            counts.committed += 1
        elif entry["worker"] == victim:
            counts.cut_off += 1
        else:
            counts.unexplained += 1
    found.unseen = len(unseen)
