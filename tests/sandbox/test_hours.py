"""The hours of service of the synthetic drivers follow from their shifts, and are edited days later."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest

from milepost.kit.world import DutyLog, World
from milepost.sandbox.crew import Crew
from milepost.sandbox.world import SyntheticWorld

NOW = datetime(2026, 3, 4, 18, 30, tzinfo=UTC)
MONTH = NOW - timedelta(days=30)
LATER = NOW + timedelta(days=20)


def at_wheel(world: World) -> list[str]:
    return sorted({a.driver_id for a in world.assignments(MONTH, NOW) if not a.passenger})


def test_statuses_follow_each_other_without_gap_and_only_the_last_is_open(world: World) -> None:
    for driver in world.drivers:
        logs = world.duty(driver.id, MONTH, NOW, NOW)

        assert logs[0].starts_at <= MONTH
        assert all(a.ends_at == b.starts_at for a, b in itertools.pairwise(logs))
        assert [log.ends_at is None for log in logs].index(True) == len(logs) - 1


def test_a_window_may_be_cut_anywhere(world: World) -> None:
    driver = at_wheel(world)[0]
    whole = world.duty(driver, MONTH, NOW, NOW)

    for log in whole[1:-1]:
        assert log.ends_at is not None
        middle = log.starts_at + (log.ends_at - log.starts_at) / 2
        assert log in world.duty(driver, middle, NOW, NOW)
        assert log not in world.duty(driver, log.ends_at, NOW, NOW)
        assert log not in world.duty(driver, MONTH, log.starts_at, NOW)


def test_who_drives_is_assigned_to_that_vehicle_and_it_moves(world: World) -> None:
    seats = world.assignments(MONTH, NOW)
    moves = 0
    for driver in at_wheel(world):
        for log in world.duty(driver, NOW - timedelta(days=7), NOW, NOW):
            if log.status not in ("driving", "yard_move", "personal_conveyance"):
                continue
            ends = log.ends_at or NOW
            seat = next(
                a
                for a in seats
                if a.driver_id == driver
                and a.ends_at
                and a.starts_at <= log.starts_at
                and ends <= a.ends_at
            )
            assert (seat.vehicle_id, seat.passenger) == (log.vehicle_id, False)
            usage = world.usage(seat.vehicle_id, log.starts_at, ends)
            assert usage is not None
            assert usage.metres > 0
            moves += 1
    assert moves > 200


def test_what_a_truck_drives_is_driven_by_somebody(world: World) -> None:
    seats = [a for a in world.assignments(NOW - timedelta(days=3), NOW) if not a.passenger]
    for seat in seats:
        if seat.ends_at is None or seat.ends_at > NOW:
            continue
        usage = world.usage(seat.vehicle_id, seat.starts_at, seat.ends_at)
        logs = world.duty(seat.driver_id, seat.starts_at, seat.ends_at, NOW)
        driven = 0
        for log in logs:
            if log.vehicle_id == seat.vehicle_id and log.ends_at is not None:
                begins, ends = (
                    max(log.starts_at, seat.starts_at),
                    min(log.ends_at, seat.ends_at),
                )
                part = world.usage(seat.vehicle_id, begins, ends)
                assert part is not None
                driven += part.metres

        assert usage is not None
        assert driven == usage.metres > 100_000


def test_the_week_of_a_driver_keeps_the_us_rules_of_thumb(world: World) -> None:
    for driver in at_wheel(world):
        logs = world.duty(driver, NOW - timedelta(days=9), NOW, NOW)
        rests: list[timedelta] = []
        driving = work = timedelta()
        for log in logs:
            length = (log.ends_at or NOW) - log.starts_at
            if log.status in ("off_duty", "sleeper_bed"):
                rests.append(length)
            if log.status == "driving":
                driving += length
            if log.status in ("driving", "on_duty", "yard_move"):
                work += length
        assert max(rests) >= timedelta(hours=6)
        assert driving < timedelta(hours=9 * 8)
        assert work < timedelta(hours=9 * 9)


def test_every_status_of_the_rules_occurs_somewhere(world: World) -> None:
    seen = {
        log.status for driver in world.drivers for log in world.duty(driver.id, MONTH, NOW, NOW)
    }

    assert seen == {
        "off_duty", "sleeper_bed", "driving", "on_duty", "yard_move", "personal_conveyance",
    }  # fmt: skip


def test_a_driver_who_left_is_off_duty_for_good(world: World) -> None:
    left = next(driver for driver in world.drivers if not driver.active)

    (log,) = world.duty(left.id, MONTH, NOW, NOW)

    assert (log.status, log.ends_at) == ("off_duty", None)
    hours = world.hours_left(left.id, NOW)
    assert hours is not None
    assert (hours.status, hours.drive_ms, hours.cycle_ms) == (None, 39_600_000, 252_000_000)


def test_who_rides_along_sleeps_in_the_truck_and_is_named_by_the_other(world: World) -> None:
    ride = next(a for a in world.assignments(MONTH, NOW) if a.passenger)
    other = next(
        a
        for a in world.assignments(MONTH, NOW)
        if not a.passenger and (a.vehicle_id, a.starts_at) == (ride.vehicle_id, ride.starts_at)
    )
    assert ride.ends_at is not None

    asleep = world.duty(ride.driver_id, ride.starts_at, ride.ends_at, NOW)
    driving = world.duty(other.driver_id, ride.starts_at, ride.ends_at, NOW)

    assert [(log.status, log.vehicle_id) for log in asleep] == [("sleeper_bed", ride.vehicle_id)]
    assert {log.codriver_ids for log in driving if log.status == "driving"} == {(ride.driver_id,)}


def test_nobody_rides_in_two_trucks_at_once(world: World) -> None:
    rides = [a for a in world.assignments(MONTH, NOW) if a.passenger]

    assert len(rides) > 20
    for a, b in itertools.pairwise(rides):
        assert a.ends_at is not None
        assert a.ends_at <= b.starts_at


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 2), 24), (date(2026, 3, 8), 23), (date(2025, 11, 2), 25)]
)
def test_a_day_that_is_over_adds_up_to_its_length(world: World, day: date, hours: int) -> None:
    for driver in world.drivers:
        shown = world.duty_day(driver.id, day, LATER)

        assert shown is not None
        assert sum(shown.durations_ms.values()) == hours * 3_600_000
        assert shown.ends_at - shown.starts_at == timedelta(hours=hours)


def test_today_counts_as_far_as_it_has_gone_and_tomorrow_is_not_there(world: World) -> None:
    driver = at_wheel(world)[0]

    today = world.duty_day(driver, date(2026, 3, 4), NOW)

    assert today is not None
    assert sum(today.durations_ms.values()) == (NOW - today.starts_at) / timedelta(milliseconds=1)
    assert world.duty_day(driver, date(2026, 3, 5), NOW) is None


def test_driving_shortens_what_is_left_and_rest_gives_it_back(world: World) -> None:
    driver = at_wheel(world)[0]
    log = next(
        x
        for x in world.duty(driver, NOW - timedelta(days=2), NOW, NOW)
        if x.status == "driving" and x.ends_at and x.ends_at - x.starts_at > timedelta(minutes=40)
    )
    assert log.ends_at is not None
    before, after = world.hours_left(driver, log.starts_at), world.hours_left(driver, log.ends_at)
    assert before is not None
    assert after is not None
    length = (log.ends_at - log.starts_at) / timedelta(milliseconds=1)

    assert before.drive_ms - after.drive_ms == length
    assert before.shift_ms - after.shift_ms == length
    assert before.break_ms - after.break_ms == length
    assert before.cycle_ms - after.cycle_ms == length
    rested = [world.hours_left(driver, NOW - timedelta(minutes=20 * k)) for k in range(3 * 24 * 2)]
    assert any(hours and hours.drive_ms == 39_600_000 for hours in rested)


def edited(world: World, change: str) -> tuple[list[DutyLog], list[DutyLog], datetime]:
    """Return a driver's logs around an edit of that kind, just before it and from it on."""
    edit = next(e for e in world.edits(MONTH, NOW) if e.change == change)
    start, end = edit.starts_at - timedelta(hours=1), edit.starts_at + timedelta(days=1)
    before = list(world.duty(edit.subject, start, end, edit.at - timedelta(milliseconds=1)))
    assert before == list(world.duty(edit.subject, start, end, end + timedelta(hours=12)))
    assert edit.at - edit.starts_at > timedelta(days=1)
    after = list(world.duty(edit.subject, start, end, edit.at))
    assert all(a.ends_at == b.starts_at for a, b in itertools.pairwise(after))
    return before, after, edit.starts_at


