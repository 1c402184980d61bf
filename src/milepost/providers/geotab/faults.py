"""Turns Geotab's fault data into fault codes that open and close; pure.

A fault is told again each time that its state is reported: only a change makes an event. What lasts is
known from the rows before, which `Known` carries from page to page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec
from msgspec import UNSET, Raw

from milepost import clock
from milepost.ids import Identity
from milepost.kit.contract import Cut, Reject
from milepost.kit.salvage import UNREADABLE, Window, read, text
from milepost.models.fault import (
    FaultCodeEvent,
    FaultCodeProtocol,
    FaultCodeStatus,
    J1939Code,
    ObdiiCode,
)
from milepost.providers.geotab import shapes
from milepost.providers.geotab.wire import Ref, ref

STATUSES: dict[str, FaultCodeStatus] = {
    "Pending": "pending",
    "Active": "open",
    "Inactive": "closed",
    "Cleared": "closed",
    "None": "open",  # What it means is not documented; a fault that is told is one.
}

_LETTERS = (("Powertrain", "P"), ("Body", "B"), ("Chassis", "C"), ("Networking", "U"))
_OBD = {"SourceObdId", "SourceObdSaId"}


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """How a fault was last told, and when."""

    status: FaultCodeStatus
    at: datetime


Known = dict[str, Seen]
"""The faults that are not closed or were so lately, by vehicle, diagnostic and failure mode."""

CLOSED_KEPT = timedelta(days=3)
"""So long it is known when a fault was closed: what comes in late of the time before does not open it again."""


class Book(msgspec.Struct, frozen=True):
    """What the account calls the diagnostics and failure modes of a page."""

    diagnostics: Mapping[str, shapes.Diagnostic]
    failure_modes: Mapping[str, shapes.FailureMode]


def named(rows: Iterable[Raw]) -> tuple[set[str], set[str]]:
    """Return the diagnostics and failure modes that a page's rows name."""
    diagnostics: set[str] = set()
    modes: set[str] = set()
    for raw in rows:
        try:
            fault = msgspec.json.decode(raw, type=_Naming)
        except UNREADABLE:
            continue
        diagnostics.add(ref(fault.diagnostic) or "")
        modes.add(ref(fault.failureMode) or "")
    return diagnostics - {""}, modes - {""}


class _Naming(msgspec.Struct, frozen=True):
    diagnostic: Ref = None
    failureMode: Ref = None  # noqa: N815  Their spelling.


def page_cuts(
    rows: Iterable[Raw], known: Known, book: Book, window: Window, identity: Identity, provider: str
) -> list[Cut]:
    """Cut a page of fault data row by row in order of time, and bring `known` up to date.

    A row older than what is known of its fault came in late, and changes nothing any more. One from the
    future would make all that follow late: it is not looked at.
    """
    floor, ceiling = window.bounds()
    cuts: list[Cut] = []
    told = [(raw, rejects := list[Reject](), read(raw, shapes.FaultData, rejects)) for raw in rows]
    told.sort(key=lambda each: each[2].dateTime if each[2] is not None else floor)
    for raw, rejects, fault in told:
        bad = window.verdict(fault.dateTime) if fault is not None else None
        if bad:
            rejects.append(Reject(f"dateTime: {bad}"))
        built = None
        if fault is not None and not bad:
            built = _event(fault, known, book, identity, provider)
        records = []
        if isinstance(built, Reject):
            rejects.append(built)
        elif fault is not None and built and floor <= fault.dateTime < ceiling:
            records.append(built)
        if records or rejects:
            cuts.append(
                Cut(body=bytes(raw), schema="geotab.FaultData", records=[*records], rejects=rejects)
            )
    _forget(known)
    return cuts


