"""Fixtures and recorded answers: every stream has one, and every field of all of them is accounted for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from milepost.kit import registry
from milepost.kit.ledger import Fields, unknown_fields
from milepost.providers.motive import fields, record_fields, shapes
from milepost.providers.motive.conftest import FIXTURES, connected, listed, said

NAMES = sorted(path.stem for path in FIXTURES.glob("*.json"))

# By the name of a list: what its rows are, and the table of them.
TABLES: dict[str, Fields] = {
    "companies": fields.COMPANY,
    "vehicles": fields.VEHICLE,
    "places": fields.LOCATED,
    "users": fields.USER,
    "groups": fields.GROUP,
    "eld_devices": fields.ELD_DEVICE,
    "assets": fields.ASSET,
    "vehicle_locations": fields.VEHICLE_LOCATION,
    "logs": record_fields.LOG,
    "driving_periods": record_fields.DRIVING_PERIOD,
    "driver_performance_events": record_fields.PERFORMANCE_EVENT,
    "speeding_events": record_fields.SPEEDING_EVENT,
    "fault_codes": record_fields.FAULT_CODE,
    "vehicle_utilizations": record_fields.VEHICLE_UTILIZATION,
    "ifta_trips": record_fields.IFTA_TRIP,
}


def rows_of(body: Any) -> list[tuple[str, Any]]:
    """Return every row of an answer with the name of its list, out of its wrapper."""
    return [
        ("places" if "current_location" in row else plural, row)
        for plural, entries in body.items()
        if plural in TABLES
        for entry in entries
        for row in entry.values()
    ]


def test_every_stream_has_a_fixture() -> None:
    assert set(NAMES) == {spec.name for spec in registry.load().manifest("motive").streams}


@pytest.mark.parametrize("name", NAMES)
def test_every_field_of_a_fixture_is_accounted_for(name: str) -> None:
    given = json.loads((FIXTURES / f"{name}.json").read_text())

    rows = [row for answer in given["answers"] for row in rows_of(answer["body"])]

    assert rows
    for plural, row in rows:
        assert not unknown_fields(json.dumps(row).encode(), TABLES[plural]), plural


@pytest.mark.parametrize("name", NAMES)
def test_nobody_of_the_world_is_in_a_fixture(name: str) -> None:
    text = (FIXTURES / f"{name}.json").read_text()

    mails = [word for word in text.split('"') if "@" in word]
    assert all(word.endswith((".example", "@example.com")) for word in mails), mails


SHAPES: dict[str, Any] = {
    "vehicles": shapes.Vehicle,
    "users": shapes.User,
    "groups": shapes.Group,
    "assets": shapes.Asset,
    "vehicle_locations": shapes.Location,
    "logs": shapes.Log,
    "driving_periods": shapes.DrivingPeriod,
    "fault_codes": shapes.Fault,
    "vehicle_utilizations": shapes.Utilization,
    "ifta_trips": shapes.IftaTrip,
}
# The excerpt of an event lacks its times, since it was cut short: only its fields are looked at.
RECORDED = [
    "asset_locations_v1_shape",
    "docs_driver_performance_event_v2_excerpt_TRUNCATED",
    "docs_fault_codes",
    "docs_legacy_ifta_summary",
    "docs_legacy_logs",
    "docs_legacy_users",
    "live_driving_periods__driving_periods_empty_page_response",
    "live_driving_periods__driving_periods_page_1_response",
    "live_groups__groups_page_1_response",
    "live_groups__groups_page_2_response",
    "live_users__users_page_1_response",
    "live_users__users_page_2_response",
    "live_vehicle_locations_v3_history__constructed_response",
    "live_vehicle_utilizations__vehicle_utilizations_page_1_response",
    "live_vehicle_utilizations__vehicle_utilizations_page_2_response",
    "live_vehicles__constructed_response",
    "observed_logs_shape",
]


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_answer_is_read_and_every_field_of_it_accounted_for(
    name: str, samples: Path
) -> None:
    for plural, row in rows_of(json.loads((samples / f"{name}.json").read_text())):
        body = json.dumps(row).encode()
        assert not unknown_fields(body, TABLES[plural])
        if plural in SHAPES:
            msgspec.json.decode(body, type=SHAPES[plural])


def test_a_recorded_period_in_progress_is_read_and_accounted_for(samples: Path) -> None:
    name = "live_driving_periods__driving_period_in_progress_record.json"
    body = (samples / name).read_bytes()

    assert not unknown_fields(body, record_fields.DRIVING_PERIOD)
    assert msgspec.json.decode(body, type=shapes.DrivingPeriod).end_time is None


async def test_what_is_said_of_this_moment_is_read_and_accounted_for() -> None:
    place = {
        "located_at": "2026-07-15T12:00:00Z", "lat": 41.8, "lon": -87.6, "bearing": 90.5,
        "kph": None, "speed": 88.0, "description": "3.1 mi NW of Anytown, IL",
        "odometer": 1000.5, "true_odometer": None, "engine_hours": 20.5,
        "true_engine_hours": None, "fuel_primary_remaining_percentage": 60.0,
        "fuel_secondary_remaining_percentage": 40.0, "type": "ignition_off", "id": "x",
    }  # fmt: skip
    located = {"id": 21, "number": "7", "current_location": place, "current_driver": {"id": 11}}
    left = {
        "id": 11, "first_name": "Ann", "duty_status": None, "recap": {"any": 1},
        "last_hos_status": {"status": "sleeper_berth", "time": "2026-07-15T11:00:00Z"},
        "available_time": {"drive": 60, "shift": 120, "cycle": 240}, "last_cycle_reset": None,
    }  # fmt: skip

    def answer(asked: Any) -> Any:
        if asked.path == "/v3/vehicle_locations":
            return said(listed("vehicles", located))
        if asked.path == "/v1/available_time":
            return said(listed("users", left))
        return said(listed("driving_periods"))

    async with connected(answer) as (connector, _):
        ((vehicle, body),) = await connector.latest_locations()
        ((hours, clocks),) = await connector.available_times()

    assert not unknown_fields(body, fields.LOCATED)
    assert not unknown_fields(clocks, record_fields.AVAILABLE_TIME)
    assert msgspec.to_builtins(vehicle) == {
        "provider": "motive", "vehicle": "vehicle:21", "locatedAt": "2026-07-15T12:00:00.000Z",
        "location": {"longitude": -87.6, "latitude": 41.8}, "driver": "driver:11",
        "address": {"formatted": "3.1 mi NW of Anytown, IL"}, "heading": 90.5, "speed": 88.0,
        "odometer": 1000.5, "fuel": {"primaryPercentage": 60.0, "secondaryPercentage": 40.0},
        "engineState": "off", "engineRuntime": 73_800_000,
    }  # fmt: skip
    assert msgspec.to_builtins(hours)["availableTime"] == {
        "cycle": 240_000, "shift": 120_000, "drive": 60_000,
    }  # fmt: skip
    assert hours.current_status == "sleeper_bed"
