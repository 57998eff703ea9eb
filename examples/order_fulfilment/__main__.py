"""``python -m examples.order_fulfilment``: a day in the shop, with six customers."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

from examples.order_fulfilment.account import account_of
from examples.order_fulfilment.customers import CUSTOMERS
from examples.order_fulfilment.services import SERVICES_FILE
from examples.order_fulfilment.shop import Shop
from examples.order_fulfilment.workflow import fulfil_order
from sayiir import AsyncCheckpointingRunner

__all__ = ["main"]

INTERRUPTED: Final = 130
"""What a shell gives for a program that Ctrl-C ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the day, or what is left of it, and print the account; the exit code."""
    options = _options(arguments)
    out = Path(options.out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    os.environ[SERVICES_FILE] = str(out / "services.db")
    try:
        asyncio.run(_day(out / "orders.db", timedelta(seconds=options.hour)))
    except KeyboardInterrupt:
        print("interrupted; the same command continues", file=sys.stderr)
        return INTERRUPTED
    return 0


async def _day(database: Path, hour: timedelta) -> None:
    began = datetime.now(UTC)
    async with AsyncCheckpointingRunner(f"sqlite:///{quote(database.as_posix())}") as runner:
        shop = Shop(runner, fulfil_order(hour))
        async with asyncio.TaskGroup() as customers:
            for customer in CUSTOMERS:
                customers.create_task(customer.play(shop))
        for customer in CUSTOMERS:
            print()
            print(await account_of(shop, customer.order, began))
    print(f"\neverything is stored in {database}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.order_fulfilment",
        description="A day in a small shop whose orders are durable workflows. Kill it at any "
        "moment; the same command continues.",
    )
    parser.add_argument(
        "--out",
        default="order-fulfilment",
        help="folder for orders.db and services.db (default: %(default)s); "
        "in an empty folder a new day begins",
    )
    parser.add_argument(
        "--hour",
        type=_positive,
        default=0.05,
        metavar="SECONDS",
        help="how long an hour of the shop lasts (default: %(default)s)",
    )
    return parser.parse_args(arguments)


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number <= 3600:
        raise argparse.ArgumentTypeError("must be above 0, and at most 3600")
    return number


if __name__ == "__main__":
    sys.exit(main())
