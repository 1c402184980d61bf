"""Whole streams from their fixtures: what comes of them, and every field accounted for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from milepost.ids import Identity
from milepost.kit.ledger import unknown_fields
from milepost.providers.geotab import fields, mapping, shapes
from milepost.providers.geotab.conftest import FIXTURES, fixture, read, records
from milepost.providers.geotab.streams import STREAMS

NAMES = sorted(path.stem for path in FIXTURES.glob("*.json"))


def test_every_stream_has_a_fixture() -> None:
    assert set(NAMES) == STREAMS.keys()


@pytest.mark.parametrize("name", NAMES)
async def test_every_field_of_a_fixture_is_accounted_for(name: str) -> None:
    pages, _ = await read(fixture(name))

    for cut in (cut for page in pages for cut in page.cuts):
        assert not unknown_fields(cut.body, fields.BY_SCHEMA[cut.schema]), cut.schema


@pytest.mark.parametrize("name", NAMES)
async def test_no_secret_and_no_session_is_in_a_record_or_in_what_is_archived(name: str) -> None:
    pages, script = await read(fixture(name))

    shown = b"".join(cut.body for page in pages for cut in page.cuts)
    assert b"verySecret" not in shown
    assert "verySecret" not in json.dumps(records(pages))
    assert all(call["method"] == "Authenticate" for call in script.calls[:1])


def test_mapping_twice_gives_the_same_records_and_ids() -> None:
    identity = Identity(UUID(int=7))
    rows = [
        msgspec.Raw(json.dumps(row).encode()) for row in fixture("groups")["answers"]["Get Group"]
    ]
    parents = mapping.parents_of(msgspec.json.decode(row, type=shapes.Group) for row in rows)

    first, second = (
        [mapping.group_cut(row, identity, "geotab", parents) for row in rows] for _ in range(2)
    )

    assert first == second


SAMPLES: dict[str, Any] = {
    "live_devices__seek_page_1_response": fields.DEVICE,
    "live_devices__trailer_device_record": fields.DEVICE,
    "demo_device": fields.DEVICE,
    "live_users__users_response": fields.USER,
    "demo_user": fields.USER,
    "demo_group": fields.GROUP,
    "live_trips__trip_seek_page_1_response": fields.TRIP,
    "live_trips__trip_day_format_record": fields.TRIP,
    "live_trips__trip_zero_distance_record": fields.TRIP,
    "demo_trip": fields.TRIP,
    "live_duty_status_logs__duty_status_logs_feed_page_1_response": fields.DUTY_STATUS_LOG,
    "live_annotation_logs__annotation_logs_feed_page_1_response": fields.ANNOTATION_LOG,
    "live_exception_events__exception_events_response": fields.EXCEPTION_EVENT,
    "demo_exceptionevent": fields.EXCEPTION_EVENT,
    "live_fault_data__fault_data_feed_page_1_response": fields.FAULT_DATA,
    "demo_faultdata": fields.FAULT_DATA,
    "live_fuel_and_energy_used__fuel_and_energy_used_feed_page_1_response": fields.FUEL_USED,
    "live_fuel_tax_details__fuel_tax_details_feed_page_1_response": fields.FUEL_TAX_DETAIL,
    "live_log_records__log_records_feed_page_1_response": fields.LOG_RECORD,
    "demo_logrecord": fields.LOG_RECORD,
    "live_status_data__status_data_feed_page_1_response": fields.STATUS_DATA,
    "demo_statusdata": fields.STATUS_DATA,
    "demo_devicestatusinfo": fields.DEVICE_STATUS_INFO,
}
SHAPES: dict[int, Any] = {
    id(fields.DEVICE): shapes.Device,
    id(fields.USER): shapes.User,
    id(fields.GROUP): shapes.Group,
    id(fields.TRIP): shapes.Trip,
    id(fields.DUTY_STATUS_LOG): shapes.DutyStatusLog,
    id(fields.ANNOTATION_LOG): shapes.AnnotationLog,
    id(fields.EXCEPTION_EVENT): shapes.ExceptionEvent,
    id(fields.FAULT_DATA): shapes.FaultData,
    id(fields.FUEL_USED): shapes.FuelUsed,
    id(fields.FUEL_TAX_DETAIL): shapes.FuelTaxDetail,
    id(fields.LOG_RECORD): shapes.LogRecord,
    id(fields.STATUS_DATA): shapes.StatusData,
    id(fields.DEVICE_STATUS_INFO): shapes.DeviceStatusInfo,
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_recorded_answer_is_read_and_every_field_of_it_accounted_for(
    name: str, samples: Path
) -> None:
    for row in rows_of(json.loads((samples / f"{name}.json").read_text())):
        body = json.dumps(row).encode()
        assert not unknown_fields(body, SAMPLES[name])
        msgspec.json.decode(body, type=SHAPES[id(SAMPLES[name])])


def rows_of(answer: Any) -> list[Any]:
    """Return the rows of a recorded answer: a result, a page of a feed, or a record alone."""
    found = answer.get("result", answer) if isinstance(answer, dict) else answer
    if isinstance(found, dict) and "toVersion" in found:
        found = found["data"]
    return found if isinstance(found, list) else [found]
