"""How one synthetic truck works: a shift of eight hours a day, cut into blocks of ten minutes.

Every day shuffles the same blocks, so every day adds the same distance, engine time and fuel. Totals at
any instant follow from the number of days and the blocks of that one day: nothing is accumulated, and
any window of any year costs the same.
"""

from __future__ import annotations

import functools
import math
import random
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from milepost import units
from milepost.kit.world import Spot
from milepost.models.location import Fix
from milepost.models.stats import ENGINE_STATES, StatReading, StatType
from milepost.sandbox.corridors import Road

FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
BLOCK_S = 600
SHIFT_S = 48 * BLOCK_S
DAY = timedelta(days=1)

State = Literal["on", "off", "idle"]

_MOVING_KMH = [104.0] * 10 + [96.0] * 14 + [88.0] * 8 + [60.0] * 5 + [40.0] * 3 + [24.0] * 2
_IDLE_BLOCKS = 3
_BREAK_BLOCKS = 3  # in a row, engine off: the half-hour break of the hours-of-service rules
_FIX_S = 10  # the vendors' gateways report every 5 to 30 s while moving
_REST_FIX_S = 300  # and every 5 min at rest
_ML_PER_M = 0.33  # 33 l/100 km, a loaded tractor
_IDLE_ML = 417  # 2.5 l/h
_TANK_ML = 600_000  # burnt between two refuellings

# Within a block the speed swings by a quarter around its mean and ends where it began.
_STEPS = BLOCK_S // _FIX_S
_SHARE = [k / _STEPS - 0.25 * math.sin(math.tau * k / _STEPS) / math.tau for k in range(_STEPS)]
_SWING = [1 - 0.25 * math.cos(math.tau * k / _STEPS) for k in range(_STEPS)]
_TICKS = [timedelta(seconds=_FIX_S * k) for k in range(_STEPS)]

CADENCE_S: dict[StatType, int] = {
    "odometer": 300,
    "engine_runtime": 300,
    "total_fuel_consumption": 300,
    "fuel_level": 600,
    "engine_rpm": 60,
    "engine_coolant_temperature": 120,
    "engine_oil_pressure": 120,
    "battery_voltage": 120,
}
"""How often each reading is taken while the engine runs; engine states are told when they change."""


class Block(msgspec.Struct, frozen=True):
    """Ten minutes of one state; what the shift had added up to before it."""

    starts_at: datetime
    state: State
    kmh: float
    metres: float
    engine_s: int
    fuel_ml: float


class Shift(msgspec.Struct, frozen=True):
    """One day's work, and the rest until the next shift begins."""

    starts_at: datetime
    blocks: tuple[Block, ...]
    outage: (
        tuple[datetime, datetime] | None
    )  # no reception: what is recorded here arrives at its end

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(seconds=SHIFT_S)


class Totals(NamedTuple):
    """What has added up since the first day."""

    metres: float
    engine_s: float
    idle_s: float
    fuel_ml: float


