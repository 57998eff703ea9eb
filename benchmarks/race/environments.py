"""An environment for each system, made when it is first asked for and when its pins change."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Final

__all__ = ["ENVIRONMENTS", "ROOT", "outside", "python_of"]

ROOT: Final = Path(__file__).resolve().parents[2]
ENVIRONMENTS: Final = ROOT / ".race"
_REQUIREMENTS: Final = Path(__file__).parent / "requirements"


def outside() -> dict[str, str]:
    """The variables for a process of another environment: ours leads it to our own packages.

    Nor is it kept from writing bytecode, which an installer makes of every package: a checkout
    has none before it is first imported.
    """
    ours = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if name not in ours}


def python_of(name: str) -> Path:
    """The Python of a system's environment, made now if it isn't there.

    The checkout comes last on its path: a package that is installed under our name wins.

    Raises:
        RuntimeError: the packages can't be installed.
    """
    folder, wanted = ENVIRONMENTS / name, (_REQUIREMENTS / f"{name}.txt").read_text()
    stamp, python = folder / "requirements.txt", folder / "bin" / "python"
    if stamp.exists() and stamp.read_text() == wanted and python.exists():
        return python
    print(f"making the environment of {name}", file=sys.stderr, flush=True)
    venv.create(folder, with_pip=True, clear=True)
    install = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    done = subprocess.run(
        [*install, "-r", str(_REQUIREMENTS / f"{name}.txt")],
        check=False,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"the environment of {name} can't be made: {done.stderr}")
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    (packages / "checkout.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    stamp.write_text(wanted)
    return python
