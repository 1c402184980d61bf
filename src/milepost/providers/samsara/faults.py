"""Turns Samsara's sets of fault codes into events, by what changed from one set to the next; pure.

A reading holds all the codes of a vehicle at a time. An event is written where a code appears, changes
its status, or is gone; what only lasts is not told again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from milepost import clock
from milepost.ids import Identity
from milepost.kit.contract import Cut, Reject
from milepost.kit.salvage import UNREADABLE, Window, misfit, read, text
from milepost.models.fault import (
    FaultCodeEvent,
    FaultCodeProtocol,
    FaultCodeStatus,
    J1939Code,
    ObdiiCode,
)
from milepost.providers.samsara import record_shapes as shapes

FAULTS = "faultCodes"
SCHEMA = f"samsara.vehicleStats.{FAULTS}"


class Fault(msgspec.Struct, frozen=True):
    """One code of a reading, as far as the model takes it."""

    protocol: FaultCodeProtocol
    code: str
    status: FaultCodeStatus
    description: str | UnsetType = UNSET
    mil_status: Literal["on", "off"] | UnsetType = UNSET
    obdii: ObdiiCode | UnsetType = UNSET
    j1939: J1939Code | UnsetType = UNSET


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """The newest set of a vehicle's codes that was read: status by key; it goes from page to page in a cursor."""

    time: datetime
    codes: dict[str, FaultCodeStatus]


class Event(msgspec.Struct, frozen=True):
    """A change between two sets: `at` is where the later one stands in its block."""

    at: int
    time: datetime
    key: str
    fault: Fault


def block_cut(
    body: Raw, known: dict[str, Seen], window: Window, identity: Identity, provider: str
) -> tuple[Cut, str, Seen | None]:
    """Cut a vehicle's events out of its page; return also the vehicle's id and what is known of it now.

    `known` holds what earlier pages showed. Readings before the window's beginning only tell what was
    known then.
    """
    raw = bytes(body)
    rejects: list[Reject] = []
    given = read(raw, shapes.FaultBlock, rejects)
    if given is None:
        return Cut(body=raw, schema=SCHEMA, records=[], rejects=rejects), "", None
    vehicle = str(given.id)
    sets: list[tuple[datetime, int, dict[str, Fault]]] = []
    for at, item in enumerate(given.faultCodes or []):
        reading = _reading(item, at, window, rejects)
        if reading is not None:
            sets.append((reading.time.astimezone(UTC), at, dict(_faults(reading))))
    sets.sort(key=lambda each: each[:2])
    events, seen = changes(sets, known.get(vehicle))
    first = window.starts_at
    told = [each for each in events if first is None or each.time >= first]
    cut = Cut(
        body=raw,
        schema=SCHEMA,
        subject=vehicle,
        path=FAULTS,
        records=[_record(each, vehicle, identity, provider) for each in told],
        ordinals=[each.at for each in told],
        rejects=rejects,
    )
    return cut, vehicle, seen


def changes(
    sets: list[tuple[datetime, int, dict[str, Fault]]], seen: Seen | None
) -> tuple[list[Event], Seen | None]:
    """Compare each set with the one before it, `seen` being the one before the first.

    A set that comes late, older than what is known, can open codes but not close any: what lies between
    it and the newest is not at hand. No codes is the same as nothing known, so that it need not be kept.
    """
    events: list[Event] = []
    for time, at, faults in sets:
        before = seen.codes if seen else {}
        if seen is not None and time <= seen.time:
            events += [
                Event(at, time, key, fault) for key, fault in faults.items() if key not in before
            ]
            continue
        events += [
            Event(at, time, key, fault)
            for key, fault in faults.items()
            if before.get(key) != fault.status
        ]
        events += [Event(at, time, key, _closed(key)) for key in before if key not in faults]
        codes = {key: fault.status for key, fault in faults.items()}
        seen = Seen(time, codes) if codes else None
    return events, seen


