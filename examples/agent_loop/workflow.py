"""The agent: ask the model, do what it wants, tell it what came of that, and ask again."""

from __future__ import annotations

from typing import Final

from examples.agent_loop.chat import Chat, ModelError, ModelRefused
from examples.agent_loop.messages import Conversation, Goal, Message, Outcome, ToolCall
from examples.agent_loop.tools import OFFERED, run_call
from sayiir import (
    Again,
    Done,
    Flow,
    RetryPolicy,
    TaskContext,
    branch,
    loop,
    resource,
    result_of,
    task,
    workflow,
    workflow_input,
)

__all__ = ["agent", "think"]

MOST_ROUNDS: Final = 20

# A busy service is asked again for half an hour. A wrong key stays wrong until somebody mends it,
# and so does a mistake in our own code.
MODEL: Final = RetryPolicy(
    max_retries=12,
    initial_delay="500ms",
    max_delay="10m",
    retry_on=ModelError,
    give_up_on=ModelRefused,
)


@task
def begin(goal: Goal) -> Conversation:
    """The person speaks first."""
    return Conversation(messages=(Message(role="user", text=goal.text),))


@task(retries=MODEL, timeout="3m")
async def think(said: Conversation, ctx: TaskContext, chat: Chat = resource(Chat)) -> Conversation:
    """One call of the model. Its answer is stored with this step, so it is paid for once."""
    reply = await chat.reply(said.messages, OFFERED, ctx.idempotency_key)
    spent = {"model_calls": said.model_calls + 1, "tokens": said.tokens + reply.tokens}
    return said.model_copy(update=spent).with_messages(reply.message)


def wants_tools(said: Conversation) -> bool:
    """The key of the branch."""
    return bool(said.messages[-1].calls)


@task
def wanted(said: Conversation) -> list[ToolCall]:
    """The calls, which are made at the same time."""
    return list(said.messages[-1].calls)


@task
def observe(
    answers: list[Message],
    said: Conversation = result_of(think),
    goal: Goal = workflow_input(Goal),
) -> Again[Conversation] | Done[Outcome]:
    """Round again with what the tools answered, unless the budget is used up."""
    if said.tokens >= goal.budget_tokens:
        return Done(_outcome(said, f"stopped: {said.tokens:,} tokens are used"))
    return Again(said.with_messages(*answers))


@task
def answer(said: Conversation) -> Done[Outcome]:
    """The model wants nothing more: what it says is the answer."""
    return Done(_outcome(said, said.messages[-1].text))


@task
def settle(end: Conversation | Outcome) -> Outcome:
    """A conversation that comes out of the loop went round too often."""
    return end if isinstance(end, Outcome) else _outcome(end, f"stopped: {MOST_ROUNDS} rounds")


@workflow
def agent() -> Flow[Goal, Outcome]:
    """Every box of this graph is a checkpoint: each call of the model, each call of a tool."""
    use_tools = wanted >> run_call.map(max_concurrency=4) >> observe
    turn = think >> branch(wants_tools, (True, use_tools), (False, answer)).merge()
    return begin >> loop(turn, max_iterations=MOST_ROUNDS, on_max="exit_with_last") >> settle


def _outcome(said: Conversation, text: str) -> Outcome:
    return Outcome(answer=text, model_calls=said.model_calls, tokens=said.tokens)
