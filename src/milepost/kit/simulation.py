"""What a provider's simulator is handed: a fleet in plain models, a request, and what goes wrong with it.

Each provider's `sim` module speaks one vendor's dialect over the same `World`. It is pure: request,
world and instant in, answer out. Times are aware UTC; positions and readings come in the units of the
unified model (km/h, km, litres, …), and the simulator converts them to its vendor's.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

from milepost.models.location import Fix
from milepost.models.stats import StatReading, StatType

Window = tuple[datetime, datetime]
"""A half-open stretch of record time, [start, end)."""


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """Who the account belongs to."""

    account_id: str
    name: str
    dot_number: int
    address: str
    timezone: str = "America/Chicago"


class GroupCard(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    parent_id: str | None = None


class VehicleCard(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider lists of a vehicle.

    Without a gateway serial the unit is listed but never reports. `diagnostics` says that the engine's
    bus is read; without it the odometer and the engine hours are estimates of the gateway's.
    """

    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    vin: str | None = None
    make: str | None = None
    model: str | None = None
    year: int | None = None
    plate: str | None = None
    gateway_serial: str | None = None
    gateway_model: str | None = None
    diagnostics: bool = True
    group_ids: tuple[str, ...] = ()


class DriverCard(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    username: str
    active: bool
    created_at: datetime
    updated_at: datetime
    timezone: str = "America/Chicago"
    phone: str | None = None
    license_state: str | None = None
    license_number: str | None = None
    group_ids: tuple[str, ...] = ()


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """Who sat in which vehicle; `ends_at` is absent while it lasts."""

    driver_id: str
    vehicle_id: str
    starts_at: datetime
    ends_at: datetime | None = None
    passenger: bool = False
    kind: Literal["hos", "static", "driver_app"] = "hos"


class World(Protocol):
    """A fleet as a pure function of time.

    Record time and arrival are apart: a vehicle without reception delivers later. `held` and `came_in`
    turn arrival into windows of record time, and `fixes` and `readings` show what lies in a window.
    """

    @property
    def fleet(self) -> Fleet: ...
    @property
    def groups(self) -> Sequence[GroupCard]: ...
    @property
    def vehicles(self) -> Sequence[VehicleCard]:
        """Every listed vehicle, by id."""
        ...

    @property
    def drivers(self) -> Sequence[DriverCard]:
        """Every driver, deactivated ones too, by id."""
        ...

    def fixes(self, vehicle_id: str, start: datetime, end: datetime) -> Sequence[Fix]:
        """Return the positions of [start, end) by time, whether or not they have come in yet."""
        ...

    def readings(
        self, vehicle_id: str, type_: StatType, start: datetime, end: datetime
    ) -> Sequence[StatReading]:
        """Return the readings of [start, end) by time, whether or not they have come in yet."""
        ...

    def held(self, vehicle_id: str, start: datetime, end: datetime, at: datetime) -> list[Window]:
        """Return the parts of [start, end) that the provider holds at instant `at`."""
        ...

    def came_in(self, vehicle_id: str, since: datetime, until: datetime) -> list[Window]:
        """Return the windows of record time that arrived in [since, until)."""
        ...

    def latest_fix(self, vehicle_id: str, at: datetime) -> Fix | None: ...

    def latest_reading(
        self, vehicle_id: str, type_: StatType, at: datetime
    ) -> StatReading | None: ...

    def assignments(self, start: datetime, end: datetime) -> Sequence[Assignment]:
        """Return every assignment that overlaps [start, end)."""
        ...


class SimRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the vendor's server would see it; header names are lower case."""

    method: str
    path: str
    query: Mapping[str, list[str]] = {}
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def argument(self, name: str) -> str | None:
        """Return the last value of a query parameter, or None."""
        values = self.query.get(name)
        return values[-1] if values else None


class SimAnswer(msgspec.Struct, frozen=True, kw_only=True):
    status: int
    body: bytes
    headers: Mapping[str, str] = {}


Mishap = Literal[
    "throttled",  # the vendor's “too many requests”, whatever the real rate
    "broken",  # an internal error with a JSON body
    "broken_text",  # an internal error with a plain-text body
    "token_revoked",
    "scope_revoked",
    "cursor_repeated",  # the answer's cursor is the one it was asked with
    "cursor_lost",  # a cursor is no longer known
    "bad_record",  # one record lacks something essential
    "unknown_field",  # the vendor has added a field
]
"""What a simulator can be told to do wrong in its own dialect."""


class Throttle:
    """Token buckets: `rate` requests a second by key, with a burst of one second's worth."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str, rate: float, now: datetime) -> float:
        """Spend one request; return 0, or the seconds until one is free (and then spend nothing)."""
        at = now.timestamp()
        burst = max(rate, 1.0)
        level, seen = self._buckets.get(key, (burst, at))
        level = min(burst, level + max(0.0, at - seen) * rate)
        if level < 1:
            self._buckets[key] = (level, at)
            return (1 - level) / rate
        self._buckets[key] = (level - 1, at)
        return 0.0


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for one request besides the world.

    No throttle switches the vendor's limits off. `page_readings` and `page_records` bound a page
    (None: the vendor's own measure); answers must be the same set whatever they are. On the shelf a
    simulator may keep what it has written and what can no longer change; None: it keeps nothing.
    """

    throttle: Throttle | None = None
    mishaps: frozenset[Mishap] = frozenset()
    page_readings: int | None = None
    page_records: int | None = None
    shelf: MutableMapping[Any, Any] | None = None
