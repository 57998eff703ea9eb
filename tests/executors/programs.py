"""Programs that are killed, or kill themselves: ``python -m tests.executors.programs NAME …``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from sayiir import CheckpointingRunner, Workflow, task, workflow


@task
def poison(n: int) -> int:
    """Kills the process of whoever runs it."""
    os.kill(os.getpid(), signal.SIGKILL)
    return n


@task
def step(n: int) -> int:
    time.sleep(0.02)
    return n + 1


@task(run_in="process")
def works_long(folder: str) -> str:
    """Leaves a file while it runs; has started a program."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        place = Path(folder)
        (place / "lock").touch()
        (place / "partial").write_text(f"{os.getpid()} {child.pid}")
        (place / "partial").rename(place / "pids")
        try:
            if not (place / "second").exists():
                time.sleep(60)
        finally:
            child.kill()
            (place / "lock").unlink()
    return "done"


poisonous: Workflow[int, int] = workflow("poisonous", step >> poison)
harmless: Workflow[int, int] = workflow("harmless", step >> step >> step >> step)
long: Workflow[str, str] = workflow("long", works_long)


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'runs.db'}"


def main(name: str, folder: Path) -> None:
    with CheckpointingRunner(url(folder)) as runner:
        if name == "poisoned":
            runner.resume_all([poisonous, harmless])
            return
        try:
            print(runner.ensure(long, "i", str(folder)))
        except KeyboardInterrupt:
            print("interrupted")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
