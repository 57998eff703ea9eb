"""What each request does: a few lines around one call of the client."""

from __future__ import annotations

from typing import Final, TypeVar

from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from examples.web_service.problems import problem
from examples.web_service.progress import seen
from examples.web_service.workflow import Article, Decision, publish_article
from sayiir import AsyncWorkflowClient, InstanceAlreadyExists, InvalidTransition

__all__ = ["cancel", "client_of", "decide", "instance_of", "listed", "one", "result", "submit"]

MOST_BYTES: Final = 1_000_000
LONGEST_WAIT_SECONDS: Final = 30.0
PREFIX: Final = "article-"
"""So that instances of other workflows in the same store can't be meant."""

M = TypeVar("M", bound=BaseModel)


def client_of(request: Request) -> AsyncWorkflowClient:
    """The one client of this process; the lifespan has opened it."""
    client: AsyncWorkflowClient = request.state.client
    return client


def instance_of(request: Request) -> str:
    """The instance that a request's path names."""
    return f"{PREFIX}{request.path_params['id']}"


async def submit(request: Request) -> Response:
    """``PUT /articles/{id}``: accepted means stored.

    The sender chooses the id, so a request that comes again, because its answer was lost, starts
    nothing twice. The same id with another text is refused.
    """
    article = await _body(request, Article)
    client, instance_id = client_of(request), instance_of(request)
    try:
        await client.submit(publish_article, instance_id, article)
    except InstanceAlreadyExists:
        known = await client.describe(instance_id, publish_article)
        if known.input != article:
            return problem(409, "InstanceAlreadyExists", "another article has this id")
        return JSONResponse(await seen(client, instance_id))
    where = {"Location": request.url.path}
    return JSONResponse(await seen(client, instance_id), 202, where)


async def one(request: Request) -> Response:
    """``GET /articles/{id}``: how it stands."""
    return JSONResponse(await seen(client_of(request), instance_of(request)))


async def listed(request: Request) -> Response:
    """``GET /articles?status=…&cursor=…``: a page, the newest first."""
    asked = request.query_params
    try:
        page = await client_of(request).list(
            publish_article, asked.get("status"), limit=20, cursor=asked.get("cursor")
        )
    except ValueError as error:  # no such status, or no cursor of ours
        return problem(400, "ValueError", str(error))
    articles = [
        {
            "id": info.instance_id.removeprefix(PREFIX),
            "status": info.status,
            "created_at": info.created_at.isoformat(),
        }
        for info in page
    ]
    return JSONResponse({"articles": articles, "cursor": page.cursor})


async def result(request: Request) -> Response:
    """``GET /articles/{id}/result?wait=5``: the output, or 202 if there is none yet.

    It waits for so many seconds at most. One that failed or was cancelled is a 409.
    """
    client, instance_id = client_of(request), instance_of(request)
    try:
        wait = min(max(float(request.query_params.get("wait", 0)), 0.0), LONGEST_WAIT_SECONDS)
    except ValueError:
        return problem(400, "ValueError", "wait is a number of seconds")
    try:
        output = await client.result(instance_id, publish_article, timeout=wait)
    except TimeoutError:
        return JSONResponse(await seen(client, instance_id), 202, {"Retry-After": "1"})
    return JSONResponse(output.model_dump(mode="json"))


async def decide(request: Request) -> Response:
    """``POST /articles/{id}/decision``: kept until it is waited for.

    A second one is refused; of two that are sent at the same moment the first counts.
    """
    decision = await _body(request, Decision)
    client, instance_id = client_of(request), instance_of(request)
    if (await client.describe(instance_id, publish_article)).pending_event_count:
        raise InvalidTransition(instance_id, "send_event", "decided already")
    await client.send_event(instance_id, "decision", decision, workflow=publish_article)
    return JSONResponse(await seen(client, instance_id), 202)


async def cancel(request: Request) -> Response:
    """``POST /articles/{id}/cancel``: nothing new begins; harmless on a cancelled one."""
    client, instance_id = client_of(request), instance_of(request)
    await client.cancel(instance_id, reason="asked over HTTP")
    return JSONResponse(await seen(client, instance_id), 202)


async def _body(request: Request, model: type[M]) -> M:
    """The body, of a bounded size, as its type.

    Raises:
        HTTPException: it is too large, or not called JSON. A page of another site can't call it
            that without asking first, so nobody is made to send anything by visiting one.
        ValidationError: it doesn't fit.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "the body is sent as content-type: application/json")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MOST_BYTES:
            raise HTTPException(413, f"the body has at most {MOST_BYTES:,} bytes")
    return model.model_validate_json(bytes(data))
