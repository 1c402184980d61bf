"""What cannot be true is set aside with an issue, freezes nothing, and heals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.sync.house import House

from milepost import clock
from milepost.kit.contract import Cut, Record
from milepost.models.location import Fix
from milepost.models.stats import StatReading
from milepost.sync.sanity import AHEAD, Place, kilometres, reachable, sane

NOON = datetime(2026, 3, 10, 18, tzinfo=UTC)


def cut(records: Sequence[Record]) -> Cut:
    return Cut(body=b"{}", schema="x", records=list(records), subject="1", path="gps")


def judged(records: Sequence[Record], known: Place | None = None) -> tuple[list[Record], list[str]]:
    (found,) = sane([cut(records)], NOON, {"1": known} if known else {})
    left = range(len(records)) if found.ordinals is None else found.ordinals
    numbers = [*left, *(each.at for each in found.rejects)]
    assert sorted(numbers) == list(range(len(records)))  # None is lost, none is there twice.
    return found.records, [each.reason for each in found.rejects]


# A track on the road: a fix every so many seconds, at up to 130 km/h.
STEPS = st.lists(
    st.tuples(st.integers(1, 600), st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=40
)


def track(steps: Sequence[tuple[int, float, float]]) -> list[Fix]:
    at, latitude, longitude = NOON - timedelta(days=5), 41.0, -87.0
    found = [Fix(located_at=at, latitude=latitude, longitude=longitude)]
    for seconds, north, east in steps:
        at += timedelta(seconds=seconds)
        degrees = 130 / 111 * seconds / 3600 / 1.5
        latitude, longitude = latitude + north * degrees, longitude + east * degrees
        found.append(Fix(located_at=at, latitude=latitude, longitude=longitude))
    return found


@given(steps=STEPS)
def test_what_a_lorry_can_drive_is_never_set_aside(steps: list[tuple[int, float, float]]) -> None:
    fixes = track(steps)

    assert judged(fixes) == (fixes, [])
    assert judged(fixes[1:], Place(*_where(fixes[0]))) == (fixes[1:], [])


@given(
    steps=STEPS.filter(lambda steps: len(steps) > 3), data=st.data(),
    kind=st.sampled_from(["jump", "null island", "future"]),
)  # fmt: skip
def test_one_wild_fix_among_true_ones_is_the_one_that_is_set_aside(
    steps: list[tuple[int, float, float]], data: st.DataObject, kind: str
) -> None:
    fixes = track(steps)
    at = data.draw(st.integers(0, len(fixes) - 1))
    wild = {
        "jump": replace(fixes[at], latitude=-fixes[at].latitude),
        "null island": replace(fixes[at], latitude=0.0, longitude=0.0),
        "future": replace(fixes[at], located_at=NOON + AHEAD + timedelta(seconds=1)),
    }[kind]

    kept, reasons = judged([*fixes[:at], wild, *fixes[at + 1 :]])

    assert kept == [*fixes[:at], *fixes[at + 1 :]]
    assert len(reasons) == 1


@given(steps=STEPS.filter(lambda steps: len(steps) > 3), known=st.booleans())
def test_a_vehicle_that_is_really_elsewhere_is_believed_at_the_second_fix(
    steps: list[tuple[int, float, float]], known: bool
) -> None:
    fixes = track(steps)
    before = Place(fixes[0].located_at - timedelta(minutes=1), -33.0, 151.0) if known else None

    assert judged(fixes, before) == (fixes, [])


def test_a_lonely_fix_far_from_what_is_known_is_believed_once_it_could_have_got_there() -> None:
    known = Place(NOON - timedelta(hours=1), 41.0, -87.0)
    far = Fix(located_at=NOON, latitude=10.0, longitude=-40.0)

    assert judged([far], known)[0] == []
    assert judged([replace(far, located_at=NOON)], replace(known, located_at=NOON - AHEAD * 30))[0]
    assert kilometres(known, far) == pytest.approx(5_660, rel=0.02)


@given(st.floats(-89, 89), st.floats(-179, 179), st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
def test_what_is_near_in_degrees_is_near_on_earth(
    latitude: float, longitude: float, north: float, east: float
) -> None:
    one = Place(NOON, latitude, longitude)
    other = Place(NOON, max(-90.0, min(90.0, latitude + north)), longitude + east)

    assert reachable(one, other)
    assert kilometres(one, other) <= 60


def miles(values: Sequence[float]) -> list[StatReading]:
    start = NOON - timedelta(days=2)
    return [
        StatReading(type="odometer", at=start + timedelta(minutes=n), value=value)
        for n, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([100, 101, 102, 102, 103], [100, 101, 102, 102, 103]),
        ([100, 101, 7, 102, 103], [100, 101, 102, 103]),
        ([100, 101, 0], [100, 101]),
        ([9e6, 101, 102], [101, 102]),
        ([100, 101, 900_000, 102, 103], [100, 101, 102, 103]),
        ([100, 101, 5, 6, 7], [100, 101, 5, 6, 7]),  # A new instrument counts from its own zero.
        ([], []),
    ],
)
def test_an_odometer_that_falls_or_leaps_is_set_aside_until_it_is_confirmed(
    values: list[float], kept: list[float]
) -> None:
    found, reasons = judged(miles(values))

    assert [each.value for each in found if isinstance(each, StatReading)] == kept
    assert len(reasons) == len(values) - len(kept)


def test_other_readings_may_fall_and_none_may_come_from_the_future() -> None:
    fuel = [StatReading(type="fuel_level", at=NOON, value=value) for value in (90, 10)]
    early = StatReading(type="fuel_level", at=NOON + timedelta(hours=1), value=50)

    assert judged([*fuel, early]) == (fuel, ["the reading is dated in the future"])


class Wild:
    """A world whose receivers go wild: `bend` changes a fix, or leaves it."""

    def __init__(self, world: Any, bend: Callable[[Fix], Fix]) -> None:
        self._world = world
        self._bend = bend

    def fixes(self, vehicle_id: str, start: datetime, end: datetime) -> list[Fix]:
        return [self._bend(fix) for fix in self._world.fixes(vehicle_id, start, end)]

    def latest_fix(self, vehicle_id: str, at: datetime) -> Fix | None:
        found = self._world.latest_fix(vehicle_id, at)
        return None if found is None else self._bend(found)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)


async def newest(house: House) -> set[Any]:
    return set(
        await house.rows(
            "select distinct on (vehicle_id) vehicle_id, located_at, latitude from position"
            " order by vehicle_id, located_at desc"
        )
    )


@pytest.mark.parametrize("kind", ["jump", "null island", "future", "1970"])
async def test_a_wild_fix_never_freezes_the_latest_and_it_heals(
    house: House, kind: Literal["jump", "null island", "future", "1970"]
) -> None:
    true = house.sandbox.world
    last = {
        v.id: fix.located_at for v in true.vehicles if (fix := true.latest_fix(v.id, NOON))
    }  # fmt: skip

    def bend(fix: Fix) -> Fix:
        if fix.located_at not in last.values():
            return fix
        return {
            "jump": replace(fix, latitude=-fix.latitude),
            "null island": replace(fix, latitude=0.0, longitude=0.0),
            "future": replace(fix, located_at=NOON + timedelta(hours=20)),
            "1970": replace(fix, located_at=datetime(1970, 1, 1, tzinfo=UTC)),
        }[kind]

    with clock.held_at(NOON - timedelta(hours=1)):
        await house.sync(days=1)
    wild: Any = Wild(true, bend)
    house.sandbox.world = wild
    with clock.held_at(NOON):
        assert (await house.sync()).status == "completed"
    assert await house.count("set_aside") >= 1
    assert await house.rows("select distinct code from issue") == [
        ("provider_source_data_invalid",)
    ]
    assert all(at <= NOON and latitude > 20 for _, at, latitude in await newest(house))

    house.sandbox.world = true
    later = NOON + timedelta(hours=2)
    with clock.held_at(later):
        assert (await house.sync(days=1, refetch=True)).status == "completed"

    now = {
        (fix.located_at, fix.latitude)
        for v in true.vehicles
        if (fix := true.latest_fix(v.id, later))
    }
    assert {(at, latitude) for _, at, latitude in await newest(house)} == now
    start = NOON - timedelta(hours=20)
    held = sum(
        len(true.fixes(v.id, *window))
        for v in true.vehicles
        for window in true.held(v.id, start, NOON, later)
    )
    assert (
        await house.count("position where located_at >= %s and located_at < %s", start, NOON)
        == held
    )


def _where(fix: Fix) -> tuple[datetime, float, float]:
    return fix.located_at, fix.latitude, fix.longitude
