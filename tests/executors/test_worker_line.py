"""What goes between a worker and its pool: each call's own, whatever the program around it does."""

from __future__ import annotations

import logging
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import TaskContext, task, workflow
from sayiir.executors import Call, ProcessPool
from sayiir.executors.remote import Preparation
from sayiir.executors.wire import FrameReader, Kind, frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

pytestmark = pytest.mark.anyio


@pytest.fixture
def default_timeout() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(5)
    yield
    socket.setdefaulttimeout(before)


@task(run_in="process")
def logs_badly(n: int, ctx: TaskContext) -> int:
    ctx.logger.warning("%d things", "many")
    return n


@task(run_in="process")
def leaves_a_thread(n: int, ctx: TaskContext) -> int:
    def later() -> None:
        time.sleep(0.1)
        ctx.heartbeat()
        ctx.progress(0.99, "of the first call")
        ctx.logger.warning("still here")

    threading.Thread(target=later).start()
    return n


@task(run_in="process")
def takes_a_while(n: int, ctx: TaskContext) -> int:
    ctx.progress(0.1)
    time.sleep(0.3)
    ctx.progress(0.2)
    return n


def never() -> datetime | None:
    return None


@pytest.mark.usefixtures("default_timeout")
async def test_a_programs_default_for_sockets_is_not_the_workers() -> None:
    async with ProcessPool(max_workers=1) as pool:
        for n in range(2):  # the second call is waited for
            flow = workflow("w", leaves_a_thread)
            assert await flow.arun(n, executors={"process": pool}) == n
            time.sleep(0.05)
        (worker,) = pool._idle
        assert worker.alive


async def test_a_record_that_cannot_be_told_fails_no_task(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert await workflow("w", logs_badly).arun(1) == 1
    said = capfd.readouterr().err
    assert said.count("--- Logging error ---") == 1


async def test_what_a_call_leaves_running_speaks_for_no_other_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: dict[str, list[Any]] = {"first": [], "second": []}

    def call(function: Any, name: str) -> Call:
        context = TaskContext(
            instance_id=name,
            heartbeat=lambda: told[name].append("alive"),
            progress=lambda fraction, _: told[name].append(fraction),
        )
        function = function.spec.function
        return Call(
            function=function,
            args=(1,),
            kwargs={},
            context=context,
            context_parameters=("ctx",),
            started=never,
        )

    with caplog.at_level(logging.WARNING, logger="sayiir.task"):
        async with ProcessPool(max_workers=1) as pool:
            await pool.run(call(leaves_a_thread, "first"))
            await pool.run(call(takes_a_while, "second"))
    assert told == {"first": [], "second": [0.1, 0.2]}
    # A record says by itself whose it is.
    (record,) = [each for each in caplog.records if each.getMessage() == "still here"]
    assert record.sayiir_instance_id == "first"  # type: ignore[attr-defined]


def test_frames_come_whole_however_they_are_cut() -> None:
    data = frame(Kind.LOG, b"abc", 7) + frame(Kind.RESULT, b"", 8)
    for size in range(1, len(data)):
        reader = FrameReader()
        found = [
            each
            for start in range(0, len(data), size)
            for each in reader.feed(data[start : start + size])
        ]
        assert found == [(Kind.LOG, 7, b"abc"), (Kind.RESULT, 8, b"")]


@pytest.mark.parametrize("unread", [1, 2], ids=["before it reads", "before it answers"])
def test_a_worker_whose_parent_has_died_says_nothing(unread: int) -> None:
    """What the parent left unread is an error on the line: no news, and no traceback for it.

    The lifeline is held here, so that the worker isn't killed before it could say anything.
    """
    ours, its = socket.socketpair()
    lifeline_read, lifeline_write = os.pipe()
    start = (
        "import sys; from sayiir.executors.processes.worker import main; "
        "main(*map(int, sys.argv[1:]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", start, str(its.fileno()), str(lifeline_read)],
        pass_fds=(its.fileno(), lifeline_read),
        process_group=0,
        stderr=subprocess.PIPE,
        text=True,
    ) as worker:
        its.close()
        body = pickle.dumps(Preparation(None, (), (), logging.WARNING))
        ours.sendall(frame(Kind.PREPARE, body, 1))
        assert select.select([ours], [], [], 30)[0]  # it has answered, and nobody reads that
        if unread > 1:
            worker.send_signal(signal.SIGSTOP)
            ours.sendall(frame(Kind.PREPARE, body, 2))
        ours.close()
        if unread > 1:
            worker.send_signal(signal.SIGCONT)
        _, complained = worker.communicate(timeout=30)
        assert (worker.returncode, complained) == (0, "")
    for each in (lifeline_read, lifeline_write):
        os.close(each)
