"""Our errors as HTTP answers: the status, and a body `{code, message, detail?}` as the contract has it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
import psycopg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from msgspec import UNSET, UnsetType

from milepost.errors import (
    BadRequest,
    LoginLost,
    MilepostError,
    NotAllowed,
    NotOffered,
    Problem,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    Refusal,
    SlowDown,
    TooManyRequests,
    TryAgain,
    Unauthorized,
    Unprocessable,
)

log = structlog.get_logger()

# What the framework refuses by itself, and what the contract calls that.
_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "payload_too_large",
    429: "too_many_requests",
}

ErrorResponse = Response[bytes]


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every answer that is not a success."""

    code: str
    message: str
    detail: str | list[Problem] | UnsetType = UNSET
    retry_after: int | UnsetType = msgspec.field(default=UNSET, name="retryAfter")


def refusal_for(error: ProviderError) -> Refusal:
    """Say what a provider's failure during a live call means to whoever made the call."""
    match error:
        case LoginLost():
            return Unprocessable(error.message, code="invalid_credentials")
        case NotAllowed():
            return Unprocessable(error.message, code="insufficient_permissions")
        case NotOffered():
            return Unprocessable(error.message)
        case TryAgain(timed_out=True):
            return ProviderTimeout(detail=error.message)
        case TryAgain() | SlowDown():
            return ProviderUnavailable(detail=error.message)
        case _:
            return ProviderUnavailable(
                "The provider gave an answer that cannot be used", error.message
            )


def answer(
    status: int,
    code: str,
    message: str,
    detail: str | list[Problem] | None = None,
    headers: dict[str, str] | None = None,
    retry_after: int | None = None,
) -> ErrorResponse:
    body = ErrorBody(code, message, detail or UNSET, UNSET if retry_after is None else retry_after)
    if retry_after is not None:
        headers = {**(headers or {}), "Retry-After": str(retry_after)}
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        headers=headers,
        media_type="application/json",
    )


def _on_refusal(_: Request[Any, Any, Any], error: Refusal) -> ErrorResponse:
    detail = error.detail
    if isinstance(error, BadRequest | Unprocessable) and isinstance(detail, str):
        # The contract lists problems for these two, and writes a sentence for the others.
        detail = [Problem(detail, "{request}")]
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthorized) else None
    wait = error.retry_after if isinstance(error, TooManyRequests) else None
    return answer(error.status, error.code, error.message, detail, headers, wait)


def _on_provider(request: Request[Any, Any, Any], error: ProviderError) -> ErrorResponse:
    return _on_refusal(request, refusal_for(error))


def _on_framework(request: Request[Any, Any, Any], error: HTTPException) -> ErrorResponse:
    if error.status_code >= 500:
        return _on_bug(request, error)
    code = _CODES.get(error.status_code, "bad_request")
    allow = {
        name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"
    }
    return answer(error.status_code, code, HTTPStatus(error.status_code).phrase, headers=allow)


def _on_database(request: Request[Any, Any, Any], error: psycopg.OperationalError) -> ErrorResponse:
    log.error("the database did not answer", path=request.url.path, exc_info=error)
    message = "Milepost cannot reach its database at the moment"
    return answer(503, "service_unavailable", message, headers={"Retry-After": "1"})


def _on_bug(request: Request[Any, Any, Any], error: Exception) -> ErrorResponse:
    log.error("a request failed", method=request.method, path=request.url.path, exc_info=error)
    return answer(500, "internal_server_error", "Internal Server Error", "Something went wrong")


HANDLERS: dict[Any, Any] = {
    Refusal: _on_refusal,
    ProviderError: _on_provider,
    MilepostError: _on_bug,
    HTTPException: _on_framework,
    psycopg.OperationalError: _on_database,
    Exception: _on_bug,
}
