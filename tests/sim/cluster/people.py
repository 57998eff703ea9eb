"""The people of a simulation: they submit, send, cancel, pause and mend, at random moments."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final

from sayiir import AsyncWorkflowClient, ConflictPolicy
from sayiir.errors import (
    DefinitionMismatch,
    InstanceAlreadyExists,
    InstanceNotFound,
    InvalidTransition,
    StoreUnavailable,
)
from sayiir.stores.records import Control, InstanceState
from tests.sim.cluster.rights import timed_out

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from random import Random

    from sayiir.stores.memory.rows import Run
    from sayiir.stores.memory.tables import Tables
    from tests.sim.case import Case, Plan
    from tests.sim.cluster.judge import Judge
    from tests.sim.cluster.process import ProcessStore, Witness
    from tests.sim.cluster.worlds import World

__all__ = ["Habits", "People"]

USUAL: Final = (
    InvalidTransition,
    InstanceNotFound,
    InstanceAlreadyExists,
    DefinitionMismatch,
    StoreUnavailable,
)
"""What people meet who ask at random, over a line that is cut at times."""
_MISTAKEN: Final = 0.2
_MOST_TRIES: Final = 3
_REPEATED: Final = re.compile(r"(^|/)(loop|map)[^/]*/")


class Habits:
    """What people do differently in another world; in a plain one nothing is drawn for it.

    Args:
        world: which one.
        versions: of the workflow.
        random: for draws of its own.
    """

    def __init__(self, world: World, versions: list[Any], random: Random) -> None:
        self.world = world
        self.versions = versions
        self.random = random
        self.again: dict[int, int] = {}

    def version_of(self, run: Run) -> Any:
        """The workflow that the run was created by."""
        known = {each.definition_hash: each for each in self.versions}
        return known[run.new.definition_hash]

    def version_for(self, run: Run | None) -> Any:
        """The workflow that somebody names, now and then the wrong one."""
        if len(self.versions) > 1 and (run is None or self.random.random() < _MISTAKEN):
            return self.random.choice(self.versions)
        return self.versions[0] if run is None else self.version_of(run)

    def address(self, run: Run, name: str, plan: Plan, accepted: int) -> str | None:
        """Where the next event of this name is sent to; None: to whoever waits first.

        The payload goes by the event's number, and not by the wait's. So where several waits get
        different ones, it is sent only to the one that stands first.
        """
        if not self.world.addressed or self.random.random() < 0.5:
            return None
        waits = sorted(run.waits.get(name, ()))
        if waits:
            return self.random.choice(waits) if plan.step == 0 or len(waits) == 1 else None
        paths = [
            path
            for path, node in self.version_of(run).nodes()
            if getattr(node, "signal_name", "") == name and not _REPEATED.search(path)
        ]
        ahead = paths and (plan.step == 0 or accepted == 0)
        return self.random.choice(paths) if ahead else None

    def try_again(self, run: Run) -> bool:
        """Whether somebody retries once more what has timed out."""
        tries = self.again[run.number] = self.again.get(run.number, 0) + 1
        return tries < _MOST_TRIES and self.random.random() < 0.5


class People:
    """Ask things of instances, and help them on.

    They look at the rows to decide what they might ask; what they do goes through the client.

    Args:
        habits: what they do in this world.
        inputs: instance id -> input.
    """

    def __init__(
        self,
        case: Case,
        habits: Habits,
        inputs: dict[str, int],
        tables: Tables,
        store: ProcessStore,
        witness: Witness,
        judge: Judge,
        random: Random,
    ) -> None:
        self.case = case
        self.habits = habits
        self.inputs = inputs
        self.tables = tables
        self.client = AsyncWorkflowClient(store)
        self.replacing = self.client.with_conflict_policy(ConflictPolicy.TERMINATE_EXISTING)
        self.witness = witness
        self.judge = judge
        self.random = random
        self.removed: set[str] = set()

    async def meddle(self) -> None:
        """Something at random, now and then, until cancelled."""
        kinds: tuple[Callable[[str], Coroutine[Any, Any, None]], ...] = (
            *(self._submit,) * 4,
            *(self._send,) * 6,
            *(self._pause,) * 2,
            *(self._unpause,) * 3,
            *(self._retry,) * 2,
            self._cancel,
            self._delete,
            self._replace,
            *(self._replace,) * (6 if self.habits.world.restless else 0),
        )
        for instance_id in self.inputs:
            await self._ask(self._submit, instance_id)
        while True:
            await asyncio.sleep(self.random.uniform(0.0, 2.5))
            await self._ask(self.random.choice(kinds), self.random.choice(list(self.inputs)))

    async def help_on(self) -> bool:
        """One round of what each instance needs to end; True: all have ended."""
        done = True
        for instance_id in self.inputs:
            run = self.tables.by_instance.get(instance_id)
            if run is None:
                if instance_id not in self.removed:
                    done = False
                    await self._ask(self._submit, instance_id)
            elif run.state is InstanceState.RUNNING:
                done = False
                if run.control is Control.PAUSE:
                    await self._ask(self._unpause, instance_id)
                elif run.control is Control.NONE and self._awaited(run):
                    await self._ask(self._send, instance_id)
            elif run.state is InstanceState.FAILED and self._mends(run):
                done = False
                await self._ask(self._retry, instance_id)
        return done

    def _mends(self, run: Run) -> bool:
        return self.habits.try_again(run) if timed_out(run.error) else self.case.fails

    async def _ask(
        self, what: Callable[[str], Coroutine[Any, Any, None]], instance_id: str
    ) -> None:
        try:
            await what(instance_id)
        except USUAL:
            pass
        except Exception as error:  # what nobody should ever meet
            text = f"people met {type(error).__name__}: {error}"
            self.judge.blame("nobody stumbles", text)

    # -- what they ask

    async def _submit(self, instance_id: str) -> None:
        if instance_id not in self.removed:
            workflow = self.habits.version_for(self.tables.by_instance.get(instance_id))
            await self.client.submit(workflow, instance_id, self.inputs[instance_id])

    async def _replace(self, instance_id: str) -> None:
        if self.random.random() < 0.5:
            self.removed.discard(instance_id)
            workflow = self.habits.version_for(self.tables.by_instance.get(instance_id))
            value = self.inputs[instance_id]
            await self.replacing.submit(workflow, instance_id, value)

    async def _send(self, instance_id: str) -> None:
        run = self.tables.by_instance.get(instance_id)
        if run is None:
            return
        names = self._awaited(run) or [
            name
            for name, plan in self.case.plans.items()
            if plan.first is not None and sum(len(q) for q in run.kept.values()) < plan.buffered
        ]
        if names:
            name = self.random.choice(names)
            accepted = sum(each.signal_name == name for each in self._events(run))
            plan = self.case.plans[name]
            payload = plan.payload(accepted)
            workflow = self.habits.version_for(run) if self.random.random() < 0.5 else None
            path = self.habits.address(run, name, plan, accepted)
            await self.client.send_event(instance_id, name, payload, path=path, workflow=workflow)

    def _events(self, run: Run) -> list[Any]:
        """All that were ever accepted, also those that a loop has pruned."""
        ids = {event for number, event in self.judge.memory.sent if number == run.number}
        return [_Named(self.judge.memory.sent[run.number, each][0]) for each in sorted(ids)]

    def _awaited(self, run: Run) -> list[str]:
        """Signals that somebody waits for, and whose events are planned."""
        plans = self.case.plans
        return [
            name
            for name, waits in sorted(run.waits.items())
            if waits and plans[name].first is not None
        ]

    async def _cancel(self, instance_id: str) -> None:
        await self.client.cancel(instance_id, reason="changed my mind")

    async def _pause(self, instance_id: str) -> None:
        await self.client.pause(instance_id)

    async def _unpause(self, instance_id: str) -> None:
        await self.client.unpause(instance_id)

    async def _retry(self, instance_id: str) -> None:
        run = self.tables.by_instance.get(instance_id)
        if run is not None and run.state is InstanceState.FAILED:
            self.witness.mended.add(instance_id)
        await self.client.retry(instance_id)

    async def _delete(self, instance_id: str) -> None:
        if self.random.random() < 0.5:
            await self.client.delete(instance_id)
            self.removed.add(instance_id)


class _Named:
    def __init__(self, signal_name: str) -> None:
        self.signal_name = signal_name
