"""What fault codes say: J1939 by parameter and failure mode, OBD-II by the letters of its code.

Sources: failure mode identifiers and common parameters as printed in open J1939 implementations
(github.com/DanielMartensson/Open-SAE-J1939, `Enum_DM1_DM2.h`); addresses of control units as in
github.com/nmfta-repo/pretty_j1939; the make-up of OBD-II codes as in SAE J2012 (ISO 15031-6). The whole
tables of parameters are SAE's and not ours to ship: one that is not here is left without a name.
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import UNSET, UnsetType

from milepost.models.derived import DerivedFault
from milepost.models.fault import FaultCodeEvent, J1939Code

Severity = Literal["least", "moderate", "most"]

_FAILURES = {
    0: "Above normal range, most severe",
    1: "Below normal range, most severe",
    2: "Data erratic, intermittent or incorrect",
    3: "Voltage above normal, or shorted to high source",
    4: "Voltage below normal, or shorted to low source",
    5: "Current below normal, or open circuit",
    6: "Current above normal, or grounded circuit",
    7: "Mechanical system not responding, or out of adjustment",
    8: "Abnormal frequency, pulse width or period",
    9: "Abnormal update rate",
    10: "Abnormal rate of change",
    11: "Root cause not known",
    12: "Bad intelligent device or component",
    13: "Out of calibration",
    14: "Special instructions",
    15: "Above normal range, least severe",
    16: "Above normal range, moderately severe",
    17: "Below normal range, least severe",
    18: "Below normal range, moderately severe",
    19: "Received network data in error",
    20: "Data drifted high",
    21: "Data drifted low",
    31: "Condition exists",
}
_SEVERITIES: dict[int, Severity] = {
    0: "most", 1: "most", 15: "least", 16: "moderate", 17: "least", 18: "moderate",
}  # fmt: skip
_PARAMETERS = {
    84: "Wheel-Based Vehicle Speed",
    91: "Accelerator Pedal Position 1",
    94: "Engine Fuel Delivery Pressure",
    96: "Fuel Level 1",
    97: "Water In Fuel Indicator 1",
    98: "Engine Oil Level",
    100: "Engine Oil Pressure",
    102: "Engine Intake Manifold 1 Pressure",
    105: "Engine Intake Manifold 1 Temperature",
    108: "Barometric Pressure",
    110: "Engine Coolant Temperature",
    111: "Engine Coolant Level 1",
    157: "Engine Fuel 1 Injector Metering Rail 1 Pressure",
    158: "Key Switch Battery Potential",
    168: "Battery Potential / Power Input 1",
    171: "Ambient Air Temperature",
    174: "Engine Fuel 1 Temperature 1",
    175: "Engine Oil Temperature 1",
    183: "Engine Fuel Rate",
    190: "Engine Speed",
    191: "Transmission 1 Output Shaft Speed",
    247: "Engine Total Hours of Operation",
    411: "Engine Exhaust Gas Recirculation 1 Differential Pressure",
    412: "Engine Exhaust Gas Recirculation 1 Temperature",
    521: "Brake Pedal Position",
    597: "Brake Switch",
    627: "Power Supply",
    629: "Controller 1",
    639: "J1939 Network 1",
    641: "Engine Variable Geometry Turbocharger Actuator 1",
    651: "Engine Fuel 1 Injector Cylinder 1",
    652: "Engine Fuel 1 Injector Cylinder 2",
    653: "Engine Fuel 1 Injector Cylinder 3",
    654: "Engine Fuel 1 Injector Cylinder 4",
    655: "Engine Fuel 1 Injector Cylinder 5",
    656: "Engine Fuel 1 Injector Cylinder 6",
    723: "Engine Speed Sensor 2",
    1569: "Engine Protection Torque Derate",
    1761: "Aftertreatment 1 Diesel Exhaust Fluid Tank Volume",
    2791: "Engine Exhaust Gas Recirculation 1 Valve 1 Control",
    3031: "Aftertreatment 1 Diesel Exhaust Fluid Tank Temperature 1",
    3216: "Aftertreatment 1 SCR Intake NOx",
    3226: "Aftertreatment 1 Outlet NOx",
    3242: "Aftertreatment 1 Diesel Particulate Filter Intake Temperature",
    3246: "Aftertreatment 1 Diesel Particulate Filter Outlet Temperature",
    3251: "Aftertreatment 1 Diesel Particulate Filter Differential Pressure",
    3361: "Aftertreatment 1 Diesel Exhaust Fluid Dosing Unit",
    3364: "Aftertreatment 1 Diesel Exhaust Fluid Tank Quality",
    3719: "Aftertreatment 1 Diesel Particulate Filter Soot Load",
    3720: "Aftertreatment 1 Diesel Particulate Filter Ash Load",
    4364: "Aftertreatment 1 SCR Conversion Efficiency",
    5246: "Aftertreatment SCR Operator Inducement Severity",
}
_SOURCES = {
    0: "Engine 1",
    1: "Engine 2",
    3: "Transmission 1",
    11: "Brakes",
    15: "Engine Retarder",
    17: "Cruise Control",
    23: "Instrument Cluster 1",
    33: "Body Controller",
    49: "Cab Controller",
    61: "Exhaust Emission Controller",
}
_SYSTEMS = {"P": "Powertrain", "B": "Body", "C": "Chassis", "U": "Network"}
_POWERTRAIN = {
    "0": "Fuel and air metering, auxiliary emission controls",
    "1": "Fuel and air metering",
    "2": "Fuel and air metering, injector circuit",
    "3": "Ignition system or misfire",
    "4": "Auxiliary emission controls",
    "5": "Vehicle speed, idle control, auxiliary inputs",
    "6": "Computer and output circuits",
    "7": "Transmission",
    "8": "Transmission",
    "9": "Transmission",
    "A": "Hybrid propulsion",
}
# The standard's second block has no more circuits of injectors, and nothing of hybrids.
_POWERTRAIN_P2 = {
    **dict.fromkeys("012A", "Fuel and air metering, auxiliary emission controls"),
    **{third: _POWERTRAIN[third] for third in "34567"},
}
_OBDII = re.compile(r"([PBCU])([0-3])([0-9A-F])[0-9A-F]{2}")


def describe(event: FaultCodeEvent) -> DerivedFault:
    """Return what a fault code says by the tables of its own protocol; a code unknown to them says nothing."""
    if event.j1939 is not UNSET:
        return _j1939(event.j1939)
    return _obdii(event.code if event.obdii is UNSET else event.obdii.code)


def _j1939(code: J1939Code) -> DerivedFault:
    fmi = -1 if code.fmi is UNSET else code.fmi
    source = -1 if code.source_address is UNSET else code.source_address
    return DerivedFault(
        component=_PARAMETERS.get(code.spn, UNSET),
        failure=_FAILURES.get(fmi, UNSET),
        severity=_SEVERITIES.get(fmi, UNSET),
        source=_SOURCES.get(source, UNSET),
    )


def _obdii(code: str) -> DerivedFault:
    found = _OBDII.fullmatch(code.strip().upper())
    if found is None:
        return DerivedFault()
    letter, second, third = found.groups()
    component: str = _SYSTEMS[letter]
    parts = {"P0": _POWERTRAIN, "P2": _POWERTRAIN_P2}.get(letter + second, {})
    if third in parts:
        component = f"{component}: {parts[third].lower()}"
    return DerivedFault(component=component, generic=_is_generic(letter, second, third))


def _is_generic(letter: str, second: str, third: str) -> bool | UnsetType:
    """Say whether a code is the standard's. B3 and C3 are reserved: nothing is said of them."""
    if second in "01":
        return second == "0"
    if second == "2":
        return letter == "P"
    if letter == "P":
        return third >= "4"  # P3000 to P33FF are the makers', P3400 to P3FFF the standard's.
    return True if letter == "U" else UNSET
