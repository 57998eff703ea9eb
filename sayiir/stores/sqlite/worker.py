"""A thread with a queue of jobs, and their results back on the event loops that asked.

What costs is the wake-up, not the work: a lock and a condition would take four times as long
as this, an executor five times. So the thread takes everything that has gathered while it was
busy as one batch, and wakes each loop once for all of the batch's results.

A loop of our own with nothing else to do runs its job itself and saves even that: it would
only wait.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from sayiir.errors import StoreError, StoreUnavailable
from sayiir.loops import OwnLoop
from sayiir.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["AnyJob", "Job", "Runs", "Worker"]

Result = TypeVar("Result")
Given = TypeVar("Given")
MAX_BATCH_JOBS: Final = 256
ANSWER_SECONDS: Final = 30.0
"""How long a verb is waited for: a call that hangs must not hang its caller."""
CLOSE_TIMEOUT_SECONDS: Final = 30.0
LOOK_AGAIN_SECONDS: Final = 60.0
"""After looking around has failed in a way that nobody foresaw: no reason to look more often."""
LOOK_SECONDS: Final = 0.001
"""How long a loop of our own waits for the thread to be done with what it looks at."""
LOGGER: Final = logging.getLogger("sayiir.stores.sqlite")


class Job(Generic[Result]):
    """One function to run in a transaction; who awaits it has its result."""

    __slots__ = ("_future", "_patience", "error", "function", "loop", "result")

    result: Result
    """Set by whoever runs the job, unless ``error`` is."""

    def __init__(self, function: Callable[[Transaction], Result]) -> None:
        self.function = function
        self.loop = asyncio.get_running_loop()
        self.error: BaseException | None = None
        self._future: asyncio.Future[Result] | None = None
        """None: it was run before anybody could wait."""
        self._patience: asyncio.TimerHandle | None = None

    def __await__(self) -> Generator[Any, Any, Result]:
        """Wait for the result; at most one turn of the loop where it is there already."""
        if self._future is not None:
            return (yield from self._future)
        # A chain of quick verbs must not keep others from having their turn.
        if not isinstance(self.loop, OwnLoop) or self.loop.turn_is_due:
            yield
        if self.error is not None:
            raise self.error
        return self.result

    def be_patient(self) -> None:
        """Wait for an answer from another thread, but not for ever."""
        self._future = self.loop.create_future()
        self._patience = self.loop.call_later(ANSWER_SECONDS, self._give_up)

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits any more: cancelled, or after too long. From any thread."""
        return self._future is not None and self._future.done()

    def _give_up(self) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_exception(
                StoreUnavailable(
                    f"the database gave no answer for {ANSWER_SECONDS:.0f} s; another process may "
                    "hold its lock. What was asked may still be written"
                )
            )

    def settle(self) -> None:
        """Tell who waits. On the job's own loop."""
        if self._patience is not None:
            self._patience.cancel()
        if self._future is None or self._future.done():
            return  # whoever waited was cancelled meanwhile
        if self.error is not None:
            self._future.set_exception(self.error)
        else:
            self._future.set_result(self.result)


AnyJob = Job[Any]


