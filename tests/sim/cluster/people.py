"""The people of a simulation: they submit, send, cancel, pause and mend, at random moments."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from sayiir import AsyncWorkflowClient, ConflictPolicy
from sayiir.errors import (
    InstanceAlreadyExists,
    InstanceNotFound,
    InvalidTransition,
    StoreUnavailable,
)
from sayiir.stores.records import Control, InstanceState

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from random import Random

    from sayiir.stores.memory.rows import Run
    from sayiir.stores.memory.tables import Tables
    from tests.sim.case import Case
    from tests.sim.cluster.judge import Judge
    from tests.sim.cluster.process import ProcessStore, Witness

__all__ = ["People"]

USUAL: Final = (InvalidTransition, InstanceNotFound, InstanceAlreadyExists, StoreUnavailable)
"""What people meet who ask at random, over a line that is cut at times."""


class People:
    """Ask things of instances, and help them on.

    They look at the rows to decide what they might ask; what they do goes through the client.

    Args:
        inputs: instance id -> input.
    """

    def __init__(
        self,
        case: Case,
        inputs: dict[str, int],
        tables: Tables,
        store: ProcessStore,
        witness: Witness,
        judge: Judge,
        random: Random,
    ) -> None:
        self.case = case
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
            elif run.state is InstanceState.FAILED and self.case.fails:
                done = False
                await self._ask(self._retry, instance_id)
        return done

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
            await self.client.submit(self.case.workflow, instance_id, self.inputs[instance_id])

    async def _replace(self, instance_id: str) -> None:
        if self.random.random() < 0.5:
            self.removed.discard(instance_id)
            value = self.inputs[instance_id]
            await self.replacing.submit(self.case.workflow, instance_id, value)

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
            payload = self.case.plans[name].payload(accepted)
            workflow = self.case.workflow if self.random.random() < 0.5 else None
            await self.client.send_event(instance_id, name, payload, workflow=workflow)

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
