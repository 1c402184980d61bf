"""Geotab's calls, one method each, the session that they need, and what its failures mean; no mapping.

Every call is a POST of JSON-RPC to one path; errors come inside a 200 (README, [live]).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Raw

from milepost import clock
from milepost.errors import (
    BadRequest,
    Changed,
    CursorLost,
    LoginLost,
    NotAllowed,
    ProviderError,
    SlowDown,
    TryAgain,
)
from milepost.kit.access import Access
from milepost.kit.http import Answer, ProviderClient, retry_after
from milepost.kit.login import Credentials, Session
from milepost.kit.salvage import UNREADABLE, misfit, stops_short, whole
from milepost.providers.geotab.wire import numbered

NAME = "Geotab"
PATH = "/apiv1"
MOST_RESULTS = 5_000
"""Where a `Get` stops without a word (README, trap 3)."""
MOST_CALLS = 50
"""Calls that go in one; the vendor takes 100, but answers of all of them come at once."""

# A session lasts some 14 days; a day less is sure.
SESSION_LIFE = timedelta(days=13)
# What to wait where the vendor refuses for its limits without saying how long.
LIMIT_WAIT = timedelta(seconds=60)

_HERE = "ThisServer"
_ERROR_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_LOST = {"InvalidUserException"}
_DATABASE = {"DbUnavailableException"}
_PASSES = ("ServiceUnavailable", "Timeout", "ServerBusy")


class SessionOver(LoginLost):
    """Geotab no longer accepts the session; whether it accepts the login is not known yet."""


class DatabaseMoved(TryAgain):
    """The database is not where it was, or just starting."""


class _Detail(msgspec.Struct, frozen=True):
    type: str = ""
    id: str = ""


class _Named(msgspec.Struct, frozen=True):
    name: str = ""


class _Failure(msgspec.Struct, frozen=True):
    message: str = ""
    data: _Detail | None = None
    errors: list[_Named] = []

    @property
    def type(self) -> str:
        """What went wrong; the message may mislead (README, trap 1)."""
        if self.data is not None and self.data.type:
            return self.data.type
        return self.errors[0].name if self.errors else ""


class Reply(msgspec.Struct, frozen=True):
    """An answer: a result, or an error."""

    result: Raw = Raw(b"null")
    error: _Failure | None = None


class _Authenticated(msgspec.Struct, frozen=True):
    class _Credentials(msgspec.Struct, frozen=True):
        database: str
        userName: str  # noqa: N815  Their spelling.
        sessionId: str  # noqa: N815

    credentials: _Credentials
    path: str = _HERE


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """A question for the entities of a type, in a window of time where there is one."""

    type: str
    search: Mapping[str, Any] = {}
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def params(self) -> dict[str, Any]:
        search = dict(self.search)
        if self.starts_at is not None and self.ends_at is not None:
            # Rounded out to whole milliseconds; the mapping cuts exactly.
            search["fromDate"] = clock.iso(self.starts_at)
            search["toDate"] = clock.iso(self.ends_at + timedelta(microseconds=999))
        params: dict[str, Any] = {"typeName": self.type, "resultsLimit": MOST_RESULTS}
        return params | ({"search": search} if search else {})

    def halves(self) -> tuple[Ask, Ask] | None:
        """Split the window in two; None where it is too short for that, or there is none."""
        if self.starts_at is None or self.ends_at is None:
            return None
        length = self.ends_at - self.starts_at
        if length < timedelta(seconds=2):
            return None
        middle = self.starts_at + length / 2
        return (
            msgspec.structs.replace(self, ends_at=middle),
            msgspec.structs.replace(self, starts_at=middle),
        )


class GeotabClient:
    """The calls that the connector makes; each returns the result of a good answer, as it came."""

    def __init__(self, access: Access) -> None:
        self._http = ProviderClient.of(access)
        self._wallet = access.wallet
        self._session: Credentials | None = None

    async def session(self) -> Credentials:
        """Return the session that all workers of this connection share; log in where there is none."""
        if self._session is None:
            self._session = await self._wallet.session("geotab", None, self._login)
        return self._session

    async def get(self, ask: Ask, permission: str, spends: str = "get") -> list[Raw]:
        """Ask for the entities of a type; 5,000 of them may be all or not."""
        return _rows(await self._call("Get", ask.params(), spends, permission))

    async def seek(
        self, type_: str, search: Mapping[str, Any], after: str | None, permission: str
    ) -> list[Raw]:
        """Ask for the entities of a type that follow one, in the order of their ids."""
        params: dict[str, Any] = {
            "typeName": type_,
            "resultsLimit": MOST_RESULTS,
            "sort": {"sortBy": "id", "sortDirection": "asc", "offset": after},
        }
        params |= {"search": search} if search else {}
        return _rows(await self._call("Get", params, "get", permission))

    async def feed(
        self,
        type_: str,
        since: str | datetime | None,
        limit: int,
        permission: str,
    ) -> Raw:
        """Ask for what came in since a version, or since a time; with neither, for the version of now."""
        params: dict[str, Any] = {"typeName": type_, "resultsLimit": limit}
        if isinstance(since, datetime):
            params["search"] = {"fromDate": clock.iso(since)}
        elif since is not None:
            params["fromVersion"] = since
        return await self._call("GetFeed", params, f"feed_{type_}", permission)

    async def count(self, type_: str, permission: str) -> int:
        result = await self._call("GetCountOf", {"typeName": type_}, "count", permission)
        return whole(bytes(result), int, NAME)

    async def many(self, asks: Sequence[Ask], permission: str, spends: str) -> list[list[Raw]]:
        """Ask up to fifty questions in one call; the answers come in the order of the questions."""
        calls = [{"method": "Get", "params": ask.params()} for ask in asks]
        result = await self._call("ExecuteMultiCall", {"calls": calls}, spends, permission)
        found = whole(bytes(result), list[list[Raw] | None], NAME)
        if len(found) != len(asks):
            raise Changed(f"{NAME} answered {len(found)} of {len(asks)} questions.")
        answered = [rows for rows in found if rows is not None]
        if len(answered) < len(asks):
            # Null is no list: whoever took it for an empty one would bury what the window held.
            raise TryAgain(f"{NAME} answered nothing to {len(asks) - len(answered)} questions.")
        return answered

    async def request(self, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        """Pass a customer's own call on, with the session put into it."""
        if method != "POST" or path != PATH:
            raise BadRequest(f"{NAME} takes calls as POST to {PATH} only.")
        try:
            call = msgspec.json.decode(body or "", type=dict[str, Any])
        except UNREADABLE:
            raise BadRequest(f"{NAME} takes calls as a JSON object.") from None
        params = call.get("params") or {}
        name = str(call.get("method", ""))
        if not isinstance(params, dict) or name in {"", "Authenticate", "ExtendSession"}:
            raise BadRequest(
                "The call needs a method, which may not be one that logs in, and params."
            )
        answered: list[Answer] = []

        def judge(answer: Answer) -> ProviderError | None:
            answered.append(answer)
            verdict = _verdict(answer, name, "", resumed=False)
            return verdict if isinstance(verdict, SessionOver) else None

        session = await self.session()
        for last in (False, True):
            call["params"] = {**params, "credentials": _credentials(session)}
            try:
                await self._http.post_json(
                    PATH, call, spends="get", judge=judge, host=session["server"] or None
                )
            except SessionOver:
                if last:
                    raise
                session = await self._renew(session)
                continue
            break
        secret = session["sessionId"].encode()
        return answered[-1].status, answered[-1].body.replace(secret, b"")

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _call(
        self, method: str, params: Mapping[str, Any], spends: str, permission: str
    ) -> Raw:
        """Call with the shared session; where it is over, once more with a new one."""
        session = await self.session()
        try:
            return await self._once(session, method, params, spends, permission)
        except (SessionOver, DatabaseMoved):
            session = await self._renew(session)
        return await self._once(session, method, params, spends, permission)

    async def _renew(self, worn: Credentials) -> Credentials:
        self._session = await self._wallet.session("geotab", worn, self._login)
        return self._session

    async def _once(
        self,
        session: Credentials,
        method: str,
        params: Mapping[str, Any],
        spends: str,
        permission: str,
    ) -> Raw:
        body = {"method": method, "params": {**params, "credentials": _credentials(session)}}
        replies: list[Reply] = []
        resumed = "fromVersion" in params

        def judge(answer: Answer) -> ProviderError | None:
            verdict = _verdict(answer, method, permission, resumed=resumed)
            if isinstance(verdict, Reply):
                replies.append(verdict)
                return None
            return verdict

        host = session["server"] or None
        await self._http.post_json(PATH, body, spends=spends, judge=judge, host=host)
        return replies[-1].result

    async def _login(self) -> Session:
        """Log in at the door that is the same for all; it may send us to the server of the database."""
        typed = await self._wallet.credentials()
        params = {"userName": typed.get("username", ""), "password": typed.get("password", "")}
        if database := typed.get("database", "").strip():
            params["database"] = database
        replies: list[Reply] = []

        def judge(answer: Answer) -> ProviderError | None:
            verdict = _verdict(answer, "Authenticate", "", resumed=False)
            if isinstance(verdict, Reply):
                replies.append(verdict)
                return None
            if isinstance(verdict, SessionOver):
                return LoginLost(f"{NAME} does not accept the user name, password and database.")
            return verdict

        body = {"method": "Authenticate", "params": params}
        await self._http.post_json(PATH, body, spends="authenticate", judge=judge)
        found = whole(bytes(replies[-1].result), _Authenticated, NAME)
        given = found.credentials
        values = {
            "database": given.database,
            "userName": given.userName,
            "sessionId": given.sessionId,
            "server": "" if found.path in {"", _HERE} else found.path,
        }
        return Session(values=values, expires_at=clock.now() + SESSION_LIFE)


