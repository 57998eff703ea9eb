"""The workflow: ask for a decision, remind, and give up at last."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from pydantic import BaseModel, ConfigDict

from sayiir import Again, Done, TaskContext, Workflow, await_signal, branch, loop, task, workflow

__all__ = ["Decision", "Outcome", "Question", "Request", "approval", "register"]

SMALL_AMOUNT: Final = 100
"""Below it nobody is asked."""


class Model(BaseModel):
    """Frozen; unknown fields are errors, so that no model is taken for another."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Request(Model):
    """The input of the workflow."""

    who: str
    amount: Decimal
    purpose: str


class Question(Model):
    """A request, and how often somebody was asked about it: what goes round in the loop."""

    request: Request
    asked: int


class Decision(Model):
    """The payload of the signal ``decision``."""

    approved: bool
    by: str
    note: str = ""


class Outcome(Model):
    """The output of the workflow."""

    approved: bool
    why: str


@task
def register(request: Request) -> Question:
    """The first step; its stored result is what lists of requests show."""
    return Question(request=request, asked=0)


def is_small(question: Question) -> bool:
    """The key of the branch."""
    return question.request.amount < SMALL_AMOUNT


@task
def wave_through(question: Question) -> Outcome:
    """The arm for small amounts."""
    return Outcome(approved=True, why=f"less than {SMALL_AMOUNT} needs no decision")


@task
def ask(question: Question, ctx: TaskContext) -> Question:
    """Tell the people who decide. Here it is a line on the terminal; elsewhere, a mail."""
    words = "a decision is needed on" if question.asked == 0 else f"reminder {question.asked}:"
    request = question.request
    print(f"{words} {ctx.instance_id}: {request.amount} for {request.purpose}", flush=True)
    return Question(request=request, asked=question.asked + 1)


@task
def look(question: Question, decision: Decision | None) -> Again[Question] | Done[Outcome]:
    """``decision`` is the signal's payload, or its default: nobody has answered in time."""
    if decision is None:
        return Again(question)
    verb = "approved" if decision.approved else "rejected"
    note = f": {decision.note}" if decision.note else ""
    return Done(Outcome(approved=decision.approved, why=f"{verb} by {decision.by}{note}"))


@task
def settle(end: Question | Outcome) -> Outcome:
    """A question that comes out of the loop was asked for the last time."""
    if isinstance(end, Outcome):
        return end
    return Outcome(approved=False, why=f"asked {end.asked} times, and nobody answered")


def approval(remind_every: str = "30s", times: int = 10) -> Workflow[Request, Outcome]:
    """The workflow; who sends or asks needs no options, since they don't count for its hash.

    Args:
        remind_every: how long a question waits for its answer, as ``"1h"``.
        times: how often somebody is asked.

    Raises:
        DefinitionError: that is no duration, or no count.
    """
    answer = await_signal("decision", Decision, timeout=remind_every, default=None, keep_input=True)
    ask_people = (
        loop(ask >> answer >> look, max_iterations=times, on_max="exit_with_last") >> settle
    )
    return workflow(
        "approval",
        register >> branch(is_small, (True, wave_through), (False, ask_people)).merge(),
    )
