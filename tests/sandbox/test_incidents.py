"""Safety events and fault codes of the synthetic trucks happen while they drive, and change later."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from milepost.kit.world import Incident, World
from milepost.sandbox.world import SyntheticWorld

NOW = datetime(2026, 3, 4, 18, 30, 0, 250_000, tzinfo=UTC)
MONTH = NOW - timedelta(days=30)
MS = timedelta(milliseconds=1)


def test_an_event_happens_while_the_truck_moves_there(world: World) -> None:
    found = world.incidents(MONTH, NOW, NOW)

    assert 150 < len(found) < 500
    assert len({incident.id for incident in found}) == len(found)
    for incident in found:
        fixes = world.fixes(
            incident.vehicle_id,
            incident.starts_at - timedelta(seconds=10),
            incident.starts_at + timedelta(seconds=10),
        )
        assert min(abs(f.latitude - incident.spot.latitude) for f in fixes) < 0.005
        assert all(f.speed for f in fixes)
        assert incident.starts_at < incident.ends_at < incident.created_at <= incident.updated_at


def test_what_takes_a_camera_is_seen_by_cameras_only(world: World) -> None:
    cameras = {vehicle.id for vehicle in world.vehicles if vehicle.camera_serial}
    found = world.incidents(MONTH, NOW, NOW)

    without = {i.kind for i in found if i.vehicle_id not in cameras and not i.by_hand}
    assert {"harsh_brake", "speeding"} <= without
    assert not without & {"cell_phone", "drowsiness", "tailgating"}
    assert all(i.footage_at is None for i in found if i.vehicle_id not in cameras)
    assert sum(i.footage_at is not None for i in found) > 80
    assert len({i.kind for i in found}) > 12


def test_windows_of_events_add_up(world: World) -> None:
    whole = world.incidents(MONTH, NOW, NOW)
    middle = whole[len(whole) // 2].starts_at

    assert [*world.incidents(MONTH, middle, NOW), *world.incidents(middle, NOW, NOW)] == whole
    assert SyntheticWorld(seed=7).incidents(MONTH, NOW, NOW) == whole


def test_who_follows_changes_knows_every_event_as_it_stands(world: World) -> None:
    known: dict[str, Incident] = {}
    steps = [MONTH + timedelta(hours=7 * k) for k in range(104)]
    emitted = 0
    for since, until in itertools.pairwise([*steps, NOW + MS]):
        changed = world.incidents_changed(since, until)
        emitted += len(changed)
        assert all(since <= incident.updated_at < until for incident in changed)
        known |= {incident.id: incident for incident in changed}

    expected = {i.id: i for i in world.incidents(MONTH, NOW, NOW)}
    assert expected.items() <= known.items()
    assert emitted > len(known) * 1.3


def test_an_event_is_relabelled_by_hand_days_later(world: World) -> None:
    edits = [e for e in world.edits(MONTH, NOW) if e.model == "safety_event"]

    assert len(edits) > 10
    for edit in edits:
        window = (edit.starts_at, edit.starts_at + MS)
        before = next(i for i in world.incidents(*window, edit.at - MS) if i.id == edit.subject)
        after = next(i for i in world.incidents(*window, edit.at) if i.id == edit.subject)
        assert before.kind != after.kind
        assert (before.by_hand, after.by_hand) == (False, True)
        assert after.updated_at == edit.at
        assert edit.at - edit.starts_at > timedelta(hours=4)


def test_an_event_is_not_known_before_it_was_created(world: World) -> None:
    incident = world.incidents(MONTH, NOW, NOW)[0]
    window = (incident.starts_at, incident.starts_at + MS)

    assert world.incidents(*window, incident.created_at - MS) == []
    assert world.incidents(*window, incident.created_at)[0].state == "needs_review"


def test_fault_codes_open_and_close_while_the_engine_runs(world: World) -> None:
    opened = closed = 0
    for vehicle in world.vehicles:
        readings = world.faults(vehicle.id, MONTH, NOW)
        assert all(a.at < b.at for a, b in itertools.pairwise(readings))
        for a, b in itertools.pairwise(readings):
            before, after = ({(c.spn, c.fmi, c.dtc) for c in r.codes} for r in (a, b))
            opened, closed = opened + len(after - before), closed + len(before - after)
            if after != before:
                state = world.latest_reading(vehicle.id, "engine_state", b.at)
                assert state is not None
                assert state.value == 0
    assert opened > 10
    assert closed > 10


def test_light_lorries_tell_by_obdii_where_codes_are_pending_first(world: World) -> None:
    light = next(vehicle for vehicle in world.vehicles if vehicle.light)
    readings = [
        {code.dtc: code.status for code in reading.codes}
        for reading in world.faults(light.id, NOW - timedelta(days=90), NOW)
    ]
    begun = [
        status
        for before, after in itertools.pairwise(readings)
        for code, status in after.items()
        if code not in before
    ]

    assert set(begun) == {"pending"}
    assert {status for codes in readings for status in codes.values()} == {"pending", "confirmed"}
    heavy = world.faults(world.vehicles[0].id, NOW - timedelta(days=90), NOW)
    assert {c.protocol for r in heavy for c in r.codes} == {"j1939"}


def test_a_gateway_without_engine_bus_reads_no_faults(world: World) -> None:
    blind = [v for v in world.vehicles if not v.diagnostics or not v.gateway_serial]

    assert [world.faults(v.id, MONTH, NOW) for v in blind] == [[]] * len(blind)
    assert [world.latest_faults(v.id, NOW) for v in blind] == [None] * len(blind)


def test_windows_of_fault_readings_add_up_and_the_latest_is_the_last(world: World) -> None:
    for vehicle in world.vehicles[:4]:
        whole = world.faults(vehicle.id, MONTH, NOW)
        middle = whole[len(whole) // 2].at

        halves = [
            *world.faults(vehicle.id, MONTH, middle),
            *world.faults(vehicle.id, middle, NOW),
        ]
        assert halves == whole
        assert world.latest_faults(vehicle.id, middle) == whole[len(whole) // 2]
