"""The test's side: orders lives from the fork server, and judges what they wrote down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.crash.life import expected
from tests.sim.flows import case_of
from tests.sim.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Doomed", "Kill", "Server"]

_ROOT = Path(__file__).resolve().parents[2]
_KILLED = signal.SIGKILL.value


class Server:
    """A fork server of its own process. Use it with ``with``."""

    def __enter__(self) -> Server:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.crash.server"],
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def live(self, order: dict[str, Any]) -> int:
        """The exit status of a process that lived as ordered."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        answer = self._process.stdout.readline()
        assert answer, "the fork server has gone"
        return int(answer)


@dataclass(frozen=True, slots=True)
class Kill:
    """Before or after a write of a life, or so many seconds after the life began."""

    write: int | None = None
    after: bool = False
    verb: str = "commit"
    seconds: float | None = None


@dataclass(slots=True)
class End:
    """What the last life told."""

    completed: bool
    output: Any
    status: str
    writes: list[str]
    results: dict[str, str]


@dataclass(slots=True)
class Doomed:
    """A flow that is run again and again, each time killed in another way.

    Attributes:
        server: forks the processes.
        seed: of the flow.
        folder: for diaries, and for SQLite files.
        new_url: asked for the URL of an empty store; without it, each run has a file.
    """

    server: Server
    seed: int
    folder: Path
    new_url: Callable[[], str] | None = None
    fails: bool = False
    output: Any = None
    unbroken: End | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    closed: tuple[str, ...] = ()
    runs: int = 0
    killed: int = 0
    rerun: int = 0
    wrong: list[str] = field(default_factory=list)

    def begin(self) -> list[str]:
        """Run it unbroken; the writes that changed anything."""
        case = case_of(self.seed, threads=True)
        self.output, self.fails = expected(case), case.fails
        trace, end = self._run(())
        assert end is not None, f"seed {self.seed} ended without a word"
        self.unbroken, self.inputs = end, trace.inputs()
        self.closed = tuple(prefix for prefix, *_ in trace.closed)
        return end.writes

    def run(self, *kills: Kill) -> bool:
        """Killed so, and continued by a new process; False: it ended before any kill came."""
        before = self.killed
        self._run(kills)
        return self.killed > before

    def _run(self, kills: tuple[Kill, ...]) -> tuple[Trace, End | None]:
        self.runs += 1
        files = self.folder / f"{self.seed}-{self.runs}"
        files.mkdir()
        url = self.new_url() if self.new_url else f"sqlite:///{files}/one.db"
        trace, sent = Trace(self.seed, life=0, broken=self.fails), Counter[str]()
        problems: list[str] = []
        end: End | None = None
        read = 0
        for kill in (*kills, Kill()):
            order = {
                "seed": self.seed, "url": url, "diary": str(files / "diary"),
                "life": trace.life + 1, "broken": trace.broken, "sent": sent,
                "write": kill.write, "after": kill.after, "verb": kill.verb,
                "seconds": kill.seconds,
            }  # fmt: skip
            status = self.server.live(order)
            lines = list(_lines(files / "diary"))
            end = _retold(lines[read:], trace, sent)
            read = len(lines)
            if status == _KILLED:
                self.killed += 1
            elif status != 0:
                problems.append(f"life {trace.life} ended with status {status}")
            if end is not None:
                break
            if trace.life != order["life"]:  # killed before it could say that it lives
                trace.begin()
        problems += self._judged(trace, end)
        self.rerun += sum("ran again" in problem for problem in problems)
        if problems:
            self.wrong.append(f"seed {self.seed}, {kills}: {'; '.join(problems)}")
        return trace, end

    def _judged(self, trace: Trace, end: End | None) -> list[str]:
        trace.check_keys_differ()
        problems = list(trace.problems)
        if end is None or not end.completed:
            return [*problems, f"ended as {end}"]
        if end.output != self.output:
            problems.append(f"gave {end.output} instead of {self.output}")
        if self.unbroken is None:
            return problems
        for path, value in trace.inputs().items():
            if self.inputs.get(path, value) != value:
                problems.append(f"{path} got {value} instead of {self.inputs[path]}")
        ours, theirs = self._sure(end.results), self._sure(self.unbroken.results)
        if ours != theirs:
            problems.append(f"results differ: {sorted(ours.items() ^ theirs.items())[:4]}")
        return problems

    def _sure(self, results: dict[str, str]) -> dict[str, str]:
        """Without those below items that were collected as failed."""
        return {path: data for path, data in results.items() if not path.startswith(self.closed)}


def _lines(path: Path) -> Iterator[list[Any]]:
    if path.exists():
        for line in path.read_text().splitlines():
            yield json.loads(line)


def _retold(lines: list[list[Any]], trace: Trace, sent: Counter[str]) -> End | None:
    """Tell a trace what the diary says; the end, if it came to one."""
    end: End | None = None
    for kind, *told in lines:
        match kind:
            case "life":
                trace.begin()
            case "start":
                trace.note(*told)
            case "stored":
                trace.stored(*told)
            case "gave up":
                trace.gave_up(*told)
            case "sent":
                sent[told[0]] += 1
            case "mended":
                trace.mended()
            case _:
                end = End(*told)
    return end
