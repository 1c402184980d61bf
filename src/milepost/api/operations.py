"""Operations: one declaration an endpoint, from which routing, checking and the description are made."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Request, Response
from litestar.handlers import HTTPRouteHandler, route

from milepost import ids
from milepost.api import bodies, compression
from milepost.api.house import House
from milepost.api.paging import Bookmarks, micros
from milepost.api.parameters import (
    CURSOR,
    KNOWN_AT,
    MODIFIED_AFTER,
    Parameter,
    Values,
    read_values,
)
from milepost.errors import BadRequest, Forbidden, Problem, Unauthorized
from milepost.store import connections
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Session
from milepost.store.scope import Scope, admit

PREFIX = "/tsp/v1"

_KEY = re.compile(r"[Bb]earer +(sk_[A-Za-z0-9_]{1,200}) *")
_TOKEN = re.compile(r"con_tkn_[!-~]{1,200}")
APPLICATION_HEADER = "X-Application-Id"
_JSON_TYPES = ("application/json", "")

# How a reader begins again whose cursor is from before a restoration, by the parameter that allows it.
_ANEW = {
    "modifiedAfter": "start the listing again with modifiedAfter={}, or with its own where that is earlier",
    "afterNumber": "start the listing again with afterNumber, from the last number that you know",
}

HTTPRequest = Request[Any, Any, Any]
NO_VALUES = Values({})


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint of the contract, or of ours beside it (`extension`).

    `needs` says who may call: anyone, an application, or an application for one connection. `reads`
    lends the handler the session by which the caller was admitted: one loan of a session, no transaction.
    `of_deleted` lets in the token of a connection whose deletion has begun. An `answer` of None is empty;
    where an operation `answers_bytes`, they may stand in the place of it, with a type of their own.
    What `streams` is handed the body as it comes, whatever its type. `paged` says whether an `answer` that is a list comes as a page with `results` and `next`.
    """

    id: str
    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    tag: str
    summary: str
    answer: Any
    handler: Callable[[Call], Awaitable[Any]]
    description: str = ""
    needs: Literal["nothing", "application", "connection"] = "connection"
    reads: bool = False
    of_deleted: bool = False
    parameters: Sequence[Parameter[Any]] = ()
    body: Any = None
    status: int = 200
    refusals: Sequence[int] = ()
    paged: bool = True
    extension: bool = False
    answers_bytes: bool = False
    streams: bool = False


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that says more than its content; bytes go out as they are."""

    content: Any
    status: int | None = None
    headers: Mapping[str, str] = {}
    media_type: str = "application/json"


class Call(msgspec.Struct, kw_only=True):
    """One request, admitted and read: what a handler is given."""

    house: House
    operation: Operation
    values: Values = NO_VALUES
    scope: Scope | None = None
    borrowed: Session | None = None
    content: bytes = b""
    content_type: str = ""
    known_at: datetime | None = None
    incoming: AsyncIterator[bytes] | None = None

    @property
    def stream(self) -> AsyncIterator[bytes]:
        assert self.incoming is not None, "the operation does not declare that it streams"
        return self.incoming

    @property
    def session(self) -> Session:
        assert self.borrowed is not None, "the operation does not declare that it reads"
        return self.borrowed

    @property
    def caller(self) -> Scope:
        assert self.scope is not None, "the operation needs no application"
        return self.scope

    @property
    def connection(self) -> ConnectionRow:
        assert self.caller.connection is not None, "the operation needs no connection"
        return self.caller.connection

    def body(self) -> Any:
        """Decode the request's body as the operation declares it."""
        if self.content and self.content_type not in _JSON_TYPES:
            problem = Problem("must be application/json", "{requestHeader}.Content-Type")
            raise BadRequest("Invalid request body", [problem])
        return bodies.decode(self.content, self.operation.body)

    def bookmarks(self, about: str = "") -> Bookmarks:
        """The cursors of this listing, for this caller; `about` sets apart listings of different things."""
        scope = self.caller
        tenant = scope.connection.id if scope.connection else scope.application_id
        if self.known_at is not None:
            about = f"{about}@{micros(self.known_at)}"
        listing = f"{self.operation.id}:{about}"
        names = {each.name for each in self.operation.parameters}
        anew = next(
            (says for name, says in _ANEW.items() if name in names), "start the listing again"
        )
        return Bookmarks(self.house.database, listing, tenant, self._settled(), anew)

    def place(self, bookmarks: Bookmarks, cursor: Parameter[str]) -> list[Any] | None:
        """Read where a listing goes on, and let the call read as of the same instant as its first page."""
        found = bookmarks.read(self.values[cursor])
        self.known_at = bookmarks.known_at
        return found

    def _settled(self) -> datetime | None:
        """The instant that `knownAt` asks for, or the last whose changes are all committed.

        What is known at such an instant never changes any more, so that pages fit together.
        """
        row = self.scope.connection if self.scope else None
        return min(self.known_at, row.last_stamp) if self.known_at and row else self.known_at