class Truck:
    """One vehicle's whole life, as a function of time."""

    def __init__(self, number: int, seed: int, *, outages: bool = True) -> None:
        rng = random.Random(f"truck/{seed}/{number}")  # noqa: S311  Scenery, not secrets.
        self._name = f"{seed}/{number}"
        self._outages = outages
        self.road = Road(number, seed)
        self._offset_m = rng.uniform(0, self.road.length_m)
        self._pace = rng.uniform(0.85, 1.0)
        self._odometer_m = rng.randrange(20_000_000, 400_000_000)
        self._engine_s = rng.randrange(1_000_000, 20_000_000)
        self._fuel_ml = rng.randrange(5_000_000, 90_000_000)
        # Gateways report on their own beat: milliseconds that the vendors' second-precision views drop.
        self._starts = timedelta(
            seconds=rng.randrange(10 * 3600, 16 * 3600), milliseconds=rng.randrange(1, 1000)
        )
        self._day_m = sum(_MOVING_KMH) * self._pace * BLOCK_S / 3.6
        self._day_engine_s = (len(_MOVING_KMH) + _IDLE_BLOCKS) * BLOCK_S
        self._day_fuel_ml = self._day_m * _ML_PER_M + _IDLE_BLOCKS * _IDLE_ML
        self.shift = functools.lru_cache(maxsize=512)(self._shift)

    def days(self, start: datetime, end: datetime) -> range:
        """Number the days whose shift, or the rest after it, may touch [start, end)."""
        return range(max(0, (start - FIRST_DAY).days - 2), (end - FIRST_DAY).days + 1)

    def fixes(self, start: datetime, end: datetime) -> list[Fix]:
        """Return the positions in [start, end), every 10 s while moving and every 5 min at rest."""
        found: list[Fix] = []
        for day in self.days(start, end):
            shift, rest_ends = self.shift(day), self.shift(day + 1).starts_at
            if rest_ends <= start or shift.starts_at >= end:
                continue
            base = self._offset_m + day * self._day_m
            for block in shift.blocks:
                if block.starts_at < end and block.starts_at + timedelta(seconds=BLOCK_S) > start:
                    whole = block.starts_at >= start and (
                        block.starts_at + timedelta(seconds=BLOCK_S) <= end
                    )
                    drawn = self._draw(block, base)
                    found += drawn if whole else [f for f in drawn if start <= f.located_at < end]
            if shift.ends_at < end:
                found += self._parked(shift.ends_at, rest_ends, base + self._day_m, start, end)
        return found

    def readings(self, type_: StatType, start: datetime, end: datetime) -> list[StatReading]:
        """Return the readings of one type in [start, end); none where a truck has no such sensor."""
        if type_ != "engine_state" and type_ not in CADENCE_S:
            return []
        found: list[StatReading] = []
        for day in self.days(start, end):
            shift = self.shift(day)
            if shift.starts_at >= end or shift.ends_at < start:
                continue
            drawn = (
                self._states(shift) if type_ == "engine_state" else self._sample(type_, day, shift)
            )
            found += [r for r in drawn if start <= r.at < end]
        return found

    def day_of(self, at: datetime) -> int:
        """Return the day whose shift was the last to begin by `at`; -1 before the first."""
        day = (at - FIRST_DAY - self._starts) // DAY
        return max(-1, day if self.shift(day).starts_at <= at else day - 1) if day >= 0 else -1

    def totals(self, at: datetime) -> Totals:
        """Return what the truck's own counters have risen by since the first day."""
        day = self.day_of(at)
        if day < 0:
            return Totals(0.0, 0.0, 0.0, 0.0)
        shift = self.shift(day)
        idle_day_s = _IDLE_BLOCKS * BLOCK_S
        if at >= shift.ends_at:
            day += 1
            metres, engine_s, fuel_ml, idle_s = 0.0, 0.0, 0.0, 0.0
        else:
            index, second = divmod((at - shift.starts_at).total_seconds(), BLOCK_S)
            block = shift.blocks[int(index)]
            length = second * block.kmh / 3.6
            metres = block.metres + length
            engine_s = block.engine_s + (0.0 if block.state == "off" else second)
            burnt = length * _ML_PER_M + (
                _IDLE_ML * second / BLOCK_S if block.state == "idle" else 0
            )
            fuel_ml = block.fuel_ml + burnt
            idle_s = BLOCK_S * sum(b.state == "idle" for b in shift.blocks[: int(index)])
            idle_s += second if block.state == "idle" else 0.0
        return Totals(
            day * self._day_m + metres,
            day * self._day_engine_s + engine_s,
            day * idle_day_s + idle_s,
            day * self._day_fuel_ml + fuel_ml,
        )

    def odometer_m(self, at: datetime) -> int:
        """Return the odometer as its readings show it, whole metres."""
        return self._odometer_m + round(self.totals(at).metres)

    def road_m(self, at: datetime) -> float:
        """Return how far along the truck's road, to and fro, the positions show it."""
        day = self.day_of(at)
        if day < 0:
            return self._offset_m
        shift = self.shift(day)
        if at >= shift.ends_at:
            return self._offset_m + (day + 1) * self._day_m
        index, second = divmod((at - shift.starts_at).total_seconds(), BLOCK_S)
        block, part = shift.blocks[int(index)], second / BLOCK_S
        share = part - 0.25 * math.sin(math.tau * part) / math.tau
        return self._offset_m + day * self._day_m + block.metres + share * block.kmh / 3.6 * BLOCK_S

    def spot(self, at: datetime) -> tuple[Spot, float]:
        """Return where the truck is, and its heading; without a shift the road's beginning."""
        latitude, longitude, heading, address = self.road.at(self.road_m(at))
        return Spot(latitude, longitude, address), heading

    def mileage(self, start: datetime, end: datetime) -> dict[str, float]:
        """Return the metres driven in each state; together what the odometer rose by."""
        begins, ends = self.totals(start).metres, self.totals(end).metres
        return self.road.states(self._offset_m + begins, self._offset_m + ends)

    def _shift(self, day: int) -> Shift:
        rng = random.Random(f"shift/{self._name}/{day}")  # noqa: S311  Scenery, not secrets.
        starts_at = FIRST_DAY + day * DAY + self._starts + timedelta(minutes=rng.randrange(60))
        kinds: list[tuple[State, float]] = [("on", kmh * self._pace) for kmh in _MOVING_KMH]
        kinds += [("idle", 0.0)] * _IDLE_BLOCKS
        rng.shuffle(kinds)
        lunch = rng.randrange(20, 28)
        kinds[lunch:lunch] = [("off", 0.0)] * _BREAK_BLOCKS
        blocks: list[Block] = []
        metres, engine_s, fuel_ml = 0.0, 0, 0.0
        for i, (state, kmh) in enumerate(kinds):
            begins = starts_at + timedelta(seconds=i * BLOCK_S)
            blocks.append(Block(begins, state, kmh, metres, engine_s, fuel_ml))
            metres += kmh / 3.6 * BLOCK_S
            engine_s += 0 if state == "off" else BLOCK_S
            fuel_ml += kmh / 3.6 * BLOCK_S * _ML_PER_M + (_IDLE_ML if state == "idle" else 0)
        outage = None
        if (
            rng.random() < 0.2 and self._outages
        ):  # One day in five there is a valley without a mast.
            lost = starts_at + timedelta(minutes=rng.randrange(30, 420))
            outage = (lost, lost + timedelta(minutes=20))
        return Shift(starts_at, tuple(blocks), outage)

    def _draw(self, block: Block, base_m: float) -> list[Fix]:
        at, begins, driven = self.road.at, block.starts_at, base_m + block.metres
        if block.state != "on":
            lat, lon, _, place = at(driven)
            rests = range(0, _STEPS, _REST_FIX_S // _FIX_S)
            # Vendors send heading 0 at rest; it says nothing about north.
            return [Fix(begins + _TICKS[k], lat, lon, 0.0, 0.0, place) for k in rests]
        length, kmh = block.kmh / 3.6 * BLOCK_S, block.kmh
        found: list[Fix] = []
        for tick, share, swing in zip(_TICKS, _SHARE, _SWING, strict=True):
            lat, lon, heading, place = at(driven + length * share)
            found.append(Fix(begins + tick, lat, lon, heading, round(kmh * swing, 2), place))
        return found

    def _parked(
        self, since: datetime, until: datetime, driven_m: float, start: datetime, end: datetime
    ) -> list[Fix]:
        lat, lon, _, place = self.road.at(driven_m)
        beat = timedelta(seconds=_REST_FIX_S)
        first = max(0, -((since - start) // beat)) if start > since else 0
        found: list[Fix] = []
        at = since + first * beat
        while at < min(until, end):
            if at >= start:
                found.append(Fix(at, lat, lon, 0.0, 0.0, place))
            at += beat
        return found

    def _states(self, shift: Shift) -> list[StatReading]:
        found: list[StatReading] = []
        before: State = "off"
        for block in shift.blocks:
            if block.state != before:
                found.append(_state(block.starts_at, block.state))
                before = block.state
        if before != "off":
            found.append(_state(shift.ends_at, "off"))
        return found

    def _sample(self, type_: StatType, day: int, shift: Shift) -> list[StatReading]:
        beat = CADENCE_S[type_]
        return [
            StatReading(
                type_,
                block.starts_at + timedelta(seconds=second),
                self._value(type_, day, block, second),
            )
            for block in shift.blocks
            if block.state != "off"
            for second in range(0, BLOCK_S, beat)
        ]

    def _value(self, type_: StatType, day: int, block: Block, second: int) -> float:
        """Return the reading so many seconds into a block, in whole steps of a vehicle bus's units."""
        part = second / BLOCK_S
        engine_s = block.engine_s + second
        if type_ == "odometer":
            driven = day * self._day_m + block.metres + part * block.kmh / 3.6 * BLOCK_S
            return units.km_from_metres(self._odometer_m + round(driven))
        if type_ == "engine_runtime":
            total = self._engine_s + day * self._day_engine_s + engine_s
            return float(units.ms_from_seconds(total))
        if type_ in ("total_fuel_consumption", "fuel_level"):
            burnt = self._fuel_ml + day * self._day_fuel_ml + block.fuel_ml
            burnt += part * (block.kmh / 3.6 * BLOCK_S * _ML_PER_M if block.kmh else _IDLE_ML)
            if type_ == "fuel_level":
                return float(round(95 - 80 * (burnt % _TANK_ML) / _TANK_ML))
            return units.litres_from_millilitres(10 * round(burnt / 10))
        warm = min(1.0, engine_s / 900)  # the engine is warm after a quarter of an hour
        rpm = round(900 + 6.5 * block.kmh + 40 * math.sin(engine_s / 37)) if block.kmh else 650
        if type_ == "engine_rpm":
            return float(rpm)
        if type_ == "engine_coolant_temperature":
            return units.celsius_from_millicelsius(10 * round(1_800 + 7_000 * warm))
        if type_ == "engine_oil_pressure":
            return units.psi_from_kpa(round(520 - 120 * warm - (1_600 - rpm) / 10))
        return units.volts_from_millivolts(10 * round(1_390 + 12 * math.sin(engine_s / 611)))


def _state(at: datetime, state: State) -> StatReading:
    return StatReading("engine_state", at, float(ENGINE_STATES.index(state)))
