"""Vehicles, drivers and groups: paging, order, filters, references and raw data."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from milepost import clock

if TYPE_CHECKING:
    from tests.api.conftest import Client, Site
    from tests.api.records import Book

LISTS = ["/vehicles", "/drivers", "/groups"]


def shown_ids(records: list[dict[str, Any]]) -> list[str]:
    return [record["id"] for record in records]


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(limit=st.integers(1, 12))
async def test_any_limit_gives_the_same_records_in_the_same_order(
    synced: Client, limit: int
) -> None:
    for path in LISTS:
        whole = await synced.every(path)
        paged = await synced.every(path, limit=limit)

        assert paged == whole
        assert len(set(shown_ids(whole))) == len(whole) > 0


async def test_records_come_in_order_of_modification(synced: Client) -> None:
    for path in LISTS:
        places = [(r["metadata"]["modifiedAt"], r["id"]) for r in await synced.every(path, limit=2)]

        assert places == sorted(places)


async def test_the_last_page_has_no_next(synced: Client) -> None:
    count = len(await synced.every("/vehicles"))

    assert "next" not in (await synced.get("/vehicles", limit=count)).json()
    assert "next" in (await synced.get("/vehicles", limit=count - 1)).json()


async def test_a_record_changed_while_somebody_reads_is_not_missed(
    site: Site, synced: Client
) -> None:
    first = (await synced.get("/vehicles", limit=1)).json()
    changed = first["results"][0]["id"]
    await site.run(
        "update document set modified_at = now() + interval '1 hour', body = body || '{\"name\":\"New\"}'"
        " where model = 'vehicle' and modified_at = (select min(modified_at) from document"
        " where model = 'vehicle') and id = (select id from document where model = 'vehicle'"
        " order by modified_at, id limit 1)"
    )

    rest = await synced.every("/vehicles", limit=1, cursor=first["next"])

    assert rest[-1]["id"] == changed
    assert rest[-1]["name"] == "New"


async def test_both_bounds_of_modification_are_inclusive(site: Site, synced: Client) -> None:
    vehicles = await synced.every("/vehicles")
    at = vehicles[0]["metadata"]["modifiedAt"]
    just = timedelta(milliseconds=1)
    after, before = clock.iso(clock.parse(at) + just), clock.iso(clock.parse(at) - just)

    assert await synced.every("/vehicles", modifiedAfter=at, modifiedBefore=at) == vehicles
    assert await synced.every("/vehicles", modifiedAfter=after) == []
    assert await synced.every("/vehicles", modifiedBefore=before) == []
    assert await synced.every("/vehicles", modifiedAfter=at, limit=1) == vehicles


async def test_one_record_is_what_the_list_shows(synced: Client) -> None:
    for path in ("/vehicles", "/drivers"):
        for record in await synced.every(path):
            assert (await synced.get(f"{path}/{record['id']}")).json() == record


async def test_what_the_provider_removed_shows_on_request_only(site: Site, synced: Client) -> None:
    await site.run(
        "update document set deleted_at = now(), modified_at = now() where model = 'vehicle'"
        " and id = (select max(id::text)::uuid from document where model = 'vehicle')"
    )

    present = await synced.every("/vehicles")
    everything = await synced.every("/vehicles", deleted="true")
    (removed,) = [each for each in everything if each["id"] not in shown_ids(present)]

    assert removed["metadata"]["visibility"] == "deleted"
    assert removed["metadata"]["deletedAt"]
    assert all(each["metadata"]["visibility"] == "visible" for each in present)
    assert (await synced.get(f"/vehicles/{removed['id']}")).json() == removed


@pytest.mark.parametrize("include", [False, True])
async def test_what_the_filters_hide_shows_on_request_only(synced: Client, include: bool) -> None:
    one, *others = shown_ids(await synced.every("/vehicles"))
    filters = {"includeIds": others} if include else {"excludeIds": [one]}
    await synced.patch({"filters": {"vehicles": filters}})

    hidden = [each for each in await synced.every("/vehicles", hidden="true") if each["id"] == one]

    assert sorted(shown_ids(await synced.every("/vehicles", limit=1))) == sorted(others)
    word = "hidden_by_include_list" if include else "hidden_by_exclude_list"
    assert [each["metadata"]["visibility"] for each in hidden] == [word]


async def test_drivers_of_the_other_status_are_hidden_by_a_status_filter(synced: Client) -> None:
    everyone = await synced.every("/drivers")
    await synced.patch({"filters": {"drivers": {"status": "active"}}})

    shown = await synced.every("/drivers")
    all_of_them = await synced.every("/drivers", hidden="true")

    assert shown_ids(shown) == [each["id"] for each in everyone if each["status"] == "active"]
    assert {each["metadata"]["visibility"] for each in all_of_them} <= {
        "visible",
        "hidden_by_status",
    }
    assert shown_ids(all_of_them) == shown_ids(everyone)


@pytest.mark.parametrize("expand", ["groups", "devices", "groups,devices", "devices,groups"])
async def test_vehicles_show_their_references_whole_on_request(synced: Client, expand: str) -> None:
    groups = {each["id"]: each for each in await synced.every("/groups")}
    devices = {each["id"]: each for each in await synced.every("/devices")}
    plain = await synced.every("/vehicles")

    for before, after in zip(plain, await synced.every("/vehicles", expand=expand), strict=True):
        assert before["groups"]
        assert before["devices"]
        if "groups" in expand:
            assert after["groups"] == [groups[each] for each in before["groups"]]
        else:
            assert after["groups"] == before["groups"]
        if "devices" in expand:
            assert after["devices"] == [devices.get(each, each) for each in before["devices"]]
        else:
            assert after["devices"] == before["devices"]
        assert (await synced.get(f"/vehicles/{before['id']}", expand=expand)).json() == after


async def test_groups_show_their_parent_and_drivers_their_groups(synced: Client) -> None:
    groups = {each["id"]: each for each in await synced.every("/groups")}

    nested = await synced.every("/groups", expand="parent")
    parents = [each["parent"] for each in nested if "parent" in each]
    drivers = await synced.every("/drivers", expand="groups")

    assert parents
    assert all(groups[each["id"]] == each for each in parents)
    assert any(each.get("groups") for each in drivers)
    assert all(groups[g["id"]] == g for each in drivers for g in each.get("groups", []))


async def test_a_reference_to_something_unknown_stays_an_id(site: Site, synced: Client) -> None:
    await site.run("delete from document where model = 'group'")

    for vehicle in await synced.every("/vehicles", expand="groups"):
        assert all(isinstance(each, str) for each in vehicle["groups"])


async def test_raw_shows_what_the_provider_sent(synced: Client) -> None:
    for path, schema in (("/vehicles", "samsara.vehicle"), ("/drivers", "samsara.driver")):
        for record in await synced.every(path, raw="true"):
            (raw,) = record["raw"]
            assert raw["data"]["id"] == record["sourceId"]
            assert (raw["provider"], raw["schema"]) == ("samsara", schema)
            assert raw["extractedAt"] <= clock.iso(clock.now())


async def test_records_are_shown_without_raw_unless_asked(synced: Client) -> None:
    assert not [each for path in LISTS for each in await synced.every(path) if "raw" in each]


async def test_a_cursor_is_good_for_its_own_listing_and_tenant_only(
    site: Site, synced: Client
) -> None:
    cursor = (await synced.get("/vehicles", limit=1)).json()["next"]
    other = synced.as_((await synced.connect())["token"])
    middle = len(cursor) // 2
    flipped = "A" if cursor[middle] != "A" else "B"
    forged = [
        cursor[:middle] + flipped + cursor[middle + 1 :],
        cursor[:-4],
        cursor + "AAAA",
        "AAAA",
    ]

    assert (await synced.get("/vehicles", cursor=cursor)).status_code == 200
    assert (await synced.get("/drivers", cursor=cursor)).status_code == 400
    assert (await other.get("/vehicles", cursor=cursor)).status_code == 400
    for each in forged:
        answer = await synced.get("/vehicles", cursor=each)
        assert answer.status_code == 400
        assert answer.json()["detail"][0]["path"] == "{requestQuery}.cursor"


async def test_an_answer_is_compressed_for_those_who_accept_it(synced: Client) -> None:
    packed = await synced.ask("GET", "/vehicles", headers={"Accept-Encoding": "br, gzip"})
    plain = await synced.ask("GET", "/vehicles", headers={"Accept-Encoding": "gzip;q=0"})

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()


async def test_what_is_derived_is_shown_on_request_only(synced: Client) -> None:
    plain = (await synced.get("/vehicles")).json()["results"]
    told = (await synced.get("/vehicles", derived="true")).json()["results"]

    assert not [each for each in plain if "derived" in each]
    for before, after in zip(plain, told, strict=True):
        derived = after.pop("derived", None)
        assert after == before  # The provider's own fields stay as they are.
        assert (derived is None) == ("vin" not in before)
        one = (await synced.get(f"/vehicles/{before['id']}", derived="true")).json()
        assert one.get("derived") == derived
    assert any("vin" in each for each in plain)


async def test_raw_that_is_kept_no_longer_is_absent_and_no_error(
    site: Site, synced: Client
) -> None:
    """The raw archive has a retention of its own; what was built from it stays readable."""
    vehicle = (await synced.get("/vehicles")).json()["results"][0]["id"]
    paths = ["/vehicles", f"/vehicles/{vehicle}", f"/vehicles/{vehicle}/locations",
             f"/vehicles/{vehicle}/stats/historical", "/hos/logs"]  # fmt: skip
    query = {"raw": "true", "startedAfter": "2020-01-01T00:00:00Z"}

    async def shown() -> list[dict[str, Any]]:
        answers = [await synced.get(path, **query) for path in paths]
        assert {each.status_code for each in answers} == {200}
        bodies = [each.json() for each in answers]
        return [each for body in bodies for each in body.get("results", [body])]

    before = await shown()
    assert all("raw" in each for each in before)

    await site.run("delete from raw")

    assert await shown() == [
        {name: value for name, value in each.items() if name != "raw"} for each in before
    ]


async def test_hidden_deleted_raw_and_expanded_go_together_in_every_combination(book: Book) -> None:
    shown = await book.vehicles("1", name="Shown")
    hidden = await book.vehicles("2", name="Hidden")
    (gone,) = await book.vehicles("3", name="Gone")
    await book.client.patch({"filters": {"vehicles": {"excludeIds": [str(hidden[0])]}}})
    await book.withdraw("vehicle", gone)

    for with_hidden, with_deleted, raw in itertools.product(("true", "false"), repeat=3):
        for expand in ("", "groups", "devices", "groups,devices"):
            query = {"hidden": with_hidden, "deleted": with_deleted, "raw": raw}
            found = await book.client.every(
                "/vehicles", **query, **({"expand": expand} if expand else {})
            )
            expected = {str(shown[0])}
            expected |= {str(hidden[0])} if with_hidden == "true" else set()
            expected |= {str(gone)} if with_deleted == "true" else set()
            assert {each["id"] for each in found} == expected, (query, expand)
            assert all(("raw" in each) == (raw == "true") for each in found)


async def test_fifty_ids_may_be_asked_for_and_no_more(book: Book) -> None:
    known = [str(each) for each in await book.vehicles("1", name="One")]
    others = [book.id("vehicle", str(number)) for number in range(2, 51)]

    fifty = await book.client.get("/trips", vehicleIds=",".join([*known, *others]))
    more = await book.client.get(
        "/trips", vehicleIds=",".join([*known, *others, book.id("vehicle", "51")])
    )

    assert len({*known, *others}) == 50
    assert (fifty.status_code, more.status_code) == (200, 400)
