"""World → simulated Motive → connector → the same world: entities, positions and readings."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import pytest
from tests.sandbox.motive_told import NOW, START, Told, at, given, name

from milepost.kit.contract import Slice
from milepost.models.location import Fix
from milepost.models.stats import ENGINE_STATES, STAT_TYPES, StatReading


async def test_the_company_is_the_fleet(told: Told) -> None:
    found = await told.connector.account()

    fleet = told.world.fleet
    assert (found.source_id, found.account.name) == (fleet.account_id, fleet.name)
    assert found.account.dot_numbers == [str(fleet.dot_number)]


async def test_groups_come_back_as_a_tree(told: Told) -> None:
    found = await told.listed("groups")

    assert {(g.source_id, g.name, given(g.parent)) for g in found.values()} == {
        (g.id, g.name, name("group", g.parent_id)) for g in told.world.groups
    }


async def test_vehicles_come_back(told: Told) -> None:
    found = await told.listed("vehicles")

    assert found.keys() == {vehicle.id for vehicle in told.world.vehicles}
    for card in told.world.vehicles:
        back = found[card.id]
        assert (back.name, given(back.vin), given(back.make), given(back.model)) == (
            card.name, card.vin, card.make, card.model,
        )  # fmt: skip
        assert given(back.year) == card.year
        plate = given(back.license_plate)
        assert (plate and plate.number) == card.plate
        assert back.groups == [name("group", id_) for id_ in card.group_ids]
        assert bool(given(back.devices)) == bool(card.gateway_serial)
        assert (back.created_at, back.updated_at) == (at(card.created_at), at(card.updated_at))


async def test_drivers_come_back_without_those_of_the_office(told: Told) -> None:
    found = await told.listed("drivers")

    assert found.keys() == {driver.id for driver in told.world.drivers}
    for card in told.world.drivers:
        back = found[card.id]
        assert f"{back.first_name} {back.last_name}" == card.name
        assert back.status == ("active" if card.active else "inactive")
        assert (given(back.phone), back.username) == (card.phone, card.username)
        license_ = given(back.license)
        assert (license_ and license_.state) == card.license_state
        assert (license_ and license_.number) == card.license_number


async def test_gateways_and_trailers_come_back(told: Told) -> None:
    devices, trailers = await told.listed("devices"), await told.listed("trailers")

    assert {(d.serial_number, d.vehicle, d.type) for d in devices.values()} == {
        (v.gateway_serial, name("vehicle", v.id), "tracker")
        for v in told.world.vehicles
        if v.gateway_serial
    }
    assert {
        (t.source_id, t.name, given(t.vin), given(t.serial_number), given(t.year))
        for t in trailers.values()
    } == {(t.id, t.name, t.vin, t.gateway_serial, t.year) for t in told.world.trailers}


async def series(told: Told) -> dict[str, tuple[list[Fix], list[StatReading]]]:
    found: dict[str, tuple[list[Fix], list[StatReading]]] = {}
    slice_ = Slice(stream="locations", mode="history", starts_at=START, ends_at=NOW)
    async for page in told.connector.pages(slice_):
        for cut in page.cuts:
            assert cut.subject is not None
            fixes, readings = found.setdefault(cut.subject, ([], []))
            fixes += [record for record in cut.records if isinstance(record, Fix)]
            readings += [record for record in cut.records if isinstance(record, StatReading)]
    return found


async def test_positions_and_readings_come_back_of_one_call_a_vehicle(told: Told) -> None:
    found = await series(told)

    states = 0
    for card in told.world.vehicles:
        fixes, readings = found[card.id]
        windows = told.world.held(card.id, START.replace(microsecond=0), NOW, NOW)
        true = [
            fix
            for window in windows
            for fix in told.world.fixes(card.id, *window)
            if fix.located_at.replace(microsecond=0) >= START
        ]
        assert [
            (f.located_at, f.latitude, f.longitude, f.heading, f.speed, f.address) for f in fixes
        ] == [
            (
                f.located_at.replace(microsecond=0), f.latitude, f.longitude, f.heading, f.speed,
                f.address,
            )
            for f in true
        ]  # fmt: skip
        instants = {fix.located_at for fix in true}
        for kind in set(STAT_TYPES) - {"engine_state"}:
            carried = kind not in NOT_CARRIED
            expected = [
                (reading.at.replace(microsecond=0), pytest.approx(reading.value, abs=0.005))
                for window in windows
                for reading in told.world.readings(card.id, kind, *window)
                if carried and reading.at in instants
            ]
            back: list[Any] = [(r.at, r.value) for r in readings if r.type == kind]
            assert back == expected, kind
        states += check_states(card.id, fixes, readings, told, windows)
    assert states > 300
    history = [each for each in told.sandbox.log.show(each=True)["each"] if HISTORY in each["path"]]
    # Up to three more measure in which units they come.
    assert len(told.world.vehicles) < len(history) <= len(told.world.vehicles) + 3


HISTORY = "/v3/vehicle_locations/"
NOT_CARRIED = {
    "engine_oil_percentage", "engine_oil_pressure", "engine_oil_temperature",
    "engine_coolant_temperature", "coolant_percentage", "engine_rpm",
}  # fmt: skip


def check_states(
    vehicle: str, fixes: list[Fix], readings: list[StatReading], told: Told, windows: Any
) -> int:
    """States come back when they change, and again when a day begins.

    An engine that is started at rest is told of as running, and as idle with the next position.
    """
    back = [(r.at, ENGINE_STATES[int(r.value)]) for r in readings if r.type == "engine_state"]
    changes = [next(group) for _, group in groupby(back, key=lambda each: each[1])]
    true: list[tuple[datetime, str]] = []
    before = ""
    for window in windows:
        for reading in told.world.readings(vehicle, "engine_state", *window):
            when, state = reading.at.replace(microsecond=0), ENGINE_STATES[int(reading.value)]
            if (before, state) == ("off", "idle"):
                true.append((when, "on"))
                when = next(fix.located_at for fix in fixes if fix.located_at > when)
            true.append((when, state))
            before = state
    assert set(true) <= set(back)
    assert set(changes[1:]) <= set(true)
    return len(true)


async def test_the_driver_of_a_position_is_who_sat_at_the_wheel(told: Told) -> None:
    found = await series(told)

    seats = [a for a in told.world.assignments(START, NOW) if not a.passenger]
    fixes = {(id_, fix.located_at): fix.driver for id_, (all_, _) in found.items() for fix in all_}
    driven = 0
    for seat in seats:
        within = [
            driver
            for (vehicle, when), driver in fixes.items()
            if vehicle == seat.vehicle_id
            # A position is told to the second, so that those at the edges may be the next one's.
            and seat.starts_at < when < (seat.ends_at or NOW) - timedelta(seconds=1)
        ]
        assert set(within) <= {seat.driver_id}
        driven += len(within)
    assert driven == pytest.approx(sum(driver is not None for driver in fixes.values()), abs=200)
    assert driven > 10_000
