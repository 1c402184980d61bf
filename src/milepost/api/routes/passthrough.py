"""Passthrough: a customer's own call to the provider, with the connection's login added on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from milepost.api.operations import Call, Operation, Reply
from milepost.api.routes.connections import Wire
from milepost.errors import BadRequest, NotSupported, Problem, ProviderUnavailable, Unprocessable
from milepost.kit import passthrough
from milepost.models.meta import Model

# A larger answer is no JSON that anybody wants in an envelope; /passthrough/raw takes four times as much.
LARGEST_JSON = 16 * 1024 * 1024
LARGEST_BODY = 5_000_000

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
JSONValue = Annotated[
    msgspec.Raw, Meta(extra_json_schema={"description": "JSON, or the text of what is none"})
]


class PassthroughInput(Wire, frozen=True):
    """A call to the provider; its login is added, and headers for one in here are dropped."""

    method: Method
    path: Annotated[str, Meta(min_length=1, max_length=passthrough.LONGEST_PATH)]
    headers: dict[str, str] | UnsetType = UNSET
    body: Annotated[str, Meta(max_length=LARGEST_BODY)] | UnsetType = UNSET


class PassthroughOutput(Model, frozen=True, kw_only=True):
    """What the provider answered, whether it is a success or not."""

    method: Method
    path: str
    status_code: int
    headers: dict[str, str]
    response: JSONValue


class _Came(msgspec.Struct, frozen=True):
    asked: PassthroughInput
    status: int
    headers: Mapping[str, str]
    body: bytes


async def pass_through(call: Call) -> PassthroughOutput:
    return _envelope(await _ask(call))


async def pass_through_raw(call: Call) -> Reply:
    came = await _ask(call)
    if not 200 <= came.status < 300:
        return Reply(content=_envelope(came))
    return Reply(
        content=came.body,
        status=came.status,
        media_type=came.headers.get("content-type", "application/octet-stream"),
        # Whatever it is, no browser shows it as a page of this installation.
        headers={"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"},
    )


async def _ask(call: Call) -> _Came:
    asked, headers = _checked(call.body())
    connection, registry = call.connection, call.house.registry
    if connection.status != "connected":
        raise Unprocessable(
            "Connection must be connected to perform this action", code="connection_disconnected"
        )
    if connection.provider not in registry:
        raise NotSupported(detail=f"The provider {connection.provider} is not installed here")
    connector = await call.house.reception.lines.open(connection, live=True)
    body = None if asked.body is UNSET else asked.body
    try:
        return _Came(asked, *await connector.request(asked.method, asked.path, headers, body))
    finally:
        await connector.aclose()


def _checked(asked: PassthroughInput) -> tuple[PassthroughInput, Mapping[str, str]]:
    problems: list[Problem] = []
    headers = {} if asked.headers is UNSET else asked.headers
    try:
        passthrough.check_path(asked.path)
    except ValueError as error:
        problems.append(Problem(str(error), "{requestBody}.path"))
    try:
        passthrough.check_headers(headers)
    except ValueError as error:
        problems.append(Problem(str(error), "{requestBody}.headers"))
    if problems:
        raise BadRequest("Invalid request body", problems)
    return asked, headers


def _envelope(came: _Came) -> PassthroughOutput:
    if len(came.body) > LARGEST_JSON:
        raise ProviderUnavailable(
            detail=f"The provider answered with more than {LARGEST_JSON} bytes; ask /passthrough/raw for it"
        )
    return PassthroughOutput(
        method=came.asked.method,
        path=came.asked.path,
        status_code=came.status,
        headers=dict(came.headers),
        response=_as_json(came.body),
    )


def _as_json(body: bytes) -> msgspec.Raw:
    """Keep JSON to the byte, so that no number is rounded; give anything else as text."""
    try:
        if msgspec.json.decode(body) is not None:
            return msgspec.Raw(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    return msgspec.Raw(msgspec.json.encode(body.decode(errors="replace")))


OPERATIONS = [
    Operation(
        id="passthrough",
        method="POST",
        path="/passthrough",
        tag="Data Management",
        summary="Passthrough",
        description="Calls the connection's provider with its login. Whatever the provider answers, also an "
        "error, comes back in the answer's body.",
        answer=PassthroughOutput,
        handler=pass_through,
        body=PassthroughInput,
        refusals=[422, 501, 502, 504],
    ),
    Operation(
        id="passthroughRaw",
        method="POST",
        path="/passthrough/raw",
        tag="Data Management",
        summary="Raw Passthrough",
        description="The same for photos, documents and other downloads: a success comes back as the "
        "provider's own bytes with its status and Content-Type, anything else as in `/passthrough`.",
        answer=PassthroughOutput,
        handler=pass_through_raw,
        body=PassthroughInput,
        refusals=[422, 501, 502, 504],
        answers_bytes=True,
    ),
]
