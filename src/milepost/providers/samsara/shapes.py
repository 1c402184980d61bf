"""What Samsara's answers look like, as far as we read them; the mapping's typed view of their JSON.

Field names and types: OpenAPI document of API version 2025-10-23 (README, source S). A field that may
be missing may also be null here: `data` is, now and then (README, trap 5).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Raw

Moment = Annotated[datetime, Meta(tz=True)]
SourceId = str | int
"""Strings, but whole numbers on legacy endpoints; both are kept as strings."""


class Pagination(msgspec.Struct, frozen=True):
    endCursor: str | None  # noqa: N815  Their spelling, here and below.
    hasNextPage: bool  # noqa: N815


class Envelope(msgspec.Struct, frozen=True):
    """A page of any listing; its entries stay raw bytes, so that each is decoded and archived alone."""

    data: list[Raw] | None
    pagination: Pagination


class VehicleReports(msgspec.Struct, frozen=True):
    vehicleReports: list[Raw] | None  # noqa: N815


class ReportEnvelope(msgspec.Struct, frozen=True):
    """A page of a report: `data` is an object there (README, trap 13)."""

    data: VehicleReports | None
    pagination: Pagination


class Named(msgspec.Struct, frozen=True):
    id: SourceId | None = None


class Identified(msgspec.Struct, frozen=True):
    id: SourceId


class Gateway(msgspec.Struct, frozen=True):
    serial: str | None = None
    model: str | None = None


class Fitted(msgspec.Struct, frozen=True):
    """A vehicle, as far as it says what is fitted in it."""

    id: SourceId
    gateway: Gateway | None = None
    serial: str | None = None
    cameraSerial: str | None = None  # noqa: N815


class Based(msgspec.Struct, frozen=True):
    """A driver, as far as it says by which clock their days are counted."""

    timezone: str | None = None


class Connection(msgspec.Struct, frozen=True):
    lastConnected: str | None = None  # noqa: N815


class InstalledGateway(msgspec.Struct, frozen=True):
    serial: str
    model: str | None = None
    asset: Named | None = None
    connectionStatus: Connection | None = None  # noqa: N815
    accessoryDevices: list[Gateway] | None = None  # noqa: N815


class Trailer(msgspec.Struct, frozen=True):
    id: SourceId
    name: str | None = None
    licensePlate: str | None = None  # noqa: N815
    trailerSerialNumber: str | None = None  # noqa: N815
    tags: list[Named] | None = None


class Asset(msgspec.Struct, frozen=True):
    id: SourceId
    name: str | None = None
    vin: str | None = None
    make: str | None = None
    model: str | None = None
    year: str | int | None = None
    licensePlate: str | None = None  # noqa: N815
    serialNumber: str | None = None  # noqa: N815
    tags: list[Named] | None = None
    createdAtTime: str | None = None  # noqa: N815
    updatedAtTime: str | None = None  # noqa: N815


class Tag(msgspec.Struct, frozen=True):
    id: SourceId
    name: str | None = None
    parentTagId: SourceId | None = None  # noqa: N815
    parentTag: Named | None = None  # noqa: N815


class Vehicle(msgspec.Struct, frozen=True):
    id: SourceId
    name: str | None = None
    vin: str | None = None
    make: str | None = None
    model: str | None = None
    year: str | int | None = None
    licensePlate: str | None = None  # noqa: N815
    tags: list[Named] | None = None
    gateway: Gateway | None = None
    serial: str | None = None
    cameraSerial: str | None = None  # noqa: N815
    externalIds: dict[str, str] | None = None  # noqa: N815
    createdAtTime: str | None = None  # noqa: N815
    updatedAtTime: str | None = None  # noqa: N815


class Driver(msgspec.Struct, frozen=True):
    id: SourceId
    name: str | None = None
    driverActivationStatus: str | None = None  # noqa: N815
    email: str | None = None
    phone: str | None = None
    locale: str | None = None
    username: str | None = None
    licenseState: str | None = None  # noqa: N815
    licenseNumber: str | None = None  # noqa: N815
    tags: list[Named] | None = None
    createdAtTime: str | None = None  # noqa: N815
    updatedAtTime: str | None = None  # noqa: N815


class Carrier(msgspec.Struct, frozen=True):
    carrierName: str | None = None  # noqa: N815
    dotNumber: int | str | None = None  # noqa: N815


class Organization(msgspec.Struct, frozen=True):
    id: SourceId | None = None
    name: str | None = None
    carrierSettings: Carrier | None = None  # noqa: N815


class Me(msgspec.Struct, frozen=True):
    data: Organization


class ReverseGeo(msgspec.Struct, frozen=True, gc=False):
    formattedLocation: str | None = None  # noqa: N815


class Gps(msgspec.Struct, frozen=True, gc=False):
    """One position. The bounds are checked while decoding, in C; what fails them is set aside.

    1,000 mph is beyond any vehicle: the bound keeps nonsense out of a 32-bit column.
    """

    time: Moment
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    headingDegrees: Annotated[float, Meta(ge=0, le=360)] | None = None  # noqa: N815
    speedMilesPerHour: Annotated[float, Meta(ge=0, le=1000)] | None = None  # noqa: N815
    reverseGeo: ReverseGeo | None = None  # noqa: N815


class GpsBlock(msgspec.Struct, frozen=True, gc=False):
    id: SourceId
    gps: list[Gps] | None = None


class Assignment(msgspec.Struct, frozen=True):
    """Who sits in which vehicle; without an end while it lasts."""

    startTime: Moment  # noqa: N815
    driver: Named | None = None
    vehicle: Named | None = None
    endTime: Moment | None = None  # noqa: N815
    isPassenger: bool | None = None  # noqa: N815


class Number(msgspec.Struct, frozen=True, gc=False):
    time: Moment
    value: float


class Word(msgspec.Struct, frozen=True, gc=False):
    time: Moment
    value: str
