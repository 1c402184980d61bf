"""How a request shows its login: headers made anew for every request, so that the next one uses what was renewed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from milepost.kit.login import Credentials, Wallet

Headers = Mapping[str, str]


class Authorization(Protocol):
    """A connector's way to log in with headers. What it returns is secret and written nowhere."""

    async def headers(self) -> Headers:
        """Return the headers of the next request; raise LoginLost where no login can be had."""
        ...

    async def renewed(self, refused: Headers) -> bool:
        """The provider refused these headers: return whether there are others to try now."""
        ...


class Anonymous:
    """No headers at all: for calls that log in, or that carry the login in their body."""

    async def headers(self) -> Headers:
        return {}

    async def renewed(self, refused: Headers) -> bool:  # noqa: ARG002  The protocol's name.
        return False


class FromCredentials:
    """Headers made straight of the stored credentials: an API key, or a user and password."""

    def __init__(self, wallet: Wallet, make: Callable[[Credentials], Headers]) -> None:
        self._wallet = wallet
        self._make = make
        self._made: Headers | None = None

    async def headers(self) -> Headers:
        if self._made is None:
            self._made = self._make(await self._wallet.credentials())
        return self._made

    async def renewed(self, refused: Headers) -> bool:
        """Whether the connection was linked again with other credentials meanwhile."""
        self._made = self._make(await self._wallet.credentials())
        return self._made != refused