def test_a_status_is_split_some_days_later(world: World) -> None:
    before, after, starts_at = edited(world, "split")

    gone, new = [x for x in before if x not in after], [x for x in after if x not in before]
    assert [x.starts_at for x in gone] == [starts_at]
    assert len(new) == 3
    assert new[0].starts_at == starts_at
    assert (new[1].status, new[1].remark) == ("on_duty", "Paperwork")


def test_a_status_is_changed_some_days_later_under_the_same_start(world: World) -> None:
    before, after, starts_at = edited(world, "changed")

    ((gone,), (new,)) = [x for x in before if x not in after], [x for x in after if x not in before]
    assert gone.starts_at == new.starts_at == starts_at
    assert (gone.status, new.status) == ("on_duty", "off_duty")


def test_a_status_is_withdrawn_some_days_later(world: World) -> None:
    before, after, starts_at = edited(world, "withdrawn")

    assert starts_at in {x.starts_at for x in before}
    assert starts_at not in {x.starts_at for x in after}
    assert len(after) == len(before) - 1


def test_the_same_seed_edits_the_same_and_windows_of_edits_add_up(world: World) -> None:
    whole = world.edits(MONTH, NOW)

    assert SyntheticWorld(seed=7).edits(MONTH, NOW) == whole
    middle = whole[len(whole) // 2].at
    assert [*world.edits(MONTH, middle), *world.edits(middle, NOW)] == whole
    assert {e.change for e in whole} == {"split", "changed", "withdrawn", "relabelled"}


def test_more_trucks_than_drivers_leave_trucks_unassigned() -> None:
    world = SyntheticWorld(seed=3, vehicles=20, drivers=6)
    crew: Crew = world._crew

    seats = [crew.seats(number, 800) for number in range(18)]

    assert sum(bool(seat) for seat in seats) == 5
    assert len({seat[0].driver_id for seat in seats if seat}) == 5


@pytest.mark.parametrize(("vehicles", "drivers"), [(10, 12), (4, 30), (20, 6), (3, 1)])
def test_a_driver_and_a_seat_name_each_other(vehicles: int, drivers: int) -> None:
    crew = SyntheticWorld(seed=3, vehicles=vehicles, drivers=drivers)._crew
    ids = [str(51_000_001 + number) for number in range(drivers)]
    for day in range(795, 805):
        seats = {s for number in range(vehicles) for s in crew.seats(number, day)}
        turns = {turn for id_ in ids if (turn := crew.turn(id_, day))}

        assert turns == seats
        assert len({turn.driver_id for turn in turns}) == len(turns)
