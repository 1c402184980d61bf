"""Conversions into the units of the unified model: km, km/h, litres, °C, psi, V, milliseconds.

Results are rounded to the two decimals that the contract states, distances in km to the metre.
"""

from __future__ import annotations

KM_PER_MILE = 1.609344
LITRES_PER_GALLON = 3.785411784
PSI_PER_KPA = 0.1450377377


def kmh_from_mph(mph: float) -> float:
    return round(mph * KM_PER_MILE, 2)


def mph_from_kmh(kmh: float) -> float:
    return kmh / KM_PER_MILE


def km_from_metres(metres: float) -> float:
    return round(metres / 1000, 3)


def km_from_miles(miles: float) -> float:
    return round(miles * KM_PER_MILE, 3)


def litres_from_gallons(gallons: float) -> float:
    return round(gallons * LITRES_PER_GALLON, 2)


def litres_from_millilitres(millilitres: float) -> float:
    return round(millilitres / 1000, 2)


def celsius_from_millicelsius(millicelsius: float) -> float:
    return round(millicelsius / 1000, 2)


def psi_from_kpa(kpa: float) -> float:
    return round(kpa * PSI_PER_KPA, 2)


def volts_from_millivolts(millivolts: float) -> float:
    return round(millivolts / 1000, 2)


def ms_from_seconds(seconds: float) -> int:
    return round(seconds * 1000)
