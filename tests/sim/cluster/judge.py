"""Looks at every operation of a simulation and every start of a task, and finds what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sayiir.engine.attempt import Attempt, idempotency_key
from sayiir.errors import InstanceNotFound, InvalidTransition
from sayiir.stores.records import Control, InstanceState, Phase
from sayiir.testing.simulation import PROCESS
from tests.sim.case import left_over, missing
from tests.sim.cluster.changes import CHANGES
from tests.sim.cluster.memory import Change, Memory, remember, remember_lapses
from tests.sim.cluster.standing import STANDING
from tests.sim.cluster.views import views_of
from tests.sim.trace import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir import TaskContext
    from sayiir.stores.memory.tables import Tables
    from sayiir.stores.records import Fence
    from tests.sim.case import Case
    from tests.sim.cluster.memory import Excused
    from tests.sim.cluster.operations import Operation
    from tests.sim.cluster.views import RunView
    from tests.sim.cluster.worlds import Able

__all__ = ["INVARIANTS", "Judge", "Violation"]

READS: Final = frozenset(
    {"describe", "inspect", "load", "check", "results", "page", "count_results", "definition"}
)
_ROUNDING_US: Final = 1_000
"""Backoffs in place are slept in floating seconds."""
_ANSWER_US: Final = 35_000
"""A deadline is told with a claim, and counted from where its answer comes in."""
REFUSALS: Final = (InvalidTransition, InstanceNotFound)
"""What the store says to people who ask for what can't be."""

OF_TASKS: Final = {
    "a committed task never runs again": "No task starts whose result is stored.",
    "one start for a claim": "A grant starts each attempt of each step once.",
    "inputs equal those of the unbroken run": "Each step gets what it gets in memory.",
    "attempts only grow": "An attempt is numbered by the failures and lost leases before it.",
    "who was refused starts nothing": "After a refused write, or one with a request, it stops.",
    "a task runs where its tags are": "No worker starts a task that asks for what it hasn't.",
    "an item asks for what its task asks": "Its priority and tags are those of what it stands at.",
    "nothing starts after the deadline": "A workflow that has timed out starts no further task.",
    "idempotency keys stay": "A step's key is equal for all attempts, and nobody else's.",
}
OF_THE_END: Final = {
    "outputs equal those of the unbroken run": "What completes gives what it gives in memory.",
    "everything ends": "Once the trouble is over, every instance comes to an end.",
    "nothing fails by itself": "Only what is planned to fail does.",
    "a loop keeps its last iteration": "What a loop has gone on from is pruned.",
    "a loop with a history keeps it": "Where all iterations are to stay, none is left out.",
    "who has drained holds nothing": "A worker that was shut down has given everything back.",
    "nobody stumbles": "No worker and no person meets an error that is nobody's fault.",
}


def _name(check: Callable[..., Any]) -> str:
    return check.__name__.replace("_", " ")


INVARIANTS: Final[dict[str, str]] = {
    **{_name(each): (each.__doc__ or "").strip() for each in (*STANDING, *CHANGES)},
    **OF_TASKS,
    **OF_THE_END,
}
"""Name -> what it says."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that was broken, when, and how."""

    invariant: str
    at: float
    operation: int
    text: str

    def __str__(self) -> str:
        return f"{self.invariant} (operation {self.operation}, {self.at:.3f} s): {self.text}"


