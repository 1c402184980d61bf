"""A fleet as simulators are handed it: plain models, a pure function of time.

Times are aware UTC; positions and readings come in the units of the unified model (km/h, km, litres, …);
each provider's simulator converts them to its vendor's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal, Protocol

import msgspec

from milepost.models.fault import FaultCodeProtocol
from milepost.models.hos import HOSStatus
from milepost.models.location import Fix
from milepost.models.safety import SafetyEventType
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
    camera_serial: str | None = None
    camera_model: str | None = None
    diagnostics: bool = True
    light: bool = False  # its engine speaks OBD-II, not J1939
    group_ids: tuple[str, ...] = ()


class TrailerCard(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    vin: str | None = None
    serial: str | None = None
    make: str | None = None
    model: str | None = None
    year: int | None = None
    plate: str | None = None
    gateway_serial: str | None = None
    gateway_model: str | None = None
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


class Spot(msgspec.Struct, frozen=True):
    latitude: float
    longitude: float
    address: str | None = None


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """A trip that has ended. `odometer_m` is what the engine's bus said at its start and end."""

    vehicle_id: str
    starts_at: datetime
    ends_at: datetime
    origin: Spot
    destination: Spot
    metres: int
    driver_id: str | None = None
    codriver_ids: tuple[str, ...] = ()
    fuel_ml: int | None = None
    odometer_m: tuple[int, int] | None = None


class DutyLog(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of one duty status; `ends_at` is absent while it lasts."""

    driver_id: str
    status: HOSStatus
    starts_at: datetime
    ends_at: datetime | None = None
    vehicle_id: str | None = None
    spot: Spot | None = None
    codriver_ids: tuple[str, ...] = ()
    remark: str = ""


class DutyDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day in the driver's own time zone, as far as it has gone; each instant has one status."""

    driver_id: str
    day: date
    starts_at: datetime
    ends_at: datetime
    durations_ms: Mapping[HOSStatus, int]
    metres: Mapping[HOSStatus, int]
    vehicle_ids: tuple[str, ...] = ()


class HoursLeft(msgspec.Struct, frozen=True, kw_only=True):
    """What US rules leave a driver. Without a status the driver's app is out of reach."""

    drive_ms: int
    shift_ms: int
    cycle_ms: int
    cycle_tomorrow_ms: int
    break_ms: int
    cycle_started_at: datetime | None = None
    status: HOSStatus | None = None
    vehicle_id: str | None = None


IncidentKind = SafetyEventType | Literal["other", "false_alarm"]
"""What an incident is called; the last two have no counterpart in the unified model."""

IncidentState = Literal["needs_review", "reviewed", "needs_coaching", "coached", "dismissed"]


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """A safety event as known at some instant: people relabel it, and footage comes later."""

    id: str  # a UUID
    vehicle_id: str
    kind: IncidentKind
    starts_at: datetime
    ends_at: datetime
    spot: Spot
    heading: float  # degrees
    g_force: float
    state: IncidentState
    created_at: datetime
    updated_at: datetime
    driver_id: str | None = None
    also: tuple[IncidentKind, ...] = ()
    fastest_kmh: float | None = None
    limit_kmh: float | None = None
    footage_at: datetime | None = None  # when both cameras' clips were there to be fetched
    by_hand: bool = False  # a person has chosen the kind


class TroubleCode(msgspec.Struct, frozen=True, kw_only=True):
    """One active fault: SPN and FMI on J1939, a code such as P0087 on OBD-II."""

    protocol: FaultCodeProtocol
    description: str
    lamp: bool
    status: Literal["pending", "confirmed"] = "confirmed"
    spn: int = 0
    fmi: int = 0
    fmi_description: str = ""
    occurrences: int = 1
    source_address: int = 0
    dtc: str = ""


class FaultReading(msgspec.Struct, frozen=True):
    """All the codes that are active at an instant; what is not named any more has closed."""

    at: datetime
    codes: tuple[TroubleCode, ...]


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    metres: int
    running_ms: int
    idling_ms: int | None = None
    fuel_ml: int | None = None


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """A change of what was known: when it came, and which record it was about."""

    at: datetime
    model: Literal["hos_log", "safety_event"]
    change: Literal["split", "changed", "withdrawn", "relabelled"]
    subject: str  # the driver of a log, the id of an event
    starts_at: datetime  # the record's, before the edit


class World(Protocol):
    """A fleet as a pure function of time.

    Record time and arrival are apart: a vehicle without reception delivers later. `held` and `came_in`
    turn arrival into windows of record time; `fixes`, `readings` and `faults` show what lies in one.
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

    def silences(self, vehicle_id: str, start: datetime, end: datetime) -> list[Window]:
        """Return the stretches without reception near [start, end): what was recorded in one came in at its end."""
        ...

    def latest_fix(self, vehicle_id: str, at: datetime) -> Fix | None: ...

    def latest_reading(
        self, vehicle_id: str, type_: StatType, at: datetime
    ) -> StatReading | None: ...

    def assignments(self, start: datetime, end: datetime) -> Sequence[Assignment]:
        """Return every assignment that overlaps [start, end)."""
        ...

    @property
    def trailers(self) -> Sequence[TrailerCard]: ...
    def trailer_fix(self, trailer_id: str, at: datetime) -> Fix | None:
        """Return the last that a trailer's own gateway has reported by `at`; None without one."""
        ...

    def trips(
        self, vehicle_id: str, start: datetime, end: datetime, at: datetime
    ) -> Sequence[Journey]:
        """Return the trips that overlap [start, end) and are complete at instant `at`."""
        ...

    def duty(
        self, driver_id: str, start: datetime, end: datetime, at: datetime
    ) -> Sequence[DutyLog]:
        """Return the duty statuses that overlap [start, end), as they stand at instant `at`."""
        ...

    def duty_day(self, driver_id: str, day: date, at: datetime) -> DutyDay | None:
        """Return a day as it stands at `at`; None before it begins or the driver is known."""
        ...

    def hours_left(self, driver_id: str, at: datetime) -> HoursLeft | None: ...

    def incidents(self, start: datetime, end: datetime, at: datetime) -> Sequence[Incident]:
        """Return the incidents that began in [start, end), as known at `at`, by time and id."""
        ...

    def incident(self, id_: str, at: datetime) -> Incident | None: ...
    def incidents_changed(self, since: datetime, until: datetime) -> Sequence[Incident]:
        """Return the incidents whose last change before `until` is in [since, until), by change."""
        ...

    def faults(self, vehicle_id: str, start: datetime, end: datetime) -> Sequence[FaultReading]:
        """Return the readings of [start, end) by time, whether or not they have come in yet."""
        ...

    def latest_faults(self, vehicle_id: str, at: datetime) -> FaultReading | None: ...

    def usage(self, vehicle_id: str, start: datetime, end: datetime) -> Usage | None:
        """Return how much a vehicle was used in [start, end); None where nothing is known of it."""
        ...

    def mileage(self, vehicle_id: str, start: datetime, end: datetime) -> Mapping[str, int]:
        """Return metres by state; they sum to what the odometer rose by, or there are none."""
        ...

    def edits(self, since: datetime, until: datetime) -> Sequence[Edit]:
        """Return what changed in [since, until) that had been known before, by time."""
        ...
