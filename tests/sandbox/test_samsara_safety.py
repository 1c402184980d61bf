"""The simulated Samsara shows safety events, media and fault codes with the quirks of the real one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from milepost.kit.simulation import Conditions

STREAM, BY_ID, MEDIA = "/safety-events/stream", "/safety-events", "/cameras/media"
SINCE = "2026-02-10T00:00:00Z"
START = datetime.fromisoformat(SINCE)
ALL = {"startTime": SINCE, "includeVgOnlyEvents": "true"}


def events(vendor: Any, **query: Any) -> list[dict[str, Any]]:
    return [event for page in vendor.walk(STREAM, **query) for event in page["data"]]


@pytest.mark.parametrize("records", [3, 40, None])
def test_the_stream_shows_every_change_once_and_in_order(vendor: Any, records: int | None) -> None:
    vendor.conditions = Conditions(page_records=records)

    shown = events(vendor, **ALL)

    true = vendor.world.incidents_changed(START, vendor.now)
    assert [event["id"] for event in shown] == [incident.id for incident in true]
    times = [event["updatedAtTime"] for event in shown]
    assert times == sorted(times)


def test_who_polls_the_stream_ends_up_with_what_is_true(vendor: Any) -> None:
    vendor.now, until = START + timedelta(days=3), vendor.now
    known: dict[str, dict[str, Any]] = {}
    after, emitted = None, 0
    while True:
        page = vendor.get(STREAM, after=after, **ALL)
        emitted += len(page["data"])
        known |= {event["id"]: event for event in page["data"]}
        after = page["pagination"]["endCursor"]
        assert after
        if not page["pagination"]["hasNextPage"]:
            if vendor.now > until:
                break
            vendor.now += timedelta(hours=3)

    fresh = {event["id"]: event for event in events(vendor, **ALL)}
    assert {id_: e["updatedAtTime"] for id_, e in known.items()} == {
        id_: e["updatedAtTime"] for id_, e in fresh.items() if id_ in known
    }
    happened = {i.id for i in vendor.world.incidents(START, vendor.now, vendor.now)}
    assert happened <= known.keys()
    assert emitted > len(known)


def test_a_cursor_is_bound_to_the_start_it_was_made_with(vendor: Any) -> None:
    cursor = vendor.get(STREAM, **ALL)["pagination"]["endCursor"]

    later = ALL | {"startTime": "2026-02-10T00:00:00.000Z"}
    assert vendor.refusal(STREAM, after=cursor, **later) == (
        400,
        "Parameters differ from previous paginated request",
    )
    assert vendor.refusal(STREAM)[0] == 400


def test_with_an_end_the_stream_ends(vendor: Any) -> None:
    end = START + timedelta(days=5)
    *_, last = vendor.walk(STREAM, endTime=end.isoformat(), **ALL)

    assert last["pagination"] == {"endCursor": "", "hasNextPage": False}
    shown = events(vendor, endTime=end.isoformat(), **ALL)
    assert shown
    assert all(event["updatedAtTime"] < end.isoformat() for event in shown)


def test_events_felt_by_a_gateway_alone_are_hidden_by_default(vendor: Any) -> None:
    cameras = {vehicle.id for vehicle in vendor.world.vehicles if vehicle.camera_serial}

    seen = {event["asset"]["id"] for event in events(vendor, startTime=SINCE)}
    felt = {event["asset"]["id"] for event in events(vendor, **ALL)}

    assert seen == cameras
    assert len(felt) == 9


def test_driver_and_asset_are_bare_ids_unless_asked_for(vendor: Any) -> None:
    bare = events(vendor, **ALL)[0]
    full = events(vendor, includeAsset="true", includeDriver="true", **ALL)[0]

    assert set(bare["driver"]) == set(bare["asset"]) == {"id"}
    assert full["driver"]["name"]
    assert full["asset"]["type"] == "vehicle"


def test_an_event_without_driver_has_an_empty_id_or_a_zero(vendor: Any) -> None:
    from milepost.sandbox.world import SyntheticWorld  # noqa: PLC0415

    vendor.world = SyntheticWorld(seed=7, vehicles=20, drivers=2)

    ids = {event["driver"]["id"] for event in events(vendor, **ALL)}

    assert {"", "0"} <= ids


def test_a_relabelled_event_is_shown_again_with_a_label_by_hand(vendor: Any) -> None:
    edit = next(e for e in vendor.world.edits(START, vendor.now) if e.model == "safety_event")
    vendor.now = edit.at - timedelta(milliseconds=1)
    (before,) = vendor.get(BY_ID, safetyEventIds=edit.subject, includeVgOnlyEvents="true")["data"]
    cursor = [page["pagination"]["endCursor"] for page in vendor.walk(STREAM, **ALL)][-1]
    vendor.now = edit.at
    (again,) = vendor.get(STREAM, after=cursor, **ALL)["data"]

    assert again["id"] == edit.subject
    assert before["behaviorLabels"] != again["behaviorLabels"]
    assert {label["source"] for label in again["behaviorLabels"]} == {"userGenerated"}


def test_labels_cover_the_vendors_ways_of_speaking(vendor: Any) -> None:
    start = (vendor.now - timedelta(days=300)).isoformat()
    shown = events(vendor, startTime=start, includeVgOnlyEvents="true")
    labels = {label["label"] for event in shown for label in event["behaviorLabels"]}

    assert {"Braking", "NearCollison", "MobileUsage", "Invalid", "Crash"} <= labels
    assert {"LightSpeeding", "ModerateSpeeding", "HeavySpeeding", "SevereSpeeding"} <= labels
    assert any(len(event["behaviorLabels"]) > 1 for event in shown)
    assert all(
        ("speedingMetadata" in e) == ("Speeding" in e["behaviorLabels"][-1]["label"])
        for e in shown
        if e["behaviorLabels"][0]["source"] == "automated"
    )


def test_events_by_id_come_with_freshly_signed_urls(vendor: Any) -> None:
    event = next(e for e in events(vendor, startTime=SINCE) if "media" in e)
    (first,) = vendor.get(BY_ID, safetyEventIds=event["id"])["data"]
    vendor.now += timedelta(minutes=5)
    (second,) = vendor.get(BY_ID, safetyEventIds=event["id"])["data"]

    assert first["id"] == second["id"] == event["id"]
    assert {m["input"] for m in first["media"]} == {"dashcamRoadFacing", "dashcamDriverFacing"}
    assert first["media"] != second["media"]
    assert vendor.get(BY_ID, safetyEventIds="nonsense")["data"] == []
    assert vendor.refusal(BY_ID)[0] == 400


def test_footage_comes_minutes_after_its_event(vendor: Any) -> None:
    incident = next(
        i for i in vendor.world.incidents(START, vendor.now, vendor.now) if i.footage_at
    )
    vendor.now = incident.created_at
    (early,) = vendor.get(BY_ID, safetyEventIds=incident.id)["data"]
    vendor.now = incident.footage_at
    (late,) = vendor.get(BY_ID, safetyEventIds=incident.id)["data"]

    assert "media" not in early
    assert len(late["media"]) == 2


def media(vendor: Any, **query: Any) -> list[dict[str, Any]]:
    ids = ",".join(vehicle.id for vehicle in vendor.world.vehicles)
    window = {"startTime": "2026-03-01T00:00:00Z", "endTime": "2026-03-02T00:00:00Z"}
    asked = {"vehicleIds": ids} | window | query
    return [m for page in vendor.walk(MEDIA, **asked) for m in page["data"]["media"]]


def test_media_are_named_otherwise_than_they_are_asked_for(vendor: Any) -> None:
    everything = media(vendor)

    assert {m["input"] for m in everything} == {"dashcamForwardFacing", "dashcamInwardFacing"}
    inward = media(vendor, inputs="dashcamDriverFacing")
    assert {m["input"] for m in inward} == {"dashcamInwardFacing"}
    vendor.conditions = Conditions(page_records=3)
    assert media(vendor) == everything
    assert media(vendor, triggerReasons="api") == []
    newest = max(m["availableAtTime"] for m in everything)
    assert media(vendor, availableAfterTime=newest) == []


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"vehicleIds": ",".join(map(str, range(21)))},
        {"vehicleIds": "1", "endTime": "2026-03-02T00:00:01Z"},
        {"vehicleIds": "1", "endTime": "2026-02-02T00:00:00Z"},
    ],
)
def test_media_of_too_much_at_once_are_refused(vendor: Any, query: dict[str, str]) -> None:
    window = {"startTime": "2026-03-01T00:00:00Z", "endTime": "2026-03-02T00:00:00Z"}

    assert vendor.refusal(MEDIA, **(window | query))[0] == 400


def test_fault_codes_show_all_that_is_active_each_time(vendor: Any) -> None:
    end = datetime(2026, 3, 4, 18, 30, tzinfo=UTC)
    window = {"startTime": (end - timedelta(days=30)).isoformat(), "endTime": end.isoformat()}
    shown: dict[str, list[Any]] = {}
    path = "/fleet/vehicles/stats/history"
    for page in vendor.walk(path, types="faultCodes", **window):
        for record in page["data"]:
            shown.setdefault(record["id"], []).extend(record["faultCodes"])

    assert len(shown) == 8
    light = {vehicle.id for vehicle in vendor.world.vehicles if vehicle.light}
    for vehicle, readings in shown.items():
        true = vendor.world.faults(vehicle, end - timedelta(days=30), end)
        told = [
            r["obdii"]["diagnosticTroubleCodes"][0]
            if vehicle in light
            else r["j1939"]["diagnosticTroubleCodes"]
            for r in readings
        ]
        counts = [
            len(t["pendingDtcs"]) + len(t["confirmedDtcs"]) if vehicle in light else len(t)
            for t in told
        ]
        assert counts == [len(reading.codes) for reading in true]
    assert any(max(counts) > 1 for counts in [[len(r.codes) for r in true]])
