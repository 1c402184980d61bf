"""What the world holds comes back through Geotab's dialect, less what the dialect cannot carry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from tests.sandbox.geotab_account import NOW, START, Account, account, geotab

from milepost import clock
from milepost.kit.contract import Page
from milepost.kit.days import midnight
from milepost.kit.world import DutyLog, Incident, TrailerCard, VehicleCard
from milepost.models.hos import HOSLog
from milepost.models.location import Fix
from milepost.models.stats import ENGINE_STATES, STAT_TYPES, StatReading

PAGES = pytest.mark.parametrize("page", [7, 900, None])


@PAGES
async def test_entities_come_back_as_they_were(page: int | None) -> None:
    async with account(page_records=page) as at:
        vehicles = {v.source_id: v for v in await at.records("vehicles", "listing")}
        drivers = {d.source_id: d for d in await at.records("drivers", "listing")}
        trailers = {t.source_id: t for t in await at.records("trailers", "listing")}
        devices = {d.source_id: d for d in await at.records("devices", "listing")}
        groups = {g.source_id: g for g in await at.records("groups", "listing")}

    world = at.world
    assert vehicles.keys() == {geotab(card.id) for card in world.vehicles}
    for card in world.vehicles:
        got = vehicles[geotab(card.id)]
        assert (got.name, got.vin or None, got.make or None, got.model or None, got.year or None) == (
            card.name, card.vin, card.make, card.model, card.year,
        )  # fmt: skip
        assert got.groups == [f"group:{geotab(g)}" for g in card.group_ids]
        assert got.created_at == clock.iso(card.created_at)
    assert drivers.keys() == {geotab(card.id) for card in world.drivers}
    for person in world.drivers:
        found = drivers[geotab(person.id)]
        assert f"{found.first_name} {found.last_name}" == person.name
        assert (found.status == "active") == person.active
        assert (found.phone or None) == person.phone
        assert found.username == person.username
    assert {(geotab(t.id), t.name, t.vin) for t in world.trailers} == {
        (t.source_id, t.name, t.vin or None) for t in trailers.values()
    }
    units: list[VehicleCard | TrailerCard] = [*world.vehicles, *world.trailers]
    assert {geotab(unit.id): unit.gateway_serial for unit in units if unit.gateway_serial} == {
        device.source_id: device.serial_number for device in devices.values()
    }
    parents = {g.id: g.parent_id for g in world.groups}
    assert groups.pop("GroupCompanyId").name == "Company Group"
    assert {geotab(id_) for id_ in parents} == groups.keys()
    for id_, parent in parents.items():
        assert (
            groups[geotab(id_)].parent == f"group:{geotab(parent) if parent else 'GroupCompanyId'}"
        )


@pytest.mark.parametrize("page", [1_700, None])
async def test_positions_come_back_as_they_were_with_who_drove(page: int | None) -> None:
    async with account(page_readings=page) as at:
        pages = await at.read("locations")

    got: dict[str, list[Fix]] = defaultdict(list)
    for cut in (cut for page_ in pages for cut in page_.cuts):
        got[cut.subject or ""] += [r for r in cut.records if isinstance(r, Fix)]
    seats = [seat for seat in at.world.assignments(START, NOW) if not seat.passenger]
    for vehicle in at.world.vehicles:
        held = at.world.held(vehicle.id, START, NOW, NOW)
        true = [fix for window in held for fix in at.world.fixes(vehicle.id, *window)]
        back = sorted(got[geotab(vehicle.id)], key=lambda fix: fix.located_at)
        # The dialect tells neither heading nor address, and positions have ids of their own.
        assert [(f.located_at, f.latitude, f.longitude, f.speed) for f in back] == [
            (f.located_at, f.latitude, f.longitude, f.speed) for f in true
        ]
        assert len({f.source_id for f in back}) == len(back)
        own = [seat for seat in seats if seat.vehicle_id == vehicle.id]
        for fix in back[::50]:
            driver = next(
                (geotab(s.driver_id) for s in own if s.starts_at <= fix.located_at < (s.ends_at or NOW)),
                None,
            )  # fmt: skip
            assert fix.driver == driver
    assert sum(map(len, got.values())) > 40_000


@pytest.mark.parametrize("page", [1_700, None])
async def test_readings_come_back_as_they_were(page: int | None) -> None:
    async with account(page_readings=page) as at:
        pages = await at.read("stats")

    got: dict[tuple[str, str], list[tuple[datetime, float]]] = defaultdict(list)
    for cut in (cut for page_ in pages for cut in page_.cuts):
        for record in cut.records:
            assert isinstance(record, StatReading)
            got[cut.subject or "", record.type].append((record.at, record.value))
    for vehicle in at.world.vehicles:
        for kind in STAT_TYPES:
            held = at.world.held(vehicle.id, START, NOW, NOW)
            true = [(r.at, r.value) for w in held for r in at.world.readings(vehicle.id, kind, *w)]
            if kind == "engine_state":
                true = turns_of_the_ignition(at, vehicle.id, true)
            elif not vehicle.diagnostics:
                true = []  # Without the engine's bus the dialect has the ignition only.
            back = sorted(got[geotab(vehicle.id), kind])
            assert [moment for moment, _ in back] == [moment for moment, _ in true]
            assert [value for _, value in back] == pytest.approx([v for _, v in true], abs=0.011)
    assert sum(map(len, got.values())) > 20_000


def turns_of_the_ignition(
    at: Account, vehicle: str, true: list[tuple[datetime, float]]
) -> list[tuple[datetime, float]]:
    """Of states, what an ignition tells: running at rest is on."""
    on, off = (float(ENGINE_STATES.index(state)) for state in ("on", "off"))
    earlier = at.world.readings(vehicle, "engine_state", START - timedelta(days=2), START)
    before = off if not earlier or earlier[-1].value == off else on
    found = []
    for moment, value in true:
        plain = off if value == off else on
        if plain != before:
            found.append((moment, plain))
        before = plain
    return found


async def test_duty_statuses_come_back_as_they_were() -> None:
    async with account() as at:
        got = {log.source_id: log for log in await at.records("hos_logs")}

    true = [
        log
        for driver in at.world.drivers
        for log in joined(at.world.duty(driver.id, START - timedelta(days=9), NOW, NOW))
        if START <= log.starts_at < NOW
    ]
    assert {f"{geotab(log.driver_id)}:{clock.iso(log.starts_at)}" for log in true} == got.keys()
    for log in true:
        back = got[f"{geotab(log.driver_id)}:{clock.iso(log.starts_at)}"]
        assert back.status == log.status
        assert (back.ended_at or None) == (clock.iso(log.ends_at) if log.ends_at else None)
        assert (back.vehicle or None) == (
            f"vehicle:{geotab(log.vehicle_id)}" if log.vehicle_id else None
        )
        assert [remark.notes for remark in back.remarks] == log.remark.splitlines()
        assert (back.codrivers or []) == [f"driver:{geotab(id_)}" for id_ in log.codriver_ids]


async def test_a_status_that_outlasts_its_window_by_weeks_ends_when_it_did() -> None:
    later = NOW + timedelta(days=40)
    async with account() as at:
        pages = await at.read("hos_logs")
        with clock.held_at(later):
            again = await at.read("hos_logs")

    def ends(read: list[Page]) -> dict[str, str | None]:
        logs = [log for page in read for cut in page.cuts for log in cut.records]
        return {log.source_id: log.ended_at or None for log in logs if isinstance(log, HOSLog)}

    before, after = ends(pages), ends(again)
    world = at.world
    assert set(before.values()) & {None}
    true = {
        f"{geotab(log.driver_id)}:{clock.iso(log.starts_at)}": log.ends_at
        and clock.iso(log.ends_at)
        for driver in world.drivers
        for log in joined(world.duty(driver.id, START - timedelta(days=9), later, later))
    }
    assert after
    assert all(true[name] == ended for name, ended in after.items())


def joined(logs: Sequence[DutyLog]) -> list[DutyLog]:
    """Join neighbours of one status, which the dialect tells apart by nothing."""
    found: list[DutyLog] = []
    for log in logs:
        if found and found[-1].status == log.status:
            remark = "\n".join(filter(None, [found[-1].remark, log.remark]))
            found[-1] = replace(found[-1], ends_at=log.ends_at, remark=remark)
        else:
            found.append(log)
    return found


async def test_days_are_derived_as_they_were() -> None:
    async with account() as at:
        got = {day.source_id: day for day in await at.records("hos_daily_logs")}

    days = [date(2026, 3, 2), date(2026, 3, 3)]
    for driver in at.world.drivers:
        for day in days:
            true = at.world.duty_day(driver.id, day, NOW)
            assert true is not None
            back = got[f"{geotab(driver.id)}:{day}"]
            spent = back.status_durations
            assert {
                "on_duty": spent.on_duty, "off_duty": spent.off_duty, "driving": spent.driving,
                "sleeper_bed": spent.sleeper_bed, "yard_move": spent.yard_move,
                "personal_conveyance": spent.personal_conveyance,
            } == {name: true.durations_ms.get(name, 0) for name in (
                "on_duty", "off_duty", "driving", "sleeper_bed", "yard_move", "personal_conveyance",
            )}  # fmt: skip
            # Times of day in the world are whole metres by rounding.
            assert back.distances.total == pytest.approx(sum(true.metres.values()) / 1000, abs=0.1)


async def test_trips_come_back_as_they_were() -> None:
    async with account() as at:
        got = {trip.source_id: trip for trip in await at.records("trips")}

    true = {
        f"{geotab(v.id)}:{clock.iso(trip.starts_at)}": trip
        for v in at.world.vehicles
        for trip in at.world.trips(v.id, START, NOW, NOW)
        if START <= trip.starts_at < NOW
    }
    assert got.keys() == true.keys()
    for name, trip in true.items():
        back = got[name]
        assert back.ended_at == clock.iso(trip.ends_at)
        assert back.distance == pytest.approx(trip.metres / 1000, abs=0.001)
        assert (back.driver or None) == (trip.driver_id and f"driver:{geotab(trip.driver_id)}")
        assert back.end_location.latitude == trip.destination.latitude
        assert back.start_location.latitude == pytest.approx(trip.origin.latitude, abs=0.001)


async def test_use_by_day_is_what_the_counters_rose_by() -> None:
    async with account() as at:
        got = {(day.vehicle, day.date): day for day in await at.records("utilization_days")}

    zone, day = ZoneInfo(at.world.fleet.timezone), date(2026, 3, 3)
    whole = midnight(day, zone), midnight(date(2026, 3, 4), zone)
    for vehicle in at.world.vehicles:
        usage = at.world.usage(vehicle.id, *whole)
        if usage is None:
            continue
        back = got[f"vehicle:{geotab(vehicle.id)}", day.isoformat()]
        # A trip counts for the day on which it began.
        assert back.distance == pytest.approx(usage.metres / 1000, abs=25)
        assert back.durations.driving + back.durations.idling == pytest.approx(
            usage.running_ms, abs=1_300_000
        )
        assert (back.fuel_consumed or None) is None or usage.fuel_ml is not None


async def test_miles_by_state_add_up_to_the_month() -> None:
    async with account() as at:
        got: dict[str, dict[str | None, float]] = defaultdict(dict)
        for month in await at.records("ifta_months"):
            assert month.month == "2026-03"
            got[month.vehicle][month.jurisdiction] = month.distance

    zone = ZoneInfo(at.world.fleet.timezone)
    for vehicle in at.world.vehicles:
        trips = at.world.trips(vehicle.id, midnight(date(2026, 3, 1), zone), NOW, NOW)
        last = max((trip.ends_at for trip in trips), default=NOW)
        true = at.world.mileage(vehicle.id, midnight(date(2026, 3, 1), zone), last)
        back = got[f"vehicle:{geotab(vehicle.id)}"]
        assert back.keys() == {state for state, metres in true.items() if metres > 0}
        for state, metres in true.items():
            assert back[state] == pytest.approx(metres / 1000, abs=0.2)


CARRIED = {
    "harsh_brake",
    "harsh_acceleration",
    "harsh_turn",
    "speeding",
    "seat_belt_violation",
    "crash",
}


@PAGES
async def test_safety_events_that_rules_tell_of_come_back(page: int | None) -> None:
    async with account(page_records=page) as at:
        got = await at.records("safety_events")

    true = [i for i in at.world.incidents(START, NOW, NOW) if carried(i)]
    assert true
    assert sorted((e.started_at, e.type, e.vehicle) for e in got) == sorted(
        (clock.iso(i.starts_at), i.kind, f"vehicle:{geotab(i.vehicle_id)}") for i in true
    )
    by_start = {(i.vehicle_id, clock.iso(i.starts_at)): i for i in true}
    for event in got:
        incident = next(i for (v, at_), i in by_start.items() if at_ == event.started_at
                        and event.vehicle == f"vehicle:{geotab(v)}")  # fmt: skip
        assert event.start_location.latitude == pytest.approx(incident.spot.latitude, abs=0.005)
        if incident.kind == "speeding":
            assert event.stats.road_speed_limit == incident.limit_kmh
        if incident.kind == "harsh_turn":
            assert event.stats.g_force_side_to_side == pytest.approx(incident.g_force, abs=0.001)
        if incident.kind in {"harsh_brake", "harsh_acceleration"}:
            assert event.stats.g_force_forward_backward == pytest.approx(
                incident.g_force, abs=0.001
            )


def carried(incident: Incident) -> bool:
    """Say whether a rule tells of it: what only cameras see has none that is known."""
    return incident.kind in CARRIED and incident.state != "dismissed"


@PAGES
async def test_faults_open_and_close_as_they_did(page: int | None) -> None:
    async with account(page_records=page) as at:
        got = await at.records("fault_codes")

    true = []
    for vehicle in at.world.vehicles:
        before: dict[str, str] = {}
        for reading in at.world.faults(vehicle.id, START - timedelta(days=7), NOW):
            now: dict[str, str] = {
                c.dtc or f"SPN{c.spn}-FMI{c.fmi}": c.status for c in reading.codes
            }
            changed = {code: "open" if status == "confirmed" else "pending"
                       for code, status in now.items() if before.get(code) != status}  # fmt: skip
            changed |= {code: "closed" for code in before if code not in now}
            if reading.at >= START:
                true += [(geotab(vehicle.id), code, status, clock.iso(reading.at))
                         for code, status in changed.items()]  # fmt: skip
            before = now
    assert true
    assert sorted((e.vehicle.partition(":")[2], e.code, e.status, e.observed_at) for e in got) == (
        sorted(true)
    )
    assert all((e.j1939 or e.obdii).description is not None for e in got if e.protocol == "obdii")


async def test_the_present_is_told_of_vehicles_trailers_and_drivers() -> None:
    async with account() as at:
        places = {place.vehicle: place for place, _ in await at.connector.latest_locations()}
        towed = {place.trailer for place, _ in await at.connector.trailer_locations()}
        left = {time.driver: time for time, _ in await at.connector.available_times()}

    for vehicle in at.world.vehicles:
        fix = at.world.latest_fix(vehicle.id, NOW)
        if fix is None:
            assert f"vehicle:{geotab(vehicle.id)}" not in places
            continue
        place = places[f"vehicle:{geotab(vehicle.id)}"]
        assert (place.location.latitude, place.located_at) == (
            fix.latitude, clock.iso(fix.located_at),
        )  # fmt: skip
        odometer = at.world.latest_reading(vehicle.id, "odometer", NOW)
        if vehicle.diagnostics and odometer is not None:
            assert place.odometer == odometer.value
    assert towed == {
        f"trailer:{geotab(t.id)}" for t in at.world.trailers if at.world.trailer_fix(t.id, NOW)
    }
    for driver in at.world.drivers:
        true = at.world.hours_left(driver.id, NOW)
        assert true is not None
        clocks = left[f"driver:{geotab(driver.id)}"].available_time
        assert (clocks.drive, clocks.shift, clocks.cycle, clocks.break_) == (
            true.drive_ms, true.shift_ms, true.cycle_ms, true.break_ms,
        )  # fmt: skip
