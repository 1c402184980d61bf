"""The catalogue of events: what each type tells, with an example; the reference page is made of it."""

from __future__ import annotations

from typing import Any

import msgspec

from milepost.models.connection import (
    Account,
    BasicConnection,
    Company,
    Connection,
    DeletedConnection,
    LinkMetadata,
    Options,
    ProviderName,
)
from milepost.models.driver import Driver
from milepost.models.event import EndpointDisabled, EventType, UnsupportedProvider
from milepost.models.issue import Issue, IssueError
from milepost.models.location import Coordinates, LatestVehicleLocation
from milepost.models.meta import EntityMetadata, Model, RecordMetadata
from milepost.models.safety import SafetyEvent
from milepost.models.sync import Sync
from milepost.models.vehicle import Vehicle

# One sentence a type.
TOLD: dict[EventType, str] = {
    "connection.created": "A connection was made.",
    "connection.completed": "A fleet has given access, for the first time or again; `metadata` holds what "
    "was passed along this time.",
    "connection.updated": "Something of a connection was changed.",
    "connection.disconnected": "The provider no longer accepts the login, or somebody disconnected it; the "
    "fleet has to link again.",
    "connection.reconnected": "A connection that was disconnected works again.",
    "connection.first_sync_completed": "The first sync of a connection is done: there is data to read.",
    "connection.pending_deletion": "A connection will be deleted when the grace is over.",
    "connection.deleted": "A connection and all its data are gone.",
    "sync.requested": "A sync was asked for.",
    "sync.started": "A worker has begun with a sync.",
    "sync.completed": "A sync is done.",
    "sync.failed": "A sync has ended without success; `failureReason` says why.",
    "issue.reported": "Something may leave data incomplete.",
    "issue.resolved": "An issue is over.",
    "vehicle.added": "A vehicle is new.",
    "vehicle.modified": "A vehicle has changed, or is back.",
    "vehicle.removed": "A vehicle has left the fleet.",
    "driver.added": "A driver is new.",
    "driver.modified": "A driver has changed, or is back.",
    "driver.removed": "A driver has left the fleet.",
    "safety_event.added": "The provider has told of a safety event. Can be switched off.",
    "safety_event.modified": "A safety event was reviewed, completed or withdrawn; one that was withdrawn "
    "has a `metadata.deletedAt`. Can be switched off.",
    "vehicle.location_updated": "The newest position of a vehicle has advanced: at most one event a vehicle "
    "and commit, none for history. Can be switched off.",
    "unsupported_provider.requested": "A fleet looked for a provider that is not offered.",
    "webhook_endpoint.disabled": "An endpoint is sent nothing any more. This type is ours, beside the contract.",
}

_NOW = "2026-01-06T03:24:53.000Z"
_ULID = "01GV12VR4DJP70GD1ZBK0SDWFH"
_PROVIDER = ProviderName(code="samsara", name="Samsara")
_BASIC = BasicConnection(id=f"conn_{_ULID}", provider=_PROVIDER, external_id="1234", tags=["west"])
_COMPANY = Company(name="Fast Trucking", dot_numbers=["1234567"])


def example(type_: EventType) -> dict[str, Any]:
    """Return an event of the type, as it is delivered."""
    found: dict[str, Any] = msgspec.to_builtins(
        {"id": f"evt_{_ULID}", "type": type_, "timestamp": _NOW, "detail": _detail(type_)}
    )
    return found


def _detail(type_: EventType) -> Model | dict[str, Model]:
    group, _, kind = type_.partition(".")
    match group:
        case "connection" if kind == "first_sync_completed":
            return {"connection": _BASIC, "sync": _sync("completed")}
        case "connection" if kind == "deleted":
            return {"connection": _deleted()}
        case "connection" if kind == "completed":
            return {
                "connection": _connection(kind),
                "metadata": LinkMetadata(external_id="1234", tags=["west"]),
            }
        case "connection":
            return {"connection": _connection(kind)}
        case "sync":
            return {"connection": _BASIC, "sync": _sync(kind)}
        case "issue":
            return {"connection": _BASIC, "issue": _issue(kind)}
        case "safety_event":
            return {"connection": _BASIC, "safetyEvent": _safety_event()}
        case "unsupported_provider":
            return UnsupportedProvider(
                provider="people-net", contact_email="fleet@example.com", external_id="1234"
            )
        case "webhook_endpoint":
            url, why = "https://example.com/webhooks", "It answered 410 Gone."
            return EndpointDisabled(id=f"whe_{_ULID}", url=url, reason=why)
        case "vehicle" if kind == "location_updated":
            return {"connection": _BASIC, "location": _location()}
        case "vehicle":
            return {"connection": _BASIC, "vehicle": _vehicle(kind)}
        case _:
            return {"connection": _BASIC, "driver": _driver(kind)}


