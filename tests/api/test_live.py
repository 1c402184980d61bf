"""What providers tell of this moment, beside where vehicles are: trailers, hours left, and footage."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from openapi_schema_validator import OAS31Validator
from tests.api.test_description import OURS, answer

from milepost import clock

if TYPE_CHECKING:
    from tests.api.conftest import Client, Site

TRAILERS, HOURS, VEHICLES = "/trailers/locations", "/hos/available-time", "/vehicles/locations"
MEDIA = "/safety/events/{id}/camera-media"


def valid(path: str, got: httpx2.Response) -> Any:
    assert got.status_code == 200, got.text
    schema = {**answer(OURS["paths"][path]["get"]), "components": OURS["components"]}
    OAS31Validator(schema).validate(got.json())
    return got.json()


async def events(site: Site, client: Client) -> tuple[Client, list[dict[str, Any]]]:
    """A fleet whose safety events of a month are stored, and these."""
    made = await client.connect(backfill={"days": 30})
    fleet = client.as_(made["token"])
    await site.work()
    return fleet, await fleet.every("/safety/events")


async def test_trailers_with_a_known_place_are_shown_and_the_others_left_out(
    site: Site, synced: Client
) -> None:
    trailers = {each["id"]: each for each in await synced.every("/trailers")}

    found = valid(TRAILERS, await synced.get(TRAILERS, raw="true", expand="trailer"))["results"]

    assert 0 < len(found) < len(trailers)
    for each in found:
        assert each["trailer"] == trailers[each["trailer"]["id"]]
        assert clock.now() - clock.parse(each["locatedAt"]) < timedelta(days=1)
        (raw,) = each["raw"]
        assert raw["data"]["gps"]["latitude"] == each["location"]["latitude"]
        assert (raw["provider"], raw["schema"]) == ("samsara", "samsara.latest_trailer_location")
    ids = [each["trailer"] for each in await synced.every(TRAILERS)]
    assert ids == sorted(each["trailer"]["id"] for each in found)


async def test_the_time_left_is_shown_of_every_driver(synced: Client) -> None:
    drivers = {each["id"]: each for each in await synced.every("/drivers")}

    found = valid(HOURS, await synced.get(HOURS, raw="true", expand="driver"))["results"]

    assert len(found) > 2
    for each in found:
        assert each["driver"] == drivers[each["driver"]["id"]]
        clocks = each["raw"][0]["data"]["clocks"]
        left = each["availableTime"]
        assert left["drive"] == clocks["drive"]["driveRemainingDurationMs"]
        assert left["break"] == clocks["break"]["timeUntilBreakDurationMs"]
    assert {each.get("currentStatus") for each in found} > {None}


@pytest.mark.parametrize(("path", "subject"), [(TRAILERS, "trailer"), (HOURS, "driver")])
async def test_the_answers_are_paged(fleet: Client, path: str, subject: str) -> None:
    whole = [each[subject] for each in await fleet.every(path)]

    for limit in (1, 2):
        assert [each[subject] for each in await fleet.every(path, limit=limit)] == whole


@pytest.mark.parametrize("path", ["/vehicles/locations", TRAILERS, HOURS])
async def test_the_pages_of_a_listing_are_of_one_asking(
    site: Site, fleet: Client, path: str
) -> None:
    before = site.provider_requests
    whole = await fleet.get(path)
    once = site.provider_requests - before

    first = await fleet.get(path, limit=1)
    further = await fleet.get(path, limit=1, cursor=first.json()["next"])

    assert site.provider_requests - before == 2 * once  # Each first page asks.
    assert "age" not in first.headers
    assert 0 <= int(further.headers["age"]) < 30
    assert [*first.json()["results"], *further.json()["results"]] == whole.json()["results"][:2]


async def test_a_page_that_comes_half_a_minute_later_asks_anew(site: Site, fleet: Client) -> None:
    first = await fleet.get("/vehicles/locations", limit=1)
    before = site.provider_requests

    with clock.held_at(clock.now() + timedelta(seconds=31)):
        late = await fleet.get("/vehicles/locations", limit=1, cursor=first.json()["next"])

    assert site.provider_requests > before
    assert "age" not in late.headers


async def test_the_time_left_is_narrowed_to_drivers(fleet: Client) -> None:
    whole = [each["driver"] for each in await fleet.every(HOURS)]

    found = await fleet.every(HOURS, driverIds=f"{whole[1]},{whole[0]}")

    assert [each["driver"] for each in found] == whole[:2]
    wrong = await fleet.get(HOURS, driverIds="vcl_01GV12VR4DJP70GD1ZBK0SDWFH")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "bad_request")


async def test_what_the_filters_hide_is_not_told_live_either(synced: Client) -> None:
    vehicles = [each["vehicle"] for each in await synced.every(VEHICLES)]
    drivers = {each["id"]: each["status"] for each in await synced.every("/drivers")}
    filters = {"vehicles": {"excludeIds": vehicles[:1]}, "drivers": {"status": "active"}}

    await synced.patch({"filters": filters})

    assert [each["vehicle"] for each in await synced.every(VEHICLES)] == vehicles[1:]
    told = {each["driver"] for each in await synced.every(HOURS)}
    assert {drivers[each] for each in told} == {"active"}
    await synced.patch({"filters": {"vehicles": {"includeIds": vehicles[:1]}}})
    assert [each["vehicle"] for each in await synced.every(VEHICLES)] == vehicles[:1]


async def test_filters_hold_for_vehicles_that_no_sync_has_met_yet(fleet: Client) -> None:
    vehicles = [each["vehicle"] for each in await fleet.every(VEHICLES)]

    await fleet.patch({"filters": {"vehicles": {"excludeIds": vehicles[:1]}}})

    assert [each["vehicle"] for each in await fleet.every(VEHICLES)] == vehicles[1:]


@pytest.mark.parametrize("path", [TRAILERS, HOURS])
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "token_revoked"}, 422, "invalid_credentials"),
        ({"kind": "scope_revoked"}, 422, "insufficient_permissions"),
        ({"kind": "broken"}, 502, "bad_gateway"),
    ],
)
async def test_what_the_provider_fails_with_is_said(
    site: Site, fleet: Client, path: str, fault: dict[str, Any], status: int, code: str
) -> None:
    await site.fault(**fault)

    got = await fleet.get(path)

    assert (got.status_code, got.json()["code"]) == (status, code), got.text


@pytest.mark.parametrize("path", [TRAILERS, HOURS])
async def test_a_connection_that_is_not_connected_is_not_asked(
    site: Site, fleet: Client, path: str
) -> None:
    await fleet.patch({"status": "archived"})
    before = site.provider_requests

    got = await fleet.get(path)

    assert (got.status_code, got.json()["code"]) == (422, "connection_disconnected")
    assert site.provider_requests == before


@pytest.mark.parametrize("path", [TRAILERS, HOURS])
async def test_a_provider_that_does_not_tell_is_a_501(site: Site, fleet: Client, path: str) -> None:
    await site.run("update connection set provider = 'gone'")

    got = await fleet.get(path)

    assert (got.status_code, got.json()["code"]) == (501, "not_implemented")


async def test_footage_is_fetched_at_fresh_addresses(site: Site, client: Client) -> None:
    fleet, found = await events(site, client)
    filmed = [each for each in found if each.get("cameraMedia")]
    assert filmed

    media = valid(MEDIA, await fleet.get(MEDIA.replace("{id}", filmed[0]["id"]), raw="true"))

    assert media["frontFacing"]["videoUrl"] != media["rearFacing"]["videoUrl"]
    named = filmed[0]["cameraMedia"]["frontFacing"]["sourceId"]
    assert media["frontFacing"]["sourceId"] == named
    (raw,) = media["raw"]
    assert raw["data"]["id"] == filmed[0]["sourceId"]
    plain = (await fleet.get(MEDIA.replace("{id}", filmed[0]["id"]))).json()
    assert "raw" not in plain


async def test_without_footage_or_event_there_is_a_404(site: Site, client: Client) -> None:
    fleet, found = await events(site, client)
    bare = [each for each in found if not each.get("cameraMedia")]
    unknown = "sft_evt_01GV12VR4DJP70GD1ZBK0SDWFH"

    for event in [unknown, *(each["id"] for each in bare[:1])]:
        got = await fleet.get(MEDIA.replace("{id}", event))
        assert (got.status_code, got.json()["code"]) == (404, "not_found")
        assert event in got.json()["detail"]
    assert (await fleet.get(MEDIA.replace("{id}", "17"))).status_code == 400
    foreign = (await site.client("Others")).as_((await client.connect())["token"])
    assert (await foreign.get(MEDIA.replace("{id}", found[0]["id"]))).status_code == 403
    other = client.as_((await client.connect())["token"])
    assert (await other.get(MEDIA.replace("{id}", found[0]["id"]))).status_code == 404


async def test_the_provider_is_not_asked_for_footage_of_a_connection_that_is_lost(
    site: Site, client: Client
) -> None:
    fleet, found = await events(site, client)
    await fleet.patch({"status": "disconnected"})

    got = await fleet.get(MEDIA.replace("{id}", found[0]["id"]))

    assert (got.status_code, got.json()["code"]) == (422, "connection_disconnected")
