"""``Flow``, the fluent builder, and the builders of its forks and routes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from math import isfinite
from typing import Any

from sayiir.compat.compiled import HashFormat, Workflow
from sayiir.compat.decorators import parse_duration
from sayiir.compat.ids import Ids
from sayiir.compat.listing import NodeInfo
from sayiir.compat.loop_result import OnMax
from sayiir.compat.steps import (
    Chain,
    ChildStep,
    DelayStep,
    ForkStep,
    LoopStep,
    RouteStep,
    SignalStep,
    Step,
    TaskStep,
)

__all__ = [
    "BranchBuilder",
    "Flow",
    "ForkBuilder",
    "NodeInfo",
    "Workflow",
    "fork_step",
    "loop_step",
    "wait_seconds",
]


class Flow:
    """Collects the steps of a workflow. Every method changes it and gives it back.

    Args:
        name: the workflow's name.
        metadata: what its tasks are told of it, as JSON can hold it.

    Raises:
        TypeError: the metadata is nothing that JSON can hold.

    >>> from sayiir.compat import run_workflow
    >>> workflow = Flow("sums").then(lambda n: n + 1).then(lambda n: n * 2).build()
    >>> run_workflow(workflow, 20)
    42
    """

    def __init__(self, name: str = "workflow", *, metadata: dict[str, Any] | None = None) -> None:
        self._name = name
        self._metadata = None if metadata is None else json.dumps(metadata)
        self._steps: list[Step] = []
        self._ids = Ids()

    def then(self, task_func: Callable[..., Any], *, name: str | None = None) -> Flow:
        """Call a function with what comes out of the step before.

        Args:
            task_func: any callable; it gets one value.
            name: the task's id. Else the one of ``@task``, the function's name, or ``lambda_0``,
                ``lambda_1`` and so on.

        Raises:
            TypeError: it can't be called.
        """
        self._steps.append(self._ids.task(task_func, name))
        return self

    def delay(self, name: str, duration: str | float | timedelta) -> Flow:
        """Wait, durably; the value goes on unchanged.

        Raises:
            ValueError: the duration is none.
        """
        self._steps.append(DelayStep(name, wait_seconds(duration, "a delay")))
        return self

    def wait_for_signal(
        self,
        signal_name: str,
        *,
        name: str | None = None,
        timeout: str | float | timedelta | None = None,
    ) -> Flow:
        """Wait for ``send_signal``; its payload goes on. A timeout fails the workflow.

        Args:
            signal_name: what is waited for.
            name: the step's id; the signal's name by default.
            timeout: how long at most.

        Raises:
            ValueError: the timeout is no duration.
        """
        seconds = None if timeout is None else wait_seconds(timeout, "a timeout")
        self._steps.append(SignalStep(name or signal_name, signal_name, seconds))
        return self

    def fork(self) -> ForkBuilder:
        """Begin tasks that run beside each other; ``.join()`` ends that."""
        return ForkBuilder(self)

    def route(self, key_fn: Callable[..., Any], *, keys: list[str]) -> BranchBuilder:
        """Begin a choice; ``.done()`` ends that. It gives ``{"branch": key, "result": output}``.

        Args:
            key_fn: gives the key for the value.
            keys: all keys that there are.
        """
        return BranchBuilder(self, key_fn, keys=keys)

    def loop(
        self,
        task_func: Callable[..., Any],
        *,
        max_iterations: int = 10,
        on_max: str | OnMax = "fail",
        name: str | None = None,
    ) -> Flow:
        """Call a function again and again until it returns ``LoopResult.done(value)``.

        Args:
            task_func: returns ``LoopResult.again(value)`` or ``LoopResult.done(value)``, or
                ``.to_dict()`` of one.
            max_iterations: how often at most.
            on_max: what another ``again`` does then: ``"fail"``, or ``"exit_with_last"``.
            name: the task's id.

        Raises:
            ValueError: ``max_iterations`` is below 1, or ``on_max`` none of the two.
            TypeError: the function can't be called.
        """
        body = self._ids.task(task_func, name)
        self._steps.append(loop_step(self._ids.next("loop"), body, max_iterations, on_max))
        return self

    def then_flow(self, child_workflow: Workflow) -> Flow:
        """Run another workflow's steps here."""
        child_id = self._ids.next("child")
        self._steps.append(ChildStep(child_id, child_workflow.workflow_id, child_workflow.steps))
        return self

    def build(self, *, hash_format: HashFormat = "native") -> Workflow:
        """The workflow.

        Args:
            hash_format: ``"1.0"``: ``definition_hash`` is what the published package computes.

        Raises:
            ValueError: it has no steps, or one of them is wrong.
        """
        return Workflow(
            self._name, tuple(self._steps), metadata_json=self._metadata, hash_format=hash_format
        )

    def add(self, step: Step) -> Flow:
        """Append a step that one of the builders has made."""
        self._steps.append(step)
        return self

    @property
    def ids(self) -> Ids:
        """Which ids were given so far."""
        return self._ids


