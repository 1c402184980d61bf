"""OAuth 2 for connectors: codes and refresh tokens traded for access tokens, renewed before they end (RFC 6749).

A refresh token is good for one renewal at most providers, and using it twice revokes the whole grant. So a
renewal goes through the wallet, which lets one of all workers do it and stores the new token before
anybody uses it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec

from milepost import clock
from milepost.errors import Changed, LoginLost, ProviderError, TryAgain
from milepost.kit.access import RENEWALS, Access
from milepost.kit.authorization import Authorization, Headers
from milepost.kit.http import Answer, ProviderClient
from milepost.kit.login import Credentials, Wallet

# What a credential form may hold, and what becomes of it; `renews_at` and `expires_at` are RFC 3339.
CODE, REFRESH, ACCESS = "code", "refresh_token", "access_token"

# An access token is renewed so long before its end, or after nine tenths of its life if that is shorter.
_AHEAD = timedelta(minutes=5)
# Where a provider does not say how long a token lives: most live for an hour or two.
_UNSAID_SECONDS = 3600


class Granted(msgspec.Struct):
    """A token endpoint's answer (RFC 6749, 5.1)."""

    access_token: str
    refresh_token: str | None = None
    expires_in: float | str | None = None  # Some write the number as text.


class Refused(msgspec.Struct):
    """A token endpoint's refusal (RFC 6749, 5.2)."""

    error: str = ""


def speaks_oauth(credentials: Mapping[str, str]) -> bool:
    """Whether these credentials are, or were once made of, an OAuth grant."""
    return not credentials.keys().isdisjoint({CODE, REFRESH, ACCESS})


