"""Turns Motive's fault codes into events, J1939 and OBD-II told apart; pure."""

from __future__ import annotations

import re

from msgspec import UNSET, Raw, UnsetType

from milepost import clock
from milepost.ids import Identity
from milepost.kit.contract import Cut, Reject
from milepost.kit.salvage import Window, clean, entity_cut, text
from milepost.models.fault import (
    FaultCodeEvent,
    FaultCodeProtocol,
    FaultCodeStatus,
    J1939Code,
    ObdiiCode,
)
from milepost.providers.motive import shapes
from milepost.providers.motive.mapping import vehicle_of

STATUSES: dict[str, FaultCodeStatus] = {"open": "open", "opened": "open", "closed": "closed"}
NOT_SHOWN = "j1708"  # The model has no place for this network: such faults stay in the raw data.
HIGHEST_ADDRESS = 255  # of a unit on J1939; the same field holds CAN ids of OBD-II, in hexadecimal

_NUMBER = re.compile(r"[0-9]+")


def fault_cut(body: Raw, window: Window, identity: Identity, provider: str) -> Cut:
    """Cut a fault out of its page: one event a fault, whose status changes as long as it is told."""
    return entity_cut(
        body,
        shapes.Fault,
        "motive.fault_code",
        lambda raw: _fault(raw, window, identity, provider),
    )


def _fault(
    raw: shapes.Fault, window: Window, identity: Identity, provider: str
) -> FaultCodeEvent | Reject | None:
    network = clean(raw.network).lower()
    if network == NOT_SHOWN or not _wanted(raw, window):
        return None
    vehicle = vehicle_of(raw.vehicle)
    if isinstance(vehicle, Reject):
        return vehicle
    if bad := window.verdict(raw.first_observed_at):
        return Reject(f"first_observed_at: {bad}")
    status = _status(raw)
    if status is None:
        return Reject(f"status: unknown “{clean(raw.status)[:40]}”")
    said = clean(str(raw.code if raw.code is not None else raw.code_label or "")).upper()
    protocol: FaultCodeProtocol = "obdii"
    obdii: ObdiiCode | UnsetType = UNSET
    j1939: J1939Code | UnsetType = UNSET
    description = text(raw.code_description)
    if network == "j1939":
        if not _NUMBER.fullmatch(said):
            return Reject(f"code: no SPN in “{said[:40]}”")
        protocol, j1939 = "j1939", _j1939(raw, int(said))
        code = f"SPN{int(said)}" + ("" if raw.fmi is None else f"-FMI{raw.fmi}")
    elif network == "obdii":
        if not said:
            return Reject("code: missing")
        code = said
        obdii = ObdiiCode(code=code, description=description)
    else:
        return Reject(f"network: unknown “{network[:40]}”")
    source_id = str(raw.id)
    return FaultCodeEvent(
        id=identity.of("fault_code_event", source_id),
        provider=provider,
        vehicle=identity.of("vehicle", vehicle),
        protocol=protocol,
        code=code,
        status=status,
        observed_at=clock.iso(raw.first_observed_at),
        description=description,
        obdii=obdii,
        j1939=j1939,
    )


def _wanted(raw: shapes.Fault, window: Window) -> bool:
    """Say whether a fault is of this window: open, or seen since the window began."""
    seen = raw.last_observed_at or raw.first_observed_at
    return window.starts_at is None or raw.status != "closed" or seen >= window.starts_at


def _status(raw: shapes.Fault) -> FaultCodeStatus | None:
    status = STATUSES.get(clean(raw.status).lower())
    if status == "open" and "pending" in clean(raw.dtc_status).lower():
        return "pending"
    return status


def _j1939(raw: shapes.Fault, spn: int) -> J1939Code:
    times = raw.num_observations if raw.occurrence_count is None else raw.occurrence_count
    written = str(raw.source_address if raw.source_address is not None else "").strip()
    address = int(written) if _NUMBER.fullmatch(written) else HIGHEST_ADDRESS + 1
    return J1939Code(
        spn=spn,
        spn_description=text(raw.code_description),
        fmi=UNSET if raw.fmi is None else raw.fmi,
        fmi_description=text(raw.fmi_description),
        occurrence_count=UNSET if times is None else times,
        source_address=address if address <= HIGHEST_ADDRESS else UNSET,
    )
