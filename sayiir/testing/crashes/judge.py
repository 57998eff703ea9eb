"""What is wrong with a run, measured by the unbroken one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from sayiir.dsl.callables import is_lambda
from sayiir.errors import SayiirError, TaskFailed
from sayiir.status import Completed, Failed

if TYPE_CHECKING:
    from sayiir.dsl.spec import TaskSpec
    from sayiir.errors import FailureInfo
    from sayiir.testing.crashes.stage import Played
    from sayiir.testing.crashes.witness import Execution

__all__ = ["Judge", "NotRepeatable", "Problem", "Same", "outcome_of"]

Same: TypeAlias = Callable[[Any, Any], bool]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        kind: ``"outcome"``, ``"ran again"``, ``"check"`` or ``"engine"``.
        task: the task that it is about, or ``""``.
        path: where that stands.
        text: what is wrong, in some lines.
    """

    kind: str
    task: str
    path: str
    text: str

    @property
    def key(self) -> tuple[str, str]:
        """Problems of one key are told once, with the smallest schedule that shows them."""
        return (self.kind, self.task)


def outcome_of(status: Any) -> Any:
    """What is compared of an instance's end: its output, or what it failed of."""
    if isinstance(status, Completed):
        return status.output  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if isinstance(status, Failed):
        return _failure(status.error)
    return status


def _failure(info: FailureInfo) -> tuple[str, str, str | None, str, str]:
    return (info.kind, info.type_name, info.task, info.path, info.message)


@dataclass(slots=True)
class Judge:
    """Knows the unbroken run, and judges others by it.

    Attributes:
        unbroken: that run.
        same: whether two outputs count as the same.
        declared: tasks may run again only if they say that they are idempotent.
    """

    unbroken: Played
    same: Same
    declared: bool

    def problems(self, played: Played) -> list[Problem]:
        """What is wrong with a run."""
        if played.trouble is not None:
            text = f"the run itself broke: {type(played.trouble).__name__}: {played.trouble}"
            return [Problem("engine", "", "", text)]
        found = self._outcome(played)
        if self.declared:
            found += self._reruns(played.witness.executions)
        found += self._late(played.witness.executions)
        if played.said is not None and not found and not played.schedule.forget:
            found.append(Problem("check", "", "", f"check= says: {played.said}"))
        return found

    # -- the outcome

    def _outcome(self, played: Played) -> list[Problem]:
        expected: Any = self.unbroken.status
        status: Any = played.status
        if isinstance(expected, Completed) and isinstance(status, Completed):
            equal = self.same(outcome_of(status), outcome_of(expected))
        else:
            equal = outcome_of(status) == outcome_of(expected)
        if equal:
            return []
        lines = [f"the outcome is {_told(status)}", f"and unbroken {_told(expected)}"]
        first = self._first_difference(played)
        if first is not None:
            path, text = first
            lines.append(text)
        else:
            path = ""
        if played.lost:
            lines.append(
                f"a new process doesn't have what the dead one kept in {', '.join(played.lost)}: "
                "give it on as a result; or, where it stands for the world outside, hand it over "
                "as a resource, or pass keep=[...]"
            )
        task = next((e.spec.name for e in played.witness.executions if e.path == path), "")
        return [Problem("outcome", task, path, "\n".join(lines))]

    def _first_difference(self, played: Played) -> tuple[str, str] | None:
        """The first result, in the order of the unbroken run, that is another."""
        for path, value in self.unbroken.results.items():
            if path not in played.results:
                if isinstance(played.status, Failed):
                    continue
                return path, f"first of all, {path} has no result"
            other = played.results[path]
            if other != value:
                text = f"first of all, {path} gave {_short(other)} instead of {_short(value)}"
                return path, text
        return None

    # -- what ran again

    def _reruns(self, executions: list[Execution]) -> list[Problem]:
        before: dict[str, Execution] = {}
        found: dict[str, Problem] = {}
        for execution in executions:
            first = before.get(execution.path)
            before[execution.path] = execution
            # What failed is tried again because its retries say so.
            if first is None or first.ended == "raised" or not _must_say(execution.spec):
                continue
            found.setdefault(execution.spec.name, self._rerun(first, execution))
        return list(found.values())

    def _rerun(self, first: Execution, again: Execution) -> Problem:
        how = {"cut": "stopped in the middle", "returned": "had returned"}[first.ended]
        same = first.arguments == again.arguments
        given = "with the same input" if same else f"with ({again.arguments})"
        name = again.spec.name
        text = (
            f"{name} ran more than once, at {again.path}\n"
            f"first as attempt {first.attempt} in process {first.process}, with "
            f"({first.arguments}); it {how}\n"
            f"then as attempt {again.attempt} in process {again.process}, {given}\n"
            f"if running it again does no harm, say so: @task(idempotent=True); if it does, hand "
            f"ctx.idempotency_key to what it calls, which is the same each time, and say so then"
        )
        return Problem("ran again", name, again.path, text)

    def _late(self, executions: list[Execution]) -> list[Problem]:
        late = [each for each in executions if each.again]
        return [
            Problem("late", each.spec.name, each.path, f"{each.path} ran after the end")
            for each in late[:1]
        ]


def _must_say(spec: TaskSpec) -> bool:
    """Whether it has to say that it is idempotent; a lambda and `str` have nowhere to."""
    if spec.idempotent:
        return False
    function = spec.function
    if spec.decorated or function is None:
        return True
    return not is_lambda(function) and getattr(function, "__module__", "") != "builtins"


def _told(status: Any) -> str:
    if isinstance(status, Failed):
        error = status.error
        kind = TaskFailed.__name__ if error.kind == TaskFailed.__name__ else error.kind
        return f"a failure at {error.path}: {kind}, {error.type_name}: {error.message}"
    return _short(outcome_of(status))


def _short(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # a user's __repr__ may raise anything
        return f"<{type(value).__name__}>"
    return text if len(text) <= 400 else text[:400] + "…"


class NotRepeatable(SayiirError):
    """Two unbroken runs of a workflow differ, so no broken one can be judged by them."""
