"""Opens lines to providers: a connection's row in, its connector out, with its login and its budget."""

from __future__ import annotations

from uuid import UUID

from milepost.ids import Identity
from milepost.kit.contract import Connector
from milepost.kit.login import Credentials, Wallet
from milepost.kit.registry import Registry
from milepost.store import imported_ids
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Database
from milepost.store.quota import StoredLender
from milepost.store.wallet import DraftWallet, StoredWallet


class Lines:
    """The one place of a process that makes connectors of connections; syncs, live calls and passthrough."""

    def __init__(self, database: Database, registry: Registry) -> None:
        self._database = database
        self.registry = registry
        self.lender = StoredLender(database)

    def wallet(self, connection: ConnectionRow) -> Wallet:
        return StoredWallet(self._database, connection)

    def draft(self, application_id: UUID, given: Credentials) -> DraftWallet:
        """Hold the login of a connection that is yet to be made, or linked again."""
        return DraftWallet(self._database, application_id, given)

    async def identity(self, connection: ConnectionRow) -> Identity:
        """Name the connection's records: by ids that were imported, where it has some."""
        async with self._database.session() as session:
            return await imported_ids.identity(session, connection.id)

    async def open(
        self, connection: ConnectionRow, *, live: bool = False, identity: Identity | None = None
    ) -> Connector:
        """Make a connector of a connection; `live` says that somebody waits for its answer."""
        return self.registry.connect(
            connection.provider,
            self.wallet(connection),
            identity or await self.identity(connection),
            lender=self.lender,
            organization=connection.source_id,
            live=live,
        )