def _connection(kind: str) -> Connection:
    statuses = {"disconnected": "disconnected", "pending_deletion": "pending_deletion"}
    return Connection(
        id=f"conn_{_ULID}",
        provider=_PROVIDER,
        company=_COMPANY,
        account=Account(name="Fast Trucking LLC"),
        status=statuses.get(kind, "connected"),  # type: ignore[arg-type]  # Both are statuses.
        sync_mode="automatic",
        options=Options(),
        link_url=f"https://milepost.example.com/link/connection/conn_{_ULID}",
        created_at=_NOW,
        updated_at=_NOW,
        token="con_tkn_…",  # noqa: S106  An example, and visibly none.
        source_id="20936",
        external_id="1234",
        tags=["west"],
    )


def _deleted() -> DeletedConnection:
    return DeletedConnection(
        id=f"conn_{_ULID}", provider=_PROVIDER, company=_COMPANY, account=Account(),
        status="deleted", sync_mode="automatic", created_at=_NOW, updated_at=_NOW, deleted_at=_NOW,
        external_id="1234", tags=["west"],
    )  # fmt: skip


def _sync(kind: str) -> Sync:
    shown = Sync(
        id=f"sync_{_ULID}", status="requested", requested_at=_NOW, start_from=_NOW,
        progress=0, attempts=1, issues=[],
    )  # fmt: skip
    if kind == "started":
        return msgspec.structs.replace(shown, status="in_progress")
    if kind == "completed":
        return msgspec.structs.replace(shown, status="completed", progress=100, completed_at=_NOW)
    if kind == "failed":
        why = "The sync was cancelled."
        return msgspec.structs.replace(
            shown, status="failed", progress=40, completed_at=_NOW, failure_reason=why
        )
    return shown


def _issue(kind: str) -> Issue:
    message = "Trips cannot be read: the token lacks the permission “Read Trips”."
    return Issue(
        id=f"isu_{_ULID}",
        connection=f"conn_{_ULID}",
        status="ongoing" if kind == "reported" else "resolved",
        error=IssueError(code="permission_missing", message=message),
        first_reported_at=_NOW,
        last_reported_at=_NOW,
    )


def _metadata(kind: str) -> EntityMetadata:
    if kind == "removed":
        return EntityMetadata(
            added_at=_NOW, modified_at=_NOW, deleted_at=_NOW, visibility="deleted"
        )
    return EntityMetadata(added_at=_NOW, modified_at=_NOW, visibility="visible")


def _vehicle(kind: str) -> Vehicle:
    return Vehicle(
        id=f"vcl_{_ULID}", source_id="112", provider="samsara", status="active", name="Truck 12",
        vin="1FUJGBDV7CLBP8834", make="Freightliner", model="Cascadia", year=2012,
        metadata=_metadata(kind),
    )  # fmt: skip


def _driver(kind: str) -> Driver:
    return Driver(
        id=f"drv_{_ULID}", source_id="88", provider="samsara", status="active", first_name="Ada",
        last_name="King", metadata=_metadata(kind),
    )  # fmt: skip


def _safety_event() -> SafetyEvent:
    return SafetyEvent(
        id=f"sft_evt_{_ULID}", source_id="212-1641", provider="samsara", type="harsh_brake",
        vehicle=f"vcl_{_ULID}", driver=f"drv_{_ULID}", started_at=_NOW,
        start_location=Coordinates(latitude=37.77, longitude=-122.42),
        metadata=RecordMetadata(added_at=_NOW, modified_at=_NOW),
    )  # fmt: skip


def _location() -> LatestVehicleLocation:
    return LatestVehicleLocation(
        provider="samsara", vehicle=f"vcl_{_ULID}", driver=f"drv_{_ULID}", located_at=_NOW,
        location=Coordinates(latitude=37.77, longitude=-122.42), heading=91.0, speed=88.5,
    )  # fmt: skip
