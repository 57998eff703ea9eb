"""The application: its routes, and what is open while it runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, TypedDict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from examples.web_service import handlers
from examples.web_service.problems import HANDLERS
from examples.web_service.progress import seen, stream
from examples.web_service.workflow import publish_article
from sayiir import AsyncPooledWorker, AsyncWorkflowClient

__all__ = ["create_app"]

PAGE: Final = Path(__file__).with_name("page.html")


class Opened(TypedDict):
    """What requests find as ``request.state``."""

    client: AsyncWorkflowClient
    stopping: Callable[[], bool]


def create_app(
    store: str, *, work: bool = True, stopping: Callable[[], bool] = lambda: False
) -> Starlette:
    """The application.

    Args:
        store: the URL of the store.
        work: whether this process also runs what is due. Others may do that as well, or alone.
        stopping: whether the server has been told to stop; open streams end then.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[Opened]:
        """One client for all requests; a worker beside it, which drains when the server stops."""
        async with AsyncExitStack() as opened:
            client = await opened.enter_async_context(AsyncWorkflowClient(store))
            if work:
                worker = AsyncPooledWorker(
                    await client.store(), workflows=[publish_article], grace="5s"
                )
                await opened.enter_async_context(worker)
            yield {"client": client, "stopping": stopping}

    return Starlette(
        routes=[
            Route("/", page),
            Route("/articles", handlers.listed),
            Route("/articles/{id}", handlers.submit, methods=["PUT"]),
            Route("/articles/{id}", handlers.one),
            Route("/articles/{id}/progress", progress),
            Route("/articles/{id}/result", handlers.result),
            Route("/articles/{id}/decision", handlers.decide, methods=["POST"]),
            Route("/articles/{id}/cancel", handlers.cancel, methods=["POST"]),
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )


async def page(_: Request) -> Response:
    """``GET /``: the page for people."""
    return FileResponse(PAGE)


async def progress(request: Request) -> Response:
    """``GET /articles/{id}/progress``: server-sent events, as ``EventSource`` reads them."""
    client, instance_id = handlers.client_of(request), handlers.instance_of(request)
    await seen(client, instance_id)  # one that isn't there is a 404, and no stream
    events = stream(client, instance_id, request.state.stopping)
    return StreamingResponse(
        events, media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )
