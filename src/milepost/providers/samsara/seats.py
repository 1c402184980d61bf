"""Who sat at the wheel of which vehicle, of Samsara's assignments; pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from msgspec import Raw

from milepost.kit.salvage import UNREADABLE
from milepost.providers.samsara import shapes
from milepost.providers.samsara.hours import known

LOOK_BACK = timedelta(hours=1)
"""How old a last known place may be for its driver to be asked for.

A gateway with the engine off reports every five minutes; an hour holds some two assignments a vehicle,
fifty of which come with a call.
"""


class Seat(msgspec.Struct, frozen=True):
    """A stretch of time that a driver sat at a vehicle's wheel, open while it lasts; and its JSON."""

    driver: str
    starts_at: datetime
    ends_at: datetime | None
    body: Raw


class Seats:
    """The assignments of a window, by vehicle; passengers are left out, and what cannot be read."""

    def __init__(self, entries: Iterable[Raw] = ()) -> None:
        self._by_vehicle: dict[str, list[Seat]] = {}
        for body in entries:
            try:
                given = msgspec.json.decode(body, type=shapes.Assignment)
            except UNREADABLE:
                continue
            vehicle, driver = known(given.vehicle), known(given.driver)
            if vehicle is None or driver is None or given.isPassenger:
                continue
            seat = Seat(driver, given.startTime, given.endTime, body)
            self._by_vehicle.setdefault(vehicle, []).append(seat)

    def at(self, vehicle: str, instant: datetime) -> Seat | None:
        """Return who sat there; of several the one who came last, since standing assignments are oldest."""
        covering = [
            seat
            for seat in self._by_vehicle.get(vehicle, [])
            if seat.starts_at <= instant and (seat.ends_at is None or instant < seat.ends_at)
        ]
        return max(covering, key=lambda seat: seat.starts_at, default=None)
