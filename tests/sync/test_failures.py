"""What goes wrong at a provider, and what becomes of the sync, the connection and the data."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.sync.house import House

from milepost import clock, ids
from milepost.errors import BadRequest, Conflict, Unprocessable

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)


async def test_a_stream_that_may_not_be_read_is_an_issue_and_the_rest_goes_on(house: House) -> None:
    """Issues are problems encountered with a connection that did not result in a failed sync."""
    with clock.held_at(NOON):
        await house.fault(kind="scope_revoked", path="*/fleet/drivers")
        sync = await house.sync(days=1)

        assert sync.status == "completed"
        assert await house.count("position") > 100
        assert await house.count("document where model = 'driver'") == 0
        issues = await house.rows("select code, message, status from issue")
        assert {(code, status) for code, _, status in issues} == {("permission_missing", "ongoing")}
        # The streams that count by the fleet's days need the drivers' time zones.
        assert len(issues) == 3
        assert all("Read Drivers" in message for _, message, _ in issues)
        assert "issue.reported" in await house.events()

        house.sandbox.faults.clear()
        await house.sync(days=1)

    assert await house.count("document where model = 'driver'") == 12
    assert await house.rows("select distinct status from issue") == [("resolved",)]
    assert "issue.resolved" in await house.events()


async def test_a_feature_that_the_account_lacks_is_no_missing_permission(house: House) -> None:
    with clock.held_at(NOON):
        await house.fault(kind="feature_missing", path="*/safety-events/*")
        sync = await house.sync(days=1)
        (issue,) = await house.rows("select code, subject, message, status from issue")

        assert sync.status == "completed"
        assert issue[:2] == ("provider_data_inaccessible", "safety_events")
        assert "does not have this feature" in issue[2]
        house.sandbox.faults.clear()
        await house.sync(days=1)

    assert await house.rows("select distinct status from issue") == [("resolved",)]


async def test_days_say_that_they_need_the_drivers_for_their_time_zones(house: House) -> None:
    with clock.held_at(NOON):
        await house.fault(kind="scope_revoked", path="*/fleet/drivers")
        await house.sync(days=1)

    messages = dict(await house.rows("select subject, message from issue"))
    for stream in ("hos_daily_logs", "utilization_days"):
        assert "time zone of the drivers" in messages[stream]
    assert "time zone" not in messages["drivers"]


async def test_a_stream_that_works_again_catches_up_what_it_missed(house: House) -> None:
    with clock.held_at(NOON):
        await house.fault(kind="scope_revoked", path="*/fleet/vehicles/stats/*", query="types=gps")
        await house.sync(days=1)
        assert await house.count("position") == 0

        house.sandbox.faults.clear()
        await house.sync(days=0)

    world, start = house.sandbox.world, NOON - timedelta(days=1)
    held = [
        fix
        for vehicle in world.vehicles
        for window in world.held(vehicle.id, start, NOON, NOON)
        for fix in world.fixes(vehicle.id, *window)
    ]
    assert await house.count("position where located_at >= %s", start) == len(held)


async def test_a_sync_of_which_every_stream_is_refused_has_failed(house: House) -> None:
    await house.fault(kind="scope_revoked")

    sync = await house.sync(days=1)

    assert sync.status == "failed"
    assert "refused every stream" in (sync.failure_reason or "")


async def test_a_lost_login_disconnects_the_connection_and_tells_of_it(house: House) -> None:
    """If the sync failed, this will contain the reason."""
    await house.fault(kind="token_revoked", skip=2)

    sync = await house.sync(days=1)

    assert sync.status == "failed"
    assert "login" in (sync.failure_reason or "")
    assert await house.rows("select status from connection") == [("disconnected",)]
    events = await house.events()
    assert {"connection.disconnected", "sync.failed"} <= set(events)
    with pytest.raises(Unprocessable) as refused:
        await house.request(days=1)
    assert refused.value.code == "connection_disconnected"


async def test_a_provider_that_is_down_costs_attempts_and_then_the_sync_which_can_be_retried(
    house: House,
) -> None:
    await house.fault(kind="broken", path="*/stats/history")
    requested = await house.request(days=1)
    for _ in range(5):
        await house.work()
        await house.hurry()

    failed = await house.state(requested)
    assert failed.status == "failed"
    assert failed.attempts == 6  # The first, and five that brought no page.
    assert "5 attempts" in (failed.failure_reason or "")

    house.sandbox.faults.clear()
    async with house.database.transaction() as session:
        retried = await house.desk.retry(session, house.connection, requested.id)
    assert (retried.id, retried.status) == (requested.id, "requested")
    assert (retried.failure_reason, retried.completed_at) == (None, None)
    await house.work()
    done = await house.state(requested)
    assert (done.status, done.start_from) == ("completed", requested.start_from)


async def test_a_provider_that_asks_to_wait_gets_the_worker_back_and_costs_no_attempt(
    house: House,
) -> None:
    await house.fault(kind="throttled", path="*/stats/feed")

    sync = await house.sync(days=1)

    assert (sync.status, sync.attempts) == ("in_progress", 1)
    house.sandbox.faults.clear()
    async with asyncio.timeout(30):
        while (done := await house.state(sync)).status == "in_progress":
            await house.hurry()
            await house.work()
    assert (done.status, done.attempts) == ("completed", 1)


async def test_a_cursor_that_the_provider_forgot_starts_its_slice_again_and_nothing_is_missing(
    house: House,
) -> None:
    start = NOON - timedelta(hours=8)
    with clock.held_at(NOON):
        await house.sync(start_from=start)
    with clock.held_at(NOON + timedelta(hours=3)):
        await house.fault(kind="cursor_lost", path="*/stats/feed", query="types=gps", count=1)
        sync = await house.sync()
        await house.hurry()
        await house.work()

    assert (await house.state(sync)).status == "completed"
    world, end = house.sandbox.world, NOON + timedelta(hours=3)
    held = [
        fix
        for vehicle in world.vehicles
        for window in world.held(vehicle.id, start, end, end)
        for fix in world.fixes(vehicle.id, *window)
    ]
    assert await house.count("position where located_at >= %s", start) == len(held)


async def test_an_answer_that_no_longer_fits_fails_the_sync_and_says_what_does_not_fit(
    house: House,
) -> None:
    await house.fault(kind="cursor_repeated", path="*/stats/history", query="types=gps")

    sync = await house.sync(days=1)

    assert sync.status == "failed"
    assert (sync.failure_reason or "").startswith("locations:")
    assert await house.count("stat") > 100


async def test_a_bad_record_is_set_aside_with_an_issue_and_its_neighbours_are_kept(
    house: House,
) -> None:
    with clock.held_at(NOON):
        await house.fault(kind="bad_record", path="*/stats/history", query="types=gps", count=1)
        sync = await house.sync(days=1)

    assert sync.status == "completed"
    assert await house.rows("select code from issue") == [("provider_source_data_invalid",)]
    assert (
        await house.count(
            "set_aside s join raw r on r.connection_id = s.connection_id and r.id = s.raw_id"
        )
        == 1
    )
    world, start = house.sandbox.world, NOON - timedelta(days=1)
    held = [
        fix
        for vehicle in world.vehicles
        for window in world.held(vehicle.id, start, NOON, NOON)
        for fix in world.fixes(vehicle.id, *window)
    ]
    assert await house.count("position where located_at >= %s", start) == len(held) - 1


async def test_an_unknown_field_changes_nothing(house: House) -> None:
    await house.fault(kind="unknown_field")

    assert (await house.sync(days=1)).status == "completed"


async def test_a_vehicle_that_two_listings_lack_is_removed_and_told_of(house: House) -> None:
    await house.sync(days=0)
    gone = house.sandbox.world.vehicles[0].id
    await house.fault(kind="vehicles_missing", vehicles=[gone])

    await house.sync(days=0)
    assert "vehicle.removed" not in await house.events()
    await house.sync(days=0)

    assert (await house.events()).count("vehicle.removed") == 1
    rows = await house.rows(
        "select source_id from document where deleted_at is not null and model = 'vehicle'"
    )
    assert rows == [(gone,)]


async def test_what_a_vehicle_did_that_left_the_fleet_is_not_taken_for_withdrawn(
    house: House,
) -> None:
    with clock.held_at(NOON):
        await house.sync(days=2)
        [(gone, trips)] = await house.rows(
            "select d.source_id, count(*) from document d join document t on t.vehicle_id = d.id"
            " and t.model = 'trip' where d.model = 'vehicle' group by 1 order by 2 desc limit 1"
        )
        await house.fault(kind="vehicles_missing", vehicles=[gone])
        await house.sync(days=2)
        await house.sync(days=2)

    assert trips > 0
    assert await house.rows(
        "select count(*) from document t join document d on t.vehicle_id = d.id"
        " where d.source_id = %s and t.model = 'trip' and t.deleted_at is null",
        gone,
    ) == [(trips,)]


async def test_what_a_driver_did_who_left_the_fleet_is_not_taken_for_withdrawn(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = (
        "select t.model, count(*) from document t join document d on t.driver_id = d.id"
        " where d.source_id = %s and t.model like 'hos%%' and t.deleted_at is null group by 1 order by 1"
    )
    with clock.held_at(NOON):
        await house.sync(days=2)
        [(gone, _)] = await house.rows(
            "select d.source_id, count(*) from document d join document t on t.driver_id = d.id"
            " and t.model = 'hos_log' where d.model = 'driver' group by 1 order by 2 desc limit 1"
        )
        before = await house.rows(told, gone)
        world = house.sandbox.world
        staying = [driver for driver in world.drivers if driver.id != gone]
        assert len(staying) == len(world.drivers) - 1
        monkeypatch.setattr(world, "drivers", staying)
        for _ in range(3):  # Missed once, missed twice and removed, gone.
            await house.sync(days=2)
            assert await house.rows(told, gone) == before

    assert [model for model, _ in before] == ["hos_daily_log", "hos_log"]
    assert (await house.events()).count("driver.removed") == 1


async def test_of_requests_at_the_same_instant_exactly_one_wins_and_the_others_are_told_who(
    house: House,
) -> None:
    async def ask() -> str:
        try:
            return ids.show("sync", (await house.request(days=1)).id)
        except Conflict as conflict:
            return f"409 {conflict.detail}"

    for _ in range(5):
        answers = await asyncio.gather(*(ask() for _ in range(8)))
        winners = [answer for answer in answers if not answer.startswith("409")]
        assert len(winners) == 1
        assert {a for a in answers if a.startswith("409")} == {
            f"409 Existing sync in progress: {winners[0]}"
        }
        async with house.database.transaction() as session:
            sync_id = ids.read("sync", winners[0])
            await house.desk.cancel(session, house.connection, sync_id)


async def test_a_sync_that_was_only_requested_is_cancelled_at_once_and_can_be_retried(
    house: House,
) -> None:
    sync = await house.request(days=1)

    async with house.database.transaction() as session:
        await house.desk.cancel(session, house.connection, sync.id)
    cancelled = await house.state(sync)
    assert (cancelled.status, cancelled.failure_reason) == ("failed", "The sync was cancelled.")
    async with house.database.transaction() as session:
        with pytest.raises(Unprocessable):
            await house.desk.cancel(session, house.connection, sync.id)

    async with house.database.transaction() as session:
        await house.desk.retry(session, house.connection, sync.id)
    await house.work()
    assert (await house.state(sync)).status == "completed"


async def test_a_running_sync_that_is_cancelled_stops_at_its_next_page(house: House) -> None:
    await house.fault(kind="slow", path="*/stats/history", seconds=0.05)
    sync = await house.request(days=5)
    working = asyncio.create_task(house.work())
    async with asyncio.timeout(30):
        while (await house.state(sync)).pages < 10:  # noqa: ASYNC110  The database tells nobody.
            await asyncio.sleep(0.01)

    async with house.database.transaction() as session:
        await house.desk.cancel(session, house.connection, sync.id)
    await working

    ended = await house.state(sync)
    assert (ended.status, ended.failure_reason) == ("failed", "The sync was cancelled.")
    assert ended.progress < 100
    slices = await house.rows("select status from slice")
    assert ("todo",) in slices


async def test_progress_never_falls_within_an_attempt_and_reaches_a_hundred_at_the_end_only(
    house: House,
) -> None:
    sync = await house.request(days=3)
    working = asyncio.create_task(house.work())
    seen: list[tuple[float, str]] = []
    while not working.done():
        state = await house.state(sync)
        seen.append((float(state.progress), state.status))
        await asyncio.sleep(0.005)
    await working

    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert all(status == "completed" for share, status in seen if share == 100)
    assert len(set(shares)) > 3


async def test_a_start_in_the_future_and_what_the_provider_does_not_offer_are_refused(
    house: House,
) -> None:
    with pytest.raises(BadRequest):
        await house.request(start_from=clock.now() + timedelta(minutes=1))
    with pytest.raises(Unprocessable, match="it offers: historical_files"):
        await house.request(asked_for=["provision_credentials"])
