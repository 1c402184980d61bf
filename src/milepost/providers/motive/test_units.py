"""In which units answers come: asked for with every call, measured once, and believed where nothing can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from milepost import clock
from milepost.errors import Changed
from milepost.kit.loopback import Asked, Said
from milepost.models.location import Fix
from milepost.models.stats import StatReading
from milepost.providers.motive.conftest import collect, connected, listed, said

NOW = datetime(2026, 7, 15, 12, tzinfo=UTC)
STARTED, ENDED = NOW - timedelta(hours=5), NOW - timedelta(hours=4)
PERIOD = {
    "id": 1, "vehicle": {"id": 21, "metric_units": False}, "status": "complete",
    "start_time": clock.iso(STARTED), "end_time": clock.iso(ENDED), "distance": "62.1 mi",
    "start_kilometers": 1_000.0, "end_kilometers": 1_100.0,
}  # fmt: skip
MILES = 0.621371


class Vendor:
    """A vehicle that drove 100 km, whose history counts in km or, where `factor` says so, in miles."""

    def __init__(self, factor: float, periods: Any = (PERIOD,), **rest: Any) -> None:
        self._factor = factor
        self._periods = periods
        self._rest = rest
        self.measured = 0

    def __call__(self, asked: Asked) -> Said:
        assert asked.headers["x-metric-units"] == "true"
        if asked.path == "/v1/driving_periods":
            self.measured += 1
            if isinstance(self._periods, Said):
                return self._periods
            return said(listed("driving_periods", *self._periods))
        if asked.path == "/v1/vehicles":
            return said(listed("vehicles", {"id": 21}))
        if asked.path == "/v1/companies":
            return said({"companies": [{"company": {"id": 1, "time_zone": "UTC"}}]})
        if asked.path == "/v2/vehicle_utilization":
            row = {"vehicle": {"id": 21, "metric_units": False}, "message": "",
                   "total_distance": 100 * self._factor, "total_fuel": 10.0}  # fmt: skip
            return said(listed("vehicle_utilizations", row))
        if asked.path == "/v1/ifta/summary":
            row = {"vehicle": {"id": 21}, "jurisdiction": "KS", "distance": 100 * self._factor}
            return said(listed("ifta_trips", row))
        rows = [self._spot(STARTED, 1_000.0), self._spot(ENDED, 1_100.0)]
        return said({"vehicle_locations": [{"vehicle_location": row} for row in rows]})

    def _spot(self, at: datetime, km: float) -> dict[str, Any]:
        return {
            "located_at": clock.iso(at), "lat": 41.0, "lon": -87.0, "id": clock.iso(at),
            "type": "vehicle_moving", "speed": 100 * self._factor, "fuel": 100.0,
            "odometer": 9_000 + km * self._factor, "true_odometer": km * self._factor,
        } | self._rest  # fmt: skip


async def told(vendor: Vendor, stream: str = "locations") -> list[Any]:
    async with connected(vendor) as (connector, _):
        with clock.held_at(NOW):
            slice_: dict[str, Any] = {"stream": stream, "mode": "history", "ends_at": NOW}
            pages = await collect(connector, starts_at=NOW - timedelta(days=1), **slice_)
    return [record for page in pages for cut in page.cuts for record in cut.records]


@pytest.mark.parametrize(("factor", "litres"), [(1.0, 100.0), (MILES, 378.54)])
async def test_history_is_in_our_units_whichever_the_vendor_answered_in(
    factor: float, litres: float
) -> None:
    found = await told(Vendor(factor))

    fixes = [record for record in found if isinstance(record, Fix)]
    readings = [record for record in found if isinstance(record, StatReading)]
    assert [fix.speed for fix in fixes] == pytest.approx([100, 100], abs=0.01)
    odometers = [each.value for each in readings if each.type == "odometer"]
    assert odometers == pytest.approx([1_000, 1_100], abs=0.01)
    fuels = [each.value for each in readings if each.type == "total_fuel_consumption"]
    assert fuels == pytest.approx([litres, litres], abs=0.01)


@pytest.mark.parametrize("stream", ["utilization_days", "ifta_months"])
@pytest.mark.parametrize("factor", [1.0, MILES])
async def test_reports_are_in_our_units_whichever_the_vendor_answered_in(
    stream: str, factor: float
) -> None:
    found = await told(Vendor(factor), stream)

    assert found
    assert {round(record.distance, 2) for record in found} == {100.0}


@pytest.mark.parametrize(
    "vendor",
    [
        Vendor(1.0, periods=()),
        Vendor(1.0, periods=[PERIOD | {"end_kilometers": 1_004.0}]),
        Vendor(1.0, periods=[PERIOD | {"end_time": None, "end_kilometers": None}]),
        Vendor(1.0, periods=[{"strange": True}]),
        Vendor(1.0, true_odometer=None),
        Vendor(3.0),
        Vendor(1.0, periods=said({"error_message": "no"}, 403)),
        Vendor(1.0, periods=said({"error_message": "no"}, 404)),
        Vendor(1.0, periods=said({"periods": []})),
    ],
    ids=[
        "nobody-drove", "too-short", "under-way", "unreadable", "no-odometer", "no-unit-we-know",
        "not-allowed", "not-found", "another-format",
    ],
)  # fmt: skip
async def test_where_nothing_can_be_measured_the_header_is_believed(vendor: Vendor) -> None:
    found = await told(vendor, "utilization_days")

    assert vendor.measured == 1
    assert [record.fuel_consumed for record in found] == [10.0]


async def test_units_are_measured_once_a_turn_however_many_ask() -> None:
    vendor = Vendor(MILES)

    async with connected(vendor) as (connector, _):
        with clock.held_at(NOW):
            for stream in ("locations", "utilization_days", "ifta_months"):
                window: dict[str, Any] = {"starts_at": NOW - timedelta(days=1), "ends_at": NOW}
                await collect(connector, stream=stream, mode="history", **window)

    assert vendor.measured == 1


async def test_an_answer_about_a_vehicle_that_is_no_history_is_a_changed_format() -> None:
    vendor = Vendor(1.0, periods=())

    def answer(asked: Asked) -> Said:
        return said({"positions": []}) if "/v3/" in asked.path else vendor(asked)

    async with connected(answer) as (connector, _):
        window: dict[str, Any] = {"starts_at": NOW - timedelta(days=1), "ends_at": NOW}
        with clock.held_at(NOW), pytest.raises(Changed):
            await collect(connector, stream="locations", mode="history", **window)
