"""How a command tells an instance's status: the exit code, JSON, and words."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

from sayiir.cli.exits import ExitCode
from sayiir.cli.screen import print_json, say, warn
from sayiir.cli.shapes import plain, status_fields
from sayiir.cli.texts import clock_text, one_line, shown_url
from sayiir.status import AwaitingSignal, Cancelled, Completed, Failed, InProgress, Paused, Waiting

if TYPE_CHECKING:
    from sayiir.status import WorkflowStatus

__all__ = ["code_for", "command_line", "print_output", "status_text", "tell_end", "tell_status"]


def code_for(status: WorkflowStatus[Any]) -> ExitCode:
    """Failed and cancelled instances make a command fail; one that waits doesn't."""
    return ExitCode.FAILED if isinstance(status, (Failed, Cancelled)) else ExitCode.DONE


def status_text(status: WorkflowStatus[Any]) -> str:
    """The status in a few words, without the output."""
    match status:
        case Completed():
            return "completed"
        case Failed(error):
            place = f" at {error.path}" if error.path else ""
            told = f"{error.type_name}: {error.message}"
            return one_line(f"failed{place} (attempt {error.attempt}): {told}", 500)
        case Cancelled(reason, cancelled_by):
            return one_line("cancelled" + _by(cancelled_by, reason))
        case Paused(reason, paused_by):
            return one_line("paused" + _by(paused_by, reason))
        case Waiting(wake_at, path):
            return one_line(f"waits at {path} until {clock_text(wake_at)}")
        case AwaitingSignal(signal_name, wake_at, path):
            until = f", until {clock_text(wake_at)}" if wake_at else ""
            return one_line(f"waits for signal {signal_name} at {path}{until}")
        case InProgress():
            return "in progress"


def _by(who: str | None, why: str | None) -> str:
    return (f" by {who}" if who else "") + (f": {why}" if why else "")


def print_output(output: Any) -> None:
    """A workflow's output on standard output, as JSON, so that the next program can read it."""
    say(json.dumps(plain(output), indent=2, ensure_ascii=False))


def tell_end(status: WorkflowStatus[Any], again: str | None = None) -> None:
    """The end, for people: the output to standard output, the rest to standard error.

    Args:
        status: how it stands.
        again: the line that goes on with it, where there is one.
    """
    sys.stdout.flush()
    if isinstance(status, Completed):
        print_output(status.output)
        return
    warn(status_text(status))
    if isinstance(status, Failed) and status.error.traceback:
        warn(status.error.traceback.rstrip())
    if again is not None and not isinstance(status, Cancelled):
        warn(f"go on with:\n  {again}")


def tell_status(
    instance_id: str,
    status: WorkflowStatus[Any],
    as_json: bool,
    workflow_name: str | None = None,
) -> None:
    """How an instance stands after what was asked of it: a line, or JSON."""
    if as_json:
        named = {"instance_id": instance_id}
        if workflow_name is not None:
            named["workflow_name"] = workflow_name
        print_json(named | status_fields(status))
    else:
        say(f"{instance_id}: {status_text(status)}")


def command_line(verb: str, *arguments: str, store: str | None) -> str:
    """A line to type again; the store is left out where the environment gives it.

    A password isn't repeated: the line may stand in somebody's log.
    """
    parts = ["sayiir", verb, *arguments]
    if store is not None:
        parts += ["--store", shown_url(store)]
    return shlex.join(parts)
