"""What a connector is handed when it is made: the login, the names it makes, where the provider is."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from milepost.ids import Identity
from milepost.kit.contract import Connector, Manifest
from milepost.kit.hosts import Hosts
from milepost.kit.limits import Budget
from milepost.kit.login import Wallet

RENEWALS = "oauth"
"""The endpoint class that renewals are spent from."""


class OAuthApp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The operator's own app at a provider that speaks OAuth; the secret is never shown."""

    client_id: str
    client_secret: str
    redirect_uri: str | None = None

    def __repr__(self) -> str:
        return f"OAuthApp({self.client_id!r})"


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What a connector is handed: the login, the names it makes, where the provider is, what it may spend.

    `base_url` is the operator's word, or the manifest's. The budget is shared with everybody who spends of
    the same one. Structs like this one may grow; a connector takes what it needs.
    """

    manifest: Manifest
    wallet: Wallet
    identity: Identity
    base_url: str
    budget: Budget
    app: OAuthApp | None = None

    @property
    def hosts(self) -> Hosts:
        return Hosts(self.manifest.name, self.base_url, self.manifest.hosts)

    @property
    def token_hosts(self) -> Hosts:
        """Where tokens are traded: the manifest's host of it, or where the operator moved the provider to."""
        oauth, moved = self.manifest.oauth, self.base_url != self.manifest.base_url
        assert oauth is not None, "the manifest has no [oauth]"
        where = self.base_url if moved else urlsplit(oauth.token_url)._replace(path="").geturl()
        return Hosts(self.manifest.name, where, [])


class ConnectorFactory(Protocol):
    """What a provider's package exports as `connect`; it opens nothing."""

    def __call__(self, access: Access) -> Connector: ...
