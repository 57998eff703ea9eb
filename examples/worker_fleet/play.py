"""What happens, in order: bills come in, a worker is killed, its work is taken over, one joins."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from examples.worker_fleet.office import release_large_bills, submit_bills
from examples.worker_fleet.processes import Workers
from examples.worker_fleet.watching import Sample, Watch
from examples.worker_fleet.worker import CONCURRENCY, LEASE_SECONDS
from sayiir import AsyncWorkflowClient

__all__ = ["Played", "Scene"]

# The store wakes who waits for one instance; for all of them together one has to look.
LOOK_SECONDS: Final = 0.25
LOOK_AFTER_KILL_SECONDS: Final = 0.02
REPLACED_SECONDS: Final = 2 * LEASE_SECONDS
STEPS_OF_A_BILL: Final = 8
BUSY: Final = 1.5
"""So many bills that can be worked on, for each that the workers can work on at once."""


@dataclass(slots=True)
class Played:
    """What has happened, for the account of it; samples are None where it hasn't.

    Attributes:
        acknowledged: ids of the instances whose submit was confirmed.
        victim: which worker was killed.
        held: so many items stood under its name when it died.
        killed: the sample of that moment.
        first_over: when the first of its items had another holder.
        all_over: when none stood under its name any more.
        joined: when the new worker was started.
        ended: the last sample.
    """

    acknowledged: list[str]
    victim: str
    held: int
    killed: Sample
    first_over: Sample | None = None
    all_over: Sample | None = None
    joined: Sample | None = None
    ended: Sample | None = None


class Scene:
    """One run of the fleet.

    Args:
        client: of the store.
        watch: counts its instances.
        workers: none are started yet.
        instances: how many bills.
        worker_count: how many workers to begin with.
        seed: when which worker is killed is drawn from it.
        say: prints a line.
    """

    def __init__(
        self,
        client: AsyncWorkflowClient,
        watch: Watch,
        workers: Workers,
        *,
        instances: int,
        worker_count: int,
        seed: int,
        say: Callable[[str], None],
    ) -> None:
        self._client = client
        self._watch = watch
        self._workers = workers
        self._instances = instances
        self._worker_count = worker_count
        self._busy = round(BUSY * CONCURRENCY * worker_count)
        self._lot = random.Random(seed)
        self._say = say
        self._said_at = 0.0
        self._acknowledged: list[str] = []

    async def play(self) -> Played:
        """Do it all.

        Raises:
            WorkerDied: a worker ended that nobody had killed.
            SayiirError: what the store raised.
        """
        beside: list[Coroutine[Any, Any, None]] = [
            submit_bills(
                self._client, self._instances, self._watch, self._busy, self._acknowledged
            ),
            release_large_bills(self._client),
        ]
        await self._watch.look()
        for _ in range(self._worker_count):
            self._workers.start()
        self._say("    s  submitted  in progress  waiting  awaiting signal  completed")
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(each) for each in beside]
                played = await self._main_part()
                for task in tasks:
                    task.cancel()
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return played

    async def _main_part(self) -> Played:
        share = self._lot.uniform(0.3, 0.5)
        victim = self._lot.choice(self._workers.names)
        enough = share * STEPS_OF_A_BILL * self._instances
        while (await self._look()).steps < enough:  # noqa: ASYNC110  the store has to be asked
            await asyncio.sleep(LOOK_SECONDS)
        self._workers.kill(victim)
        killed, held = await self._watch.look(), await self._watch.held_by(victim)
        self._say(f"{killed.at:5.1f}  {victim} is killed (SIGKILL); it held {held:,} items")
        played = Played(self._acknowledged, victim, held, killed)
        while not await self._is_played(played):  # noqa: ASYNC110  as above
            await asyncio.sleep(LOOK_SECONDS if played.all_over else LOOK_AFTER_KILL_SECONDS)
        return played

    async def _is_played(self, played: Played) -> bool:
        """Look once after the kill, and do what is due; whether all is over."""
        left, sample = await self._watch.held_by(played.victim), await self._look()
        if played.first_over is None and left < played.held:
            played.first_over = sample
        if played.all_over is None and not left:
            played.all_over = sample
            after = sample.at - played.killed.at
            self._say(f"{sample.at:5.1f}  the last of them has another holder, {after:.1f} s later")
        if sample.completed + sample.bad >= self._instances and played.all_over:
            played.ended = sample
            self._tell(sample)
            return True
        if played.joined is None and sample.at >= played.killed.at + REPLACED_SECONDS:
            played.joined = sample
            self._say(f"{sample.at:5.1f}  {self._workers.start()} is started")
        return False

    async def _look(self) -> Sample:
        self._workers.check()
        sample = await self._watch.look()
        # Further apart as time goes by, so that a long run too fits a screen or two.
        if sample.at - self._said_at >= max(1.0, 0.05 * sample.at):
            self._tell(sample)
        return sample

    def _tell(self, sample: Sample) -> None:
        if sample.at == self._said_at:
            return
        self._said_at = sample.at
        self._say(
            f"{sample.at:5.1f}  {len(self._acknowledged):9,}  {sample.in_progress:11,}  "
            f"{sample.waiting:7,}  {sample.awaiting:15,}  {sample.completed:9,}"
        )