class OAuth:
    """The `Authorization` of a grant: `Bearer` and its access token of the moment."""

    def __init__(self, access: Access) -> None:
        self._name = access.manifest.name
        self._wallet: Wallet = access.wallet
        self._spec = access.manifest.oauth
        self._app = access.app
        self._access = access
        self._held: Credentials | None = None

    async def headers(self) -> Headers:
        """Return the header of an access token that is good for a while."""
        if self._held is None or not _is_fresh(self._held, clock.now()):
            self._held = await self._fresh(await self._wallet.credentials())
        return _bearer(self._held)

    async def renewed(self, refused: Headers) -> bool:
        """Renew the grant, unless somebody did since these headers were made; raises LoginLost if it ended."""
        stored = await self._wallet.credentials()
        if not stored.get(ACCESS) or _bearer(stored) == refused:
            stored = await self._wallet.renew(stored, self._trade)
        self._held = stored
        return True

    async def _fresh(self, stored: Credentials) -> Credentials:
        if _is_fresh(stored, clock.now()):
            return stored
        return await self._wallet.renew(stored, self._trade)

    async def _trade(self, worn: Credentials) -> Credentials:
        """Trade the code or the refresh token for the next tokens at the provider's token endpoint."""
        if refresh := worn.get(REFRESH):
            asked = {"grant_type": "refresh_token", "refresh_token": refresh}
        elif code := worn.get(CODE):
            asked = {"grant_type": "authorization_code", "code": code}
        else:
            raise LoginLost(f"{self._name} ended the access, and gave no token to renew it with.")
        http = ProviderClient(
            name=self._name, hosts=self._access.token_hosts, budget=self._access.budget
        )
        try:
            headers = {"accept": "application/json"}
            asked |= self._identify(headers, asked)
            path = urlsplit(self._token_url).path
            body = await http.post_form(
                path, urlencode(asked), headers, spends=RENEWALS, judge=self._judge
            )
        finally:
            await http.aclose()
        return self._written(worn, body)

    @property
    def _token_url(self) -> str:
        assert self._spec is not None, "the manifest has no [oauth]"
        return self._spec.token_url

    def _identify(self, headers: dict[str, str], asked: Mapping[str, str]) -> dict[str, str]:
        """Say which app asks, as the provider wants it: HTTP Basic, or fields of the body (RFC 6749, 2.3.1)."""
        if self._app is None:
            # Not the fleet's fault: its connection stays, and goes on once the operator has set the app.
            raise TryAgain(
                f"This installation has no OAuth app for {self._name}: set MILEPOST_OAUTH_APPS."
            )
        app, extra = self._app, dict[str, str]()
        if app.redirect_uri and asked["grant_type"] == "authorization_code":
            extra["redirect_uri"] = app.redirect_uri
        assert self._spec is not None
        if self._spec.client == "basic":
            pair = f"{quote_plus(app.client_id)}:{quote_plus(app.client_secret)}".encode()
            headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
            return extra
        return {**extra, "client_id": app.client_id, "client_secret": app.client_secret}

    def _judge(self, answer: Answer) -> ProviderError | None:
        if answer.status == 200:
            return None
        if answer.status in {408, 504}:
            return TryAgain(f"{self._name} did not renew the access in time.", timed_out=True)
        if answer.status >= 500:
            return TryAgain(f"{self._name} answered {answer.status} when the access was renewed.")
        try:
            error = msgspec.json.decode(answer.body, type=Refused).error
        except (msgspec.DecodeError, UnicodeDecodeError):
            error = ""
        if error == "invalid_client" or (answer.status == 401 and error != "invalid_grant"):
            return TryAgain(
                f"{self._name} does not accept this installation's OAuth app: check MILEPOST_OAUTH_APPS."
            )
        if error == "invalid_grant":
            return LoginLost(f"{self._name} has ended the access that was granted.")
        return Changed(f"{self._name} answered {answer.status} when the access was to be renewed.")

    def _written(self, worn: Credentials, body: bytes) -> Credentials:
        try:
            granted = msgspec.json.decode(body, type=Granted)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise TryAgain(f"{self._name} renewed the access with an unreadable answer.") from None
        if not granted.access_token.isprintable() or " " in granted.access_token:
            raise Changed(f"{self._name} gave an access token that no header can hold.")
        now = clock.now()
        lives = _lives(granted.expires_in)
        kept = {name: value for name, value in worn.items() if name != CODE}
        made = {
            **kept,
            ACCESS: granted.access_token,
            "renews_at": clock.iso(now + lives - min(_AHEAD, lives / 10)),
            "expires_at": clock.iso(now + lives),
        }
        if granted.refresh_token:  # One that is left out goes on being good (RFC 6749, 6).
            made[REFRESH] = granted.refresh_token
        return made


def _lives(said: float | str | None) -> timedelta:
    """Read how long a token lives; whatever it says, a grant that was paid for is not thrown away for it."""
    try:
        return timedelta(seconds=max(0.0, float(said or _UNSAID_SECONDS)))
    except (ValueError, OverflowError):
        return timedelta(seconds=_UNSAID_SECONDS)


class KeyOrGrant:
    """The `Authorization` of a provider that takes an API key as well as a grant."""

    def __init__(self, wallet: Wallet, key: Authorization, grant: OAuth) -> None:
        self._wallet = wallet
        self._key = key
        self._grant = grant
        self._chosen: Authorization | None = None

    async def headers(self) -> Headers:
        return await (await self._choice()).headers()

    async def renewed(self, refused: Headers) -> bool:
        self._chosen = None  # The connection may have been linked again in the other way.
        return await (await self._choice()).renewed(refused)

    async def _choice(self) -> Authorization:
        if self._chosen is None:
            grant = speaks_oauth(await self._wallet.credentials())
            self._chosen = self._grant if grant else self._key
        return self._chosen


def _is_fresh(held: Credentials, now: datetime) -> bool:
    renews_at = held.get("renews_at")
    return bool(held.get(ACCESS)) and renews_at is not None and now < clock.parse(renews_at)


def _bearer(held: Credentials) -> Headers:
    return {"authorization": f"Bearer {held[ACCESS]}"}
