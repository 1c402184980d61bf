"""Where vehicles are now: a live call to the provider, normalised, narrowed, paged."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from milepost import clock

if TYPE_CHECKING:
    from tests.api.conftest import Client, Site

PATH = "/vehicles/locations"


async def test_every_vehicle_with_a_known_place_is_shown(synced: Client) -> None:
    vehicles = {each["id"] for each in await synced.every("/vehicles")}

    found = await synced.every(PATH)

    assert {each["vehicle"] for each in found} == vehicles
    assert [each["vehicle"] for each in found] == sorted(vehicles)
    for each in found:
        assert clock.now() - clock.parse(each["locatedAt"]) < timedelta(days=1)
        assert {"latitude", "longitude"} == set(each["location"])
        assert not {"id", "metadata", "raw"} & set(each)


async def test_the_answer_is_paged(fleet: Client) -> None:
    whole = [each["vehicle"] for each in await fleet.every(PATH)]

    for limit in (1, 2, 3):
        assert [each["vehicle"] for each in await fleet.every(PATH, limit=limit)] == whole


async def test_the_answer_is_narrowed_to_vehicles_and_drivers(fleet: Client) -> None:
    whole = await fleet.every(PATH)
    wanted = [each["vehicle"] for each in whole[:2]]
    drivers = [each["driver"] for each in whole if "driver" in each]

    by_vehicle = await fleet.every(PATH, vehicleIds=",".join(wanted))
    by_driver = await fleet.every(PATH, driverIds="drv_01GV12VR4DJP70GD1ZBK0SDWFH")

    assert [each["vehicle"] for each in by_vehicle] == wanted
    assert by_driver == []
    for driver in drivers:
        assert [e["driver"] for e in await fleet.every(PATH, driverIds=driver)] == [driver]


@pytest.mark.parametrize("expand", ["vehicle", "driver", "vehicle,driver", "driver,vehicle"])
async def test_references_are_shown_whole_on_request(synced: Client, expand: str) -> None:
    vehicles = {each["id"]: each for each in await synced.every("/vehicles")}

    for each in await synced.every(PATH, expand=expand):
        if "vehicle" in expand:
            assert each["vehicle"] == vehicles[each["vehicle"]["id"]]
        else:
            assert each["vehicle"] in vehicles


async def test_raw_is_the_answer_that_a_location_was_built_from(fleet: Client) -> None:
    for each in await fleet.every(PATH, raw="true"):
        (raw,) = each["raw"]
        assert raw["data"]["gps"]["latitude"] == each["location"]["latitude"]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "token_revoked"}, 422, "invalid_credentials"),
        ({"kind": "scope_revoked"}, 422, "insufficient_permissions"),
        ({"kind": "broken"}, 502, "bad_gateway"),
        ({"kind": "truncated"}, 502, "bad_gateway"),
    ],
)
async def test_what_the_provider_fails_with_is_said(
    site: Site, fleet: Client, fault: dict[str, Any], status: int, code: str
) -> None:
    await site.fault(**fault)

    answer = await fleet.get(PATH)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


@pytest.mark.parametrize("status", ["archived", "disconnected"])
async def test_a_connection_that_is_not_connected_is_not_asked(
    site: Site, fleet: Client, status: str
) -> None:
    await fleet.patch({"status": status})
    before = site.provider_requests

    answer = await fleet.get(PATH)

    assert (answer.status_code, answer.json()["code"]) == (422, "connection_disconnected")
    assert site.provider_requests == before


async def test_a_provider_that_is_not_installed_any_more_is_a_501(
    site: Site, fleet: Client
) -> None:
    await site.run("update connection set provider = 'gone'")

    answer = await fleet.get(PATH)
    shown = await fleet.get("/connections/current")

    assert (answer.status_code, answer.json()["code"]) == (501, "not_implemented")
    assert shown.json()["provider"] == {"code": "gone", "name": "gone"}
