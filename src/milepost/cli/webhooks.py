"""`milepost webhooks`: the endpoints of an application, and what became of their deliveries."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from cyclopts import Parameter

from milepost import ids
from milepost.cli import running
from milepost.cli.database import database, require_migrated
from milepost.config import Settings, keys_for
from milepost.errors import BadRequest, MilepostError, Refusal, SetupError
from milepost.kit import addresses
from milepost.models.webhook import WebhookEndpoint
from milepost.store.pool import Database
from milepost.vault import Vault
from milepost.webhooks.endpoints import EndpointChange, Endpoints, Replay

_MOST_SHOWN = 1_000

Types = Annotated[list[str] | None, Parameter(name="--type", negative="")]


def create(
    url: str,
    /,
    *,
    application: str,
    type_: Types = None,
    description: str | None = None,
    json: bool = False,
) -> int:
    """Create an endpoint and print its secret; it is shown this once only.

    Args:
        url: Where events are to be sent to, http or https.
        application: The application, `app_…`.
        type_: A type of event to send; may be given several times. By default all of them.
        description: What it is for.
        json: Print the endpoint as JSON, with its `secret`.
    """
    return _run(application, json, lambda e, a: e.create(a, url, type_ or [], description))


def list_(*, application: str, json: bool = False) -> int:
    """List the endpoints of an application.

    Args:
        application: The application, `app_…`.
        json: Print `{"results": [...]}`.
    """
    return _run(application, json, lambda e, a: e.every(a))


def update(
    endpoint: str,
    /,
    *,
    application: str,
    url: str | None = None,
    type_: Types = None,
    all_types: Annotated[bool, Parameter(negative="")] = False,
    description: str | None = None,
    json: bool = False,
) -> int:
    """Change an endpoint.

    Args:
        endpoint: The endpoint, `whe_…`.
        application: The application, `app_…`.
        url: Where events are to be sent to from now on.
        type_: A type of event to send, instead of those so far; may be given several times.
        all_types: Send all types of events.
        description: What it is for.
        json: Print the endpoint as JSON.
    """
    if all_types and type_:
        raise SetupError("Give --type or --all-types, not both.")
    change = EndpointChange(
        url=msgspec.UNSET if url is None else url,
        description=msgspec.UNSET if description is None else description,
        types=[] if all_types else msgspec.UNSET if type_ is None else type_,
    )
    return _run(application, json, lambda e, a: e.update(a, _endpoint(endpoint), change))


def enable(endpoint: str, /, *, application: str, json: bool = False) -> int:
    """Enable an endpoint; what has waited for it is sent at once, in order.

    Args:
        endpoint: The endpoint, `whe_…`.
        application: The application, `app_…`.
        json: Print the endpoint as JSON.
    """
    change = EndpointChange(status="enabled")
    return _run(application, json, lambda e, a: e.update(a, _endpoint(endpoint), change))


def disable(endpoint: str, /, *, application: str, json: bool = False) -> int:
    """Disable an endpoint; what is for it waits in the log.

    Args:
        endpoint: The endpoint, `whe_…`.
        application: The application, `app_…`.
        json: Print the endpoint as JSON.
    """
    change = EndpointChange(status="disabled")
    return _run(application, json, lambda e, a: e.update(a, _endpoint(endpoint), change))


def delete(endpoint: str, /, *, application: str) -> int:
    """Delete an endpoint, with all that is still to be sent to it.

    Args:
        endpoint: The endpoint, `whe_…`.
        application: The application, `app_…`.
    """
    return _run(application, False, lambda e, a: e.delete(a, _endpoint(endpoint)))


def rotate(
    endpoint: str, /, *, application: str, overlap_hours: float = 24.0, json: bool = False
) -> int:
    """Make a new secret and print it; for a while the old one signs too.

    Args:
        endpoint: The endpoint, `whe_…`.
        application: The application, `app_…`.
        overlap_hours: For how long the old secret signs too.
        json: Print the endpoint as JSON, with its new `secret`.
    """
    if not 0 <= overlap_hours <= 24 * 30:
        raise SetupError("--overlap-hours must be a number from 0 to 720.")
    overlap = timedelta(hours=overlap_hours)
    return _run(application, json, lambda e, a: e.rotate(a, _endpoint(endpoint), overlap))


def dead_letters(endpoint: str, /, *, application: str, json: bool = False) -> int:
    """List the events that an endpoint did not take in three days, oldest first, up to 1,000 of them.

    Args:
        endpoint: The endpoint, `whe_…`.
        application: The application, `app_…`.
        json: Print `{"results": [...]}`.
    """
    return _run(
        application,
        json,
        lambda e, a: e.dead_letters(a, _endpoint(endpoint), after=None, limit=_MOST_SHOWN),
    )


def attempts(endpoint: str, /, *, application: str, limit: int = 20, json: bool = False) -> int:
    """List the last attempts to deliver to an endpoint, newest first.

    Args:
        endpoint: The endpoint, `whe_…`.
        application: The application, `app_…`.
        limit: How many.
        json: Print `{"results": [...]}`.
    """
    if not 1 <= limit <= _MOST_SHOWN:
        raise SetupError(f"--limit must be a number from 1 to {_MOST_SHOWN}.")
    return _run(
        application, json, lambda e, a: e.attempts(a, _endpoint(endpoint), before=None, limit=limit)
    )


def replay(
    endpoint: str,
    /,
    *,
    application: str,
    event: Annotated[list[str] | None, Parameter(negative="")] = None,
    connection: str | None = None,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    until: str | None = None,
    dead_letters: Annotated[bool, Parameter(negative="")] = False,
    json: bool = False,
) -> int:
    """Deliver events of the log again, marked as replays and outside the order.

    Args:
        endpoint: The endpoint, `whe_…`.
        application: The application, `app_…`.
        event: An event, `evt_…`; may be given several times.
        connection: Only events of this connection, `conn_…`.
        from_: Only events from this time on, like 2026-01-06T03:24:53Z.
        until: Only events from before this time.
        dead_letters: Those that the endpoint did not take.
        json: Print `{"deliveries"}`.
    """
    wish = Replay(
        event_ids=None if event is None else [_read("event", each) for each in event],
        connection_id=None if connection is None else _read("connection", connection),
        from_=_instant("--from", from_),
        until=_instant("--until", until),
        dead_letters=dead_letters,
    )

    async def ask(endpoints: Endpoints, application_id: UUID) -> dict[str, int]:
        count = await endpoints.replay(application_id, _endpoint(endpoint), wish)
        return {"deliveries": count}

    return _run(application, json, ask)


def switches(
    *,
    application: str,
    vehicle_locations: bool | None = None,
    safety_events: bool | None = None,
    json: bool = False,
) -> int:
    """Show, and change, whether an application is told of what there is a lot of.

    Args:
        application: The application, `app_…`.
        vehicle_locations: Tell of vehicles' newest positions, or no longer.
        safety_events: Tell of safety events, or no longer.
        json: Print `{"vehicleLocations", "safetyEvents"}`.
    """
    given = {"vehicle_locations": vehicle_locations, "safety_events": safety_events}
    wish = {name: on for name, on in given.items() if on is not None}

    async def ask(endpoints: Endpoints, application_id: UUID) -> dict[str, bool]:
        found = await endpoints.switch(application_id, wish)
        return {
            "vehicleLocations": found["vehicle_locations"],
            "safetyEvents": found["safety_events"],
        }

    return _run(application, json, ask)


Ask = Callable[[Endpoints, UUID], Awaitable[Any]]


def _run(application: str, json: bool, ask: Ask) -> int:
    return running.run(_ask(running.settings(), _read("application", application), ask, json=json))


async def _ask(settings: Settings, application_id: UUID, ask: Ask, *, json: bool) -> int:
    allow = addresses.allowed(settings.webhooks_allow)
    async with database(settings) as url:
        await require_migrated(url)
        place = Database(url, Vault(keys_for(settings)), pool_size=1)
        await place.open()
        try:
            found = await ask(Endpoints(place, allow), application_id)
        except Refusal as refusal:
            raise MilepostError(_in_words(refusal)) from None
        finally:
            await place.close()
    shown = msgspec.to_builtins(found)
    if json:
        print(jsonlib.dumps({"results": shown} if isinstance(shown, list) else shown))
    elif isinstance(found, WebhookEndpoint):
        _show_endpoint(found)
    elif shown is not None:
        for each in shown if isinstance(shown, list) else [shown]:
            print("  ".join(f"{name}={value}" for name, value in each.items()))
    return 0


def _show_endpoint(endpoint: WebhookEndpoint) -> None:
    print(f"Endpoint  {endpoint.id}  {endpoint.status}")
    print(f"URL       {endpoint.url}")
    print(f"Types     {', '.join(endpoint.types) if endpoint.types else 'all'}")
    if endpoint.disabled_because:
        print(f"Why       {endpoint.disabled_because}")
    if endpoint.secret:
        print(f"Secret    {endpoint.secret}")
        print(
            "Keep the secret safe: it is not shown again. `milepost webhooks rotate` makes a new one."
        )


def _in_words(refusal: Refusal) -> str:
    if isinstance(refusal, BadRequest) and isinstance(refusal.detail, list):
        return "; ".join(
            f"{each.path.removeprefix('{requestBody}.')} {each.message}" for each in refusal.detail
        )
    return str(refusal.detail or refusal.message)


def _endpoint(text: str) -> UUID:
    return _read("webhook_endpoint", text)


def _instant(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise SetupError(f"{name} must be a time like 2026-01-06T03:24:53Z.")


def _read(model: str, text: str) -> UUID:
    try:
        return ids.read(model, text)
    except ValueError as error:
        raise SetupError(f"{text} is not what was expected here: it {error}.") from None
