"""Fault codes: what a vehicle's own diagnostics complained of."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import UNSET, UnsetType

from milepost.models.derived import DerivedFault
from milepost.models.meta import Instant, Model, RawData, RecordMetadata
from milepost.models.vehicle import Vehicle

FaultCodeProtocol = Literal["j1939", "obdii"]
FAULT_CODE_PROTOCOLS: tuple[FaultCodeProtocol, ...] = get_args(FaultCodeProtocol)

FaultCodeStatus = Literal["open", "pending", "closed"]
FAULT_CODE_STATUSES: tuple[FaultCodeStatus, ...] = get_args(FaultCodeStatus)


class ObdiiCode(Model, frozen=True, kw_only=True):
    """A diagnostic trouble code of a light or medium vehicle, for example P0087."""

    code: str
    description: str | UnsetType = UNSET


class J1939Code(Model, frozen=True, kw_only=True):
    """A fault of a heavy vehicle: which parameter (SPN), and in which way it failed (FMI, 0 to 31)."""

    spn: int
    spn_description: str | UnsetType = UNSET
    fmi: int | UnsetType = UNSET
    fmi_description: str | UnsetType = UNSET
    occurrence_count: int | UnsetType = UNSET
    source_address: int | UnsetType = UNSET


class FaultCodeEvent(Model, frozen=True, kw_only=True):
    """A fault code observed at a time; `obdii` or `j1939` is there, by `protocol`.

    Not every provider reports that a fault was closed. `code` is the trouble code of OBD-II or
    `SPN3031-FMI9`. The contract gives these events no `sourceId`.
    """

    id: str
    provider: str
    vehicle: str | Vehicle
    protocol: FaultCodeProtocol
    code: str
    status: FaultCodeStatus
    observed_at: Instant
    description: str | UnsetType = UNSET
    mil_status: Literal["on", "off"] | UnsetType = UNSET  # the malfunction indicator lamp
    obdii: ObdiiCode | UnsetType = UNSET
    j1939: J1939Code | UnsetType = UNSET
    derived: DerivedFault | UnsetType = UNSET  # an extension, on request
    metadata: RecordMetadata | UnsetType = UNSET
    raw: list[RawData] | UnsetType = UNSET