def _reading(
    item: Raw, at: int, window: Window, rejects: list[Reject]
) -> shapes.FaultReading | None:
    # Whole or not at all: of a set that is read in part the rest would seem to be gone.
    try:
        reading = msgspec.json.decode(item, type=shapes.FaultReading)
    except UNREADABLE as error:
        rejects.append(misfit(error, at))
        return None
    bad = window.verdict(reading.time)
    if bad:
        rejects.append(Reject(f"time: {bad}", at))
        return None
    return reading


def _faults(reading: shapes.FaultReading) -> Iterator[tuple[str, Fault]]:
    for each in (reading.j1939.diagnosticTroubleCodes if reading.j1939 else None) or []:
        yield _j1939(each)
    obdii = reading.obdii or shapes.ObdiiFaults()
    for unit in obdii.diagnosticTroubleCodes or []:
        lamp = obdii.checkEngineLightIsOn if unit.milStatus is None else unit.milStatus
        # A code that is both pending and confirmed is open: the later one of a key counts.
        groups: list[tuple[FaultCodeStatus, list[shapes.ObdiiFault] | None]] = [
            ("pending", unit.pendingDtcs),
            ("open", unit.permanentDtcs),
            ("open", unit.confirmedDtcs),
        ]
        for status, group in groups:
            for code in group or []:
                name = (code.dtcShortCode or "").strip().upper()
                if name:
                    yield f"obdii:{unit.txId}:{name}", _obdii(name, code, status, lamp)


def _j1939(raw: shapes.J1939Fault) -> tuple[str, Fault]:
    code = f"SPN{raw.spnId}-FMI{raw.fmiId}"
    spn, fmi = text(raw.spnDescription), text(raw.fmiDescription)
    words = ": ".join(each for each in (spn, fmi) if each is not UNSET)
    vendor = raw.vendorSpecificFields.dtcDescription if raw.vendorSpecificFields else None
    lamp = None if raw.milStatus is None else raw.milStatus != 0
    fault = Fault(
        protocol="j1939",
        code=code,
        status="open",
        # The document's own example of a vendor's description is the text “false”.
        description=text(words or (None if vendor == "false" else vendor)),
        mil_status=_lamp(lamp),
        j1939=J1939Code(
            spn=raw.spnId,
            fmi=raw.fmiId,
            spn_description=spn,
            fmi_description=fmi,
            occurrence_count=UNSET if raw.occurrenceCount is None else raw.occurrenceCount,
            source_address=raw.txId,
        ),
    )
    return f"j1939:{raw.txId}:{raw.spnId}:{raw.fmiId}", fault


def _obdii(name: str, raw: shapes.ObdiiFault, status: FaultCodeStatus, lamp: bool | None) -> Fault:
    description = text(raw.dtcDescription)
    return Fault(
        protocol="obdii",
        code=name,
        status=status,
        description=description,
        mil_status=_lamp(lamp),
        obdii=ObdiiCode(code=name, description=description),
    )


def _closed(key: str) -> Fault:
    """Build the end of a code from its key alone, so that it is the same whichever page shows it."""
    protocol, unit, *rest = key.split(":")
    if protocol == "obdii":
        return Fault("obdii", rest[0], "closed", obdii=ObdiiCode(code=rest[0]))
    spn, fmi = (int(each) for each in rest)
    code = J1939Code(spn=spn, fmi=fmi, source_address=int(unit))
    return Fault("j1939", f"SPN{spn}-FMI{fmi}", "closed", j1939=code)


def _record(event: Event, vehicle: str, identity: Identity, provider: str) -> FaultCodeEvent:
    fault, observed_at = event.fault, clock.iso(event.time)
    return FaultCodeEvent(
        id=identity.of("fault_code_event", f"{vehicle}:{event.key}:{observed_at}"),
        provider=provider,
        vehicle=identity.of("vehicle", vehicle),
        protocol=fault.protocol,
        code=fault.code,
        status=fault.status,
        observed_at=observed_at,
        description=fault.description,
        mil_status=fault.mil_status,
        obdii=fault.obdii,
        j1939=fault.j1939,
    )


def _lamp(on: bool | None) -> Literal["on", "off"] | UnsetType:
    if on is None:
        return UNSET
    return "on" if on else "off"
