"""Merging pages: a repeat changes nothing, a change is one change, and raw is kept for what changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from psycopg.errors import UniqueViolation

from milepost import ids
from milepost.ids import Identity
from milepost.kit.contract import Cut
from milepost.models.location import Fix
from milepost.models.stats import StatReading, StatType
from milepost.models.vehicle import Vehicle
from milepost.store import archive, connections, merge_documents, merge_series
from milepost.store.archive import RawCut
from milepost.store.connections import ConnectionRow
from milepost.store.merge_documents import Change
from milepost.store.merge_series import Merged
from milepost.store.partitions import Partitions, Series, months_between
from milepost.store.pool import Database, Session, fetch_all
from milepost.vault import ConnectionKey, Unreadable

MIDNIGHT = datetime(2026, 2, 1, tzinfo=UTC)


def track(vehicle: str, count: int, *, speed: float = 50.0) -> Cut:
    fixes: list[Any] = [
        Fix(MIDNIGHT + timedelta(seconds=n - 2), 45.0 + n, -122.0, speed=speed)
        for n in range(count)
    ]
    return Cut(body=b'{"gps":[]}', schema="test.gps", subject=vehicle, path="gps", records=fixes)


def readings_of(kind: StatType, count: int) -> Cut:
    readings: list[Any] = [
        StatReading(kind, MIDNIGHT + timedelta(minutes=n), float(n)) for n in range(count)
    ]
    return Cut(body=b"{}", schema="test", subject="1", path=kind, records=readings)


Way = Callable[[Session, Series, list[RawCut], Identity, datetime], Awaitable[Merged]]


async def merge(
    database: Database,
    connection: ConnectionRow,
    cuts: list[Cut],
    series: Series = "position",
    way: Way = merge_series.merge_known,
) -> Merged:
    await Partitions(database).ensure(series, sorted(merge_series.months(cuts)))
    async with database.transaction() as session:
        stamp = await connections.stamp(session, connection.id)
        raw_cuts = archive.number(cuts, stamp)
        return await way(session, series, raw_cuts, Identity(connection.id), stamp)


async def test_positions_merged_twice_change_nothing_the_second_time(
    database: Database, connection: ConnectionRow
) -> None:
    cuts = [track("1", 5), track("2", 3)]

    first = await merge(database, connection, cuts)
    again = await merge(database, connection, cuts)

    assert (first.rows, len(first.raw_ids)) == (8, 2)
    assert (again.rows, len(again.raw_ids)) == (0, 0)


async def test_only_the_cut_with_a_changed_position_counts_as_changed(
    database: Database, connection: ConnectionRow
) -> None:
    await merge(database, connection, [track("1", 5), track("2", 3)], way=merge_series.merge)

    changed = await merge(database, connection, [track("1", 5), track("2", 3, speed=60.0)])

    assert (changed.rows, len(changed.raw_ids)) == (3, 1)


async def test_a_page_that_names_a_position_twice_holds_it_once(
    database: Database, connection: ConnectionRow
) -> None:
    merged = await merge(database, connection, [track("1", 4), track("1", 4)])

    assert merged.rows == 4


async def test_copying_straight_what_a_page_names_twice_is_refused_by_the_key(
    database: Database, connection: ConnectionRow
) -> None:
    with pytest.raises(UniqueViolation):
        await merge(database, connection, [track("1", 2), track("1", 3)], way=merge_series.merge)


async def test_a_page_of_which_half_is_there_brings_the_other_half_and_what_changed(
    database: Database, connection: ConnectionRow
) -> None:
    """Speeds of the first three are other ones than before: those are changes, and the last four are new."""
    await merge(database, connection, [track("1", 6)], way=merge_series.merge)
    overlapping = track("1", 10, speed=60.0)
    overlapping.records[3:6] = track("1", 6).records[3:6]

    merged = await merge(database, connection, [overlapping, track("2", 3)], way=merge_series.merge)
    again = await merge(database, connection, [overlapping, track("2", 3)], way=merge_series.merge)

    assert (merged.rows, len(merged.raw_ids)) == (3 + 4 + 3, 2)
    assert (again.rows, len(again.raw_ids)) == (0, 0)
    assert await counted(database) == {"position": 13, "row_count": 13}


async def test_a_page_within_a_stretch_that_is_full_already_is_merged(
    database: Database, connection: ConnectionRow
) -> None:
    await merge(database, connection, [track("1", 50)], way=merge_series.merge)
    sparse = track("1", 50)
    sparse.records[:] = [*sparse.records[::10], *track("1", 52).records[-1:]]

    merged = await merge(database, connection, [sparse], way=merge_series.merge)

    assert merged.rows == 1
    assert await counted(database) == {"position": 51, "row_count": 51}


async def test_a_page_that_names_something_new_twice_is_refused_by_the_key(
    database: Database, connection: ConnectionRow
) -> None:
    with pytest.raises(UniqueViolation):
        await merge(database, connection, [track("1", 4), track("1", 4)], way=merge_series.merge)


async def test_readings_of_another_type_in_the_same_time_are_new(
    database: Database, connection: ConnectionRow
) -> None:
    await merge(database, connection, [readings_of("odometer", 5)], "stat", merge_series.merge)
    both = [readings_of("odometer", 7), readings_of("engine_rpm", 3)]

    merged = await merge(database, connection, both, "stat", merge_series.merge)

    assert (merged.rows, len(merged.raw_ids)) == (2 + 3, 2)
    assert await counted(database, "stat") == {"stat": 10, "row_count": 10}


async def counted(database: Database, series: Series = "position") -> dict[str, int]:
    async with database.session() as session:
        (rows,), (told,) = [
            (await fetch_all(session, query))[0]
            for query in (
                f"select count(*) from {series}",
                "select sum(rows)::int8 from row_count",
            )
        ]
    return {series: rows, "row_count": told}


async def test_positions_land_in_the_month_of_their_own_time(
    database: Database, connection: ConnectionRow
) -> None:
    await merge(
        database, connection, [track("1", 5)]
    )  # Two seconds before midnight and three from it.

    async with database.session() as session:
        rows = await fetch_all(
            session, "select tableoid::regclass::text, count(*) from position group by 1 order by 1"
        )
    assert rows == [("position_y2026m01", 2), ("position_y2026m02", 3)]


async def test_readings_of_different_types_at_one_instant_are_all_kept(
    database: Database, connection: ConnectionRow
) -> None:
    readings: list[Any] = [
        StatReading("odometer", MIDNIGHT, 12.5),
        StatReading("engine_state", MIDNIGHT, 0),
        StatReading("odometer", MIDNIGHT, 12.5),
    ]
    cut = Cut(body=b"{}", schema="test", subject="1", path="x", records=readings)

    merged = await merge(database, connection, [cut], "stat")

    assert merged.rows == 2


def test_months_between_crosses_years() -> None:
    assert months_between(datetime(2025, 11, 30, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)) == [
        (2025, 11), (2025, 12), (2026, 1), (2026, 2),
    ]  # fmt: skip


def test_raw_data_opens_with_its_own_key_only_and_under_its_own_number_only() -> None:
    key, other = ConnectionKey.new(), ConnectionKey.new()
    connection_id = ids.new()
    sealed = archive.seal(key, connection_id, 7, b'{"a":1}')

    assert archive.unseal(key, connection_id, 7, sealed) == b'{"a":1}'
    for wrong_key, number in ((other, 7), (key, 8)):
        with pytest.raises(Unreadable):
            archive.unseal(wrong_key, connection_id, number, sealed)


def vehicle_cut(identity: Identity, source_id: str, name: str) -> Cut:
    vehicle = Vehicle(
        id=identity.of("vehicle", source_id),
        source_id=source_id,
        provider="samsara",
        status="active",
        name=name,
    )
    return Cut(body=b"{}", schema="test.vehicle", records=[vehicle])


def source_id_of(change: Change) -> str:
    shown: dict[str, Any] = msgspec.json.decode(change.body)
    return str(shown["sourceId"])


async def listing(
    database: Database, connection: ConnectionRow, names: dict[str, str]
) -> tuple[list[str], list[str], int]:
    """Run one complete listing; return what was added or modified, removed, and held back."""
    identity = Identity(connection.id)
    cuts = [vehicle_cut(identity, source_id, name) for source_id, name in names.items()]
    async with database.transaction() as session:
        stamp = await connections.stamp(session, connection.id)
        await merge_documents.begin_listing(session, connection.id, "vehicle", stamp)
        changes = await merge_documents.merge(
            session, "vehicle", archive.number(cuts, stamp), identity, stamp, roster="vehicle"
        )
        farewell = await merge_documents.end_listing(session, connection.id, "vehicle", stamp)
    told = [f"{change.kind} {source_id_of(change)}" for change in changes]
    gone = [source_id_of(change) for change in farewell.removed]
    return sorted(told), sorted(gone), farewell.held_back


async def test_a_listing_tells_what_is_new_and_what_changed_and_nothing_else(
    database: Database, connection: ConnectionRow
) -> None:
    assert await listing(database, connection, {"1": "a", "2": "b"}) == (
        ["added 1", "added 2"],
        [],
        0,
    )
    assert await listing(database, connection, {"1": "a", "2": "b"}) == ([], [], 0)
    assert await listing(database, connection, {"1": "a", "2": "c"}) == (["modified 2"], [], 0)


async def test_an_entity_is_removed_by_the_second_complete_listing_that_lacks_it_and_comes_back(
    database: Database, connection: ConnectionRow
) -> None:
    await listing(database, connection, {"1": "a", "2": "b"})

    assert await listing(database, connection, {"1": "a"}) == ([], [], 0)
    assert await listing(database, connection, {"1": "a"}) == ([], ["2"], 0)
    assert await listing(database, connection, {"1": "a"}) == ([], [], 0)
    assert await listing(database, connection, {"1": "a", "2": "b"}) == (["modified 2"], [], 0)


async def test_an_entity_that_is_missed_once_and_named_again_is_not_on_its_way_out(
    database: Database, connection: ConnectionRow
) -> None:
    await listing(database, connection, {"1": "a", "2": "b"})
    await listing(database, connection, {"1": "a"})
    await listing(database, connection, {"1": "a", "2": "b"})

    assert await listing(database, connection, {"1": "a"}) == ([], [], 0)


async def test_a_loss_too_large_to_believe_waits_for_a_third_listing(
    database: Database, connection: ConnectionRow
) -> None:
    fleet = {str(n): "x" for n in range(20)}
    remnant = {str(n): "x" for n in range(10)}
    await listing(database, connection, fleet)

    assert await listing(database, connection, remnant) == ([], [], 0)
    assert await listing(database, connection, remnant) == ([], [], 10)
    told, gone, held_back = await listing(database, connection, remnant)

    assert (told, len(gone), held_back) == ([], 10, 0)
