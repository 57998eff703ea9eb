"""``explore_crashes``: a user's own workflow, stopped wherever it can be, and judged."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from sayiir.access.arguments import check_workflow
from sayiir.testing.crashes.explorer import Explorer, Plan
from sayiir.testing.crashes.globals import ProcessGlobals
from sayiir.testing.crashes.report import CrashReport, NotDurable
from sayiir.testing.crashes.schedule import Schedule
from sayiir.testing.crashes.stage import Stage

if TYPE_CHECKING:
    from sayiir.codec.protocol import Codec
    from sayiir.testing.fakes import Fakes
    from sayiir.workflow import Workflow

__all__ = ["explore_crashes"]

A = TypeVar("A")
B = TypeVar("B")


def explore_crashes(
    workflow: Workflow[A, B],
    input: A,  # noqa: A002  the word of the interface
    *,
    events: Mapping[str, Sequence[Any]] | None = None,
    fakes: Fakes | None = None,
    resources: Mapping[Any, Any] | Callable[[], Mapping[Any, Any]] | None = None,
    codec: Codec | None = None,
    crash: Literal["every-write"] | int = "every-write",
    orders: int = 10,
    pairs: int = 20,
    reruns: Literal["declared", "any"] = "declared",
    same: Callable[[B, B], bool] = operator.eq,
    check: Callable[[Any], None] | None = None,
    keep: Iterable[object] = (),
    most: int = 5_000,
    seed: int = 0,
    schedule: str | None = None,
    repeat: Callable[[str], str] | None = None,
) -> CrashReport[B]:
    """Runs a workflow, stops it before and after every write of its store, and continues it.

    First it runs unbroken, twice: that gives the outcome that every other run is to have. Then
    the process dies before each write, and after each one with the answer lost; a new process
    goes on with the same line. At each checkpoint it also only stands still: it is taken for
    dead, its lease is over, another process is given the same work and finishes it, and the
    first one goes on as if nothing had been. Arms run in other orders, and processes that
    continue die again. At the end of each run the same line is run once more.

    All of it runs on a store in memory, in a time of its own: a delay of two days takes none, and
    neither do timeouts. Tasks run in this process, also those that name an executor; what they
    call is really called, so give fakes for what should not be. It works wherever it is called,
    also where an event loop runs: it has a thread and a loop of its own.

    Args:
        workflow: the workflow.
        input: its input.
        events: what is sent to its signals, by name, in order: each as soon as a wait is there
            for it. A wait for which none is left follows its timeout.
        fakes: what tasks give instead of running; see ``fake``.
        resources: what tasks ask for by ``resource(Type)``. An object in it is the same for all
            processes of a run; a factory makes one for each. A callable is called before each
            run, and gives the mapping: for a fake service that has to begin anew.
        codec: how values are stored.
        crash: ``"every-write"``, or at how many points, drawn by the seed.
        orders: in how many orders of its arms it runs.
        pairs: how many runs have two stops.
        reruns: ``"declared"``: a task that runs more than once must say ``idempotent=True``
            (lambdas and builtins, which can't, need not); ``"any"``: all may.
        same: whether an output counts as the unbroken one.
        check: called after each run with its outcome, to look at more than that, as at what was
            charged, and to forget it; an AssertionError of it is a finding with its schedule.
        keep: module globals, as names or as the objects themselves, that stand for the world
            outside of the process. All others that the tasks use are in a second run of each
            crash what they were at first, as in a new process. At the beginning of each run, and
            at the end of all, all of them are.
        most: how many runs there are at most; the report says how many were left out.
        seed: of what is drawn.
        schedule: the line that a failure printed: only that is run, and fails again.
        repeat: makes the line that a failure prints, of the schedule.

    Returns:
        What was done. ``report.output`` is the unbroken run's output.

    Raises:
        NotDurable: an outcome differs, or a task ran again that didn't say that it may. It is an
            AssertionError; its text names what differs, the smallest schedule that was found,
            and the line that repeats it.
        NotRepeatable: two runs differ though nobody stopped them.
        SignalUnavailable: a wait without timeout has no event.
        DefinitionError: a fake is for a task that the workflow doesn't have; a resource isn't
            given.
        ValueError: ``schedule`` is no schedule, or a number is negative.

    >>> from sayiir import delay, task, workflow
    >>> @task(idempotent=True)
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> report = explore_crashes(workflow("patient", double >> delay("2d") >> double), 1)
    >>> report.output
    4
    """
    check_workflow(workflow)
    plan = _plan(crash, orders=orders, pairs=pairs, most=most, seed=seed)
    if reruns not in ("declared", "any"):
        raise ValueError(f'reruns is "declared" or "any", not {reruns!r}')
    only = None if schedule is None else Schedule.parse(schedule)

    def explored() -> CrashReport[Any]:
        kept = ProcessGlobals(workflow, keep)
        stage = Stage(
            workflow,
            input,
            events=events or {},
            fakes=fakes,
            resources=resources,
            codec=codec,
            kept=kept,
        )
        try:
            explorer = Explorer(
                stage,
                plan,
                same=same,
                declared=reruns == "declared",
                check=check,
                repeat=repeat or _line(workflow, input, seed),
            )
            return explorer.explore() if only is None else explorer.only(only)
        finally:
            kept.restore()

    __tracebackhide__ = True
    try:
        return _on_a_thread(explored)
    except NotDurable as error:
        # What tells is the text; the frames are all the explorer's own.
        raise error.with_traceback(None) from None


def _plan(
    crash: Literal["every-write"] | int, *, orders: int, pairs: int, most: int, seed: int
) -> Plan:
    for name, number in (("orders", orders), ("pairs", pairs), ("most", most)):
        if number < 0:
            raise ValueError(f"{name} is a number of runs, not {number}")
    points: object = crash
    if points != "every-write" and not (isinstance(points, int) and points >= 0):
        raise ValueError(f'crash is "every-write" or a number of points, not {crash!r}')
    return Plan(crash=crash, orders=orders, pairs=pairs, most=most, seed=seed)


def _line(workflow: Workflow[Any, Any], value: object, seed: int) -> Callable[[str], str]:
    text = repr(value)
    shown = text if len(text) <= 80 else "..."

    def line(schedule: str) -> str:
        seeded = f", seed={seed}" if seed else ""
        return f'explore_crashes({workflow.name}, {shown}{seeded}, schedule="{schedule}")'

    return line


def _on_a_thread(call: Callable[[], CrashReport[Any]]) -> CrashReport[Any]:
    """A loop of its own needs a thread of its own, since one may run here."""
    outcome: Future[CrashReport[Any]] = Future()

    def work() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # raised where it is waited for
            outcome.set_exception(error)

    __tracebackhide__ = True
    thread = threading.Thread(target=work, name="sayiir-explorer", daemon=True)
    thread.start()
    try:
        return outcome.result()
    finally:
        if outcome.done():
            thread.join()
