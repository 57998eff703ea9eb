"""The real client: any service that speaks the chat completions protocol, hosted or local.

Only imported when it is asked for: ``pip install httpx``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from examples.agent_loop.chat import ModelBusy, ModelRefused, Reply, Tool
from examples.agent_loop.messages import Message, ToolCall

__all__ = ["RemoteChat", "remote_chat"]

PATIENCE_SECONDS = 120.0
"""For one answer: a large model thinks for long."""


@asynccontextmanager
async def remote_chat(url: str, model: str, api_key: str) -> AsyncGenerator[RemoteChat]:
    """A client with connections of its own, closed with the runner that it is handed to.

    Args:
        url: the service, up to and with its version, as ``http://localhost:11434/v1``.
        model: the model's name, as the service calls it.
        api_key: what the service knows you by; it is never stored.
    """
    headers = {"Authorization": f"Bearer {api_key}"}
    async with httpx.AsyncClient(
        base_url=url, headers=headers, timeout=PATIENCE_SECONDS
    ) as connections:
        yield RemoteChat(connections, model)


class RemoteChat:
    """A language model elsewhere.

    Args:
        connections: to the service.
        model: the model's name there.
    """

    def __init__(self, connections: httpx.AsyncClient, model: str) -> None:
        self._connections = connections
        self._model = model

    async def reply(self, messages: Sequence[Message], tools: Sequence[Tool], key: str) -> Reply:
        """Ask once: trying again is the task's business, so that each attempt is stored.

        Raises:
            ModelBusy: the line is broken, or the service has too much to do.
            ModelRefused: the service doesn't accept the request, or answers something else.
        """
        asked = {
            "model": self._model,
            "messages": [_written(message) for message in messages],
            "tools": [_offered(tool) for tool in tools],
        }
        try:
            response = await self._connections.post(
                "/chat/completions", json=asked, headers={"Idempotency-Key": key}
            )
        except httpx.TransportError as error:
            raise ModelBusy(f"{type(error).__name__}: {error}") from error
        if response.status_code in (408, 409, 429) or response.status_code >= 500:
            raise ModelBusy(f"{response.status_code}: {response.text[:200]}")
        if not response.is_success:
            raise ModelRefused(f"{response.status_code}: {response.text[:200]}")
        try:
            answer = response.json()
            message = _read(answer["choices"][0]["message"])
            return Reply(message, int(answer["usage"]["total_tokens"]))
        except (LookupError, TypeError, ValueError) as error:
            raise ModelRefused(f"this is no chat completion: {response.text[:200]}") from error


def _written(message: Message) -> dict[str, Any]:
    written: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.answers is not None:
        written["tool_call_id"] = message.answers
    if message.calls:
        written["tool_calls"] = [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.tool, "arguments": call.arguments},
            }
            for call in message.calls
        ]
    return written


def _offered(tool: Tool) -> dict[str, Any]:
    told = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": told}


def _read(message: dict[str, Any]) -> Message:
    calls = tuple(
        ToolCall(
            call_id=call["id"],
            tool=call["function"]["name"],
            arguments=call["function"]["arguments"],
        )
        for call in message.get("tool_calls") or ()
    )
    return Message(role="assistant", text=message.get("content") or "", calls=calls)
