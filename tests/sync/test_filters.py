"""Filters govern what comes in: hidden vehicles leave no trace of data, and who is let in lacks nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from tests.sync.house import House

from milepost import clock, ids
from milepost.ids import Identity
from milepost.models.connection import EntityFilter, Filters
from milepost.store import connections
from milepost.sync.govern import govern
from milepost.sync.landing import Landing

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)
# What is stored of each vehicle or driver, by the query that counts it.
STORED = {
    "position": "select vehicle_id, count(*) from position group by 1",
    "stat": "select vehicle_id, count(*) from stat group by 1",
    "record": "select vehicle_id, count(*) from document where vehicle_id is not null"
    " and model <> 'hos_log' group by 1",
    "hours": "select driver_id, count(*) from document where model like 'hos_%%' group by 1",
}


async def filter_by(house: House, **filters: Any) -> None:
    """Change the filters as a PATCH does, in one transaction."""
    async with house.database.transaction() as session:
        await connections.stamp(session, house.connection.id)
        row = await connections.get(session, house.connection.id)
        assert row is not None
        wanted = Filters(**{noun: EntityFilter(**given) for noun, given in filters.items()})
        changed: Any = {"filters": wanted if filters else None}
        row = await connections.update(session, msgspec.structs.replace(row, **changed))
        await govern(session, row, "Samsara")


async def stored(house: House) -> dict[str, dict[Any, int]]:
    return {what: dict(await house.rows(query)) for what, query in STORED.items()}


async def everybody(house: House) -> tuple[str, str]:
    """Return the ids of the first vehicle and of its driver."""
    identity = Identity(house.connection.id)
    world = house.sandbox.world
    first = world.vehicles[0].id
    (driver, *_) = [
        a.driver_id
        for a in world.assignments(NOON - timedelta(days=1), NOON)
        if a.vehicle_id == first
    ]
    return identity.of("vehicle", first), identity.of("driver", driver)


async def test_nothing_of_a_hidden_vehicle_or_driver_comes_in_and_all_of_it_once_it_is_let_in(
    house: House,
) -> None:
    vehicle, driver = await everybody(house)
    vehicle_id, driver_id = ids.read("vehicle", vehicle), ids.read("driver", driver)
    with clock.held_at(NOON):
        await filter_by(
            house, vehicles={"exclude_ids": [vehicle]}, drivers={"exclude_ids": [driver]}
        )
        await house.sync(days=1)
        hidden = await stored(house)
        entities = dict(
            await house.rows("select id, hidden from document where hidden is not null")
        )

        await filter_by(house)
        await house.sync(days=0)
        shown = await stored(house)

    assert entities == {
        vehicle_id: "hidden_by_exclude_list",
        driver_id: "hidden_by_exclude_list",
    }
    for what, counted in hidden.items():
        whose = driver_id if what == "hours" else vehicle_id
        assert whose not in counted, what
        assert counted, what
        assert shown[what][whose] > 0, what
        assert {each: n for each, n in shown[what].items() if each != whose} == counted, what
    told = await house.rows(
        "select type, detail->'vehicle'->'metadata'->>'visibility',"
        " detail->'driver'->'metadata'->>'visibility' from event where type = any(%s)"
        " and (detail->'vehicle'->>'id' = %s or detail->'driver'->>'id' = %s) order by place",
        ["vehicle.added", "vehicle.modified", "driver.added", "driver.modified"],
        vehicle,
        driver,
    )
    assert sorted(told, key=lambda each: each[0]) == [
        ("driver.added", None, "hidden_by_exclude_list"),
        ("driver.modified", None, "visible"),
        ("vehicle.added", "hidden_by_exclude_list", None),
        ("vehicle.modified", "visible", None),
    ]


async def test_pages_of_a_hidden_vehicle_are_not_archived(house: House) -> None:
    vehicle, _ = await everybody(house)
    with clock.held_at(NOON):
        await house.sync(days=0.5)
        everything = await house.count("raw where schema <> 'samsara.vehicle'")
        await filter_by(house, vehicles={"include_ids": [vehicle]})
        await house.sync(days=1)
        other = await house.count(
            "position where vehicle_id <> %s and modified_at >"
            " (select max(modified_at) from document where hidden is not null)",
            ids.read("vehicle", vehicle),
        )

    assert everything > 0
    assert other == 0
    cuts = await house.count(
        "raw r where id >= (select extract(epoch from max(modified_at)) * 1000"
        " from document where hidden is not null)::bigint << 16"
        " and exists (select from position p where p.raw_id = r.id and p.vehicle_id <> %s)",
        ids.read("vehicle", vehicle),
    )
    assert cuts == 0


async def test_who_is_let_in_while_a_slice_is_read_lacks_nothing_after_the_next_sync(
    house: House, monkeypatch: Any
) -> None:
    vehicle, _ = await everybody(house)
    vehicle_id = ids.read("vehicle", vehicle)
    land, seen = Landing.land, 0

    async def land_and_let_in(self: Landing, spec: Any, row: Any, page: Any, *rest: Any) -> Any:
        nonlocal seen
        landed = await land(self, spec, row, page, *rest)
        if spec.model == "vehicle_location" and row.mode == "history":
            seen += 1
            if seen == 1:
                await filter_by(house)
        return landed

    with clock.held_at(NOON):
        await filter_by(house, vehicles={"exclude_ids": [vehicle]})
        monkeypatch.setattr(Landing, "land", land_and_let_in)
        await house.sync(days=1)
        await house.sync(days=0)

    world, start = house.sandbox.world, NOON - timedelta(days=1)
    first = world.vehicles[0].id
    held = [
        fix
        for window in world.held(first, start, NOON, NOON)
        for fix in world.fixes(first, *window)
    ]
    assert seen > 1
    found = await house.count(
        "position where vehicle_id = %s and located_at >= %s", vehicle_id, start
    )
    assert found == len(held)


async def test_who_is_let_in_is_asked_for_alone(house: House) -> None:
    vehicle = house.sandbox.world.vehicles[1].id
    shown = Identity(house.connection.id).of("vehicle", vehicle)
    with clock.held_at(NOON):
        await house.sync(days=1)
    with clock.held_at(NOON + timedelta(hours=2)):
        await filter_by(house, vehicles={"exclude_ids": [shown]})
        await house.sync()
    with clock.held_at(NOON + timedelta(hours=4)):
        await filter_by(house)
        before = len(house.sandbox.log.show(each=True)["each"])
        await house.sync()

    log = house.sandbox.log.show(each=True)["each"][before:]
    asked = [each["query"] for each in log if each["path"].endswith("/stats/history")]
    asked = [query for query in asked if "faultCodes" not in query]
    assert asked
    assert all(f"vehicleIds={vehicle}" in query for query in asked), asked
    assert await house.count("coverage_gap") == 0


async def test_filters_from_before_there_was_hiding_hide_from_the_next_sync_on(
    house: House,
) -> None:
    vehicle, driver = await everybody(house)
    with clock.held_at(NOON):
        await house.sync(days=0)
        async with house.database.transaction() as session:
            await connections.stamp(session, house.connection.id)
            row = await connections.get(session, house.connection.id)
            assert row is not None
            kept = Filters(
                vehicles=EntityFilter(exclude_ids=[vehicle]),
                drivers=EntityFilter(exclude_ids=[driver]),
            )
            # As a PATCH left it then: the filters are written down, and nobody was hidden by them.
            await connections.update(session, msgspec.structs.replace(row, filters=kept))
        hidden = "select id, hidden from document where hidden is not null"
        before = await house.rows(hidden)
        await house.sync(days=0)
        after = dict(await house.rows(hidden))

    listed = {ids.read("vehicle", vehicle), ids.read("driver", driver)}
    assert before == []
    assert after == dict.fromkeys(listed, "hidden_by_exclude_list")
