"""Making and changing connections: the credentials are tried first, then all is written in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from milepost import clock, ids
from milepost.errors import BadRequest, LoginLost, Problem, Unprocessable
from milepost.ids import Identity
from milepost.kit import catalogue
from milepost.kit.contract import AccountFound, LoginField
from milepost.kit.login import Credentials, Wallet
from milepost.kit.oauth import speaks_oauth
from milepost.kit.registry import Registry
from milepost.models.connection import (
    Company,
    Connection,
    ConnectionStatus,
    DeletedConnection,
    Filters,
    LinkMetadata,
    Options,
    SyncMode,
)
from milepost.models.event import EventType
from milepost.models.meta import Model
from milepost.store import connections, syncs
from milepost.store.connections import ConnectionRow
from milepost.store.pool import Database, Session
from milepost.store.wallet import DraftWallet, forget_sessions
from milepost.sync.disconnect import link_url
from milepost.sync.govern import govern
from milepost.sync.lines import Lines
from milepost.sync.request import Desk
from milepost.sync.schedule import next_tick
from milepost.vault import ConnectionKey, new_token
from milepost.webhooks import emit

_WHY_STOPPED = {
    "archived": "The connection was archived.",
    "disconnected": "The connection was disconnected.",
    "pending_deletion": "The connection is to be deleted.",
}


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A connection that an application asks for; the first sync goes back to `start_from` or by `days`."""

    provider: str
    credentials: Mapping[str, str]
    company: Company = Company()
    external_id: str | None = None
    sync_mode: SyncMode = "automatic"
    tags: Sequence[str] = ()
    options: Options = Options()
    start_from: datetime | None = None
    days: float | None = None
    agreements: Sequence[Mapping[str, Any]] = ()


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change of a connection; what is UNSET stays. Parts of company, options and filters
    that are given replace those parts; tags are replaced whole. `credentials` link the connection again,
    to the same account.
    """

    credentials: Mapping[str, str] | UnsetType = UNSET

    status: Literal["connected", "archived", "disconnected"] | UnsetType = UNSET
    sync_mode: SyncMode | UnsetType = UNSET
    company: Company | UnsetType = UNSET
    options: Options | UnsetType = UNSET
    filters: Filters | UnsetType = UNSET
    external_id: str | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET


class Linked(msgspec.Struct, frozen=True):
    """A login that was tried: the account that it opened; of a new one also what is to be stored."""

    found: AccountFound
    draft: DraftWallet | None = None
    sealed: bytes = b""

    async def applied(self, session: Session, row: ConnectionRow) -> ConnectionRow:
        """Lay it over the connection; what was opened with the login before it is forgotten."""
        account = self.found.account
        source_id = row.source_id or self.found.source_id
        if self.draft is None:
            return msgspec.structs.replace(row, account=account, source_id=source_id)
        await self.draft.spend(session)
        await forget_sessions(session, row.id)
        return msgspec.structs.replace(
            row, account=account, source_id=source_id, sealed_credentials=self.sealed
        )


class Reception:
    """Receives new connections and changes to them."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        desk: Desk,
        *,
        link_base: str,
        cadence: timedelta,
        deletion_grace: timedelta,
    ) -> None:
        self._database = database
        self._registry = registry
        self._desk = desk
        self.lines = Lines(database, registry)
        self._link_base = link_base
        self._cadence = cadence
        self._deletion_grace = deletion_grace

    def shown(self, row: ConnectionRow) -> Connection | DeletedConnection:
        """Show a connection to its own application: with the token."""
        token = self._database.vault.open(row.sealed_token).decode()
        if row.gone:
            return row.published_as_deleted(self.provider_name(row.provider), token)
        return row.published(
            self.provider_name(row.provider), link_url(self._link_base, row), token
        )

    async def create(self, application_id: UUID, wish: Wish) -> Connection | DeletedConnection:
        """Try the credentials with the provider, then write the connection and request its first sync.

        Raises BadRequest for an unknown provider or credentials of the wrong shape, Unprocessable where
        the provider refuses them, and TryAgain where it cannot be reached.
        """
        if wish.provider not in self._registry:
            known = catalogue.names().get(wish.provider)
            why = f"({known}) has no connector yet" if known else "is not a provider"
            problem = Problem(f"{why} in this installation", "{requestBody}.provider")
            raise BadRequest("Invalid request body", [problem])
        self._check_login(wish.provider, wish.credentials)
        connection_id = ids.new()
        draft = self.lines.draft(application_id, wish.credentials)
        found = await self._account(wish.provider, draft, connection_id)
        token = new_token("con_tkn_")
        # What checking the login made of it: a code, say, has been traded for tokens.
        credentials = await draft.credentials()
        values = self._columns(application_id, connection_id, wish, credentials, found, token)
        async with self._database.transaction() as session:
            row = await connections.insert(session, values)
            await draft.spend(session)
            for agreement in wish.agreements:
                await connections.add_agreement(session, row.id, dict(agreement))
            await self._tell(session, row, ["connection.created"])
            passed = LinkMetadata(external_id=row.external_id or UNSET, tags=row.tags)
            await self._tell(session, row, ["connection.completed"], metadata=passed)
            await self._desk.request(
                session, row, reason="connection", start_from=wish.start_from, days=wish.days
            )
        return self.shown(row)

    async def update(self, connection_id: UUID, change: Change) -> Connection | DeletedConnection:
        """Change a connection; going back to `connected` tries the credentials again first.

        An archived or disconnected connection is no longer synced: its sync at work is cancelled. Any
        status takes back a deletion that has not begun; once it has, Unprocessable is raised. So it is
        where a login opens another account than the connection's, and then nothing is changed.
        """
        async with self._database.session() as session:
            before = await connections.get(session, connection_id)
        assert before is not None
        _require_there(before)
        linked = None
        if change.credentials is not UNSET or (
            change.status == "connected" and before.status != "connected"
        ):
            linked, change = await self._link(before, change)
        async with self._database.transaction() as session:
            await connections.stamp(session, connection_id)
            before = await connections.get(session, connection_id)
            assert before is not None
            _require_there(before)
            after = self._changed(before, change)
            if linked is not None:
                after = await linked.applied(session, after)
            if after == before:
                return self.shown(before)
            row = await connections.update(session, after)
            await self._stop_sync_unless_connected(session, row)
            await self._tell(session, row, _events(before, row))
            if row.filters != before.filters:
                await govern(session, row, self.provider_name(row.provider))
        return self.shown(row)

    async def request_deletion(self, connection_id: UUID) -> None:
        """Let a connection be deleted once the grace is over; from now on it is not synced.

        Asking again changes nothing: the grace goes on from the first time.
        """
        async with self._database.transaction() as session:
            await connections.stamp(session, connection_id)
            before = await connections.get(session, connection_id)
            assert before is not None
            if before.gone or before.status == "pending_deletion":
                return
            pending = msgspec.structs.replace(
                before,
                status="pending_deletion",
                next_sync_at=None,
                deletes_at=clock.now() + self._deletion_grace,
            )
            row = await connections.update(session, pending)
            await self._stop_sync_unless_connected(session, row)
            await self._tell(session, row, ["connection.pending_deletion"])

    def provider_name(self, code: str) -> str:
        """Name a provider; one that was uninstalled since leaves its connections readable by its code."""
        return self._registry.name(code)

    def _columns(
        self,
        application_id: UUID,
        connection_id: UUID,
        wish: Wish,
        credentials: Credentials,
        found: AccountFound,
        token: str,
    ) -> dict[str, Any]:
        vault = self._database.vault
        now = clock.now()
        automatic = wish.sync_mode == "automatic"
        return {
            "id": connection_id,
            "application_id": application_id,
            "provider": wish.provider,
            "sync_mode": wish.sync_mode,
            "source_id": found.source_id,
            "company": wish.company,
            "account": found.account,
            "options": wish.options,
            "external_id": wish.external_id,
            "tags": list(wish.tags),
            "token_digest": self._database.pepper.digest(token),
            "sealed_token": vault.seal(token.encode()),
            "sealed_key": vault.seal(ConnectionKey.new().bytes),
            "sealed_credentials": vault.seal(msgspec.json.encode(credentials)),
            "at": now.replace(microsecond=now.microsecond // 1000 * 1000),
            "next_sync_at": next_tick(connection_id, now, self._cadence) if automatic else None,
        }

    async def _link(self, before: ConnectionRow, change: Change) -> tuple[Linked, Change]:
        """Try the login that a connection has or is given; it must open the account that it belongs to."""
        if change.credentials is UNSET:
            found = await self._account(before.provider, self.lines.wallet(before), before.id)
            linked = Linked(found)
        else:
            if change.status not in (UNSET, "connected"):
                problem = Problem("must be connected, or left out", "{requestBody}.status")
                raise BadRequest("Credentials link the connection again", [problem])
            given: Mapping[str, str] = change.credentials
            self._check_login(before.provider, given)
            change = msgspec.structs.replace(change, status="connected")
            draft = self.lines.draft(before.application_id, given)
            found = await self._account(before.provider, draft, before.id)
            sealed = self._database.vault.seal(msgspec.json.encode(await draft.credentials()))
            linked = Linked(found, draft, sealed)
        if before.source_id and found.source_id and before.source_id != found.source_id:
            raise Unprocessable(
                "The credentials open another account of the provider than the connection's: make a "
                "connection of its own for it.",
                code="invalid_credentials",
            )
        return linked, change

    def _check_login(self, provider: str, credentials: Mapping[str, str]) -> None:
        """Raise BadRequest unless the credentials fill a login form that this installation can use."""
        check_login(self._registry.manifest(provider).logins, credentials)
        if speaks_oauth(credentials) and self._registry.app(provider) is None:
            problem = Problem(
                "needs the installation's own OAuth app: set MILEPOST_OAUTH_APPS",
                "{requestBody}.credentials",
            )
            raise BadRequest("Invalid request body", [problem])

    async def _account(self, provider: str, wallet: Wallet, connection_id: UUID) -> AccountFound:
        connector = self._registry.connect(
            provider, wallet, Identity(connection_id), lender=self.lines.lender, live=True
        )
        try:
            return await connector.account()
        except LoginLost as error:
            raise Unprocessable(error.message, code="invalid_credentials") from error
        finally:
            await connector.aclose()

    def _changed(self, before: ConnectionRow, change: Change) -> ConnectionRow:
        status: ConnectionStatus = change.status or before.status
        waits = status == "pending_deletion"
        sync_mode = change.sync_mode or before.sync_mode
        next_sync_at = None
        if status == "connected" and sync_mode == "automatic":
            next_sync_at = before.next_sync_at or next_tick(before.id, clock.now(), self._cadence)
        filters = _laid_over(before.filters or Filters(), change.filters)
        return msgspec.structs.replace(
            before,
            status=status,
            sync_mode=sync_mode,
            company=_laid_over(before.company, change.company),
            options=_laid_over(before.options, change.options),
            filters=None if filters == Filters() else filters,
            external_id=before.external_id
            if change.external_id is UNSET
            else change.external_id or None,
            tags=before.tags if change.tags is UNSET else change.tags,
            next_sync_at=next_sync_at,
            deletes_at=before.deletes_at if waits else None,
        )

    async def _stop_sync_unless_connected(self, session: Session, row: ConnectionRow) -> None:
        if row.status == "connected":
            return
        active = await syncs.active(session, row.id)
        for sync_id in [*([active] if active else []), *await syncs.waiting(session, row.id)]:
            await self._desk.cancel(session, row, sync_id, why=_WHY_STOPPED[row.status])

    async def _tell(
        self, session: Session, row: ConnectionRow, types: Sequence[EventType], **detail: Model
    ) -> None:
        shown = row.published(
            self.provider_name(row.provider), link_url(self._link_base, row), None
        )
        for type_ in types:
            await emit.about_connection(session, row, type_, shown, row.updated_at, **detail)


def check_login(logins: Sequence[Sequence[LoginField]], given: Mapping[str, str]) -> None:
    """Raise BadRequest unless the credentials fill exactly one of the provider's login forms."""
    forms = [[field.name for field in login] for login in logins]
    # What does not fit is measured against the form that it comes closest to.
    form = max(forms, key=lambda names: (len(given.keys() & names), -len(names)))
    where = "{requestBody}.credentials"
    problems = [Problem("is required", f"{where}.{name}") for name in form if name not in given]
    problems += [
        Problem("is not a field of this provider's login", f"{where}.{name}"[:200])
        for name in given
        if name not in form
    ][:50]
    problems += [
        Problem("must not be empty", f"{where}.{name}") for name in form if given.get(name) == ""
    ]
    if problems:
        offered = " or ".join("+".join(names) for names in forms)
        raise BadRequest(f"The provider's login takes {offered}", problems)


def _require_there(row: ConnectionRow) -> None:
    if row.gone:
        raise Unprocessable(f"The connection is {row.status}; that cannot be undone.")


def _laid_over(before: Any, change: Any) -> Any:
    """Replace the parts of a struct that a change sets."""
    if change is UNSET:
        return before
    given = {
        name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET
    }
    return msgspec.structs.replace(before, **given)


def _events(before: ConnectionRow, after: ConnectionRow) -> list[EventType]:
    told: list[EventType] = []
    if after.status != before.status:
        if after.status == "disconnected":
            told.append("connection.disconnected")
        elif after.status == "connected" and before.status == "disconnected":
            told.append("connection.reconnected")
    # Timestamps and the cadence follow from other changes and are no news by themselves.
    quiet = {
        "status": after.status,
        "sealed_credentials": after.sealed_credentials,
        "updated_at": after.updated_at,
        "last_stamp": after.last_stamp,
        "next_sync_at": after.next_sync_at,
        "deletes_at": after.deletes_at,
    }
    if not told or msgspec.structs.replace(before, **quiet) != after:
        told.append("connection.updated")
    return told
