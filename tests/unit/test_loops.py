"""Runs in memory from blocking code: a loop is used again only where it is as it was made."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeAlias

import pytest

from sayiir import task, workflow
from sayiir.loops.interrupts import run_until_complete
from sayiir.loops.kept import run_to_end


async def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def _kept_after(leave: Callable[[asyncio.AbstractEventLoop], object]) -> bool:
    """Whether the next run has the loop of a run that did this."""

    async def first() -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        leave(loop)
        return loop

    before = run_to_end(first)
    return run_to_end(_loop) is before


def _executor(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_in_executor(None, int)


def _reader(loop: asyncio.AbstractEventLoop) -> None:
    reading, _ = os.pipe()
    loop.add_reader(reading, print)


def _generator(loop: asyncio.AbstractEventLoop) -> object:
    async def numbers() -> AsyncGenerator[int, None]:
        yield 1
        yield 2

    generator = numbers()
    generators.append(generator)

    async def begin() -> None:
        await anext(generator)

    return loop.create_task(begin())


generators: list[AsyncGenerator[int, None]] = []


class _OddTask(asyncio.Task[Any]):
    def __init__(self, loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> None:
        super().__init__(coro, loop=loop, **more)


def _handler(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    pass


Leave: TypeAlias = Callable[[asyncio.AbstractEventLoop], object]

LEFT: dict[str, Leave] = {
    "a task": lambda loop: loop.create_task(asyncio.sleep(100)),
    "a timer": lambda loop: loop.call_later(100, print),
    "a callback": lambda loop: loop.call_soon(loop.call_soon, print),
    "an executor": _executor,
    "a reader": _reader,
    "a signal's handler": lambda loop: loop.add_signal_handler(signal.SIGUSR1, print),
    "an exception handler": lambda loop: loop.set_exception_handler(_handler),
    "a task factory": lambda loop: loop.set_task_factory(_OddTask),
    "debugging": lambda loop: loop.set_debug(True),
    "a generator": _generator,
}


def test_a_loop_is_used_again() -> None:
    """Not made anew, where nothing was left; what was cancelled is nothing."""
    assert _kept_after(lambda loop: None)
    assert _kept_after(lambda loop: loop.call_later(100, print).cancel())


@pytest.mark.parametrize("what", LEFT)
def test_what_a_run_leaves_is_met_by_no_other(what: str) -> None:
    """Whatever is left in a loop ends with it, as under ``asyncio.run``."""
    assert not _kept_after(LEFT[what])


def test_a_failed_run_leaves_the_loop_as_it_was() -> None:
    async def failing() -> None:
        seen.append(asyncio.get_running_loop())
        raise ValueError("no")

    seen: list[asyncio.AbstractEventLoop] = []
    with pytest.raises(ValueError, match="no"):
        run_to_end(failing)
    assert run_to_end(_loop) is seen[0]


def test_context_variables_stay_in_their_run() -> None:
    """A run sees the caller's, and what it sets is seen by nobody else."""
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

    async def add() -> int:
        variable.set(variable.get() + 1)
        return variable.get()

    assert [run_to_end(add), run_to_end(add)] == [1, 1]
    variable.set(10)
    assert run_to_end(add) == 11


def test_threads_have_loops_of_their_own() -> None:
    here = run_to_end(_loop)
    there: list[asyncio.AbstractEventLoop] = []
    thread = threading.Thread(target=lambda: there.append(run_to_end(_loop)))
    thread.start()
    thread.join()
    assert there != [here]


def test_a_call_from_a_task_on_a_thread() -> None:
    """Tasks that run workflows themselves: each in a loop of its own thread."""

    @task
    def inner(number: int) -> int:
        return number + 1

    adding = workflow("adding", inner >> inner)

    @task
    def outer(number: int) -> int:
        return adding(number) + adding(number)

    assert workflow("outer", outer >> outer)(1) == 16


PROGRAM = """
import asyncio, os, signal, sys, threading
from sayiir import task, workflow
from sayiir.loops.interrupts import run_until_complete
from sayiir.loops.kept import run_to_end

@task
async def add(number: int) -> int:
    return number + 1

adding = workflow("adding", add >> add)
"""


