"""Connections as the database keeps them, and the stamp that every writer of a connection takes first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from milepost import clock, ids
from milepost.models.connection import (
    Account,
    BasicConnection,
    Company,
    Connection,
    ConnectionStatus,
    DeletedConnection,
    Filters,
    Options,
    ProviderName,
    SyncMode,
)
from milepost.store.pool import Session, fetch_all, fetch_one
from milepost.store.queries import queries

SQL = queries("connections")

_SETTLE_LIMIT = "10s"


class ConnectionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `connection`; the migration says what each column means."""

    id: UUID
    application_id: UUID
    provider: str
    status: ConnectionStatus
    sync_mode: SyncMode
    source_id: str | None
    company: Company
    account: Account
    options: Options
    filters: Filters | None
    external_id: str | None
    tags: list[str]
    token_digest: bytes
    sealed_token: bytes
    sealed_key: bytes
    sealed_credentials: bytes
    created_at: datetime
    updated_at: datetime
    last_stamp: datetime
    next_sync_at: datetime | None
    first_synced_at: datetime | None
    deletes_at: datetime | None
    deleted_at: datetime | None

    @property
    def gone(self) -> bool:
        """Whether the deletion has begun: from then on there is nothing to read and no way back."""
        return self.status in ("deleting", "deleted")

    def basic(self, provider_name: str) -> BasicConnection:
        """Show of the connection what an event says about it."""
        return BasicConnection(
            id=ids.show("connection", self.id),
            provider=ProviderName(code=self.provider, name=provider_name),
            external_id=self.external_id or UNSET,
            tags=self.tags or UNSET,
        )

    def published(self, provider_name: str, link_url: str, token: str | None) -> Connection:
        """Show the connection as the contract does; without a token for what is stored."""
        return Connection(
            id=ids.show("connection", self.id),
            provider=ProviderName(code=self.provider, name=provider_name),
            company=self.company,
            account=self.account,
            status=self.status,
            sync_mode=self.sync_mode,
            options=self.options,
            link_url=link_url,
            created_at=clock.iso(self.created_at),
            updated_at=clock.iso(self.updated_at),
            token=token or UNSET,
            source_id=self.source_id or UNSET,
            external_id=self.external_id or UNSET,
            tags=self.tags,
            filters=self.filters or UNSET,
        )

    def published_as_deleted(self, provider_name: str, token: str | None) -> DeletedConnection:
        """Show what is left of the connection once its deletion has begun."""
        assert self.status in ("deleting", "deleted")
        return DeletedConnection(
            id=ids.show("connection", self.id),
            provider=ProviderName(code=self.provider, name=provider_name),
            company=self.company,
            account=self.account,
            status=self.status,
            sync_mode=self.sync_mode,
            created_at=clock.iso(self.created_at),
            updated_at=clock.iso(self.updated_at),
            deleted_at=clock.iso(self.deleted_at) if self.deleted_at else UNSET,
            token=token or UNSET,
            source_id=self.source_id or UNSET,
            external_id=self.external_id or UNSET,
            tags=self.tags,
        )


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What a list of connections is narrowed to; None does not narrow. Times are inclusive."""

    external_id: str | None = None
    provider: str | None = None
    status: ConnectionStatus | None = None
    tag: str | None = None
    dot_number: str | None = None
    updated_after: datetime | None = None
    updated_before: datetime | None = None


def from_columns(columns: dict[str, Any]) -> ConnectionRow:
    """Build the row from its columns by name."""
    filters = columns["filters"]
    parsed: dict[str, Any] = {
        "company": msgspec.convert(columns["company"], Company),
        "account": msgspec.convert(columns["account"], Account),
        "options": msgspec.convert(columns["options"], Options),
        "filters": None if filters is None else msgspec.convert(filters, Filters),
    }
    return ConnectionRow(**{**columns, **parsed})


async def get(session: Session, connection_id: UUID) -> ConnectionRow | None:
    return await _one(session, SQL["get"], {"id": connection_id})


async def token_is_taken(session: Session, digest: bytes) -> bool:
    """Say whether any connection has the token of this digest."""
    row = await fetch_one(session, SQL["token_is_taken"], {"digest": digest})
    return row is not None and bool(row[0])


async def stamp(session: Session, connection_id: UUID) -> datetime:
    """Take the connection's lock until commit, and the instant of all that is written under it.

    Every writer's first statement: so the order of modification is the order of commit, and a reader
    within the connection misses nothing. The stamp is in whole milliseconds and always rises.
    """
    return (await stamp_filtered(session, connection_id))[0]


async def stamp_filtered(session: Session, connection_id: UUID) -> tuple[datetime, Filters | None]:
    """Take the stamp, and the filters that are in force for all that is written under it."""
    row = await fetch_one(session, SQL["stamp"], {"id": connection_id})
    if row is None:
        raise LookupError(f"There is no connection {connection_id}.")
    return row[0], None if row[1] is None else msgspec.convert(row[1], Filters)


async def settle(session: Session, connection_id: UUID) -> None:
    """Wait until whoever writes at this moment has committed.

    Who reads after it, outside this statement's transaction, sees every change that is stamped before it.
    Raises psycopg's LockNotAvailable after ten seconds: a page is merged in far less.
    """
    await session.execute(SQL["settle"].encode(), {"id": connection_id, "limit": _SETTLE_LIMIT})


async def filters_known(
    session: Session, connection_id: UUID, known_at: datetime
) -> Filters | None:
    """Return the filters that were in force at an instant."""
    values = {"id": connection_id, "known_at": known_at}
    row = await fetch_one(session, SQL["filters_known"], values)
    return None if row is None or row[0] is None else msgspec.convert(row[0], Filters)


async def insert(session: Session, values: dict[str, Any]) -> ConnectionRow:
    """Write a new connection; `values` are its columns, with `at` for the three times it begins with."""
    row = await _one(session, SQL["insert"], _as_json(values))
    assert row is not None
    return row


async def update(session: Session, row: ConnectionRow) -> ConnectionRow:
    """Write what may change of a connection; its stamp was taken in this transaction."""
    columns = ("id", "status", "sync_mode", "company", "options", "filters", "external_id", "tags",
               "next_sync_at", "deletes_at", "source_id", "account", "sealed_credentials")  # fmt: skip
    values = {column: getattr(row, column) for column in columns}
    updated = await _one(session, SQL["update"], _as_json(values))
    assert updated is not None
    return updated


async def add_agreement(session: Session, connection_id: UUID, body: dict[str, Any]) -> None:
    """Keep what the fleet's user agreed to when the connection was made."""
    values = {"connection_id": connection_id, "id": ids.new(), "body": Jsonb(body)}
    await session.execute(SQL["add_agreement"].encode(), values)