class Runs(Protocol):
    """What a worker does with its batches: by one thread at a time, mostly the worker's own."""

    def open(self) -> None:
        """Open the connection. What is raised here is raised to who starts the worker."""
        ...

    def run(self, jobs: Sequence[AnyJob]) -> None:
        """Run the jobs; each has its result or its error afterwards."""
        ...

    def run_at_once(self, jobs: Sequence[AnyJob]) -> bool:
        """The same, unless that means to wait for another process: then False, nothing is run."""
        ...

    def told(self) -> None:
        """The results of the last batch are on their way: who watches may be woken now."""
        ...

    def idle(self) -> float | None:
        """Nothing is queued: look around; in how many seconds again, or None for never."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class Worker:
    """Runs jobs on a daemon thread, in the order given; urgent ones first.

    The thread begins with the first job that isn't run at once: a loop of our own may need none.
    """

    def __init__(self, name: str, runs: Runs) -> None:
        self._runs = runs
        self._urgent: deque[AnyJob] = deque()
        self._jobs: deque[AnyJob] = deque()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._rung = False
        self._closed = False
        self._gate = threading.Lock()
        """Nothing is queued any more once ``_closed`` is set."""
        self._seat = threading.Lock()
        """Held by whoever uses the connection at the moment."""
        self._begun = False
        """The thread runs, or did."""
        self._ended = False
        """It may not begin any more."""
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Open the connection, in this thread. Blocks for milliseconds.

        Raises:
            StoreError: the connection can't be opened.
        """
        try:
            self._runs.open()
        except BaseException:
            self._closed = True
            raise

    def submit(
        self, function: Callable[[Transaction], Result], *, urgent: bool = False
    ) -> Job[Result]:
        """Run the function in a transaction; to await the job, in this loop, gives its result."""
        job = Job(function)
        if self._ran_at_once(job):
            return job
        with self._gate:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            job.be_patient()
            (self._urgent if urgent else self._jobs).append(job)
        self.ring()
        return job

    def _ran_at_once(self, job: AnyJob) -> bool:
        """Run the job here and now, if its loop may be blocked and nobody is before it."""
        loop = job.loop
        if not isinstance(loop, OwnLoop) or not loop.idle:
            return False
        return self.done_at_once(self._run_one, job)

    def done_at_once(self, do: Callable[[Given], bool], given: Given) -> bool:
        """Do something with the connection here and now, unless somebody is before it.

        For a loop of our own that has nothing else to do.

        Args:
            do: what; it gives whether it was done.
            given: what it takes.

        Returns:
            Whether it was done.
        """
        if self._urgent or self._jobs or self._closed:
            return False
        # The thread may be looking around: to wait out that costs less than to be woken by it.
        if not self._seat.acquire(timeout=LOOK_SECONDS):
            return False
        try:
            return not (self._urgent or self._jobs or self._closed) and do(given)
        finally:
            self._seat.release()

    def _run_one(self, job: AnyJob) -> bool:
        return self._run((job,), at_once=True)

    def ring(self) -> None:
        """Have the thread look at once at what there is to do."""
        # Whoever comes between the thread's reset and its look at the queues rings once too
        # often, which is harmless; nobody rings too seldom.
        if not self._rung:
            self._rung = True
            self._bell.put(None)
        if not self._begun:
            with self._gate:
                self._begin()

    def _begin(self) -> None:
        if not self._begun and not self._ended:
            self._thread.start()
            self._begun = True

    def close(self) -> None:
        """Run what is queued, then end the thread. Blocks until it has ended. Idempotent."""
        with self._gate:
            self._closed = True
            if self._urgent or self._jobs:
                self._begin()
            unused = not self._begun and not self._ended
            self._ended = True
        if unused:
            with self._seat:
                self._runs.close()
        if not self._begun:
            return
        self._bell.put(None)
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_TIMEOUT_SECONDS)

    # -- on the thread

    def _work(self) -> None:
        while True:
            jobs = self._next_batch()
            if jobs:
                with self._seat:
                    self._run(jobs)
                _deliver(jobs)
                self._tell()
            elif self._closed and not self._urgent and not self._jobs:
                break
            else:
                self._rest()
        with self._seat:
            self._runs.close()

    def _run(self, jobs: Sequence[AnyJob], *, at_once: bool = False) -> bool:
        try:
            if at_once:
                return self._runs.run_at_once(jobs)
            self._runs.run(jobs)
        except BaseException as error:
            # The thread has to live on: without it, every later verb would wait for nothing.
            for job in jobs:
                if job.error is None and not hasattr(job, "result"):
                    job.error = StoreError(f"the store's thread met {error!r}; this may be a bug")
                    job.error.__cause__ = error
        return True

    def _tell(self) -> None:
        try:
            self._runs.told()
        except Exception:  # the thread lives on, and who watches looks again after a while
            LOGGER.exception("%s: waking who watches failed", printable(self._thread.name))

    def _next_batch(self) -> list[AnyJob]:
        self._rung = False
        jobs: list[AnyJob] = []
        for waiting in (self._urgent, self._jobs):
            while waiting and len(jobs) < MAX_BATCH_JOBS:
                jobs.append(waiting.popleft())
        return jobs

    def _rest(self) -> None:
        pause: float | None = LOOK_AGAIN_SECONDS
        try:
            with self._seat:
                pause = self._runs.idle()
        except Exception:
            LOGGER.exception("%s: looking around failed", printable(self._thread.name))
        try:
            self._bell.get(timeout=pause)
        except queue.Empty:
            return


def _deliver(jobs: Sequence[AnyJob]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[AnyJob]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, finished in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, finished)
        except RuntimeError:
            # The loop was closed: nobody waits there any more, and what was committed stays.
            continue


def _settle(jobs: Sequence[AnyJob]) -> None:
    for job in jobs:
        job.settle()
