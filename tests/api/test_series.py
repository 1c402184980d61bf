"""Positions and readings of a vehicle: whole, in order, by time, at any depth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from milepost import clock, ids
from milepost.models.stats import STAT_TYPES, VALUE_FIELDS
from milepost.store.partitions import Partitions

if TYPE_CHECKING:
    from uuid import UUID

    from tests.api.conftest import Client, Site

START = datetime(2026, 1, 31, 23, 58, tzinfo=UTC)


async def one_vehicle(client: Client) -> str:
    vehicles: list[dict[str, Any]] = await client.every("/vehicles", limit=1)
    return str(vehicles[0]["id"])


async def test_every_stored_position_is_shown_once_and_in_order(site: Site, synced: Client) -> None:
    shown = 0
    for vehicle in await synced.every("/vehicles"):
        found = await synced.every(f"/vehicles/{vehicle['id']}/locations", limit=37)
        times = [each["locatedAt"] for each in found]
        assert times == sorted(times)
        assert len({each["id"] for each in found}) == len(found)
        assert {each["vehicle"] for each in found} == {vehicle["id"]}
        shown += len(found)

    assert shown == (await site.rows("select count(*) from position"))[0][0] > 100


async def test_a_position_is_shown_as_the_provider_told_it(synced: Client) -> None:
    vehicle = await one_vehicle(synced)
    for each in await synced.every(f"/vehicles/{vehicle}/locations", raw="true"):
        (raw,) = each["raw"]
        (reading,) = raw["data"]["gps"]
        at = datetime.fromisoformat(reading["time"])
        assert each["locatedAt"] == clock.iso(at)
        assert each["location"]["latitude"] == reading["latitude"]
        assert each["location"]["longitude"] == reading["longitude"]
        assert abs(each["speed"] - reading["speedMilesPerHour"] * 1.609344) < 0.006
        assert abs(each["heading"] - reading["headingDegrees"]) < 0.0005


async def test_position_ids_are_those_that_derive_from_connection_vehicle_and_time(
    site: Site, synced: Client
) -> None:
    connection_id: UUID = (await site.rows("select id from connection"))[0][0]
    vehicle = await one_vehicle(synced)
    vehicle_id = ids.read("vehicle", vehicle)
    rows = await site.rows(
        "select located_at from position where vehicle_id = %s order by 1", vehicle_id
    )
    identity = ids.Identity(connection_id)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    expected = [
        identity.of(
            "vehicle_location", f"{vehicle_id.hex}:{(at - epoch) // timedelta(microseconds=1)}"
        )
        for (at,) in rows
    ]

    found = await synced.every(f"/vehicles/{vehicle}/locations")

    assert [each["id"] for each in found] == expected


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(limit=st.integers(1, 400), first=st.floats(0, 1), last=st.floats(0, 1))
async def test_any_limit_and_window_gives_exactly_its_records(
    synced: Client, limit: int, first: float, last: float
) -> None:
    vehicle = await one_vehicle(synced)
    for path, time in (("locations", "locatedAt"), ("stats/historical", "timestamp")):
        whole = await synced.every(f"/vehicles/{vehicle}/{path}")
        begin, end = (clock.parse(whole[place][time]) for place in (0, -1))
        since, until = sorted(clock.iso(begin + (end - begin) * share) for share in (first, last))

        inside = await synced.every(
            f"/vehicles/{vehicle}/{path}", limit=limit, startAt=since, endAt=until
        )

        assert inside == [each for each in whole if since <= each[time] < until]


async def test_a_window_holds_its_start_and_not_its_end(site: Site, fleet: Client) -> None:
    vehicle = await seeded(site, fleet, 3)
    path = f"/vehicles/{vehicle}/locations"
    second = clock.iso(START + timedelta(seconds=90))

    assert len(await fleet.every(path, startAt=second)) == 2
    assert len(await fleet.every(path, endAt=second)) == 1
    assert await fleet.every(path, startAt=second, endAt=second) == []


async def test_pages_run_across_months(site: Site, fleet: Client) -> None:
    vehicle = await seeded(site, fleet, 1000)

    found = await fleet.every(f"/vehicles/{vehicle}/locations", limit=7)

    assert len(found) == 1000
    assert found[0]["locatedAt"] == "2026-01-31T23:58:00.000Z"
    assert found[-1]["locatedAt"] == clock.iso(START + timedelta(seconds=90 * 999))


async def test_forty_thousand_positions_fit_a_page(site: Site, fleet: Client) -> None:
    vehicle = await seeded(site, fleet, 40_001)

    page = (await fleet.get(f"/vehicles/{vehicle}/locations", limit=40_000)).json()

    assert len(page["results"]) == 40_000
    assert "next" in page


async def test_a_known_vehicle_without_positions_has_an_empty_list(
    site: Site, synced: Client
) -> None:
    await site.run("delete from position")
    vehicle = await one_vehicle(synced)

    assert (await synced.get(f"/vehicles/{vehicle}/locations")).json() == {"results": []}


async def test_times_keep_milliseconds_and_odd_values_survive(site: Site, fleet: Client) -> None:
    vehicle = await seeded(site, fleet, 1)
    await site.run(
        "update position set latitude = 1e-7, longitude = -180, heading = 359.9, speed = 0, address ="
        " E'A \"quoted\" \\\\ B\\n\\u2028ü', located_at = located_at + interval '999999 microseconds'"
    )

    (found,) = await fleet.every(f"/vehicles/{vehicle}/locations")

    assert found["location"] == {"latitude": 1e-7, "longitude": -180}
    assert found["address"]["formatted"] == 'A "quoted" \\ B\n\u2028ü'
    assert (found["heading"], found["speed"]) == (359.9, 0)
    assert found["locatedAt"] == "2026-01-31T23:58:00.999Z"
    assert "driver" not in found
    assert "sourceId" not in found


async def test_readings_carry_the_one_field_of_their_type(synced: Client) -> None:
    vehicle = await one_vehicle(synced)
    found = await synced.every(f"/vehicles/{vehicle}/stats/historical")
    values = set(VALUE_FIELDS.values())

    assert len({each["type"] for each in found}) >= 5
    for each in found:
        assert [name for name in each if name in values] == [VALUE_FIELDS[each["type"]]]
        if each["type"] == "engine_state":
            assert each["state"] in ("on", "off", "idle")
        if each["type"] == "engine_runtime":
            assert isinstance(each["duration"], int)


async def test_readings_are_narrowed_to_some_types(synced: Client) -> None:
    vehicle = await one_vehicle(synced)
    path = f"/vehicles/{vehicle}/stats/historical"
    whole = await synced.every(path)

    for types in ("odometer", "odometer,engine_state", ",".join(STAT_TYPES)):
        wanted = [each for each in whole if each["type"] in types.split(",")]
        assert await synced.every(path, types=types, limit=11) == wanted


async def test_readings_show_their_vehicle_and_raw_on_request(synced: Client) -> None:
    vehicle = await one_vehicle(synced)
    whole = (await synced.get(f"/vehicles/{vehicle}")).json()

    for each in await synced.every(
        f"/vehicles/{vehicle}/stats/historical", expand="vehicle", raw="true"
    ):
        assert each["vehicle"] == whole
        (raw,) = each["raw"]
        (kind,) = [name for name, value in raw["data"].items() if isinstance(value, list)]
        (reading,) = raw["data"][kind]
        assert clock.iso(datetime.fromisoformat(reading["time"])) == each["timestamp"]


async def seeded(site: Site, fleet: Client, count: int) -> str:
    """Write a vehicle with positions 90 s apart, from shortly before the end of a month."""
    connection_id = ids.read("connection", (await fleet.get("/connections/current")).json()["id"])
    vehicle_id = ids.Identity(connection_id).uuid("vehicle", "1")
    await site.run(
        "insert into document values (%(connection)s, 'vehicle', %(vehicle)s, '1', %(body)s, now(), now())",
        connection=connection_id,
        vehicle=vehicle_id,
        body='{"id":"x","sourceId":"1","provider":"samsara","status":"active"}',
    )
    months = [(2026, 1), (2026, 2), (2026, 3), (2026, 4)]
    await Partitions(site.database).ensure("position", months)
    await site.run(
        "insert into position (connection_id, vehicle_id, located_at, modified_at, latitude, longitude)"
        " select %(connection)s, %(vehicle)s, %(start)s + n * interval '90 seconds', now(), 40, -100"
        " from generate_series(0, %(last)s) n",
        connection=connection_id, vehicle=vehicle_id, start=START, last=count - 1,
    )  # fmt: skip
    return ids.show("vehicle", vehicle_id)