@dataclass(slots=True)
class Judge:
    """One simulation's judge. ``violation``: the first thing that went wrong."""

    case: Case
    tables: Tables
    expected: dict[tuple[str, str], tuple[Any, dict[str, str]]]
    """Instance id and definition hash -> output and inputs by path of the unbroken run."""
    now: Callable[[], float]
    excused: Excused
    able: Callable[[str], Able]
    """What a process has."""
    store_now: Callable[[], int]
    """The store's clock, in microseconds."""
    operations: list[Operation] = field(default_factory=list)
    violation: Violation | None = None
    views: dict[int, RunView] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    evaluated: int = 0
    clock_jumped: bool = False
    _starts: set[tuple[Fence, str, int]] = field(default_factory=set)
    _keys: dict[str, tuple[int, str]] = field(default_factory=dict)
    _latest: dict[tuple[int, str, int], int] = field(default_factory=dict)
    _fresh: dict[str, int] = field(default_factory=dict)

    def blame(self, invariant: str, text: str) -> None:
        """An invariant is broken; the first one counts."""
        assert invariant in INVARIANTS, invariant
        if self.violation is None:
            at = len(self.operations) - 1
            self.violation = Violation(invariant, self.now(), at, text)

    def jumped(self, seconds: float) -> None:
        """The store's clock was set by so much."""
        self.clock_jumped = True
        back, ahead = self.memory.shifted_us
        us = round(seconds * 1e6)
        self.memory.shifted_us = back + max(-us, 0), ahead + max(us, 0)

    # -- operations

    def see(self, operation: Operation) -> None:
        """Judge an operation that was just done."""
        self.operations.append(operation)
        if self.violation is not None:
            return
        if isinstance(operation.error, REFUSALS):
            operation_error, operation.error = operation.error, None
            self._judge(operation, refused=True)
            operation.error = operation_error
        else:
            self._judge(operation, refused=False)

    def _judge(self, operation: Operation, *, refused: bool) -> None:
        before = self.views
        after = before
        if operation.verb not in READS:
            after = views_of(self.tables)
            for number, run in after.items():
                if before.get(number) == run:
                    after[number] = before[number]
        change = Change(operation, before, after, self.memory, self.excused, self.able)
        remember_lapses(change)
        for run in after.values():
            if before.get(run.number) is not run:
                for standing in STANDING:
                    self._found(standing, standing(run))
        if refused:
            if any(before.get(each.number) is not each for each in after.values()):
                self.blame("the store makes sense of it", f"{operation.verb} refused, and done")
        else:
            if operation.verb == "retry" and operation.error is None:
                instance_id = operation.args[0]
                self._fresh[instance_id] = self._fresh.get(instance_id, 0) + 1
            for check in CHANGES:
                self._found(check, check(change))
            if self.violation is None:
                remember(change)
        self.evaluated += len(INVARIANTS)
        self.views = after

    def _found(self, check: Callable[..., Any], text: str | None) -> None:
        if text is not None:
            self.blame(_name(check), text)

    # -- tasks

    def started(self, ctx: TaskContext, values: tuple[Any, ...]) -> None:
        """Judge a task that starts, by what its attempt holds."""
        attempt: Any = getattr(ctx._heartbeat, "__self__", None)
        assert isinstance(attempt, Attempt)
        fence, path = attempt._work.fence, ctx.path
        run = self.views.get(fence.run)
        if run is None or self.violation is not None:
            return
        value = repr(plain(values))
        given = self.expected[ctx.instance_id, run.definition_hash][1].get(path, value)
        if given != value:
            self.blame("inputs equal those of the unbroken run", f"{path}: {value}, not {given}")
        run_id = self.tables.runs[fence.run].new.run_id
        key, place = ctx.idempotency_key, (fence.run, path)
        if key != idempotency_key(run_id, path) or self._keys.setdefault(key, place) != place:
            self.blame("idempotency keys stay", f"{path} has another's, or a new one")
        if fence in self.memory.dismissed:
            self.blame("who was refused starts nothing", f"{path} by {fence}")
        name = attempt._spec.name
        asked = self.case.asks[name]
        able = self.able(PROCESS.get() or "")
        if not able.may_have(run.definition_hash, asked[1]):
            self.blame("a task runs where its tags are", f"{name} {asked[1]} with {able}")
        item = run.items.get(fence.item)
        if item is None or item.epoch != fence.epoch or item.holder is None:
            return  # a zombie, of whom nothing is accepted
        if item.path == path and (item.priority, item.tags) != asked:
            told = f"{name} asks for {asked}, its item for {item.priority}, {item.tags}"
            self.blame("an item asks for what its task asks", told)
        over = self.memory.over_us(fence, self.store_now())
        if over > _ANSWER_US and not self.excused(item.holder):
            told = f"{path} begins {over} us after the deadline"
            self.blame("nothing starts after the deadline", told)
        if path in run.results:
            self.blame("a committed task never runs again", f"{path} by {fence}")
        if (fence, path, ctx.attempt) in self._starts:
            self.blame("one start for a claim", f"{path}, attempt {ctx.attempt} of {fence}")
        self._starts.add((fence, path, ctx.attempt))
        backing_off = item.phase is Phase.BACKOFF and not self.clock_jumped
        early = self.memory.wakes.get((fence.run, fence.item), 0) - self.store_now()
        if backing_off and early > _ROUNDING_US:
            self.blame("no timer is early", f"{path} begins {early} us before its backoff is over")
        failures, lost = self.memory.counts.get((fence.run, fence.item), (0, 0))
        grown = (fence.run, path, self._fresh.get(ctx.instance_id, 0))
        last = self._latest.get(grown, 0)
        self._latest[grown] = max(last, ctx.attempt)
        if ctx.attempt != failures + lost + 1 or ctx.attempt < last:
            told = f"{path} is attempt {ctx.attempt} after {last}"
            self.blame("attempts only grow", f"{told}; {failures} failed, {lost} were lost")

    # -- the end

    def ended(self, run: RunView, output: Any) -> None:
        """Judge an instance that stands still for good."""
        expected = self.expected[run.instance_id, run.definition_hash][0]
        if run.state is InstanceState.COMPLETED and output != expected:
            text = f"{run.instance_id} gave {output} instead of {expected}"
            self.blame("outputs equal those of the unbroken run", text)
        if run.state is InstanceState.RUNNING:
            how = f"{run.control.value}, " * (run.control is not Control.NONE)
            where = [item.path for item in run.items.values() if item.open]
            self.blame("everything ends", f"{run.instance_id} still runs ({how}at {where})")
        for problem in left_over(self.case, run.results):
            self.blame("a loop keeps its last iteration", problem)
        for problem in missing(self.case, run.results):
            self.blame("a loop with a history keeps it", problem)
