"""The synthetic fleet is a pure, plausible function of time."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from milepost.kit.world import World
from milepost.models.stats import StatType
from milepost.sandbox.corridors import metres_between
from milepost.sandbox.world import SyntheticWorld

END = datetime(2026, 3, 8, 6, 0, tzinfo=UTC)
START = END - timedelta(days=3)
KINDS: list[StatType] = [
    "engine_state", "odometer", "total_fuel_consumption", "fuel_level", "engine_runtime",
    "engine_oil_pressure", "engine_coolant_temperature", "engine_rpm", "battery_voltage",
]  # fmt: skip


def test_the_same_seed_gives_the_same_trucks_and_the_same_miles(world: World) -> None:
    again = SyntheticWorld(seed=7)

    assert list(again.vehicles) == list(world.vehicles)
    assert list(again.drivers) == list(world.drivers)
    for vehicle in world.vehicles:
        assert again.fixes(vehicle.id, START, END) == world.fixes(vehicle.id, START, END)


def test_another_seed_gives_other_miles(world: World) -> None:
    other = SyntheticWorld(seed=8)

    assert not {v.vin for v in other.vehicles if v.vin} & {v.vin for v in world.vehicles}
    fixes = other.fixes(other.vehicles[0].id, START, END)
    assert fixes != world.fixes(world.vehicles[0].id, START, END)


def test_windows_are_half_open_and_may_be_cut_anywhere(world: World) -> None:
    vehicle = world.vehicles[0].id
    whole = world.fixes(vehicle, START, END)
    rng = random.Random(1)
    cuts = sorted(rng.choice(whole).located_at for _ in range(20))

    pieces = [
        fix
        for a, b in itertools.pairwise([START, *cuts, END])
        for fix in world.fixes(vehicle, a, b)
    ]

    assert pieces == whole


@pytest.mark.parametrize("kind", KINDS)
def test_readings_may_be_cut_anywhere_too(world: World, kind: StatType) -> None:
    vehicle = world.vehicles[0].id
    whole = world.readings(vehicle, kind, START, END)
    middle = whole[len(whole) // 2].at

    halves = [
        *world.readings(vehicle, kind, START, middle),
        *world.readings(vehicle, kind, middle, END),
    ]

    assert halves == whole
    assert all(a.at < b.at for a, b in itertools.pairwise(whole))


@pytest.mark.parametrize("kind", ["odometer", "engine_runtime", "total_fuel_consumption"])
def test_counters_never_fall_across_days(world: World, kind: StatType) -> None:
    readings = world.readings(world.vehicles[0].id, kind, START, END)

    assert len(readings) > 200
    assert all(a.value <= b.value for a, b in itertools.pairwise(readings))


def test_a_truck_moves_as_fast_as_it_says(world: World) -> None:
    fixes = world.fixes(world.vehicles[0].id, START, END)

    assert all(a.located_at < b.located_at for a, b in itertools.pairwise(fixes))
    off: list[float] = []
    for a, b in itertools.pairwise(fixes):
        hours = (b.located_at - a.located_at).total_seconds() / 3600
        km = metres_between(a.latitude, a.longitude, b.latitude, b.longitude) / 1000
        assert km / hours < 140
        if hours < 0.003 and a.speed:
            off.append(abs(km / hours - a.speed))
    assert len(off) > 5000
    assert sorted(off)[int(len(off) * 0.98)] < 3  # Straight lines cut the corners of the rest.


def test_the_odometer_and_the_positions_tell_of_the_same_day(world: World) -> None:
    vehicle = world.vehicles[0].id
    fixes = world.fixes(vehicle, START, END)
    odometer = world.readings(vehicle, "odometer", START, END)

    driven = sum(
        metres_between(a.latitude, a.longitude, b.latitude, b.longitude)
        for a, b in itertools.pairwise(fixes)
    )

    assert driven / 1000 == pytest.approx(odometer[-1].value - odometer[0].value, rel=0.03)


def test_trucks_report_every_ten_seconds_moving_and_every_five_minutes_at_rest(
    world: World,
) -> None:
    fixes = world.fixes(world.vehicles[0].id, START, END)
    gaps = {
        round((b.located_at - a.located_at).total_seconds())
        for a, b in itertools.pairwise(fixes)
        if a.speed == b.speed == 0
    }

    assert 300 in gaps
    assert max(gaps) == 300
    moving = [f for f in fixes if f.speed]
    assert 3 * 2300 < len(moving) < 3 * 2900


def test_a_unit_without_gateway_is_listed_but_silent(world: World) -> None:
    silent = [vehicle for vehicle in world.vehicles if vehicle.gateway_serial is None]

    assert len(silent) == 1
    assert world.fixes(silent[0].id, START, END) == []
    assert world.latest_fix(silent[0].id, END) is None
    assert world.readings(silent[0].id, "odometer", START, END) == []


def test_the_fleet_has_groups_in_groups_and_drivers_who_left(world: World) -> None:
    assert len(world.groups) == 4
    assert {group.parent_id for group in world.groups} == {None, "4810"}
    assert len(world.drivers) == 12
    assert any(not driver.active for driver in world.drivers)


def test_what_a_valley_held_back_arrives_at_its_end_and_exactly_once(world: World) -> None:
    start = END - timedelta(days=15)
    rng = random.Random(2)
    asks = [start, *sorted(start + rng.random() * (END - start) for _ in range(400)), END]

    late = 0
    for vehicle in world.vehicles:
        arrived = []
        for since, until in itertools.pairwise(asks):
            windows = world.came_in(vehicle.id, since, until)
            late += len(windows) > 1 or any(begins < since for begins, _ in windows)
            arrived += [fix for window in windows for fix in world.fixes(vehicle.id, *window)]
        held_before = {
            fix.located_at
            for window in world.held(vehicle.id, start - timedelta(days=2), start, start)
            for fix in world.fixes(vehicle.id, *window)
        }
        at = END - timedelta(milliseconds=1)
        expected = {
            fix.located_at
            for window in world.held(vehicle.id, start - timedelta(days=2), END, at)
            for fix in world.fixes(vehicle.id, *window)
        } - held_before

        assert len(arrived) == len({fix.located_at for fix in arrived})
        assert {fix.located_at for fix in arrived} >= {t for t in expected if t != start}
        assert {fix.located_at for fix in arrived} <= expected | {start}
    assert late > 1


def test_what_is_recorded_in_a_silence_came_in_at_its_end(world: World) -> None:
    silences = [
        (vehicle.id, lost, found)
        for vehicle in world.vehicles
        for lost, found in world.silences(vehicle.id, END - timedelta(days=9), END)
    ]

    assert silences
    for vehicle_id, lost, found in silences:
        during = found - timedelta(milliseconds=1)
        assert world.held(vehicle_id, lost, found, during) == []
        assert world.held(vehicle_id, lost, found, found) == [(lost, found)]


def test_the_latest_position_is_the_last_of_the_history(world: World) -> None:
    for vehicle in world.vehicles[:5]:
        for hours in range(0, 24, 3):
            at = END - timedelta(hours=hours)
            held = world.held(vehicle.id, at - timedelta(days=1), END, at)
            known = [fix for window in held for fix in world.fixes(vehicle.id, *window)]

            assert world.latest_fix(vehicle.id, at) == known[-1]


def test_drivers_sit_in_one_vehicle_at_a_time(world: World) -> None:
    found = world.assignments(START, END)

    assert found
    assert any(assignment.passenger for assignment in found)
    by_driver: dict[str, list[tuple[datetime, datetime]]] = {}
    for a in found:
        assert a.ends_at is not None
        assert a.starts_at < END
        assert a.ends_at > START
        if not a.passenger:
            by_driver.setdefault(a.driver_id, []).append((a.starts_at, a.ends_at))
    for spans in by_driver.values():
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(sorted(spans)))