def handler_for(operation: Operation, house: House) -> HTTPRouteHandler:
    """Make the framework's handler of an operation."""
    names = re.findall(r"{(\w+)}", operation.path)

    async def handle(request: HTTPRequest) -> Response[bytes]:
        path = {name: str(request.path_params[name]) for name in names}
        query = request.scope["query_string"]
        call = Call(house=house, operation=operation)
        if operation.needs != "nothing" or "authorization" in request.headers:
            try:
                async with house.database.session() as session:
                    call.scope = await _admit(request, operation, house, session)
                    call.values = read_values(operation.parameters, path, query)
                    call.known_at = call.values[KNOWN_AT]
                    if operation.reads:
                        await _settle(session, call)
                        call.borrowed = session
                        return await _respond(request, operation, await operation.handler(call))
            except Unauthorized:
                await count_address(request, house)
                raise
        else:
            await count_address(request, house)
            call.values = read_values(operation.parameters, path, query)
        if operation.body is not None:
            call.content = await bodies.receive(request)
            call.content_type = request.content_type[0]
        if operation.streams:
            return await _streamed(request, operation, call)
        return await _respond(request, operation, await operation.handler(call))

    litestar_path = re.sub(r"{(\w+)}", r"{\1:str}", operation.path)
    return route(
        litestar_path,
        http_method=operation.method,
        name=operation.id,
        # The answer's own status counts; the framework lets no handler of a 204 return one.
        status_code=200 if operation.status == 204 else operation.status,
        include_in_schema=False,
    )(handle)


async def _streamed(request: HTTPRequest, operation: Operation, call: Call) -> Response[bytes]:
    """Hand the handler the body as it comes; what it leaves unread is read, within reason, before it answers."""
    call.incoming = bodies.stream(request)
    try:
        answer = await operation.handler(call)
    except Exception:
        await bodies.drain(call.incoming)
        raise
    return await _respond(request, operation, answer)


async def count_address(request: HTTPRequest, house: House) -> None:
    """Count a request of nobody known against its address; raises TooManyRequests."""
    peer = request.client.host if request.client else None
    await house.throttle.address(peer, request.headers.getall("x-forwarded-for", []))


async def _admit(
    request: HTTPRequest, operation: Operation, house: House, session: Session
) -> Scope:
    """Find out who calls. Raises Unauthorized without a good key or token, Forbidden for a foreign
    token, TooManyRequests.
    """
    key = _KEY.fullmatch(request.headers.get("authorization", ""))
    if key is None:
        raise Unauthorized(detail="Please ensure you have a valid API key")
    token_digest = None
    if operation.needs == "connection":
        token = _TOKEN.fullmatch(request.headers.get("connection-token", ""))
        if token is None:
            # Whose key it is does not matter here: without a token there is nothing to be forbidden.
            raise Unauthorized(detail="Please ensure you send a valid Connection-Token header")
        token_digest = house.database.pepper.digest(token[0])
    scope = await admit(session, house.database.pepper.digest(key[1]), token_digest)
    if scope is None:
        raise Unauthorized(detail="Please ensure you have a valid API key")
    await house.throttle.scope(session, scope)
    if operation.method == "GET":
        _require_application(request, scope)
    if operation.needs == "connection" and scope.connection is None:
        raise Forbidden(
            detail="Please ensure the connection token matches the resource you are attempting to access."
        )
    if scope.connection is not None and scope.connection.gone and not operation.of_deleted:
        raise Forbidden(
            detail=f"The connection is {scope.connection.status}; nothing of it can be read any more."
        )
    return scope


def _require_application(request: HTTPRequest, scope: Scope) -> None:
    """Raise unless the application that a reader may name is the key's own, which is all that it may see."""
    named = request.headers.get(APPLICATION_HEADER.lower())
    if named is None:
        return
    try:
        application_id = ids.read("application", named)
    except ValueError as error:
        problem = Problem(str(error), f"{{requestHeader}}.{APPLICATION_HEADER}")
        raise BadRequest("Invalid request parameters", [problem]) from None
    if application_id != scope.application_id:
        raise Forbidden(detail="The API key is not one of the application that the request names.")


async def _settle(session: Session, call: Call) -> None:
    """Let a listing that can be followed begin when nobody writes.

    Whoever asks next time for what was modified since this request began misses nothing: a change that
    this listing does not see is stamped after it. What goes on with a cursor has begun already.
    """
    follows = MODIFIED_AFTER in call.operation.parameters
    connection = call.scope.connection if call.scope else None
    if follows and connection is not None and not call.values[CURSOR]:
        await connections.settle(session, connection.id)


async def _respond(request: HTTPRequest, operation: Operation, answer: Any) -> Response[bytes]:
    if operation.answer is None:
        # The framework would call an empty body JSON, which it is not.
        return Response(b"", status_code=operation.status, media_type="text/plain")
    reply = answer if isinstance(answer, Reply) else Reply(content=answer)
    content = (
        reply.content if isinstance(reply.content, bytes) else msgspec.json.encode(reply.content)
    )
    accepted = request.headers.get("accept-encoding", "")
    content, headers = await compression.fitting(content, accepted)
    return Response(
        content,
        status_code=reply.status or operation.status,
        # As a header of its own, the type stays as it is; the framework would add a charset to it.
        headers={**reply.headers, **headers, "Content-Type": reply.media_type},
    )
