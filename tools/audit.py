"""Known vulnerabilities of what is installed: ``python -m tools.audit``.

A vulnerability in what sayiir or one of its extras needs is an error; one in a tool that only work
on sayiir needs is told. Where the advisories can't be asked for, as without a network, that is
told too, and is no error: the sources are as good as they were.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires
from typing import Any, Final

SHIPPED: Final = "sayiir-py"
EXTRAS: Final = ("crypto", "dask", "otel", "postgres")
PATIENCE_SECONDS: Final = 90.0
COMMAND: Final = ("-m", "pip_audit", "--format=json", "--progress-spinner=off", "--timeout=5")

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA: Final = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


def normal(name: str) -> str:
    """A package's name as indexes compare it.

    >>> normal("Typing_Extensions")
    'typing-extensions'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(package: str = SHIPPED, extras: tuple[str, ...] = EXTRAS) -> set[str]:
    """The names of all that a package needs, by whatever way, as far as it is installed."""
    found: set[str] = set()
    pending = [(package, extras)]
    while pending:
        name, wanted = pending.pop()
        try:
            lines = requires(name) or []
        except PackageNotFoundError:
            continue
        for line in lines:
            extra = _EXTRA.search(line)
            match = _NAME.match(line)
            if match is None or (extra is not None and extra[1] not in wanted):
                continue
            other = normal(match[0])
            if other not in found and other != SHIPPED:
                found.add(other)
                pending.append((other, ()))
    return found


def answer() -> list[dict[str, Any]] | None:
    """What is said of each installed package; None: nobody could be asked."""
    try:
        done = subprocess.run(
            [sys.executable, *COMMAND],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, LookupError):
        return None
    return found


def main() -> int:
    """Ask, tell, and judge."""
    found = answer()
    asked = [each for each in found or [] if "skip_reason" not in each]
    if not asked:
        print("audit: no advisories could be asked for; nothing was audited")
        return 0
    ours, worst = needed(), 0
    for package in asked:
        for vulnerability in package["vulns"]:
            shipped = normal(package["name"]) in ours
            worst = max(worst, int(shipped))
            whose = "needed by sayiir" if shipped else "a tool only"
            fixed = ", ".join(vulnerability.get("fix_versions", [])) or "no release yet"
            print(
                f"audit: {package['name']} {package['version']} ({whose}): {vulnerability['id']}, "
                f"mended in {fixed}"
            )
    print(f"audit: {len(asked)} packages looked at")
    return worst


if __name__ == "__main__":
    sys.exit(main())
