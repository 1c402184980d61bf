"""The simulated Samsara lists entities with the quirks of the real one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from milepost.kit.simulation import Conditions, Throttle


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Basic YTpi", "any"])
def test_a_request_without_bearer_token_gets_401(vendor: Any, authorization: str) -> None:
    vendor.headers = {"authorization": authorization}

    status, message = vendor.refusal("/me")

    assert (status, message) == (401, "invalid token")


def test_every_answer_carries_a_request_id(vendor: Any) -> None:
    fine, refused = vendor.ask("/me"), vendor.ask("/nowhere")

    assert fine.headers["request-id"]
    assert msgspec.json.decode(refused.body)["requestId"] == refused.headers["request-id"]


def test_me_names_the_organisation_and_its_carrier(vendor: Any) -> None:
    data = vendor.get("/me")["data"]

    assert data["id"] == vendor.world.fleet.account_id
    assert data["carrierSettings"]["dotNumber"] == vendor.world.fleet.dot_number


def test_the_last_page_of_a_listing_has_an_empty_cursor(vendor: Any) -> None:
    pages = list(vendor.walk("/fleet/vehicles", limit=4))

    assert [len(page["data"]) for page in pages] == [4, 4, 2]
    assert all(page["pagination"]["endCursor"] for page in pages[:-1])
    assert pages[-1]["pagination"] == {"endCursor": "", "hasNextPage": False}
    ids = [vehicle["id"] for page in pages for vehicle in page["data"]]
    assert ids == [vehicle.id for vehicle in vendor.world.vehicles]


def test_a_unit_without_gateway_has_seven_keys_only(vendor: Any) -> None:
    listed = vendor.get("/fleet/vehicles")["data"]

    (bare,) = [vehicle for vehicle in listed if "gateway" not in vehicle]
    assert set(bare) == {
        "id", "name", "notes", "harshAccelerationSettingType", "vehicleRegulationMode",
        "createdAtTime", "updatedAtTime",
    }  # fmt: skip
    full = listed[0]
    assert full["gateway"]["serial"].replace("-", "") == full["serial"]
    assert full["externalIds"]["samsara.vin"] == full["vin"]
    assert full["year"].isdigit()


def test_drivers_come_in_two_sweeps_and_active_is_the_default(vendor: Any) -> None:
    default = vendor.get("/fleet/drivers")["data"]
    active = vendor.get("/fleet/drivers", driverActivationStatus="active")["data"]
    gone = vendor.get("/fleet/drivers", driverActivationStatus="deactivated")["data"]

    assert default == active
    assert {d["driverActivationStatus"] for d in gone} == {"deactivated"}
    assert len(active) + len(gone) == len(vendor.world.drivers)


@pytest.mark.parametrize("status", ["active,deactivated", "all", "Active"])
def test_the_activation_status_is_strict(vendor: Any, status: str) -> None:
    code, message = vendor.refusal("/fleet/drivers", driverActivationStatus=status)

    assert code == 400
    assert "driverActivationStatus" in message


@pytest.mark.parametrize("path", ["/fleet/vehicles", "/fleet/drivers", "/tags"])
@pytest.mark.parametrize("limit", [513, 0, -1, "many"])
def test_a_limit_beyond_512_is_refused(vendor: Any, path: str, limit: int | str) -> None:
    assert vendor.refusal(path, limit=limit)[0] == 400
    assert vendor.ask(path, limit=512).status == 200


def test_tags_carry_parents_and_members(vendor: Any) -> None:
    tags = {tag["id"]: tag for tag in vendor.get("/tags")["data"]}

    assert "parentTagId" not in tags["4810"]
    assert tags["4811"]["parentTag"] == {"id": "4810", "name": "All regions"}
    members = [v["id"] for tag in tags.values() for v in tag.get("vehicles", [])]
    assert len(members) == len(vendor.world.vehicles) - 1


def test_filtering_by_a_parent_tag_includes_its_descendants(vendor: Any) -> None:
    by_tag = vendor.get("/fleet/vehicles", tagIds="4811")["data"]
    by_parent = vendor.get("/fleet/vehicles", parentTagIds="4810")["data"]

    assert 0 < len(by_tag) < len(by_parent) == len(vendor.world.vehicles) - 1


def test_no_assignments_are_null_not_an_empty_list(vendor: Any) -> None:
    long_ago = "2019-01-01T00:00:00Z"

    page = vendor.get(
        "/fleet/driver-vehicle-assignments",
        filterBy="vehicles",
        startTime=long_ago,
        endTime=long_ago,
    )

    assert page == {"data": None, "pagination": {"endCursor": "", "hasNextPage": False}}


def test_assignments_need_filter_by_and_both_ways_show_the_same(vendor: Any) -> None:
    window = {"startTime": (vendor.now - timedelta(days=2)).isoformat(), "endTime": vendor.now}
    path = "/fleet/driver-vehicle-assignments"

    assert vendor.refusal(path, **window)[0] == 400
    by_vehicle = vendor.get(path, filterBy="vehicles", **window)["data"]
    assert by_vehicle == vendor.get(path, filterBy="drivers", **window)["data"]


def test_assignments_come_fifty_a_page_and_an_open_one_lacks_its_end(vendor: Any) -> None:
    start = (vendor.now - timedelta(days=10)).isoformat()
    pages = list(
        vendor.walk(
            "/fleet/driver-vehicle-assignments",
            filterBy="vehicles",
            startTime=start,
            endTime=vendor.now.isoformat(),
            limit=512,
        )
    )

    rows = [row for page in pages for row in page["data"]]
    assert len(pages[0]["data"]) == 50
    assert len({(r["vehicle"]["id"], r["driver"]["id"], r["startTime"]) for r in rows}) == len(rows)
    assert any("endTime" not in row for row in rows)
    assert any(row["isPassenger"] for row in rows)
    assert all(row["startTime"] <= vendor.now.isoformat() for row in rows)


def test_assignments_without_a_window_are_those_of_this_instant(vendor: Any) -> None:
    rows = vendor.get("/fleet/driver-vehicle-assignments", filterBy="vehicles")["data"]

    assert rows
    assert all("endTime" not in row for row in rows)


def test_beyond_the_rate_a_429_says_when_to_come_back_in_fractions(vendor: Any) -> None:
    vendor.conditions = Conditions(throttle=Throttle())
    path = "/fleet/driver-vehicle-assignments"

    answers = [vendor.ask(path, filterBy="vehicles") for _ in range(6)]

    assert [answer.status for answer in answers] == [200] * 5 + [429]
    wait = float(answers[-1].headers["retry-after"])
    assert 0 < wait < 1
    assert vendor.ask("/tags").status == 200
    vendor.now += timedelta(seconds=wait + 0.001)
    assert vendor.ask(path, filterBy="vehicles").status == 200


def test_without_limits_nothing_is_throttled(vendor: Any) -> None:
    assert {vendor.ask("/me").status for _ in range(500)} == {200}


def test_unknown_paths_and_methods_are_refused(vendor: Any) -> None:
    assert vendor.refusal("/fleet/unicorns")[0] == 404
    assert vendor.refusal("/fleet/vehicles/stats/history/more")[0] == 404