class ForkBuilder:
    """Collects the branches of a fork. Made by ``Flow.fork()``.

    >>> from sayiir.compat import run_workflow
    >>> fork = Flow("both").fork().branch(lambda n: n + 1, name="more").branch(str)
    >>> run_workflow(fork.join(lambda results: results).build(), 3)
    {'more': 4, 'str': '3'}
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._branches: list[Chain] = []

    def branch(self, *task_funcs: Callable[..., Any], name: str | None = None) -> ForkBuilder:
        """Functions that run one after the other, beside the other branches.

        Args:
            task_funcs: at least one callable.
            name: the id of the first task, which is the branch's name in the join's dict.

        Raises:
            ValueError: no function is given.
            TypeError: one of them can't be called.
        """
        self._branches.append(self._flow.ids.chain(task_funcs, name, "branch()"))
        return self

    def join(self, task_func: Callable[..., Any], *, name: str | None = None) -> Flow:
        """Call a function with the branches' results, as a dict by their names.

        Raises:
            ValueError: there are no branches, or two of one name.
            TypeError: the function can't be called.
        """
        join = self._flow.ids.task(task_func, name)
        return self._flow.add(fork_step(tuple(self._branches), join))


class BranchBuilder:
    """Collects the branches of a choice. Made by ``Flow.route()``.

    >>> from sayiir.compat import run_workflow
    >>> route = Flow("sign").route(lambda n: "minus" if n < 0 else "plus", keys=["minus", "plus"])
    >>> flow = route.branch("minus", abs).default_branch(lambda n: n).done()
    >>> run_workflow(flow.build(), -3)
    {'branch': 'minus', 'result': 3}
    """

    def __init__(self, flow: Flow, key_fn: Callable[..., Any], *, keys: Iterable[str]) -> None:
        self._flow = flow
        self._key_fn = key_fn
        self._keys = list(keys)
        self._branches: dict[str, Chain] = {}
        self._default: Chain | None = None

    def branch(
        self, key: str, *task_funcs: Callable[..., Any], name: str | None = None
    ) -> BranchBuilder:
        """Functions that run one after the other where the key is this one.

        Raises:
            ValueError: the key is not among ``keys`` or was given before, or no function is given.
            TypeError: one of them can't be called.
        """
        chain = self._flow.ids.chain(task_funcs, name, "branch()")
        if key not in self._keys:
            raise ValueError(f"the key {key!r} is not among those of route(): {self._keys}")
        if key in self._branches:
            raise ValueError(f"the key {key!r} has a branch already")
        self._branches[key] = chain
        return self

    def default_branch(
        self, *task_funcs: Callable[..., Any], name: str | None = None
    ) -> BranchBuilder:
        """Functions that run one after the other where no branch has the key.

        Raises:
            ValueError: no function is given.
            TypeError: one of them can't be called.
        """
        self._default = self._flow.ids.chain(task_funcs, name, "default_branch()")
        return self

    def done(self) -> Flow:
        """End the choice.

        Raises:
            ValueError: a key has no branch and there is no default, or there is no branch at all.
        """
        missing = sorted(set(self._keys) - set(self._branches))
        if missing and self._default is None:
            raise ValueError(f"these keys have no branch, and there is no default: {missing}")
        if not self._branches and self._default is None:
            raise ValueError("the route has no branches; add .branch(key, function)")
        branch_id = self._flow.ids.next("branch")
        key_id = f"{branch_id}::key_fn"
        return self._flow.add(
            RouteStep(
                branch_id,
                TaskStep(key_id, getattr(self._key_fn, "_metadata", None), self._key_fn),
                tuple(self._branches.items()),
                self._default,
            )
        )


def wait_seconds(duration: str | float | timedelta, what: str) -> float:
    """A duration that is waited for, in seconds.

    Raises:
        ValueError: it is negative, endless or no duration.

    >>> wait_seconds("5m", "a delay")
    300.0
    """
    if isinstance(duration, timedelta):
        seconds = duration.total_seconds()
    else:
        seconds = parse_duration(duration)
    if not isfinite(seconds) or seconds < 0:
        raise ValueError(f"{what} is a finite number of seconds from 0, not {seconds!r}")
    return seconds


def fork_step(branches: tuple[Chain, ...], join: TaskStep) -> ForkStep:
    """A fork, if its branches can be told apart.

    Raises:
        ValueError: there are none, or two of one name: one result would be lost.
    """
    if not branches:
        raise ValueError("a fork has at least one branch; add .branch(function)")
    names = Counter(chain[0].id for chain in branches)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise ValueError(
            f"two branches of the fork are called {twice[0]!r}, and the join gets a dict by their "
            "names; write .branch(function, name=...)"
        )
    return ForkStep(branches, join)


def loop_step(loop_id: str, body: TaskStep, max_iterations: int, on_max: str) -> LoopStep:
    """A loop, if its options are right.

    Raises:
        ValueError: ``max_iterations`` is below 1, or ``on_max`` is unknown.
    """
    if max_iterations < 1:
        raise ValueError(f"{loop_id}: max_iterations is at least 1, not {max_iterations}")
    policy = str(on_max)
    if policy == "fail":
        return LoopStep(loop_id, body, max_iterations, "fail")
    if policy == "exit_with_last":
        return LoopStep(loop_id, body, max_iterations, "exit_with_last")
    raise ValueError(f"{loop_id}: on_max is 'fail' or 'exit_with_last', not {on_max!r}")
