"""World → simulated Motive → connector → the same world: what happens in time, and what is so now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import UNSET, UnsetType
from tests.sandbox.motive_told import NOW, START, Told, at, given, name

from milepost.models.hos import HOSStatus
from milepost.models.safety import CameraMediaFile


async def test_duty_statuses_come_back_whole_when_midnights_are_joined(told: Told) -> None:
    found = await told.records("hos_logs")

    back = [
        (
            log.driver,
            log.status,
            log.started_at,
            given(log.ended_at),
            [r.notes for r in log.remarks],
        )
        for log in sorted(found, key=lambda log: (log.driver, log.started_at))
    ]
    assert len({log.source_id for log in found}) == len(found)
    expected = []
    for driver in sorted(told.world.drivers, key=lambda card: name("driver", card.id)):
        zone = ZoneInfo(driver.timezone)
        for log in told.world.duty(driver.id, START, NOW, NOW):
            for begins, ends in days_of(log.starts_at, log.ends_at, zone):
                if begins.replace(microsecond=0) >= START:
                    notes = [log.remark] if log.remark else []
                    expected.append(
                        (
                            name("driver", driver.id), log.status, at(begins),
                            ends and at(ends), notes,
                        )
                    )  # fmt: skip
    assert back == expected
    assert {"driving", "on_duty", "off_duty", "sleeper_bed", "yard_move"} <= {b[1] for b in back}


def days_of(
    starts_at: datetime, ends_at: datetime | None, zone: ZoneInfo
) -> list[tuple[datetime, datetime | None]]:
    """Cut a status at its driver's midnights; it lasts until now where it has no end."""
    found: list[tuple[datetime, datetime | None]] = []
    begins = starts_at
    while begins < (ends_at or NOW):
        local = begins.astimezone(zone)
        midnight = datetime(local.year, local.month, local.day, tzinfo=zone) + timedelta(days=1)
        if ends_at is None and midnight > NOW:
            found.append((begins, None))
            break
        found.append((begins, min(midnight.astimezone(UTC), ends_at or NOW)))
        begins = midnight.astimezone(UTC)
    return found


async def test_a_drivers_day_comes_back_also_when_clocks_change(told: Told) -> None:
    found = {(log.driver, log.date): log for log in await told.records("hos_daily_logs")}

    lengths = set()
    for driver in told.world.drivers:
        for ahead in range(4):
            day = START.date() + timedelta(days=ahead)
            true = told.world.duty_day(driver.id, day, NOW)
            assert true is not None
            back = found[name("driver", driver.id), day.isoformat()]
            spent = back.status_durations
            counted = true.durations_ms
            # Each stretch is cut to its seconds.
            slack = 1_000 * (1 + len(told.world.duty(driver.id, true.starts_at, true.ends_at, NOW)))
            shown: dict[HOSStatus, int | UnsetType] = {
                "off_duty": spent.off_duty, "on_duty": spent.on_duty, "driving": spent.driving,
                "sleeper_bed": spent.sleeper_bed,
                "personal_conveyance": spent.personal_conveyance, "yard_move": spent.yard_move,
            }  # fmt: skip
            durations = {status: ms for status, ms in shown.items() if ms is not UNSET}
            for status in shown:
                assert durations.get(status, 0) == pytest.approx(counted.get(status, 0), abs=slack)
            assert back.distances.total == pytest.approx(sum(true.metres.values()) / 1000, abs=0.81)
            lengths.add(sum(durations.values()))
    assert lengths == {23 * 3_600_000, 24 * 3_600_000}


async def test_hours_left_come_back_of_those_who_work(told: Told) -> None:
    found = {left.driver: left for left, _ in await told.connector.available_times()}

    working = [driver for driver in told.world.drivers if driver.active]
    assert found.keys() == {name("driver", driver.id) for driver in working}
    for driver in working:
        true = told.world.hours_left(driver.id, NOW)
        back = found[name("driver", driver.id)].available_time
        assert true is not None
        left: list[Any] = [back.drive, back.shift, back.cycle, back.break_]
        assert left == pytest.approx(
            [true.drive_ms, true.shift_ms, true.cycle_ms, true.break_ms], abs=1_000
        )


async def test_trips_come_back_once_they_are_over(told: Told) -> None:
    found = await told.records("trips")

    back = {(t.vehicle, t.started_at): (t.ended_at, given(t.driver), t.duration) for t in found}
    true = {
        (name("vehicle", vehicle.id), at(trip.starts_at)): trip
        for vehicle in told.world.vehicles
        for trip in told.world.trips(vehicle.id, START, NOW, NOW)
        if trip.starts_at.replace(microsecond=0) >= START
    }
    assert back.keys() == true.keys()
    for key, trip in true.items():
        lasted = round((trip.ends_at - trip.starts_at) / timedelta(milliseconds=1))
        assert back[key] == (at(trip.ends_at), name("driver", trip.driver_id), lasted)
    distances = {(t.vehicle, t.started_at): t.distance for t in found}
    assert distances == {
        key: pytest.approx(trip.metres / 1000, abs=0.002) for key, trip in true.items()
    }
    assert len(back) > 100


KINDS = {"rolling_stop": "stop_sign_violation"}


