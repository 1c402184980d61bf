"""Trips, usage and miles by state all tell of the same driving."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from milepost.kit.world import World
from milepost.sandbox.corridors import CORRIDORS, Road, metres_between
from milepost.sandbox.tracks import TrackWorld
from milepost.sandbox.world import SyntheticWorld

NOW = datetime(2026, 3, 4, 18, 30, 0, 250_000, tzinfo=UTC)
WEEK = NOW - timedelta(days=7)


def test_trips_do_not_overlap_and_sum_to_the_odometer(world: World) -> None:
    # At rest at both ends, so that no trip is cut by the window.
    start, end = (datetime(2026, 3, day, 8, tzinfo=UTC) for day in (1, 4))
    for vehicle in world.vehicles:
        trips = world.trips(vehicle.id, start, end, NOW)
        usage = world.usage(vehicle.id, start, end)

        assert all(a.ends_at <= b.starts_at for a, b in itertools.pairwise(trips))
        assert all(t.starts_at < t.ends_at for t in trips)
        if usage is not None:
            assert sum(trip.metres for trip in trips) == pytest.approx(usage.metres, abs=len(trips))
            assert usage.metres > 1_000_000
        else:
            assert trips == []


def test_a_trip_begins_and_ends_where_the_positions_say(world: World) -> None:
    vehicle = world.vehicles[2].id
    for trip in world.trips(vehicle, WEEK, NOW, NOW):
        beat = timedelta(seconds=10)
        for at, spot in ((trip.starts_at, trip.origin), (trip.ends_at, trip.destination)):
            near = world.fixes(vehicle, at - beat, at + beat)
            assert (
                min(
                    metres_between(f.latitude, f.longitude, spot.latitude, spot.longitude)
                    for f in near
                )
                < 400
            )


def test_a_trip_is_cut_at_the_border(world: World) -> None:
    trips = world.trips(world.vehicles[2].id, WEEK, NOW, NOW)

    cut = [b for a, b in itertools.pairwise(trips) if a.ends_at == b.starts_at]
    assert len(cut) > 3
    assert any(trip.origin.latitude == pytest.approx(38.79, abs=0.001) for trip in cut)


def test_a_trip_shows_when_it_is_over_and_its_end_has_come_in(world: World) -> None:
    vehicle = world.vehicles[0].id
    trip = world.trips(vehicle, WEEK, NOW, NOW)[0]
    almost = trip.ends_at - timedelta(milliseconds=1)
    assert trip not in world.trips(vehicle, WEEK, NOW, almost)
    assert trip in world.trips(vehicle, WEEK, NOW, NOW)

    late = 0
    for card in world.vehicles:
        for trip in world.trips(card.id, NOW - timedelta(days=60), NOW, NOW):
            held = world.held(card.id, trip.starts_at, trip.ends_at, trip.ends_at)
            if held and held[-1][1] < trip.ends_at:
                late += 1
                assert trip not in world.trips(
                    card.id, WEEK - timedelta(days=60), NOW, trip.ends_at
                )
    assert late > 0


def test_most_trips_know_their_driver_and_it_is_the_assigned_one(world: World) -> None:
    seats = world.assignments(WEEK, NOW)
    trips = [t for v in world.vehicles for t in world.trips(v.id, WEEK, NOW, NOW)]

    unsigned = [trip for trip in trips if trip.driver_id is None]
    assert 0.02 < len(unsigned) / len(trips) < 0.25
    for trip in trips:
        drivers = {
            a.driver_id
            for a in seats
            if a.vehicle_id == trip.vehicle_id and a.starts_at <= trip.starts_at and not a.passenger
            if a.ends_at and a.ends_at >= trip.ends_at
        }
        assert trip.driver_id is None or trip.driver_id in drivers


def test_days_of_use_add_up_to_the_counters_of_the_truck(world: World) -> None:
    vehicle = world.vehicles[0].id
    days = [
        world.usage(vehicle, NOW - timedelta(days=k + 1), NOW - timedelta(days=k)) for k in range(5)
    ]
    whole = world.usage(vehicle, NOW - timedelta(days=5), NOW)
    odometer = world.readings(vehicle, "odometer", NOW - timedelta(days=5), NOW)

    assert whole is not None
    assert sum(day.metres for day in days if day) == whole.metres
    assert whole.metres / 1000 == pytest.approx(odometer[-1].value - odometer[0].value, abs=12)
    assert whole.idling_ms is not None
    assert 0 < whole.idling_ms < whole.running_ms
    assert whole.fuel_ml is not None
    assert 0.3 < whole.fuel_ml / whole.metres < 0.4


def test_a_gateway_without_engine_bus_knows_no_fuel(world: World) -> None:
    silent = next(v for v in world.vehicles if v.gateway_serial and not v.diagnostics)
    usage = world.usage(silent.id, WEEK, NOW)

    assert usage is not None
    assert (usage.fuel_ml, usage.metres > 0) == (None, True)
    assert {t.fuel_ml for t in world.trips(silent.id, WEEK, NOW, NOW)} == {None}
    assert {t.odometer_m for t in world.trips(silent.id, WEEK, NOW, NOW)} == {None}


def test_miles_by_state_sum_to_the_odometer_to_the_metre() -> None:
    world = SyntheticWorld(seed=11, vehicles=10)
    start, end = datetime(2026, 2, 1, 6, tzinfo=UTC), datetime(2026, 3, 1, 6, tzinfo=UTC)
    crossed = 0
    for vehicle in world.vehicles:
        usage, states = world.usage(vehicle.id, start, end), world.mileage(vehicle.id, start, end)
        assert sum(states.values()) == (usage.metres if usage else 0)
        crossed += len(states) > 1
    assert crossed >= 7


def test_a_road_knows_its_states_in_both_directions() -> None:
    road = Road(2, 7)
    there, back = road.states(0, road.length_m), road.states(road.length_m, 2 * road.length_m)

    assert list(there) == ["VA", "MD", "DE", "PA", "NJ", "NY", "CT"]
    assert there == pytest.approx(back)
    assert sum(road.states(1e6, 9e6).values()) == pytest.approx(8e6)
    assert len(road.borders(0, 4 * road.length_m)) == 4 * 6
    assert [Road(number, 7).borders(0, 1.0) for number in range(CORRIDORS)] == [[]] * CORRIDORS


GPX = """<gpx version="1.1"><trk><trkseg>{points}</trkseg></trk></gpx>"""


def test_a_trace_makes_trips_where_it_moves_and_stands_five_minutes(tmp_path: Path) -> None:
    # Minutes and latitudes: moves, stands three minutes, moves, stands six, moves.
    path = [(0, 0.0), (1, 0.01), (2, 0.02), (5, 0.02), (6, 0.03), (12, 0.03), (13, 0.04)]
    points = "".join(
        f'<trkpt lat="{45 + lat}" lon="-122"><time>2015-03-25T10:{minute:02d}:00Z</time></trkpt>'
        for minute, lat in path
    )
    (tmp_path / "van.gpx").write_text(GPX.format(points=points))
    world = TrackWorld(tmp_path, NOW)
    van = world.vehicles[0].id
    start = NOW.replace(microsecond=0)

    trips = world.trips(van, WEEK, NOW, NOW)

    spans = [(start - t.ends_at, start - t.starts_at) for t in trips]
    minutes = [tuple(int(x.total_seconds()) // 60 for x in reversed(span)) for span in spans]
    assert minutes == [(13, 7), (1, 0)]
    usage = world.usage(van, WEEK, NOW)
    assert usage is not None
    assert sum(t.metres for t in trips) == pytest.approx(usage.metres, abs=2)
    assert usage.metres == pytest.approx(4 * 1112, abs=5)
    assert (usage.idling_ms, usage.fuel_ml) == (None, None)
    half = world.usage(van, start - timedelta(seconds=30), start)
    assert half is not None
    assert half.metres == pytest.approx(556, abs=2)


def test_nothing_is_made_up_for_a_trace(shared: Path) -> None:
    world = TrackWorld(shared / "data" / "tracks", NOW)
    van, driver = world.vehicles[0].id, world.drivers[0].id

    assert (
        sum(len(world.trips(v.id, NOW - timedelta(days=2), NOW, NOW)) for v in world.vehicles) > 200
    )
    assert world.mileage(van, WEEK, NOW) == {}
    assert (world.duty(driver, WEEK, NOW, NOW), world.hours_left(driver, NOW)) == ([], None)
    assert (world.incidents(WEEK, NOW, NOW), world.faults(van, WEEK, NOW)) == ([], [])
    assert (world.trailers, world.edits(WEEK, NOW)) == ([], [])
