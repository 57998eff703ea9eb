"""``make compat``: the corpus on the published package and here, and where they differ."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg

from sayiir.testing.postgres import PostgresServer
from tests.compat.corpus.crashes import POSTGRES
from tests.compat.corpus.every import programs
from tests.compat.corpus.program import SAME, Program

ROOT = Path(__file__).parents[1]
ONE = ROOT / "tests" / "compat" / "one.py"
SECONDS = 120


@dataclass(frozen=True)
class Outcome:
    """What a program gave on either side."""

    program: Program
    here: str
    published: str

    @property
    def expected(self) -> bool:
        """Whether the corpus says so."""
        program = self.program
        wanted = program.gives if program.published is SAME else program.published
        return self.here == repr(program.gives) and self.published == repr(wanted)


def run(python: str, package: str, name: str, postgres: str) -> str:
    """What a program gives on one side, or how it ends."""
    # The published package must not meet ours through the caller's environment.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment[POSTGRES] = postgres
    if package != "sayiir":
        environment["PYTHONPATH"] = str(ROOT)
    command = [python, str(ONE), package, name]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        return f"hangs: nothing within {SECONDS} s"
    if ended.returncode == 0:
        return ended.stdout.splitlines()[-1]
    last = ended.stderr.strip().splitlines()[-1:] or [f"exit status {ended.returncode}"]
    return f"dies: {last[0]}"


# The published package's migrations ask for the extension pgcrypto, of which they use digest()
# alone. The wheel's server has no extensions, but it has the function under another name.
PGCRYPTO = """
create function digest(text, text) returns bytea language sql immutable strict
    as $$ select sha256(convert_to($1, 'UTF8')) $$;
insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    select 99999, 'pgcrypto', 10, oid, true, '1.3' from pg_namespace where nspname = 'public';
"""


async def prepare(url: str) -> None:
    """Give a new server what the published package asks for."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(PGCRYPTO)
    finally:
        await connection.close()


def with_host(url: str) -> str:
    """The URL of a server behind a socket, with the host that the published package asks for."""
    return url.replace("@/", "@localhost/")


def both(published: str, postgres: str, program: Program) -> Outcome:
    """Run a program on both sides."""
    return Outcome(
        program,
        here=run(sys.executable, "sayiir.compat", program.name, postgres),
        published=run(published, "sayiir", program.name, postgres),
    )


def told(outcome: Outcome) -> str:
    """A program whose sides differ, for people."""
    lines = [f"{outcome.program.name}"]
    if outcome.here == outcome.published:
        lines += [f"  both give  {outcome.here}"]
    else:
        lines += [f"  published  {outcome.published}", f"  here       {outcome.here}"]
    if outcome.program.why:
        lines += textwrap.wrap(
            outcome.program.why, 96, initial_indent="  because ", subsequent_indent="          "
        )
    if not outcome.expected:
        lines += ["  NOT what the corpus says of it"]
    return "\n".join(lines)


def main() -> int:
    """Print the report; 1 where the corpus is wrong about a side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--published", required=True, help="an interpreter with sayiir 1.0.0")
    parser.add_argument("--jobs", type=int, default=2, help="how many programs at a time")
    parser.add_argument("names", nargs="*", help="only these programs")
    options = parser.parse_args()
    chosen = [each for each in programs() if not options.names or each.name in options.names]
    with PostgresServer() as server, ThreadPoolExecutor(options.jobs) as pool:
        asyncio.run(prepare(server.url))
        outcomes = list(pool.map(partial(both, options.published, with_host(server.url)), chosen))
    differing = [each for each in outcomes if each.here != each.published or not each.expected]
    wrong = [each for each in outcomes if not each.expected]
    print("\n\n".join(map(told, differing)))
    alike = len(outcomes) - len(differing)
    print(
        f"\n{len(outcomes)} programs: {alike} alike, {len(differing)} differ, "
        f"{len(wrong)} not as the corpus says"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