async def test_safety_events_come_back_but_those_without_a_name(told: Told) -> None:
    start = NOW - timedelta(days=20)
    found = await told.records("safety_events", start)

    true = [
        incident
        for incident in told.world.incidents(start, NOW, NOW)
        if incident.kind not in ("other", "false_alarm")
        and incident.starts_at.replace(microsecond=0) >= start
    ]
    assert sorted(
        (e.vehicle, e.type, e.started_at, given(e.driver), e.start_location.latitude) for e in found
    ) == sorted(
        (
            name("vehicle", i.vehicle_id), KINDS.get(i.kind, i.kind), at(i.starts_at),
            name("driver", i.driver_id), i.spot.latitude,
        )
        for i in true
    )  # fmt: skip
    speeding = {e.started_at: e.stats for e in found if e.type == "speeding"}
    for incident in true:
        if incident.kind == "speeding":
            stats = speeding[at(incident.starts_at)]
            assert stats.maximum_speed == pytest.approx(incident.fastest_kmh, abs=0.01)
            assert stats.road_speed_limit == incident.limit_kmh


async def test_footage_has_fresh_addresses_where_there_is_any(told: Told) -> None:
    events = await told.records("safety_events")
    filmed = next(
        e for e in events if given(e.camera_media) and e.camera_media.front_facing.available
    )
    speeding = next(e for e in events if e.type == "speeding")

    media = await told.connector.camera_media(filmed.source_id)

    assert media is not None
    assert isinstance(media[0].front_facing, CameraMediaFile)
    assert media[0].front_facing.video_url.startswith("https://media.example/")
    assert await told.connector.camera_media(speeding.source_id) is None


async def test_faults_come_back_with_their_networks_apart(told: Told) -> None:
    found = await told.records("fault_codes", NOW - timedelta(days=60))

    assert {fault.protocol for fault in found} == {"j1939", "obdii"}
    assert {fault.status for fault in found} >= {"open", "closed"}
    begins = NOW - timedelta(days=60)
    seen = 0
    for vehicle in told.world.vehicles:
        readings = [
            reading
            for window in told.world.held(vehicle.id, begins, NOW, NOW)
            for reading in told.world.faults(vehicle.id, *window)
        ]
        now_active = readings[-1].codes if readings else ()
        back = [f for f in found if f.vehicle == name("vehicle", vehicle.id)]
        active = {f"SPN{c.spn}-FMI{c.fmi}" if c.spn else c.dtc: c for c in now_active}
        assert {f.code for f in back if f.status != "closed"} == active.keys()
        assert {f.code for f in back if f.status == "pending"} == {
            code for code, c in active.items() if c.status == "pending"
        }
        for fault in back:
            first = [r for r in readings if at(r.at) == fault.observed_at]
            assert any(c.spn == (fault.j1939.spn if fault.j1939 else 0) for c in first[0].codes)
            seen += 1
    assert seen > 10


async def test_a_vehicles_day_is_the_companys_day(told: Told) -> None:
    found = {(day.vehicle, day.date): day for day in await told.records("utilization_days")}

    zone = ZoneInfo(told.world.fleet.timezone)
    days = sorted({date for _, date in found})
    assert days == ["2026-03-06", "2026-03-07", "2026-03-08", "2026-03-09"]
    for vehicle in told.world.vehicles:
        for date in days:
            begins = datetime.fromisoformat(date).replace(tzinfo=zone)
            ends = (datetime.fromisoformat(date) + timedelta(days=1)).replace(tzinfo=zone)
            true = told.world.usage(vehicle.id, begins.astimezone(UTC), ends.astimezone(UTC))
            back = found.get((name("vehicle", vehicle.id), date))
            if true is None:
                assert back is None
                continue
            assert back is not None
            assert back.distance == pytest.approx(true.metres / 1000, abs=0.001)
            fuel = given(back.fuel_consumed)
            assert fuel == (
                None if true.fuel_ml is None else pytest.approx(true.fuel_ml / 1000, abs=0.005)
            )
            assert back.durations.idling == pytest.approx(true.idling_ms, abs=1)
            assert back.durations.driving == pytest.approx(
                true.running_ms - (true.idling_ms or 0), abs=1
            )


async def test_miles_of_a_month_come_back_by_state(told: Told) -> None:
    found = await told.records("ifta_months", NOW - timedelta(days=30))

    zone = ZoneInfo(told.world.fleet.timezone)
    february = datetime(2026, 2, 1, tzinfo=zone).astimezone(UTC)
    march = datetime(2026, 3, 1, tzinfo=zone).astimezone(UTC)
    back = {(m.vehicle, m.month, m.jurisdiction): m.distance for m in found}
    true = {
        (name("vehicle", vehicle.id), month, state): pytest.approx(metres / 1000, abs=0.001)
        for vehicle in told.world.vehicles
        for month, begins, ends in (("2026-02", february, march), ("2026-03", march, NOW))
        for state, metres in told.world.mileage(vehicle.id, begins, ends).items()
    }
    assert back == true


async def test_where_everything_is_now_comes_back(told: Told) -> None:
    vehicles = {each.vehicle: each for each, _ in await told.connector.latest_locations()}
    trailers = {each.trailer: each for each, _ in await told.connector.trailer_locations()}

    for vehicle in told.world.vehicles:
        fix = told.world.latest_fix(vehicle.id, NOW)
        back = vehicles.get(name("vehicle", vehicle.id))
        assert (fix is None) == (back is None)
        if fix and back:
            assert (back.located_at, back.location.latitude, given(back.speed)) == (
                at(fix.located_at), fix.latitude, fix.speed,
            )  # fmt: skip
    assert trailers.keys() == {
        name("trailer", t.id) for t in told.world.trailers if told.world.trailer_fix(t.id, NOW)
    }
