"""``python -m examples.agent_loop``: give an agent a goal, and allow what it wants to send."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from examples.agent_loop.chat import Chat
from examples.agent_loop.desk import asked_of, decide, said_in, told
from examples.agent_loop.messages import Approval, Goal
from examples.agent_loop.stub import StubChat, billed
from examples.agent_loop.tools import Outbox
from examples.agent_loop.workflow import agent
from sayiir import (
    AwaitingSignal,
    CheckpointingRunner,
    Completed,
    Failed,
    InstanceNotFound,
    SayiirError,
    WorkflowClient,
)
from sayiir.events import RunnerEvent, TaskFinished

__all__ = ["main"]

INTERRUPTED: Final = 130
"""What a shell gives for a program that Ctrl-C ended."""
API_KEY: Final = "AGENT_API_KEY"

ChatFactory = Callable[[], Chat] | Callable[[], AbstractAsyncContextManager[Chat]]


class Calls:
    """Listens to the runner: how many answers of the model were stored by this very process."""

    def __init__(self, power_cut: int | None) -> None:
        self.count = 0
        self._power_cut = power_cut

    def __call__(self, event: RunnerEvent) -> None:
        if isinstance(event, TaskFinished) and event.task == "think":
            self.count += 1
            if self.count == self._power_cut:
                os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command says; the exit code: 0, or 1 where there is no answer."""
    options = _options(arguments)
    out = Path(options.out).resolve()
    url = f"sqlite:///{quote((out / 'agents.db').as_posix())}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if options.command == "run":
            return _run(url, out, options)
        with WorkflowClient(url) as client:
            approval = Approval(allowed=options.command == "approve", by=options.by)
            asked = decide(client, options.agent, approval)
        verb = "allowed" if approval.allowed else "forbidden"
        print(f"{verb}: to {asked.mail.to}: {asked.mail.text}")
        return 0
    except OSError as error:
        print(f"--out {options.out}: {error.strerror}", file=sys.stderr)
        return 2
    except SayiirError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command continues", file=sys.stderr)
        return INTERRUPTED


def _run(url: str, out: Path, options: argparse.Namespace) -> int:
    """Start the agent or go on with it, until it ends or waits for a person."""
    instance_id = options.id or re.sub(r"\W+", "-", options.goal.lower()).strip("-")
    goal = Goal(text=options.goal, budget_tokens=options.budget)
    resources = {Chat: _chat(out, options), Outbox: Outbox(out / "outbox")}
    calls = Calls(options.power_cut)
    with CheckpointingRunner(url, resources=resources, on_event=calls) as runner:
        _let_go_on(runner.client, instance_id)
        status = runner.ensure(agent, instance_id, goal, wait=options.wait)
        _tell_conversation(runner.client, instance_id)
        print(f"{instance_id}: {told(status)}")
        if isinstance(status, AwaitingSignal):
            for asked in asked_of(runner.client, instance_id):
                print(f"approve or reject: to {asked.mail.to}: {asked.mail.text}")
    if options.url is None:
        print(f"calls of the model: {calls.count} now, {len(billed(out / 'bill.txt'))} billed")
    return 0 if isinstance(status, Completed | AwaitingSignal) else 1


def _chat(out: Path, options: argparse.Namespace) -> ChatFactory:
    """The stub, or the real one: only then its library is imported, and its key looked for."""
    if options.url is None:
        return lambda: StubChat(out / "bill.txt", options.busy)
    from examples.agent_loop.remote import remote_chat

    key = os.environ.get(API_KEY, "")
    return lambda: remote_chat(options.url, options.model, key)


def _let_go_on(client: WorkflowClient, instance_id: str) -> None:
    """What failed is tried on from where it stands: after a key was mended, for one."""
    try:
        if isinstance(client.status(instance_id), Failed):
            client.retry(instance_id)
    except InstanceNotFound:
        pass


def _tell_conversation(client: WorkflowClient, instance_id: str) -> None:
    said = said_in(client, instance_id)
    for message in () if said is None else said.messages:
        for call in message.calls:
            print(f"{message.role:<10} {call.tool} {call.arguments}")
        if message.text:
            print(f"{message.role:<10} {message.text}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--out", default="agent", help="folder for everything (%(default)s)")
    parser = argparse.ArgumentParser(
        prog="python -m examples.agent_loop",
        description="An agent with tools, on a model that is a stub unless you name a real one. "
        "Kill it at any moment; the same command continues.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", parents=[shared], help="give a goal, or go on with it")
    run.add_argument("goal", type=_text, help='as "Tell Ada what she owes"')
    run.add_argument("--id", help="name of the agent (default: made of the goal)")
    run.add_argument("--wait", action="store_true", help="stay until a person has decided")
    run.add_argument("--budget", type=int, default=10_000, metavar="TOKENS", help="(%(default)s)")
    run.add_argument("--url", help=f"a real model's service; its key is in {API_KEY}")
    run.add_argument("--model", help="the model's name there")
    run.add_argument(
        "--busy", type=int, default=0, metavar="N", help="the stub is overloaded N times"
    )
    run.add_argument(
        "--power-cut",
        type=int,
        metavar="N",
        help="kill -9 for this process, once N answers of the model are stored",
    )
    for verb in ("approve", "reject"):
        decision = commands.add_parser(verb, parents=[shared], help=f"{verb} the mail that waits")
        decision.add_argument("agent", help="name of the agent")
        decision.add_argument("--by", default=os.environ.get("USER", "somebody"), help="you")
    options = parser.parse_args(arguments)
    if options.command == "run" and (options.url is None) != (options.model is None):
        run.error("--url and --model go together")
    return options


def _text(text: str) -> str:
    if not re.search(r"\w", text) or not text.isprintable():
        raise argparse.ArgumentTypeError("a goal has words, all of them printable")
    return text


if __name__ == "__main__":
    sys.exit(main())
