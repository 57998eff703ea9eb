"""How an article stands, as JSON; and the same as a stream of server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

from examples.web_service.workflow import PROOFREAD, publish_article, split
from sayiir import AsyncWorkflowClient, AwaitingSignal, Cancelled, Completed, Failed

__all__ = ["seen", "stream"]

LOOK_SECONDS: Final = 0.25
ALIVE_SECONDS: Final = 15.0
"""So long may nothing be sent before proxies take the connection for dead."""

ENDS: Final = (Completed, Failed, Cancelled)


async def seen(client: AsyncWorkflowClient, instance_id: str) -> dict[str, Any]:
    """How an article stands.

    Raises:
        InstanceNotFound: there is none.
    """
    status = await client.status(instance_id, publish_article)
    paragraphs = await client.get_task_result_of(instance_id, split)
    told: dict[str, Any] = {
        "status": type(status).__name__,
        "proofread": await client.count_task_results(instance_id, PROOFREAD),
        "paragraphs": None if paragraphs is None else len(paragraphs),
    }
    match status:
        case Completed(output):
            told["output"] = output.model_dump(mode="json")
        case Failed(error):
            told["error"] = f"{error.path}: {error.message}"
        case Cancelled(reason, _):
            told["reason"] = reason
        case AwaitingSignal(signal_name):
            told["waits_for"] = signal_name
        case _:
            pass
    return told


async def stream(
    client: AsyncWorkflowClient, instance_id: str, stopping: Callable[[], bool]
) -> AsyncGenerator[str]:
    """Server-sent events: how it stands, whenever that has changed, until it ends.

    Args:
        client: asks the store.
        instance_id: the instance.
        stopping: whether the server is about to stop, and waits for its connections to end.
    """
    clock = asyncio.get_running_loop().time
    last, sent_at = None, clock()
    while not stopping():
        told = await seen(client, instance_id)
        if told != last:
            yield f"data: {json.dumps(told)}\n\n"
            last, sent_at = told, clock()
        elif clock() - sent_at > ALIVE_SECONDS:
            yield ": nothing new\n\n"
            sent_at = clock()
        if told["status"] in {each.__name__ for each in ENDS}:
            yield "event: end\ndata: {}\n\n"
            return
        await asyncio.sleep(LOOK_SECONDS)
