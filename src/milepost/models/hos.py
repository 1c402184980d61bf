"""Hours of service: a driver's duty statuses, the days that they add up to, and the time that is left."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import UNSET, UnsetType, field

from milepost.models.driver import Driver
from milepost.models.location import Coordinates
from milepost.models.meta import Day, Instant, Model, RawData, RecordMetadata
from milepost.models.vehicle import Vehicle

HOSStatus = Literal[
    "off_duty", "sleeper_bed", "driving", "on_duty", "yard_move", "personal_conveyance",
    "waiting_time",
]  # fmt: skip
HOS_STATUSES: tuple[HOSStatus, ...] = get_args(HOSStatus)


class HOSRemark(Model, frozen=True, kw_only=True):
    notes: str
    source_id: str | UnsetType = UNSET
    submitted_at: Instant | UnsetType = UNSET


class HOSLog(Model, frozen=True, kw_only=True):
    """A change of a driver's duty status; `ended_at` is absent while the status lasts."""

    id: str
    source_id: str
    provider: str
    status: HOSStatus
    driver: str | Driver
    started_at: Instant
    remarks: list[HOSRemark]
    ended_at: Instant | UnsetType = UNSET
    vehicle: str | Vehicle | UnsetType = UNSET
    codrivers: list[str | Driver] | UnsetType = UNSET
    location: Coordinates | UnsetType = UNSET
    metadata: RecordMetadata | UnsetType = UNSET
    raw: list[RawData] | UnsetType = UNSET


class HOSStatusDurations(Model, frozen=True, kw_only=True):
    """How long a driver was in each status during a day."""

    on_duty: int | UnsetType = UNSET  # ms
    off_duty: int | UnsetType = UNSET  # ms
    driving: int | UnsetType = UNSET  # ms
    waiting: int | UnsetType = UNSET  # ms
    sleeper_bed: int | UnsetType = UNSET  # ms
    personal_conveyance: int | UnsetType = UNSET  # ms
    yard_move: int | UnsetType = UNSET  # ms


class HOSDistances(Model, frozen=True, kw_only=True):
    """How far a driver drove during a day, where the source says."""

    total: float | UnsetType = UNSET  # km
    driving: float | UnsetType = UNSET  # km
    personal_conveyance: float | UnsetType = UNSET  # km
    yard_move: float | UnsetType = UNSET  # km


class HOSDailyLog(Model, frozen=True, kw_only=True):
    """A driver's hours of service of one day."""

    id: str
    source_id: str
    provider: str
    driver: str | Driver
    date: Day
    status_durations: HOSStatusDurations
    distances: HOSDistances | UnsetType = UNSET
    metadata: RecordMetadata | UnsetType = UNSET
    raw: list[RawData] | UnsetType = UNSET


class HOSClocks(Model, frozen=True, kw_only=True):
    """The time that a driver has left."""

    cycle: int | UnsetType = UNSET  # ms
    shift: int | UnsetType = UNSET  # ms
    drive: int | UnsetType = UNSET  # ms
    break_: int | UnsetType = field(default=UNSET, name="break")  # ms until one must be taken


class HOSAvailableTime(Model, frozen=True, kw_only=True):
    """The available time left on the clocks of a driver."""

    provider: str
    driver: str | Driver
    available_time: HOSClocks
    current_status: HOSStatus | UnsetType = UNSET
    raw: list[RawData] | UnsetType = UNSET