def _ran(program: str, *options: str) -> subprocess.CompletedProcess[str]:
    source = PROGRAM + textwrap.dedent(program)
    return subprocess.run(
        [sys.executable, "-W", "error", *options, "-c", source],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_nothing_is_said_at_the_end() -> None:
    """Of loops that are kept: by the main thread, one that has ended, and one that never ends."""
    ran = _ran(
        """
        adding(1)
        thread = threading.Thread(target=adding, args=(1,))
        thread.start()
        thread.join()
        done = threading.Event()

        def stay():
            adding(1)
            done.set()
            threading.Event().wait()

        threading.Thread(target=stay, daemon=True).start()
        done.wait()
        print(adding(1))
        """
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "3\n", "")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_its_own() -> None:
    """And leaves the parent's as it is: what wakes it from other threads still does."""
    ran = _ran(
        """
        adding(1)
        child = os.fork()
        if child == 0:
            print(adding(2), flush=True)
            sys.exit()
        os.waitpid(child, 0)

        async def woken():
            loop, event = asyncio.get_running_loop(), asyncio.Event()
            timer = threading.Timer(0.05, loop.call_soon_threadsafe, (event.set,))
            timer.start()
            await asyncio.wait_for(event.wait(), 20)

        run_to_end(woken)
        print(adding(3))
        """,
        "-W",
        "ignore::DeprecationWarning",
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "4\n5\n", "")


def test_ctrl_c_cancels_and_is_raised() -> None:
    """A task may clean up; afterwards Ctrl-C is Python's own again, and the next run is new."""
    ran = _ran(
        """
        @task
        async def interrupted(number: int) -> int:
            os.kill(os.getpid(), signal.SIGINT)
            try:
                await asyncio.sleep(20)
            except asyncio.CancelledError:
                print("cleaned up")
                raise
            return number

        adding(1)
        try:
            workflow("interrupted", interrupted)(1)
        except KeyboardInterrupt:
            print("interrupted")
        print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
        print(adding(1))
        """
    )
    assert ran.stdout.split("\n")[:4] == ["cleaned up", "interrupted", "True", "3"]
    assert (ran.returncode, ran.stderr) == (0, "")


def test_ctrl_c_twice_waits_for_nobody() -> None:
    """What clings to its cancellation is interrupted by the second, and ended with its loop."""
    ran = _ran(
        """
        async def clinging():
            os.kill(os.getpid(), signal.SIGINT)
            try:
                await asyncio.sleep(20)
            except asyncio.CancelledError:
                os.kill(os.getpid(), signal.SIGINT)
                await asyncio.sleep(20)

        try:
            run_to_end(clinging)
        except KeyboardInterrupt:
            print("interrupted")
        """
    )
    assert (ran.stdout, ran.returncode, ran.stderr) == ("interrupted\n", 0, "")


def test_the_users_own_handler_stays() -> None:
    """Whoever handles Ctrl-C himself goes on to do so during a run."""
    ran = _ran(
        """
        signal.signal(signal.SIGINT, lambda *_: print("mine"))

        async def interrupted():
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0)

        run_to_end(interrupted)
        """
    )
    assert (ran.stdout, ran.returncode, ran.stderr) == ("mine\n", 0, "")


def test_ctrl_c_before_the_first_step_ends_the_run() -> None:
    """The task never runs, so it is not the one that stops the loop."""

    class Interrupted(asyncio.SelectorEventLoop):
        def run_forever(self) -> None:
            signal.raise_signal(signal.SIGINT)
            super().run_forever()

    began = False

    async def step() -> None:
        nonlocal began
        began = True

    loop = Interrupted()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_until_complete(loop.create_task(step()))
    finally:
        loop.close()
    assert not began


def test_a_loop_that_user_code_stops_is_told_of() -> None:
    async def stops() -> None:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(60)

    with pytest.raises(RuntimeError, match="stopped"):
        run_to_end(stops)


def test_what_the_last_step_left_to_be_called_is_called() -> None:
    called: list[int] = []

    async def leaves() -> None:
        asyncio.get_running_loop().call_soon(called.append, 1)

    run_to_end(leaves)
    assert called == [1]