async def agreements(session: Session, connection_id: UUID) -> list[tuple[UUID, dict[str, Any]]]:
    """Read what was agreed to, oldest first."""
    rows = await fetch_all(session, SQL["agreements"], {"connection_id": connection_id})
    return [(row[0], row[1]) for row in rows]


async def page(
    session: Session,
    application_id: UUID,
    search: Search,
    *,
    after: UUID | None,
    limit: int,
    newest_first: bool = False,
) -> list[ConnectionRow]:
    """List connections of the application in order of their creation, from after the given id."""
    values = {
        "application_id": application_id,
        "after": after,
        "limit": limit,
        **msgspec.structs.asdict(search),
    }
    return await _all(session, SQL["page_newest_first" if newest_first else "page"], values)


async def by_ids(
    session: Session, application_id: UUID, ids_: Sequence[UUID]
) -> dict[UUID, ConnectionRow]:
    """Read those of the given connections that are the application's."""
    rows = await _all(session, SQL["by_ids"], {"application_id": application_id, "ids": list(ids_)})
    return {row.id: row for row in rows}


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: Jsonb(msgspec.to_builtins(value)) if isinstance(value, msgspec.Struct) else value
        for name, value in values.items()
    }


async def _one(session: Session, query: str, values: dict[str, Any]) -> ConnectionRow | None:
    rows = await _all(session, query, values)
    return rows[0] if rows else None


async def _all(session: Session, query: str, values: dict[str, Any]) -> list[ConnectionRow]:
    async with session.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), values)
        return [from_columns(columns) for columns in await cursor.fetchall()]
