"""The agent keeps what its README says: what was answered is paid for once, whatever dies."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from examples.agent_loop.arithmetic import NotComputable, computed
from examples.agent_loop.chat import Chat, ModelBusy, ModelRefused, Reply, Tool
from examples.agent_loop.desk import asked_of, decide, said_in
from examples.agent_loop.messages import Approval, Goal, Message, ToolCall
from examples.agent_loop.remote import remote_chat
from examples.agent_loop.stub import StubChat, billed
from examples.agent_loop.tools import OFFERED, Outbox
from examples.agent_loop.workflow import agent
from sayiir import CheckpointingRunner, Completed, SayiirError, TaskFailed, WorkflowClient
from tests.docs.readmes import assert_sessions, example_environment, run_python

GOAL: Final = Goal(text="Tell Ada what she owes", budget_tokens=10_000)
YES: Final = Approval(allowed=True, by="Bob")
ADA: Final = "tell-ada-what-she-owes"

# Kills its own process in the middle of the n-th call: it is billed, and nobody has the answer.
KILLED: Final = """
import os, runpy, signal, sys
from examples.agent_loop.stub import StubChat
reply, kill_at, asked = StubChat.reply, int(sys.argv[1]), 0

async def watched(*arguments):
    global asked
    asked += 1
    answer = await reply(*arguments)
    if asked == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