def _event(
    fault: shapes.FaultData, known: Known, book: Book, identity: Identity, provider: str
) -> FaultCodeEvent | Reject | None:
    vehicle, diagnostic = ref(fault.device), ref(fault.diagnostic)
    if vehicle is None or diagnostic is None:
        return None
    found = book.diagnostics.get(diagnostic)
    if found is None:
        return Reject(f"diagnostic: “{diagnostic[:60]}” is not in the account's list")
    protocol = _protocol(found)
    if protocol is None:
        return None
    word = (fault.faultStates.effectiveStatus if fault.faultStates else None) or fault.faultState
    status = STATUSES.get(_plain(word))
    if status is None:
        return Reject(f"faultState: unknown state “{(word or '')[:40]}”")
    mode = book.failure_modes.get(ref(fault.failureMode) or "")
    key = f"{vehicle}:{diagnostic}:{mode.id if mode else ''}"
    if not _changes(known, key, Seen(status, fault.dateTime)):
        return None
    named = _j1939(fault, found, mode) if protocol == "j1939" else _obdii(fault, found)
    if named is None:
        return Reject(f"diagnostic: “{diagnostic[:60]}” has no code")
    code, of_protocol = named
    lamp = fault.malfunctionLamp
    return FaultCodeEvent(
        id=identity.of("fault_code_event", f"{key}:{clock.iso(fault.dateTime)}:{status}"),
        provider=provider,
        vehicle=identity.of("vehicle", vehicle),
        protocol=protocol,
        code=code,
        status=status,
        observed_at=clock.iso(fault.dateTime),
        description=text(found.name),
        mil_status=UNSET if lamp is None else ("on" if lamp else "off"),
        obdii=of_protocol if isinstance(of_protocol, ObdiiCode) else UNSET,
        j1939=of_protocol if isinstance(of_protocol, J1939Code) else UNSET,
    )


def _changes(known: Known, key: str, seen: Seen) -> bool:
    """Note how a fault stands, and say whether that is news."""
    before = known.get(key)
    if before is not None and seen.at < before.at:
        return False
    known[key] = seen
    return (before.status if before is not None else "closed") != seen.status


def _forget(known: Known) -> None:
    """Forget what was closed long before the newest that is known, so that the cursor does not grow."""
    newest = max((seen.at for seen in known.values()), default=None)
    for key, seen in [*known.items()]:
        if seen.status == "closed" and newest is not None and newest - seen.at > CLOSED_KEPT:
            del known[key]


def _protocol(diagnostic: shapes.Diagnostic) -> FaultCodeProtocol | None:
    """Return the protocol that a diagnostic speaks; the device's own faults and J1708 have none here."""
    source = ref(diagnostic.source) or ""
    if source == "SourceJ1939Id" or diagnostic.diagnosticType == "SuspectParameter":
        return "j1939"
    return "obdii" if source in _OBD else None


def _j1939(
    fault: shapes.FaultData, diagnostic: shapes.Diagnostic, mode: shapes.FailureMode | None
) -> tuple[str, J1939Code] | None:
    spn, fmi = diagnostic.code, mode.code if mode else None
    if spn is None:
        return None
    code = f"SPN{spn}" if fmi is None else f"SPN{spn}-FMI{fmi}"
    return code, J1939Code(
        spn=spn,
        spn_description=text(diagnostic.name),
        fmi=UNSET if fmi is None else fmi,
        fmi_description=text(mode.name if mode else None),
        occurrence_count=UNSET if fault.count is None else fault.count,
        source_address=UNSET if fault.sourceAddress is None else fault.sourceAddress,
    )


def _obdii(fault: shapes.FaultData, diagnostic: shapes.Diagnostic) -> tuple[str, ObdiiCode] | None:
    """Spell a trouble code: the letter of its system, and the number in hexadecimal."""
    controller = ref(fault.controller) or ""
    letter = next((letter for word, letter in _LETTERS if word in controller), None)
    if diagnostic.code is None or letter is None:
        return None
    code = f"{letter}{diagnostic.code:04X}"
    return code, ObdiiCode(code=code, description=text(diagnostic.name))


def _plain(word: str | None) -> str:
    """Write a state without what one spelling of it wraps it in: `FaultStatusActiveId` is `Active`."""
    return (word or "None").removeprefix("FaultStatus").removesuffix("Id")
