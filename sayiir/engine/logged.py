"""The engine's lines of the log about one work item."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sayiir.engine.transitions import FailStrand
from sayiir.logs import log_facts
from sayiir.printable import printable
from sayiir.stores.records import Control

if TYPE_CHECKING:
    from sayiir.engine.work import Work
    from sayiir.errors import FailureInfo

__all__ = ["log_broken", "log_failed", "log_lost", "log_retried"]

logger = logging.getLogger("sayiir.engine")

_MESSAGE_CHARACTERS = 500
"""Of an error's message in a line; the whole of it is in the store."""


def _facts_of(work: Work) -> dict[str, object]:
    """What a line about an item carries: whose it is, and where it stands."""
    return log_facts(
        instance_id=work.run.instance_id,
        run_id=work.run.run_id,
        workflow=work.program.definition.name,
        path=work.position.path,
        attempt=work.attempt,
    )


def log_retried(work: Work, info: FailureInfo, wait_seconds: float) -> None:
    """An attempt has failed and is stored, and there will be another."""
    if logger.isEnabledFor(logging.INFO):
        logger.info(
            "%s of instance %s: attempt %d failed with %s; the next is in %.3g s",
            printable(info.path),
            printable(work.run.instance_id),
            info.attempt,
            printable(_error(info)),
            wait_seconds,
            extra={**_facts_of(work), "sayiir_attempt": info.attempt},
        )


def log_failed(work: Work, info: FailureInfo, ending: object, control: Control) -> None:
    """A strand has ended in a failure that is stored: a map's item, or the instance with it."""
    if control in (Control.CANCEL, Control.STOP):
        return  # the instance had ended otherwise before
    collected = isinstance(ending, FailStrand) and ending.scope is not None
    facts = {**_facts_of(work), "sayiir_path": info.path, "sayiir_attempt": info.attempt}
    if collected:
        logger.info(
            "%s of instance %s failed with %s; its map collects that",
            printable(info.path),
            printable(work.run.instance_id),
            printable(_error(info)),
            extra=facts,
        )
        return
    logger.warning(
        "instance %s failed at %s with %s",
        printable(work.run.instance_id),
        printable(info.path or "the end of its time"),
        printable(_error(info)),
        extra=facts,
    )


def log_lost(work: Work) -> None:
    """The item is another's now, or gone with its instance."""
    logger.debug("%s was taken away", printable(work.position.path), extra=_facts_of(work))


def log_broken(work: Work, error: BaseException) -> None:
    """Driving an item has met what is no failure of its instance; others go on with it."""
    logger.debug(
        "driving %s of instance %s failed",
        printable(work.position.path),
        printable(work.run.instance_id),
        exc_info=error,
        extra=_facts_of(work),
    )


def _error(info: FailureInfo) -> str:
    if not info.message:
        return info.type_name
    return f"{info.type_name}: {info.message[:_MESSAGE_CHARACTERS]}"