StubChat.reply = watched
sys.argv = ["agent_loop", "run", "Tell Ada what she owes"]
runpy.run_module("examples.agent_loop", run_name="__main__")
"""


def play(folder: Path, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_python(folder, "-m", "examples.agent_loop", command, *arguments)


def test_the_sessions_of_the_readme(tmp_path: Path) -> None:
    assert_sessions("agent_loop", tmp_path, least=6)


# -- killed


@pytest.mark.crash
def test_an_answer_that_is_stored_is_never_paid_for_again(tmp_path: Path) -> None:
    """Killed after each answer; three are on the bill, each under a key of its own."""
    for _ in range(3):
        died = play(tmp_path, "run", GOAL.text, "--power-cut", "1")
        assert died.returncode == -signal.SIGKILL, died.stderr
    assert "waits for a person" in play(tmp_path, "run", GOAL.text).stdout
    assert play(tmp_path, "approve", ADA).returncode == 0
    done = play(tmp_path, "run", GOAL.text)
    assert "calls of the model: 1 now, 4 billed" in done.stdout
    keys = billed(tmp_path / "agent" / "bill.txt")
    assert len(keys) == len(set(keys)) == 4
    assert len(list((tmp_path / "agent" / "outbox").iterdir())) == 1


@pytest.mark.crash
def test_a_call_that_is_killed_half_way_is_made_again_with_its_key(tmp_path: Path) -> None:
    """The one thing that nobody can save, as the README says: not more than this one call."""
    died = run_python(tmp_path, "-c", KILLED, "2")
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert "2 now, 4 billed" in play(tmp_path, "run", GOAL.text).stdout
    first, second, again, third = billed(tmp_path / "agent" / "bill.txt")
    assert second == again
    assert len({first, second, third}) == 3


def test_one_yes_is_for_one_mail(tmp_path: Path) -> None:
    """A second answer is told, and not kept for the next mail."""
    play(tmp_path, "run", GOAL.text)
    assert play(tmp_path, "approve", ADA, "--by", "Bob").returncode == 0
    late = play(tmp_path, "reject", ADA, "--by", "Cleo")
    assert (late.returncode, late.stderr) == (1, f"{ADA}: no mail waits for an answer\n")
    assert "sent, as Bob has allowed" in play(tmp_path, "run", GOAL.text).stdout


def test_who_waits_goes_on_at_once(tmp_path: Path) -> None:
    """``--wait`` in one process, the yes in another; Ctrl-C before it leaves all as it is."""
    for last in (False, True):
        with subprocess.Popen(
            [sys.executable, "-m", "examples.agent_loop", "run", GOAL.text, "--wait"],
            cwd=tmp_path,
            env=example_environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as waiting:
            while not (tmp_path / "agent" / "agents.db").exists():
                assert waiting.poll() is None
            with WorkflowClient(f"sqlite:///{tmp_path / 'agent' / 'agents.db'}") as client:
                while not client.list(status="AwaitingSignal"):
                    assert waiting.poll() is None
                if last:
                    decide(client, ADA, YES)
                else:
                    waiting.send_signal(signal.SIGINT)
            said, complained = waiting.communicate(timeout=30)
        if last:
            assert waiting.returncode == 0, complained
            assert "0 billed" not in said
        else:
            assert waiting.returncode == 130
            assert complained == "interrupted; the same command continues\n"
    assert len(billed(tmp_path / "agent" / "bill.txt")) == 4


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["run", "?!"], 2, "a goal has words"),
        (["run", "Sing\udcff"], 2, "a goal has words, all of them printable"),
        (["run", "Sing", "--url", "http://localhost:1/v1"], 2, "--url and --model go together"),
        (["run", "Sing", "--id", "a\tb"], 1, "holds a control character"),
        (["approve", "nobody"], 1, "there is no instance 'nobody'"),
        (["run", "Sing", "--out", "taken"], 2, "--out taken: File exists"),
        (["sing"], 2, "invalid choice: 'sing'"),
    ],
)
def test_wrong_input_is_told_in_a_line(
    arguments: list[str], code: int, told: str, tmp_path: Path
) -> None:
    (tmp_path / "taken").touch()
    refused = play(tmp_path, *arguments)
    assert refused.returncode == code
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr


def test_nothing_of_the_real_client_is_imported_for_the_stub(tmp_path: Path) -> None:
    code = "import sys, examples.agent_loop.__main__; print('httpx' in sys.modules)"
    assert run_python(tmp_path, "-c", code).stdout == "False\n"


# -- the workflow, as one would test one's own


class Scripted:
    """Says what it is told to, one after the other; an exception is raised."""

    def __init__(self, *says: Message | Exception, tokens: int = 10) -> None:
        self.says = list(says)
        self.tokens = tokens
        self.heard: list[Sequence[Message]] = []

    async def reply(self, messages: Sequence[Message], tools: Sequence[Tool], key: str) -> Reply:
        assert tools == OFFERED or list(tools) == list(OFFERED)
        assert key
        self.heard.append(messages)
        says = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if isinstance(says, Exception):
            raise says
        return Reply(says, self.tokens)


def says(text: str) -> Message:
    return Message(role="assistant", text=text)


def wants(*calls: tuple[str, str]) -> Message:
    made = tuple(
        ToolCall(call_id=str(number), tool=tool, arguments=arguments)
        for number, (tool, arguments) in enumerate(calls)
    )
    return Message(role="assistant", text="", calls=made)


def given(chat: Chat, folder: Path) -> dict[Any, Any]:
    return {Chat: chat, Outbox: Outbox(folder)}


def test_it_runs_in_memory(tmp_path: Path) -> None:
    chat = StubChat(tmp_path / "bill")
    outcome = agent.run(GOAL, events={"approval": [YES]}, resources=given(chat, tmp_path))
    assert outcome.answer == "Ada owes 144.00. The mail: sent, as Bob has allowed."
    assert outcome.model_calls == 4


def test_the_models_mistakes_are_answers(tmp_path: Path) -> None:
    chat = Scripted(
        wants(
            ("dance", "{}"),
            ("look_up", "no json"),
            ("look_up", '{"what": "prices"}'),
            ("calculate", '{"expression": "1 / 0"}'),
            ("look_up", '{"about": "nothing"}'),
        ),
        says("sorry"),
    )
    assert agent.run(GOAL, resources=given(chat, tmp_path)).answer == "sorry"
    answers = [message.text for message in chat.heard[1][2:]]
    assert answers[0] == ("error: there is no tool 'dance', only look_up, calculate, send_mail")
    assert answers[1].startswith("error: arguments: Invalid JSON")
    assert answers[2] == "error: about: Field required"
    assert answers[3:] == [
        "error: '1 / 0' has no value",
        "there are no notes about 'nothing'",
    ]
    assert [message.answers for message in chat.heard[1][2:]] == list("01234")


def test_a_budget_and_a_bound_end_it(tmp_path: Path) -> None:
    look = wants(("look_up", '{"about": "prices"}'))
    small = Goal(text="Go on", budget_tokens=25)
    stopped = agent.run(small, resources=given(Scripted(look), tmp_path))
    assert (stopped.answer, stopped.model_calls) == ("stopped: 30 tokens are used", 3)
    endless = agent.run(GOAL, resources=given(Scripted(look), tmp_path))
    assert (endless.answer, endless.model_calls) == ("stopped: 20 rounds", 20)


def test_a_busy_model_is_asked_again_and_one_that_refuses_is_not(tmp_path: Path) -> None:
    busy = Scripted(ModelBusy("429"), says("hello"))
    assert agent.run(GOAL, resources=given(busy, tmp_path)).answer == "hello"
    broken = Scripted(KeyError("choices"), says("hello"))
    with pytest.raises(TaskFailed, match="KeyError"):
        agent.run(GOAL, resources=given(broken, tmp_path))
    refusing = Scripted(ModelRefused("401"), says("hello"))
    with CheckpointingRunner("memory://", resources=given(refusing, tmp_path)) as runner:
        runner.run(agent, "a", GOAL)
        with pytest.raises(TaskFailed, match="ModelRefused: 401") as failed:
            runner.client.result("a", agent)
        assert failed.value.info.attempt == 1
        runner.client.retry("a")  # the key was mended
        status = runner.resume(agent, "a")
    assert isinstance(status, Completed)
    assert status.output.answer == "hello"


def test_of_two_mails_that_wait_each_has_its_own_answer(tmp_path: Path) -> None:
    mails = ('{"to": "a", "text": "one"}', '{"to": "b", "text": "two"}')
    chat = Scripted(wants(*(("send_mail", mail) for mail in mails)), says("done"))
    with CheckpointingRunner("memory://", resources=given(chat, tmp_path)) as runner:
        runner.run(agent, "a", GOAL)
        assert sorted(asked.mail.to for asked in asked_of(runner.client, "a")) == ["a", "b"]
        first = decide(runner.client, "a", Approval(allowed=False, by="Bob"))
        (other,) = asked_of(runner.client, "a")
        assert other != first
        decide(runner.client, "a", YES)
        with pytest.raises(SayiirError, match="no mail waits"):
            decide(runner.client, "a", YES)
        runner.resume(agent, "a")
        said = said_in(runner.client, "a")
    assert said is not None
    answers = {each.answers: each.text for each in said.messages if each.role == "tool"}
    calls = {mail: str(number) for number, mail in enumerate(("a", "b"))}
    assert answers[calls[first.mail.to]] == "not sent, for Bob has said no"
    assert answers[calls[other.mail.to]] == "sent, as Bob has allowed"
    (sent,) = tmp_path.iterdir()
    assert sent.read_text() == f"To: {other.mail.to}\n\n{other.mail.text}\n"


@pytest.mark.parametrize(
    ("expression", "value"),
    [("2 * 29.50 + 85", "144.00"), ("-(1 - 3) / 4", "0.5"), ("1_000 * .1", "100.0")],
)
def test_the_calculator_is_exact(expression: str, value: str) -> None:
    assert computed(expression) == Decimal(value)


@pytest.mark.parametrize(
    "expression",
    [
        *("", "1 +", "9 ** 9", "a", "open('x')", "1 if 1 else 2", "True", "1j", "1 / 0"),
        *("1" * 201, "1\0", "(" * 150 + "1"),
    ],
)
def test_the_calculator_computes_nothing_else(expression: str) -> None:
    with pytest.raises(NotComputable):
        computed(expression)


# -- the real client, against a server of the test's own


class Service(BaseHTTPRequestHandler):
    """Answers what the test put there, and keeps what it was asked."""

    server: Any

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, dict(self.headers), json.loads(body)))
        status, answer = self.server.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.asked, server.answer = [], (200, "{}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def ask(service: Any, *messages: Message) -> Reply:
    url = f"http://127.0.0.1:{service.server_address[1]}/v1"
    async with remote_chat(url, "large", "secret") as chat:
        return await chat.reply(messages, OFFERED, "step-1")


def test_the_real_client_speaks_chat_completions(service: Any) -> None:
    """A call that is wanted, its answer, and the end: as the protocol writes them."""
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    answer = {
        "choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [call]}}],
        "usage": {"total_tokens": 42},
    }
    service.answer = (200, json.dumps(answer))
    goal = Message(role="user", text="Tell Ada")
    first = asyncio.run(ask(service, goal))
    assert first == Reply(
        Message(
            role="assistant",
            text="",
            calls=(ToolCall(call_id="c1", tool="look_up", arguments="{}"),),
        ),
        42,
    )
    result = Message(role="tool", text="2 lamp", answers="c1")
    service.answer = (
        200,
        json.dumps({"choices": [{"message": {"content": "done"}}], "usage": {"total_tokens": 7}}),
    )
    assert asyncio.run(ask(service, goal, first.message, result)).message == says("done")
    path, headers, body = service.asked[-1]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer secret"
    assert headers["Idempotency-Key"] == "step-1"
    assert body["model"] == "large"
    assert body["messages"] == [
        {"role": "user", "content": "Tell Ada"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "2 lamp", "tool_call_id": "c1"},
    ]
    assert [tool["function"]["name"] for tool in body["tools"]] == [
        "look_up",
        "calculate",
        "send_mail",
    ]
    assert body["tools"][0]["function"]["parameters"]["required"] == ["about"]


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (429, "slow down", ModelBusy),
        (503, "overloaded", ModelBusy),
        (401, "no such key", ModelRefused),
        (200, "<html>", ModelRefused),
        (200, '{"choices": []}', ModelRefused),
        (200, "[]", ModelRefused),
    ],
)
def test_what_the_service_says_instead_is_told_apart(
    service: Any, status: int, text: str, error: type[Exception]
) -> None:
    service.answer = (status, text)
    with pytest.raises(error) as raised:
        asyncio.run(ask(service, Message(role="user", text="Tell Ada")))
    assert "secret" not in str(raised.value)


def test_a_service_that_isnt_there_is_busy() -> None:
    async def nobody() -> None:
        async with remote_chat("http://127.0.0.1:1/v1", "large", "secret") as chat:
            await chat.reply([Message(role="user", text="Tell Ada")], OFFERED, "k")

    with pytest.raises(ModelBusy, match="ConnectError"):
        asyncio.run(nobody())
