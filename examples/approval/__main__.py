"""``python -m examples.approval``: ask in one terminal, decide in another."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final
from urllib.parse import quote

from examples.approval.desk import decide, list_requests, outcome_of, show, withdraw
from examples.approval.workflow import Decision, Request, approval
from sayiir import CheckpointingRunner, Completed, InstanceNotFound, SayiirError, WorkflowClient

__all__ = ["main"]

INTERRUPTED: Final = 130
"""What a shell gives for a program that Ctrl-C ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command says; the exit code: 0, or 1 for no and for what can't be done."""
    options = _options(arguments)
    url = f"sqlite:///{quote(Path(options.db).resolve().as_posix())}"
    try:
        if options.command == "request":
            return _request(url, options)
        with WorkflowClient(url) as client:
            _at_the_desk(client, options)
        return 0
    except SayiirError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command continues", file=sys.stderr)
        return INTERRUPTED


def _request(url: str, options: argparse.Namespace) -> int:
    """Start the request, or continue it, and stay until it has ended."""
    request = Request(who=options.by, amount=options.amount, purpose=options.purpose)
    instance_id = _id_of(request) if options.id is None else options.id
    asking = approval(options.remind_every, options.times)
    with CheckpointingRunner(url) as runner:
        # Nobody is to be told of a request that can't be made: an id that isn't allowed, or one
        # that something else has.
        with contextlib.suppress(InstanceNotFound):
            runner.client.status(instance_id, asking)
        told = f"{instance_id}: approve, reject, withdraw or show it from another terminal"
        print(told, flush=True)
        status = runner.ensure(asking, instance_id, request, wait=True)
    print(f"{instance_id}: {outcome_of(status)}")
    return 0 if isinstance(status, Completed) and status.output.approved else 1


def _at_the_desk(client: WorkflowClient, options: argparse.Namespace) -> None:
    match options.command:
        case "list":
            list_requests(client)
        case "show":
            show(client, options.id)
        case "withdraw":
            withdraw(client, options.id, options.by)
        case command:
            approved = command == "approve"
            decide(
                client, options.id, Decision(approved=approved, by=options.by, note=options.note)
            )


def _id_of(request: Request) -> str:
    """The same request is the same instance: so the same command continues it."""
    return f"request-{hashlib.sha256(request.model_dump_json().encode()).hexdigest()[:6]}"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--db", default="approval.db", help="(default: %(default)s)")
    shared.add_argument("--by", default=os.environ.get("USER", "somebody"), help="who you are")
    parser = argparse.ArgumentParser(
        prog="python -m examples.approval",
        description="Ask for an approval in one terminal, decide in another. Kill either at any "
        "moment; the same command continues.",
    )
    commands = parser.add_subparsers(dest="command", required=True)

    request = commands.add_parser("request", parents=[shared], help="ask, and wait for the answer")
    request.add_argument("--amount", type=_amount, required=True)
    request.add_argument("--for", dest="purpose", default="something", metavar="PURPOSE")
    request.add_argument("--id", help="name of the request (default: made of what is asked)")
    request.add_argument("--remind-every", default="30s", metavar="DURATION", help='as "2m", "1h"')
    request.add_argument("--times", type=int, default=10, help="ask so often (default: 10)")

    for verb in ("approve", "reject"):
        decision = commands.add_parser(verb, parents=[shared], help=f"{verb} a request")
        decision.add_argument("id")
        decision.add_argument("--note", default="")
    for verb, about in (("withdraw", "cancel a request"), ("show", "how a request stands")):
        commands.add_parser(verb, parents=[shared], help=about).add_argument("id")
    commands.add_parser("list", parents=[shared], help="all requests, newest first")
    return parser.parse_args(arguments)


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount") from error
    if not (amount.is_finite() and amount > 0):
        raise argparse.ArgumentTypeError("must be above 0")
    return amount


if __name__ == "__main__":
    sys.exit(main())
