"""Making and changing endpoints: URLs are checked, secrets are sealed and shown once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from milepost import clock, ids
from milepost.errors import BadRequest, NotFound, Problem, Unprocessable
from milepost.kit.addresses import Allowed, check_url
from milepost.models.event import EVENT_TYPES
from milepost.models.webhook import DeadLetter, DeliveryAttempt, WebhookEndpoint
from milepost.store import applications, endpoints
from milepost.store.endpoints import AttemptRow, EndpointRow, Letter
from milepost.store.pool import Database
from milepost.webhooks import signing

MOST_ENDPOINTS = 50
OVERLAP = timedelta(hours=24)

_SWITCHES = {
    "vehicle_locations": ("vehicle.location_updated",),
    "safety_events": ("safety_event.added", "safety_event.modified"),
}


class EndpointChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change of an endpoint; what is UNSET stays. An empty list of types means all."""

    url: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    types: Sequence[str] | UnsetType = UNSET
    status: Literal["enabled", "disabled"] | UnsetType = UNSET


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """Which events to deliver again: these, those of a connection, those of a span of time, or the dead letters."""

    event_ids: Sequence[UUID] | None = None
    connection_id: UUID | None = None
    from_: datetime | None = None
    until: datetime | None = None
    dead_letters: bool = False


class Endpoints:
    """The endpoints of applications."""

    def __init__(self, database: Database, allow: Allowed) -> None:
        self._database = database
        self._allow = allow

    async def create(
        self, application_id: UUID, url: str, types: Sequence[str], description: str | None
    ) -> WebhookEndpoint:
        """Make an endpoint; its secret is in the answer, and can not be seen again.

        Raises BadRequest for a URL that is none or leads to a private address, and for an unknown type,
        Unprocessable for one endpoint too many, NotFound where there is no such application.
        """
        self._check(url, types)
        secret = signing.new_secret()
        values = {
            "id": ids.new(),
            "url": url,
            "description": description or None,
            "types": list(dict.fromkeys(types)),
            "sealed_secret": self._database.vault.seal(secret.encode()),
            "at": clock.now(),
        }
        async with self._database.session() as session:
            row = await endpoints.insert(session, application_id, values, most=MOST_ENDPOINTS)
            if row is None and not await applications.exists(session, application_id):
                raise NotFound(detail="There is no such application.")
        if row is None:
            raise Unprocessable(f"An application has at most {MOST_ENDPOINTS} endpoints.")
        return shown(row, secret)

    async def every(self, application_id: UUID) -> list[WebhookEndpoint]:
        async with self._database.session() as session:
            rows = await endpoints.page(session, application_id, after=None, limit=MOST_ENDPOINTS)
        return [shown(row) for row in rows]

    async def get(self, application_id: UUID, endpoint_id: UUID) -> WebhookEndpoint:
        async with self._database.session() as session:
            row = await endpoints.get(session, application_id, endpoint_id)
        return shown(_there(row, endpoint_id))

    async def update(
        self, application_id: UUID, endpoint_id: UUID, change: EndpointChange
    ) -> WebhookEndpoint:
        """Change an endpoint; one that is enabled again is sent what has waited for it, at once."""
        url = None if change.url is UNSET else change.url
        self._check(url, [] if change.types is UNSET else change.types)
        async with self._database.transaction() as session:
            before = _there(await endpoints.lock(session, application_id, endpoint_id), endpoint_id)
            after = before
            if (
                url is not None and url != before.url
            ):  # How long another one failed is not its doing.
                after = msgspec.structs.replace(after, url=url, failing_since=None)
            if change.description is not UNSET:
                after = msgspec.structs.replace(after, description=change.description or None)
            if change.types is not UNSET:
                after = msgspec.structs.replace(after, types=list(dict.fromkeys(change.types)))
            enabled_again = change.status == "enabled" and before.status == "disabled"
            if enabled_again:
                after = msgspec.structs.replace(
                    after, status="enabled", disabled_because=None, failing_since=None
                )
            elif change.status == "disabled" and before.status == "enabled":
                after = msgspec.structs.replace(
                    after, status="disabled", disabled_because="It was disabled on request."
                )
            if after == before:
                return shown(before)
            row = await endpoints.update(
                session,
                after,
                clock.now(),
                types_changed=after.types != before.types,
                enabled_again=enabled_again,
            )
        return shown(_there(row, endpoint_id))

    async def rotate(
        self, application_id: UUID, endpoint_id: UUID, overlap: timedelta = OVERLAP
    ) -> WebhookEndpoint:
        """Give an endpoint a new secret, shown this once; until the overlap is over the old one signs too."""
        secret, now = signing.new_secret(), clock.now()
        sealed = self._database.vault.seal(secret.encode())
        async with self._database.session() as session:
            row = await endpoints.rotate(
                session, application_id, endpoint_id, sealed, now + overlap, now
            )
        return shown(_there(row, endpoint_id), secret)

    async def delete(self, application_id: UUID, endpoint_id: UUID) -> None:
        async with self._database.session() as session:
            if not await endpoints.delete(session, application_id, endpoint_id):
                raise _missing(endpoint_id)

    async def replay(self, application_id: UUID, endpoint_id: UUID, wish: Replay) -> int:
        """Let events be delivered again, outside the order; return how many were put in line."""
        narrowed = (wish.event_ids, wish.connection_id, wish.from_, wish.until)
        if wish.dead_letters == any(each is not None for each in narrowed):
            why = "takes `deadLetters` alone, or any of `events`, `connection`, `from` and `until`"
            raise BadRequest("Invalid request body", [Problem(why, "{requestBody}")])
        async with self._database.transaction() as session:
            _there(await endpoints.get(session, application_id, endpoint_id), endpoint_id)
            return await endpoints.replay(
                session,
                application_id,
                endpoint_id,
                event_ids=wish.event_ids,
                connection_id=wish.connection_id,
                span=(wish.from_, wish.until),
                dead=wish.dead_letters,
            )

    async def dead_letters(
        self, application_id: UUID, endpoint_id: UUID, *, after: UUID | None, limit: int
    ) -> list[DeadLetter]:
        """List the events that were given up, in their order."""
        async with self._database.session() as session:
            _there(await endpoints.get(session, application_id, endpoint_id), endpoint_id)
            rows = await endpoints.dead_letters(
                session, application_id, endpoint_id, after=after, limit=limit
            )
        return [_letter(application_id, row) for row in rows]

    async def attempts(
        self, application_id: UUID, endpoint_id: UUID, *, before: UUID | None, limit: int
    ) -> list[DeliveryAttempt]:
        """List attempts, newest first."""
        async with self._database.session() as session:
            _there(await endpoints.get(session, application_id, endpoint_id), endpoint_id)
            rows = await endpoints.attempts(
                session, application_id, endpoint_id, before=before, limit=limit
            )
        return [_attempt(application_id, row) for row in rows]

    async def switches(self, application_id: UUID) -> dict[str, bool]:
        """Say whether the application is told of what there is a lot of."""
        async with self._database.session() as session:
            off = await applications.events_off(session, application_id)
        return {name: not off.issuperset(types) for name, types in _SWITCHES.items()}

    async def switch(self, application_id: UUID, wish: dict[str, bool]) -> dict[str, bool]:
        """Switch types of events on or off for the application, from now on."""
        async with self._database.transaction() as session:
            off = await endpoints.switch(
                session,
                application_id,
                on=[each for name, on in wish.items() if on for each in _SWITCHES[name]],
                off=[each for name, on in wish.items() if not on for each in _SWITCHES[name]],
            )
        return {name: not off.issuperset(types) for name, types in _SWITCHES.items()}

    def _check(self, url: str | None, types: Sequence[str]) -> None:
        problems = [
            Problem("is not a type of event", f"{{requestBody}}.types[{place}]")
            for place, each in enumerate(types)
            if each not in EVENT_TYPES
        ]
        if url is not None:
            try:
                check_url(url, self._allow)
            except ValueError as error:
                problems.append(Problem(str(error), "{requestBody}.url"))
        if problems:
            raise BadRequest("Invalid request body", problems)


