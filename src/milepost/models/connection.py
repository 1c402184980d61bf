"""Connections: one fleet's account at its provider, linked to one application."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from milepost.models.meta import Instant, Model

ConnectionStatus = Literal[
    "connected", "disconnected", "archived", "pending_deletion", "deleting", "deleted"
]
SyncMode = Literal["automatic", "manual"]


class ProviderName(Model, frozen=True, kw_only=True):
    code: str
    name: str


class Company(Model, frozen=True, kw_only=True):
    """What the application's user typed about the fleet."""

    name: str | UnsetType = UNSET
    dot_numbers: list[str] | UnsetType = UNSET


class AccountUser(Model, frozen=True, kw_only=True):
    source_id: str | UnsetType = UNSET
    first_name: str | UnsetType = UNSET
    last_name: str | UnsetType = UNSET
    email: str | UnsetType = UNSET


class Account(Model, frozen=True, kw_only=True):
    """What the provider says about the fleet."""

    name: str | UnsetType = UNSET
    dot_numbers: list[str] | UnsetType = UNSET
    user: AccountUser | UnsetType = UNSET


class Options(Model, frozen=True, kw_only=True):
    ingest_history_from_source_system: bool | UnsetType = UNSET


class EntityFilter(Model, frozen=True, kw_only=True):
    status: Literal["active", "inactive"] | UnsetType = UNSET
    exclude_ids: list[str] | UnsetType = UNSET
    include_ids: list[str] | UnsetType = UNSET


class Filters(Model, frozen=True, kw_only=True):
    vehicles: EntityFilter | UnsetType = UNSET
    drivers: EntityFilter | UnsetType = UNSET


class Connection(Model, frozen=True, kw_only=True):
    """The link between an application and a fleet's account at its provider.

    `token` is left out where an event tells of the connection before it is rendered for delivery.
    """

    id: str
    provider: ProviderName
    company: Company
    account: Account
    status: ConnectionStatus
    sync_mode: SyncMode
    options: Options
    link_url: Annotated[str, Meta(extra_json_schema={"format": "uri"})]
    created_at: Instant
    updated_at: Instant
    token: Annotated[str, Meta(pattern=r"^con_tkn_\S+$")] | UnsetType = UNSET
    source_id: str | UnsetType = UNSET
    external_id: str | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    filters: Filters | UnsetType = UNSET


class DeletedConnection(Model, frozen=True, kw_only=True):
    """What is left of a connection once its deletion has begun; its token opens nothing but this."""

    id: str
    provider: ProviderName
    company: Company
    account: Account
    status: Literal["deleting", "deleted"]
    sync_mode: SyncMode
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | UnsetType = UNSET
    token: Annotated[str, Meta(pattern=r"^con_tkn_\S+$")] | UnsetType = UNSET
    source_id: str | UnsetType = UNSET
    external_id: str | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET


class BasicConnection(Model, frozen=True, kw_only=True):
    """What an event says about the connection that it belongs to."""

    id: str
    provider: ProviderName
    external_id: str | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET


class LinkMetadata(Model, frozen=True, kw_only=True):
    """What was passed along this time when a fleet linked its account, as `connection.completed` tells it."""

    external_id: str | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
