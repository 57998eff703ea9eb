"""What is installed of a system: ``python -m benchmarks.race.footprint DISTRIBUTION ...``.

Runs in the system's environment. Prints JSON: the bytes of the named distributions with all that
they need, as they were installed but for compiled bytecode, and the versions of all of them.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata

__all__ = ["footprint"]

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*(?:\[([^]]*)\])?[^;]*(?:;(.*))?")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


def footprint(wanted: list[str]) -> tuple[int, dict[str, str]]:
    """Bytes, and versions by name."""
    open_ones, versions, total = list(wanted), dict[str, str](), 0
    seen = set[str]()
    while open_ones:
        requirement = open_ones.pop()
        found = _REQUIREMENT.match(requirement)
        assert found is not None
        name, extras = _normal(found[1]), {e.strip() for e in (found[2] or "").split(",")} - {""}
        if (key := f"{name}[{','.join(sorted(extras))}]") in seen:
            continue
        seen.add(key)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # for another system or version of Python, or it would have been installed
        if name not in versions:
            versions[name] = distribution.version
            total += _bytes(distribution)
        open_ones += [each for each in distribution.requires or () if _applies(each, extras)]
    return total, versions


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _applies(requirement: str, extras: set[str]) -> bool:
    named = _EXTRA.search(requirement)
    return named is None or named[1] in extras


def _bytes(distribution: metadata.Distribution) -> int:
    total = 0
    for file in distribution.files or ():
        path = file.locate()
        if file.suffix != ".pyc" and path.exists():  # type: ignore[attr-defined]
            total += path.stat().st_size  # type: ignore[attr-defined]
    return total


if __name__ == "__main__":
    size, found = footprint(sys.argv[1:])
    print(json.dumps({"bytes": size, "versions": found}))
