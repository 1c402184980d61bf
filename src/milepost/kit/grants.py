"""Simulates an authorization server (RFC 6749) whose refresh tokens rotate, for every simulator that needs one."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec

LIVES_SECONDS = 3600


class Grant(msgspec.Struct):
    """One fleet's consent, and how often its tokens were renewed."""

    number: int
    turns: int = 0  # tokens issued so far; the newest carries this number
    used: int = 0  # the newest of them that was seen in use
    dead: int = 0  # access tokens up to this one are no longer good
    revoked: bool = False


class Grants:
    """An authorization server with refresh tokens that rotate.

    Each renewal makes the next pair. A refresh token goes on working until a later pair is seen in use, so
    that an answer which was lost on its way costs nothing; then, or with `grace` off once it was used at
    all, it is taken for stolen and revokes the grant. Any refresh token from elsewhere, and any code,
    opens a grant once.
    """

    def __init__(self) -> None:
        self._by_number: dict[int, Grant] = {}
        self._spent: set[str] = set()
        self.renewals = 0
        self.reuses = 0

    def open(self, given: str) -> Grant | None:
        """Open a grant by a code or by a refresh token from elsewhere; None where it was spent."""
        if not given or given in self._spent:
            return None
        self._spent.add(given)
        grant = Grant(len(self._by_number) + 1, turns=1)
        self._by_number[grant.number] = grant
        return grant

    def renew(self, token: str, *, grace: bool = True) -> Grant | None:
        """Trade a refresh token for the next pair; None where that ends the grant, or where it had ended."""
        known = self._find(token, "refresh")
        if known is None:
            return None if token.startswith("sim-") else self.open(token)
        grant, turn = known
        if turn != grant.turns and not (grace and turn >= grant.used):
            self.reuses += 1
            grant.revoked = True
        if grant.revoked:
            return None
        grant.used = max(grant.used, turn)
        grant.turns += 1
        self.renewals += 1
        return grant

    def pair(self, grant: Grant) -> tuple[str, str]:
        """The newest access token and refresh token."""
        name = f"{grant.number}-{grant.turns}"
        return f"sim-access-{name}", f"sim-refresh-{name}"

    def accepts(self, access: str) -> bool:
        """Whether an access token is good; it counts as used then. Keys that are no such tokens are."""
        known = self._find(access, "access")
        if known is None:
            return not access.startswith("sim-access-")
        grant, turn = known
        if grant.revoked or turn <= grant.dead:
            return False
        grant.used = max(grant.used, turn)
        return True

    def expire(self, access: str) -> None:
        """Let this access token, and those before it, be good no longer."""
        known = self._find(access, "access")
        if known is not None:
            known[0].dead = max(known[0].dead, known[1])

    def _find(self, token: str, kind: str) -> tuple[Grant, int] | None:
        sort, _, name = token.removeprefix("sim-").partition("-")
        number, _, turn = name.partition("-")
        if sort != kind or not (number.isdigit() and turn.isdigit()):
            return None
        grant = self._by_number.get(int(number))
        return None if grant is None or int(turn) > grant.turns else (grant, int(turn))


def answer(
    grants: Grants, headers: Mapping[str, str], body: bytes, *, grace: bool = True
) -> tuple[int, bytes]:
    """Answer a request at the token URL: status, and a body of JSON. Any client is known here."""
    form = dict(parse_qsl(body.decode("latin-1")))
    if not (_client(headers) or (form.get("client_id") and form.get("client_secret"))):
        return 401, _error("invalid_client")
    match form.get("grant_type"):
        case "authorization_code":
            grant = grants.open(form.get("code", ""))
        case "refresh_token":
            grant = grants.renew(form.get("refresh_token", ""), grace=grace)
        case _:
            return 400, _error("unsupported_grant_type")
    if grant is None:
        return 400, _error("invalid_grant")
    access, refresh = grants.pair(grant)
    granted = {"access_token": access, "refresh_token": refresh, "expires_in": LIVES_SECONDS}
    return 200, msgspec.json.encode({**granted, "token_type": "Bearer"})


def _client(headers: Mapping[str, str]) -> bool:
    scheme, _, pair = headers.get("authorization", "").partition(" ")
    try:
        name, _, secret = base64.b64decode(pair, validate=True).partition(b":")
    except binascii.Error:
        return False
    return scheme.lower() == "basic" and bool(name and secret)


def _error(code: str) -> bytes:
    return msgspec.json.encode({"error": code})
