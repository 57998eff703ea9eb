"""``send-event``, ``cancel``, ``pause``, ``unpause``, ``retry``, ``delete``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine


@pytest.fixture
def waiting(sayiir: CommandLine) -> CommandLine:
    sayiir("run", "shop:waiting", "w-1", "-i", "2", "--no-wait")
    return sayiir


def test_the_verbs_answer_with_the_status(waiting: CommandLine) -> None:
    paused = waiting("pause", "w-1", "--reason", "night", "--by", "ops", "--json")
    assert (paused.code, paused.json["status"], paused.json["paused_by"]) == (0, "Paused", "ops")
    assert waiting("unpause", "w-1").out == "w-1: waits for signal approved at approved\n"
    cancelled = waiting("cancel", "w-1", "--reason", "late", "--by", "ops")
    assert cancelled.out == "w-1: cancelled by ops: late\n"
    assert waiting("delete", "w-1", "--json").json == {"deleted": 1}
    assert waiting("show", "w-1").code == 4


def test_an_event_is_checked_where_the_workflow_is_named(waiting: CommandLine) -> None:
    """Without it, it would be checked where the wait takes it, and fail the instance there."""
    wrong = waiting("send-event", "w-1", "approved", "-p", '"x"', "-w", "shop:waiting")
    assert (wrong.code, "doesn't fit" in wrong.err) == (2, True)
    unknown = waiting("send-event", "w-1", "aproved")
    assert (unknown.code, "did you mean approved?" in unknown.err) == (4, True)
    assert waiting("send-event", "w-1", "approved", "-p", "true", "-w", "shop:waiting").code == 0
    assert waiting("send-event", "w-1", "approved", "--path", "nowhere").code == 4


@pytest.mark.parametrize("verb", ["unpause", "retry", "delete"])
def test_what_the_status_does_not_allow_is_refused(waiting: CommandLine, verb: str) -> None:
    ended = waiting(verb, "w-1")
    assert (ended.code, "can't " + verb in ended.err) == (4, True)


def test_deleting_what_ended_long_ago(waiting: CommandLine) -> None:
    waiting("run", "shop:order", "o-1", "-i", "2")
    assert waiting("delete", "--older-than", "1d").out == "deleted 0 instances\n"
    assert waiting("delete", "--older-than", "0s", "-s", "failed").out == "deleted 0 instances\n"
    assert waiting("delete", "--older-than", "0s").out == "deleted 1 instance\n"
    assert waiting("show", "w-1").code == 0  # it hasn't ended
    assert waiting("delete").code == 2
    assert waiting("delete", "w-1", "--older-than", "1d").code == 2
    assert waiting("delete", "--older-than", "soon").code == 2
    assert waiting("delete", "--older-than", "0s", "-s", "waiting").code == 2