def _credentials(session: Credentials) -> dict[str, str]:
    return {name: session[name] for name in ("database", "userName", "sessionId")}


def _rows(result: Raw) -> list[Raw]:
    return whole(bytes(result), list[Raw], NAME)


def _reply(body: bytes) -> Reply:
    try:
        return msgspec.json.decode(body, type=Reply)
    except UNREADABLE:
        if b"NaN" not in body and b"Infinity" not in body:
            raise
    return msgspec.json.decode(numbered(body), type=Reply)


def _verdict(
    answer: Answer, method: str, permission: str, *, resumed: bool
) -> Reply | ProviderError:
    """Read an answer: what it replies, or the error that it means."""
    said = f"{NAME} answered {answer.status} to {method}"
    if answer.status in {408, 504}:
        return TryAgain(f"{said}.", timed_out=True)
    if answer.status >= 500:
        return TryAgain(f"{said}.")
    try:
        reply = _reply(answer.body)
    except UNREADABLE as error:
        if answer.body and stops_short(error):
            return TryAgain(f"{said}, and stopped in the middle.")
        return Changed(f"{said} with something else than JSON-RPC: {misfit(error).reason}")
    if reply.error is not None:
        return _meaning(reply.error, answer, method, permission, resumed=resumed)
    if answer.status != 200:
        return Changed(f"{said}.")
    if bytes(reply.result) == b"null":
        return TryAgain(f"{NAME} answered nothing to {method}.")
    return reply


def _meaning(
    failure: _Failure, answer: Answer, method: str, permission: str, *, resumed: bool
) -> ProviderError:
    """Tell by its type what an error inside an answer asks for; messages mislead."""
    type_ = failure.type
    handle = failure.data.id if failure.data and _ERROR_ID.fullmatch(failure.data.id) else ""
    said = f"{NAME} refused {method}: {type_ or 'no type'}" + (f" ({handle})" if handle else "")
    if type_ in _LOST:
        return SessionOver(f"{said}; the session is over, or the login no longer valid.")
    if type_ in _DATABASE:
        return DatabaseMoved(f"{said}; the database is starting or has moved.")
    if type_ == "OverLimitException":
        seconds = retry_after(answer.headers)
        wait = LIMIT_WAIT if seconds is None else timedelta(seconds=seconds)
        return SlowDown(clock.now() + wait)
    if type_.startswith(_PASSES):
        return TryAgain(f"{said}.")
    if "Permission" in type_ or "Unauthorized" in type_:
        return NotAllowed(permission)
    if type_ == "ArgumentException" and resumed:
        return CursorLost(f"{said}: the version is no longer known.")
    return Changed(f"{said}: {failure.message[:200]}")
