"""Logins that change while others use them: a wallet holds one, and replaces it once however many ask at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from milepost import clock

Credentials = Mapping[str, str]
"""The fields of a login by name, as the manifest's form or a renewal left them; all of it is secret."""

Renewal = Callable[[Credentials], Awaitable[Credentials]]
"""Trades a worn login for a new one at the provider; raises LoginLost where the provider refuses."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider opened for a login, for a while: its fields, and when it ends (aware UTC)."""

    values: Credentials
    expires_at: datetime


class Wallet(Protocol):
    """One connection's login. Many workers hold a wallet of the same login, in several processes."""

    @property
    def owner(self) -> str:
        """Name the login for budgets: the same text for the same login. It is secret, and never shown."""
        ...

    async def credentials(self) -> Credentials:
        """Return the login as it is stored now."""
        ...

    async def renew(self, worn: Credentials, renewal: Renewal) -> Credentials:
        """Replace a worn login exactly once, and return the one that holds now.

        Whoever finds `worn` already replaced gets what is stored. Else `renewal` runs while nobody else
        can renew this login, and what it returns is stored before it is returned.
        """
        ...

    async def session(
        self, name: str, worn: Credentials | None, login: Callable[[], Awaitable[Session]]
    ) -> Credentials:
        """Return the session of that name, opened exactly once by `login` where there is none.

        `worn` are the values of a session that the provider no longer accepts: another than this is
        returned. A session that has expired, or that was opened for credentials since replaced, is none.
        """
        ...


class Pocket:
    """A wallet in memory, for a login that no connection keeps yet, and for tests."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = dict(credentials)
        self._sessions: dict[str, Session] = {}
        self._alone = asyncio.Lock()

    @property
    def owner(self) -> str:
        return msgspec.json.encode(self._credentials, order="sorted").decode()

    async def credentials(self) -> Credentials:
        return self._credentials

    async def renew(self, worn: Credentials, renewal: Renewal) -> Credentials:
        async with self._alone:
            if self._credentials == worn:
                self._credentials = dict(await renewal(worn))
            return self._credentials

    async def session(
        self, name: str, worn: Credentials | None, login: Callable[[], Awaitable[Session]]
    ) -> Credentials:
        async with self._alone:
            held = self._sessions.get(name)
            if held is None or held.values == worn or held.expires_at <= clock.now():
                held = self._sessions[name] = await login()
            return held.values
