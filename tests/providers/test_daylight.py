"""Days and months are those of whoever they are counted for, also when clocks change and a year has a leap day."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.providers.test_laws import PLATFORMS

from milepost.kit import registry
from milepost.kit.contract import Slice
from milepost.kit.days import DAY, midnight, next_month
from milepost.kit.laws.stage import Stage, shown
from milepost.sandbox.world import SyntheticWorld

HOUR_MS = 3_600_000
# The day on which clocks go forward, the one on which they go back, and a leap day; and how long they are.
DAYS = [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2028, 2, 29), 24)]
MONTHS = [date(2026, 3, 1), date(2026, 11, 1), date(2028, 2, 1)]


def telling(model: str) -> list[str]:
    """Name the providers that have a stream of a model."""
    found = registry.load()
    return [
        code
        for code in PLATFORMS
        if any(spec.model == model for spec in found.manifest(code).streams)
    ]


async def told(code: str, now: datetime, *models: str) -> list[list[dict[str, Any]]]:
    stage = Stage(code, registry.load, SyntheticWorld(seed=7, vehicles=3, drivers=2), now)
    found = []
    async with stage.line() as line:
        for model in models:
            spec = next(spec for spec in stage.manifest.streams if spec.model == model)
            window: dict[str, Any] = {"mode": "listing"}
            if spec.kind != "listing":
                window = {"mode": "history", "starts_at": now - timedelta(days=40), "ends_at": now}
            found.append(shown(await line.read(Slice(stream=spec.name, **window))))
    return found


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(("day", "hours"), DAYS, ids=str)
@pytest.mark.parametrize("code", telling("hos_daily_log"))
async def test_a_drivers_day_has_as_many_hours_as_the_clocks_give_it(
    code: str, day: date, hours: int
) -> None:
    (logs,) = await told(code, noon(day + 4 * DAY), "hos_daily_log")

    of_day = [log["statusDurations"] for log in logs if log["date"] == day.isoformat()]
    assert len(of_day) == 2
    for durations in of_day:
        # Some dialects count these within off duty and on duty, others beside them.
        special = [durations.pop(name, 0) for name in ("yardMove", "personalConveyance", "waiting")]
        sums = {
            sum(durations.values()) + sum(some)
            for count in range(4)
            for some in combinations(special, count)
        }
        assert hours * HOUR_MS in sums
    assert len({log["date"] for log in logs}) > 30


@pytest.mark.parametrize(("day", "hours"), DAYS, ids=str)
@pytest.mark.parametrize("code", telling("vehicle_utilization_day"))
async def test_a_vehicles_day_is_the_fleets_from_midnight_to_midnight(
    code: str, day: date, hours: int
) -> None:
    vehicles, used = await told(code, noon(day + 6 * DAY), "vehicle", "vehicle_utilization_day")

    world = SyntheticWorld(seed=7, vehicles=3, drivers=2)
    zone = ZoneInfo(world.fleet.timezone)
    starts_at, ends_at = (midnight(each, zone).astimezone(UTC) for each in (day, day + DAY))
    assert ends_at - starts_at == timedelta(hours=hours)
    back = {row["vehicle"]: row["distance"] for row in used if row["date"] == day.isoformat()}
    names = {vehicle["id"]: vehicle["name"] for vehicle in vehicles}
    true = {
        card.name: usage.metres / 1000
        for card in world.vehicles
        if (usage := world.usage(card.id, starts_at, ends_at)) is not None
    }
    assert {names[id_]: km for id_, km in back.items()} == pytest.approx(true, abs=0.02)


@pytest.mark.parametrize("month", MONTHS, ids=str)
@pytest.mark.parametrize("code", telling("ifta_vehicle_month"))
async def test_a_month_of_fuel_tax_is_the_fleets_from_its_first_midnight_to_its_last(
    code: str, month: date
) -> None:
    ends_on = next_month(month)
    vehicles, rows = await told(code, noon(ends_on + 3 * DAY), "vehicle", "ifta_vehicle_month")

    world = SyntheticWorld(seed=7, vehicles=3, drivers=2)
    zone = ZoneInfo(world.fleet.timezone)
    names = {vehicle["id"]: vehicle["name"] for vehicle in vehicles}
    back: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows:
        if row["month"] == f"{month:%Y-%m}":
            back[names[row["vehicle"]]][row["jurisdiction"]] = row["distance"]
    for card in world.vehicles:
        true = world.mileage(card.id, midnight(month, zone), midnight(ends_on, zone))
        assert back[card.name] == pytest.approx(
            {state: metres / 1000 for state, metres in true.items() if metres}, abs=0.2
        )
