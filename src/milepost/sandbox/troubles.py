"""Fault codes of the synthetic trucks: they open and close while the engine runs, a few in a fortnight.

Light lorries tell by OBD-II, where a code is pending before it is confirmed; the rest by J1939.
"""

from __future__ import annotations

import functools
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from milepost.kit.world import FaultReading, TroubleCode, VehicleCard
from milepost.sandbox.chance import seeded
from milepost.sandbox.shifts import Truck

_HEAVY = (
    (3031, "Aftertreatment 1 Diesel Exhaust Fluid Tank Temperature 1", 9, "Abnormal update rate"),
    (110, "Engine Coolant Temperature", 0, "Above normal, most severe"),
    (100, "Engine Oil Pressure", 1, "Below normal, most severe"),
    (94, "Engine Fuel Delivery Pressure", 18, "Below normal, moderately severe"),
    (4364, "Aftertreatment 1 SCR Conversion Efficiency", 18, "Below normal, moderately severe"),
    (168, "Battery Potential / Power Input 1", 4, "Voltage below normal"),
    (639, "J1939 Network #1", 2, "Data erratic"),
)
_LIGHT = (
    ("P0087", "Fuel Rail/System Pressure - Too Low"),
    ("P0128", "Coolant Thermostat Below Regulating Temperature"),
    ("P0299", "Turbocharger/Supercharger A Underboost"),
    ("P2002", "Diesel Particulate Filter Efficiency Below Threshold Bank 1"),
    ("U0100", "Lost Communication With ECM/PCM A"),
)
_FORTNIGHT = 14
_LONGEST = 6  # days that a fault stays


class Trouble(NamedTuple):
    code: TroubleCode
    opens_at: datetime
    confirmed_at: datetime
    closes_at: datetime

    def at(self, at: datetime) -> TroubleCode | None:
        if not self.opens_at <= at < self.closes_at:
            return None
        pending = at < self.confirmed_at
        return replace(self.code, status="pending", lamp=False) if pending else self.code


class Troubles:
    """The fault codes of one truck, as a function of time."""

    def __init__(self, seed: int, card: VehicleCard, truck: Truck) -> None:
        self._seed = seed
        self._card = card
        self._truck = truck
        self._of_fortnight = functools.lru_cache(maxsize=128)(self._draw)
        self._of_day = functools.lru_cache(maxsize=1_024)(self._read)

    def readings(self, start: datetime, end: datetime) -> list[FaultReading]:
        """Return the sets of active codes, told when the engine starts and at every change."""
        days = self._truck.days(start, end)
        return [r for day in days for r in self._of_day(day) if start <= r.at < end]

    def _read(self, day: int) -> list[FaultReading]:
        shift = self._truck.shift(day)
        near = self._of_fortnight(day // _FORTNIGHT)
        changes = {at for t in near for at in (t.opens_at, t.confirmed_at, t.closes_at)}
        told = {shift.starts_at} | {at for at in changes if shift.starts_at <= at < shift.ends_at}
        return [
            FaultReading(at, tuple(code for t in near if (code := t.at(at)))) for at in sorted(told)
        ]

    def _draw(self, fortnight: int) -> list[Trouble]:
        chance = seeded("faults", self._seed, self._card.id, fortnight)
        light = self._card.light
        codes = _draw_light if light else _draw_heavy
        found: list[Trouble] = []
        for place in chance.sample(range(len(_LIGHT if light else _HEAVY)), chance.randrange(4)):
            day = fortnight * _FORTNIGHT + chance.randrange(_FORTNIGHT - _LONGEST)
            confirmed = day + (chance.randrange(1, 3) if light else 0)
            closes = confirmed + chance.randrange(_LONGEST - 2)
            opens_at, closes_at = self._running(day, 0.3), self._running(closes, 0.9)
            confirmed_at = self._running(confirmed, 0.4) if light else opens_at
            code = codes(place, chance.random() < 0.5, chance.randrange(1, 9))
            found.append(Trouble(code, opens_at, confirmed_at, closes_at))
        return found

    def _running(self, day: int, part: float) -> datetime:
        """Return a moment of a day's shift at which the engine runs."""
        blocks = [block for block in self._truck.shift(max(0, day)).blocks if block.state == "on"]
        return blocks[int(part * len(blocks))].starts_at + timedelta(seconds=90)


def _draw_heavy(place: int, lamp: bool, times: int) -> TroubleCode:
    spn, description, fmi, failure = _HEAVY[place]
    return TroubleCode(
        protocol="j1939",
        spn=spn,
        fmi=fmi,
        description=description,
        fmi_description=failure,
        lamp=lamp,
        occurrences=times,
    )


def _draw_light(place: int, lamp: bool, times: int) -> TroubleCode:
    code, description = _LIGHT[place]
    return TroubleCode(
        protocol="obdii", dtc=code, description=description, lamp=lamp, occurrences=times
    )
