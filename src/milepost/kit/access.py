"""What a connector is handed when it is made: the login, the names it makes, where the provider is."""

from __future__ import annotations

from typing import Protocol

import msgspec

from milepost.ids import Identity
from milepost.kit.contract import Connector, Manifest
from milepost.kit.hosts import Hosts
from milepost.kit.limits import Budget
from milepost.kit.login import Wallet


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

    @property
    def hosts(self) -> Hosts:
        return Hosts(self.manifest.name, self.base_url, self.manifest.hosts)


class ConnectorFactory(Protocol):
    """What a provider's package exports as `connect`; it opens nothing."""

    def __call__(self, access: Access) -> Connector: ...
