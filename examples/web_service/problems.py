"""Errors as HTTP: each class its code, the message as a problem document (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ExceptionHandler

from sayiir import (
    InstanceAlreadyExists,
    InstanceNotFound,
    InvalidInstanceId,
    InvalidTransition,
    PayloadError,
    SayiirError,
    StoreUnavailable,
    UnknownSignal,
    WorkflowCancelled,
    WorkflowFailed,
)

__all__ = ["HANDLERS", "problem"]

CODES: Final[Mapping[type[Exception], int]] = {
    InvalidInstanceId: 400,
    InstanceNotFound: 404,
    UnknownSignal: 404,
    # It is there, and its state doesn't allow what was asked.
    InstanceAlreadyExists: 409,
    InvalidTransition: 409,
    WorkflowCancelled: 409,
    WorkflowFailed: 409,
    PayloadError: 422,
    # What was acknowledged is kept; this request wasn't.
    StoreUnavailable: 503,
    SayiirError: 500,
}


def problem(
    code: int, kind: str, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """A problem document.

    Args:
        code: the HTTP status.
        kind: what programs can go by: the name of the error's class, or of the status.
        detail: a sentence for people.
        headers: sent along.
    """
    body = {"type": "about:blank", "title": kind, "status": code, "detail": detail}
    return JSONResponse(body, code, headers, media_type="application/problem+json")


async def _sayiir_error(_: Request, error: Exception) -> JSONResponse:
    """By the nearest class that has a code."""
    code = next(CODES[each] for each in type(error).__mro__ if each in CODES)
    later = {"Retry-After": "1"} if code == 503 else None
    detail = str(error)
    if isinstance(error, InstanceNotFound):  # where the store lies is nobody's business outside
        detail = f"there is no instance {error.instance_id!r}"
    return problem(code, type(error).__name__, detail, later)


async def _wrong_body(_: Request, error: Exception) -> JSONResponse:
    """The body, or one of its fields, is none of what it should be: the first of what is wrong."""
    assert isinstance(error, ValidationError)
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "body"
    return problem(422, "ValidationError", f"{where}: {first['msg']}")


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    """What the framework itself refuses: no such page, no such method."""
    assert isinstance(error, HTTPException)
    kind = HTTPStatus(error.status_code).phrase
    return problem(error.status_code, kind, error.detail, error.headers)


HANDLERS: Final[Mapping[type[Exception], ExceptionHandler]] = {
    SayiirError: _sayiir_error,
    ValidationError: _wrong_body,
    HTTPException: _http_error,
}
