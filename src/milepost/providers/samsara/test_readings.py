"""Positions, stats and latest locations: expected output, windows, and records that cannot be used."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from milepost import clock
from milepost.errors import Changed
from milepost.ids import Identity
from milepost.kit.contract import Cut
from milepost.kit.salvage import Window, refuse_strange_page
from milepost.models.location import Fix
from milepost.models.stats import StatReading
from milepost.providers.samsara import fields, latest, mapping, readings
from milepost.providers.samsara.seats import Seats

FIXTURES = Path(__file__).parent / "fixtures"
NOW = datetime(2025, 6, 1, tzinfo=UTC)
ALL_TIME = Window(NOW)


class SpokenIdentity(Identity):
    """Names records by what they are, so that expected output can be read."""

    def __init__(self) -> None:
        super().__init__(UUID(int=1))

    def of(self, model: str, source_id: str) -> str:
        return f"{model}:{source_id}"


IDENTITY = SpokenIdentity()


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def entries(answer: Any) -> list[Raw]:
    return mapping.envelope(json.dumps(answer).encode()).data or []


def page(name: str) -> list[Raw]:
    return entries(fixture(name)["answer"])


def gps_block(*gps: Any, id_: Any = "1") -> Raw:
    return Raw(json.dumps({"id": id_, "name": "T", "gps": gps}))


def point(**changed: Any) -> dict[str, Any]:
    return {"time": "2025-03-01T12:00:00Z", "latitude": 40.5, "longitude": -100.5} | changed


def only(cuts: list[Cut]) -> Cut:
    (cut,) = cuts
    return cut


def test_positions_map_to_their_expected_fixes() -> None:
    cuts = [cut for raw in page("locations") for cut in readings.positions(raw, ALL_TIME)]

    built = [{"subject": c.subject, "records": msgspec.to_builtins(c.records)} for c in cuts]
    assert built == fixture("locations")["expected"]


def test_stats_map_to_their_expected_readings() -> None:
    keys = [key for key in fields.READINGS if key in {"engineStates", *readings.STATS}]
    keys.sort(key=list(fixture("stats")["answer"]["data"][0]).index)

    cuts = readings.stats(page("stats")[0], keys, ALL_TIME)

    built = [
        {
            "path": cut.path,
            "ordinals": cut.ordinals,
            "values": msgspec.to_builtins(
                [[r.type, r.at, r.value] for r in cut.records if isinstance(r, StatReading)]
            ),
            "rejects": [[reject.reason, reject.at] for reject in cut.rejects],
        }
        for cut in cuts
    ]
    assert built == fixture("stats")["expected"]


def test_snapshots_are_joined_to_their_expected_latest_locations() -> None:
    joined = latest.join(entries(answer) for answer in fixture("latest")["answers"])

    found = [latest.location(given, IDENTITY, "samsara", NOW, Seats()) for given in joined]

    assert [msgspec.to_builtins(each[0]) for each in found if each] == fixture("latest")["expected"]
    assert {"gps", "fuelPercent"} < json.loads(next(each[1] for each in found if each)).keys()


def test_times_are_aware_utc_whatever_offset_they_came_with() -> None:
    block = gps_block(point(time="2025-03-01T07:00:00+05:30"), point(time="2025-03-01T12:00:00Z"))

    fixes = only(readings.positions(block, ALL_TIME)).records

    assert [f.located_at.tzinfo for f in fixes if isinstance(f, Fix)] == [UTC, UTC]
    assert isinstance(fixes[0], Fix)
    assert fixes[0].located_at == datetime(2025, 3, 1, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"time": None}, "time: "),
        ({"time": "2025-03-01T12:00:00"}, "time: "),
        ({"time": "2025-02-30T12:00:00Z"}, "time: "),
        ({"time": "1999-12-31T23:59:59Z"}, "time: time is before the year 2000"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "time: time is before the year 2000"),
        ({"time": "2025-06-02T00:00:00Z"}, "time: time is more than a day in the future"),
        ({"latitude": 90.001}, "latitude: "),
        ({"longitude": -180.5}, "longitude: "),
        ({"latitude": "40.5"}, "latitude: "),
        ({"latitude": None}, "latitude: "),
        ({"speedMilesPerHour": "fast"}, "speedMilesPerHour: "),
        ({"headingDegrees": 1e300}, "headingDegrees: "),
        ({"reverseGeo": []}, "reverseGeo: "),
    ],
)
def test_one_bad_position_is_set_aside_and_the_others_survive(
    bad: dict[str, Any], reason: str
) -> None:
    block = gps_block(point(), point(**bad), point(latitude=41.0))

    cut = only(readings.positions(block, ALL_TIME))

    assert [f.latitude for f in cut.records if isinstance(f, Fix)] == [40.5, 41.0]
    assert cut.ordinals == [0, 2]
    assert [reject.at for reject in cut.rejects] == [1]
    assert cut.rejects[0].reason.startswith(reason)


@pytest.mark.parametrize("missing", ["time", "latitude", "longitude"])
def test_a_position_without_time_or_place_is_set_aside(missing: str) -> None:
    bare = point()
    del bare[missing]

    cut = only(readings.positions(gps_block(bare, point(), None), ALL_TIME))

    assert len(cut.records) == 1
    assert cut.ordinals == [1]
    assert cut.rejects[0].reason == f"{missing}: Object missing required field `{missing}`"
    assert cut.rejects[1].at == 2


def test_a_window_is_half_open_and_takes_nothing_else() -> None:
    start = datetime(2025, 3, 1, 12, tzinfo=UTC)
    window = Window(NOW, start, start + timedelta(hours=1))
    times = ["11:59:59.999", "12:00:00", "12:59:59.999999", "13:00:00"]

    cut = only(
        readings.positions(
            gps_block(*(point(time=f"2025-03-01T{time}Z") for time in times)), window
        )
    )

    assert cut.ordinals == [1, 2]
    assert not cut.rejects


@pytest.mark.parametrize("id_", [None, ["1"], {}, 1.5])
def test_a_block_without_a_readable_id_is_set_aside(id_: Any) -> None:
    cut = only(readings.positions(gps_block(point(), id_=id_), ALL_TIME))

    assert not cut.records
    assert cut.rejects[0].reason.startswith("id: ")


def test_a_whole_page_of_another_shape_is_a_change_that_names_the_field() -> None:
    renamed = {"happenedAtTime": "2025-03-01T12:00:00Z", "latitude": 1, "longitude": 2}
    cuts = readings.positions(gps_block(renamed, renamed), ALL_TIME)

    with pytest.raises(Changed, match="time"):
        refuse_strange_page(cuts)


def test_a_page_that_carries_other_types_than_asked_is_a_change() -> None:
    blocks = [Raw(b'{"id":"1","name":"T","positions":[{"time":"2025-03-01T12:00:00Z"}]}')]

    with pytest.raises(Changed, match="positions"):
        readings.refuse_renamed(blocks, ["gps"])
    readings.refuse_renamed([Raw(b'{"id":"1","name":"T"}')], ["gps"])


def test_obd_readings_are_preferred_only_within_their_own_vehicle() -> None:
    obd = {"time": "2025-03-01T12:00:00Z", "value": 2000}
    gps = {"time": "2025-03-01T12:00:00Z", "value": 9000}
    keys = ["obdOdometerMeters", "gpsOdometerMeters"]

    with_both = Raw(json.dumps({"id": "1", "gpsOdometerMeters": [gps], "obdOdometerMeters": [obd]}))
    estimated = Raw(json.dumps({"id": "2", "gpsOdometerMeters": [gps]}))
    unusable = Raw(
        json.dumps(
            {"id": "3", "obdOdometerMeters": [obd | {"value": -1}], "gpsOdometerMeters": [gps]}
        )
    )

    found = {
        cut.subject: [r.value for r in cut.records if isinstance(r, StatReading)]
        for raw in (with_both, estimated, unusable)
        for cut in readings.stats(raw, keys, ALL_TIME)
    }
    assert found == {"1": [2.0], "2": [9.0], "3": [9.0]}


def test_one_bad_stat_is_set_aside_and_the_others_survive() -> None:
    good = {"time": "2025-03-01T12:00:00Z", "value": 900}
    bad = [{"value": 1}, good | {"value": "fast"}, good | {"time": "0001-01-01T00:00:00+14:00"}, 7]
    raw = Raw(json.dumps({"id": "1", "engineRpm": [good, *bad, good]}))

    cut = only(readings.stats(raw, ["engineRpm"], ALL_TIME))

    assert cut.ordinals == [0, 5]
    assert [reject.at for reject in cut.rejects] == [1, 2, 3, 4]


def test_each_stat_type_is_archived_once_with_its_own_list() -> None:
    raw = page("stats")[0]

    cuts = readings.stats(raw, ["engineStates", "obdOdometerMeters"], ALL_TIME)

    sent = json.loads(bytes(raw))
    for cut in cuts:
        assert json.loads(cut.body) == {"id": sent["id"], cut.path: sent[cut.path]}


def test_a_fix_from_the_far_past_or_future_is_no_latest_location() -> None:
    for time in ("1980-01-06T00:00:00Z", clock.iso(NOW + timedelta(days=2))):
        given = latest.join([[Raw(json.dumps({"id": "1", "gps": point(time=time)}))]])
        assert latest.location(given[0], IDENTITY, "samsara", NOW, Seats()) is None


_NAMES = st.sampled_from(
    ["id", "name", "gps", "engineStates", "engineRpm", "time", "value", "latitude", "longitude",
     "tags", "vin", "year", "gateway", "serial", "externalIds", "phone", "parentTag", "engineState"]
)  # fmt: skip
_LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.sampled_from(["2025-03-01T12:00:00Z", "0001-01-01T00:00:00+14:00", "On"])
)  # fmt: skip
_ANYTHING = st.recursive(
    _LEAVES,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(_NAMES, below),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.dictionaries(_NAMES, _ANYTHING) | _ANYTHING)
def test_no_block_whatever_it_holds_breaks_its_page(block: Any) -> None:
    raw = Raw(json.dumps(block).encode())
    floor, ceiling = ALL_TIME.bounds()

    cuts = readings.positions(raw, ALL_TIME)
    cuts += readings.stats(raw, ["engineStates", "engineRpm"], ALL_TIME)
    cuts.append(mapping.vehicle_cut(raw, IDENTITY, "samsara"))
    cuts.append(mapping.driver_cut(raw, IDENTITY, "samsara", "active"))
    cuts.append(mapping.group_cut(raw, IDENTITY, "samsara"))
    for joined in latest.join([[raw]]):
        latest.location(joined, IDENTITY, "samsara", NOW, Seats())
    readings.refuse_renamed([raw], list(block) if isinstance(block, dict) else [])

    for cut in cuts:
        for record in cut.records:
            if isinstance(record, Fix | StatReading):
                time = record.located_at if isinstance(record, Fix) else record.at
                assert floor <= time < ceiling
