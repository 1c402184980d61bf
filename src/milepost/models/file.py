"""Files of exported data: what was received, and what is in it. Extensions of ours throughout."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from milepost.models.meta import Instant, Model

FileFormat = Literal["csv", "gpx", "eld"]


class FileContents(Model, frozen=True, kw_only=True):
    """What a file holds: how many of each, and from when to when."""

    format: str
    size_bytes: int
    sha256: str
    rows: int
    vehicles: int
    drivers: int
    vehicle_locations: int
    vehicle_stats: int
    hos_logs: int
    starts_at: Instant | UnsetType = UNSET
    ends_at: Instant | UnsetType = UNSET


class File(Model, frozen=True, kw_only=True):
    """A file: `received` once it is whole and good, `completed` once all of it is merged.

    What a dry run looked at has no id, and its status is `read`.
    """

    status: Literal["read", "received", "completed", "cancelled"]
    name: str
    contents: FileContents
    id: str | UnsetType = UNSET
    sync: str | UnsetType = UNSET
    provider_request: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    received_at: Instant | UnsetType = UNSET
    completed_at: Instant | UnsetType = UNSET
