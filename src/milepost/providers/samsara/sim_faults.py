"""How the simulated vendor writes fault codes: everything that is active, each time one is read."""

from __future__ import annotations

from typing import Any

import msgspec

from milepost.kit.world import FaultReading, TroubleCode, VehicleCard

_SYSTEMS = "PCBU"  # powertrain, chassis, body, network: the two highest bits of a code's number


class Codes(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """A `faultCodes` reading."""

    time: str
    can_bus_type: str
    j1939: dict[str, Any] | None = None
    obdii: dict[str, Any] | None = None
    decorations: dict[str, Any] | None = None


def write_codes(
    reading: FaultReading, vehicle: VehicleCard, time: str, worn: dict[str, Any] | None
) -> Codes:
    if vehicle.light:
        return Codes(time, "CANBUS_OBDII_500", None, _write_light(reading.codes), worn)
    return Codes(time, "CANBUS_J1939_500", _write_heavy(reading.codes), None, worn)


def _write_heavy(codes: tuple[TroubleCode, ...]) -> dict[str, Any]:
    lit = any(code.lamp for code in codes)
    return {
        "checkEngineLights": {
            "emissionsIsOn": lit,
            "protectIsOn": False,
            "stopIsOn": False,
            "warningIsOn": bool(codes),
        },
        "diagnosticTroubleCodes": [
            {
                "spnId": code.spn,
                "spnDescription": code.description,
                "fmiId": code.fmi,
                "fmiDescription": code.fmi_description,
                "milStatus": int(code.lamp),
                "occurrenceCount": code.occurrences,
                "txId": code.source_address,
            }
            for code in codes
        ],
    }


def _write_light(codes: tuple[TroubleCode, ...]) -> dict[str, Any]:
    lit = any(code.lamp for code in codes)
    unit: dict[str, Any] = {"txId": 2024, "ignitionType": "compression", "milStatus": lit}
    # A code that lights the lamp stands in two lists: confirmed, and permanent until it is gone.
    lists = {
        "pendingDtcs": [c for c in codes if c.status == "pending"],
        "confirmedDtcs": [c for c in codes if c.status == "confirmed"],
        "permanentDtcs": [c for c in codes if c.status == "confirmed" and c.lamp],
    }
    unit |= {
        key: [
            {"dtcId": _number(c.dtc), "dtcShortCode": c.dtc, "dtcDescription": c.description}
            for c in listed
        ]
        for key, listed in lists.items()
    }
    return {"checkEngineLightIsOn": lit, "diagnosticTroubleCodes": [unit]}


def _number(dtc: str) -> int:
    return _SYSTEMS.index(dtc[0]) << 14 | int(dtc[1:], 16)
