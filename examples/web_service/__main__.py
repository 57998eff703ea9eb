"""``python -m examples.web_service``: serve the application."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Final

import uvicorn

from examples.web_service.app import create_app

__all__ = ["main"]

INTERRUPTED: Final = 130
"""What a shell gives for a program that Ctrl-C ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.web_service",
        description="Articles over HTTP, durably. Kill it at any moment; the same command "
        "continues.",
    )
    parser.add_argument("--store", default="sqlite:///articles.db", help="URL (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="0: any free one (%(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="there is no login (%(default)s)")
    parser.add_argument("--no-worker", action="store_true", help="only submit and report")
    options = parser.parse_args(arguments)

    def stopping() -> bool:
        return server.should_exit

    app = create_app(options.store, work=not options.no_worker, stopping=stopping)
    server = uvicorn.Server(uvicorn.Config(app, host=options.host, port=options.port))
    try:
        server.run()
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