def shown(row: EndpointRow, secret: str | None = None) -> WebhookEndpoint:
    """Show an endpoint; with the secret only to whoever has just made it."""
    rotating = row.old_secret_until is not None and row.old_secret_until > clock.now()
    return WebhookEndpoint(
        id=ids.show("webhook_endpoint", row.id),
        url=row.url,
        status=row.status,
        created_at=clock.iso(row.created_at),
        updated_at=clock.iso(row.updated_at),
        description=row.description or UNSET,
        types=row.types or UNSET,
        disabled_because=row.disabled_because or UNSET,
        failing_since=clock.iso(row.failing_since) if row.failing_since else UNSET,
        secret=secret or UNSET,
        old_secret_until=clock.iso(row.old_secret_until)
        if rotating and row.old_secret_until
        else UNSET,
    )


def _letter(application_id: UUID, row: Letter) -> DeadLetter:
    return DeadLetter(
        event=ids.show("event", row.event_id),
        type=row.type or UNSET,
        number=UNSET if row.number is None else row.number,
        connection=_connection(application_id, row.connection_id),
        failed_at=clock.iso(row.at),
        attempts=row.attempts,
        error=row.error,
    )


def _attempt(application_id: UUID, row: AttemptRow) -> DeliveryAttempt:
    return DeliveryAttempt(
        id=ids.show("webhook_attempt", row.id),
        event=ids.show("event", row.event_id),
        connection=_connection(application_id, row.connection_id),
        attempted_at=clock.iso(row.at),
        latency=row.latency_ms,
        delivered=row.error is None,
        replay=row.replay,
        status=UNSET if row.status is None else row.status,
        error=row.error or UNSET,
        answer=row.answer or UNSET,
    )


def _connection(application_id: UUID, connection_id: UUID) -> str | UnsetType:
    return UNSET if connection_id == application_id else ids.show("connection", connection_id)


def _there(row: EndpointRow | None, endpoint_id: UUID) -> EndpointRow:
    if row is None:
        raise _missing(endpoint_id)
    return row


def _missing(endpoint_id: UUID) -> NotFound:
    shown_id = ids.show("webhook_endpoint", endpoint_id)
    return NotFound(detail=f"Could not find resource with ID: {shown_id}")
