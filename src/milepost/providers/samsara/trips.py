"""Turns Samsara's trips of one vehicle into the unified model; pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import UNSET, UnsetType

from milepost import clock, units
from milepost.ids import Identity
from milepost.kit.contract import Cut, Reject
from milepost.kit.salvage import Window, read, whole
from milepost.models.location import Coordinates
from milepost.models.trip import Trip
from milepost.providers.samsara import record_shapes as shapes

ONGOING = 2**62
"""An end beyond this, which no clock can show, says that the trip has not ended (README, trap 20)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def trips_cut(body: bytes, vehicle: str, window: Window, identity: Identity, provider: str) -> Cut:
    """Cut the trips of one vehicle out of an answer, which does not say whose they are."""
    records: list[Trip] = []
    ordinals: list[int] = []
    rejects: list[Reject] = []
    for at, item in enumerate(whole(body, shapes.TripsAnswer, "Samsara").trips or []):
        given = read(item, shapes.Trip, rejects, at)
        if given is None or given.endMs >= ONGOING:
            continue
        built = _trip(given, vehicle, window, identity, provider)
        if isinstance(built, str):
            rejects.append(Reject(built, at))
        else:
            records.append(built)
            ordinals.append(at)
    return Cut(
        body=body,
        schema="samsara.trips",
        subject=vehicle,
        path="trips",
        records=list(records),
        ordinals=ordinals,
        rejects=rejects,
    )


def _trip(
    raw: shapes.Trip, vehicle: str, window: Window, identity: Identity, provider: str
) -> Trip | str:
    """Build a trip, or say in words why it cannot be."""
    if raw.endMs < raw.startMs:
        return "endMs: before startMs"
    times: list[datetime] = []
    for name, ms in (("startMs", raw.startMs), ("endMs", raw.endMs)):
        time = instant_of(ms)
        bad = "no such time" if time is None else window.verdict(time)
        if time is None or bad:
            return f"{name}: {bad}"
        times.append(time)
    source_id = f"{vehicle}:{raw.startMs}"
    # 0 says that nobody was at the wheel whom the account knows: 15 % of a fleet's trips.
    driver = str(raw.driverId) if raw.driverId not in {None, 0, "0", ""} else None
    return Trip(
        id=identity.of("trip", source_id),
        source_id=source_id,
        provider=provider,
        vehicle=identity.of("vehicle", vehicle),
        driver=identity.of("driver", driver) if driver else UNSET,
        started_at=clock.iso(times[0]),
        ended_at=clock.iso(times[1]),
        duration=raw.endMs - raw.startMs,
        start_location=_place(raw.startCoordinates),
        end_location=_place(raw.endCoordinates),
        distance=(
            UNSET if raw.distanceMeters is None else units.km_from_metres(raw.distanceMeters)
        ),
    )


def instant_of(ms: int) -> datetime | None:
    """Return the instant of milliseconds since 1970; None beyond what can be told."""
    try:
        return _EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        return None


def _place(point: shapes.Point | None) -> Coordinates | UnsetType:
    return Coordinates(longitude=point.longitude, latitude=point.latitude) if point else UNSET
