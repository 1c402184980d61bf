"""Fixtures map to what stands beside them, and the oddities of Samsara's records harm nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec import Raw

from milepost import clock
from milepost.errors import Changed
from milepost.ids import Identity
from milepost.kit.contract import Cut
from milepost.kit.ledger import unknown_fields
from milepost.models.driver import Driver
from milepost.models.location import Fix
from milepost.models.stats import StatReading
from milepost.models.vehicle import Vehicle
from milepost.providers.samsara import fields, latest, mapping, readings

FIXTURES = Path(__file__).parent / "fixtures"
NOW = datetime(2025, 6, 1, tzinfo=UTC)
ALL_TIME = readings.Window(NOW)


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


@pytest.mark.parametrize("name", ["vehicles", "drivers", "groups"])
def test_a_listing_maps_to_its_expected_documents(name: str) -> None:
    def cut_one(raw: Raw) -> Cut:
        match name:
            case "vehicles":
                return mapping.vehicle_cut(raw, IDENTITY, "samsara")
            case "drivers":
                return mapping.driver_cut(raw, IDENTITY, "samsara", "active")
            case _:
                return mapping.group_cut(raw, IDENTITY, "samsara")

    cuts = [cut_one(raw) for raw in page(name)]

    built = [msgspec.to_builtins(record) for cut in cuts for record in cut.records]
    assert built == fixture(name)["expected"]
    assert [cut.body for cut in cuts] == [bytes(raw) for raw in page(name)]
    assert not any(cut.rejects for cut in cuts)


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

    found = [latest.location(given, IDENTITY, "samsara", NOW) for given in joined]

    assert [msgspec.to_builtins(each[0]) for each in found if each] == fixture("latest")["expected"]
    assert {"gps", "fuelPercent"} < json.loads(next(each[1] for each in found if each)).keys()


def test_the_organisation_maps_to_its_expected_account() -> None:
    found = mapping.account(json.dumps(fixture("organization")["answer"]).encode())

    assert msgspec.to_builtins(found) == fixture("organization")["expected"]


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("vehicles", "samsara.vehicle"),
        ("drivers", "samsara.driver"),
        ("groups", "samsara.tag"),
        ("locations", "samsara.vehicleStats.gps"),
        ("stats", "samsara.vehicleStats.engineStates"),
    ],
)
def test_every_field_of_a_fixture_is_accounted_for(name: str, schema: str) -> None:
    for raw in page(name):
        assert not unknown_fields(bytes(raw), fields.BY_SCHEMA[schema])


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("/fleet/vehicles", fields.VEHICLE),
        ("/fleet/drivers", fields.DRIVER),
        ("/tags", fields.TAG),
        ("/me", fields.ORGANIZATION),
    ],
)
def test_every_field_of_the_vendors_document_is_accounted_for(
    path: str, table: Any, shared: Path
) -> None:
    spec = json.loads((shared / "specs/samsara-2025-10-23.json").read_text())

    def resolve(schema: Any) -> Any:
        while "$ref" in schema:
            schema = spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def example(schema: Any) -> Any:
        schema = resolve(schema)
        if schema.get("type") == "array":
            return [example(schema["items"])]
        parts = [schema, *(resolve(part) for part in schema.get("allOf", []))]
        return {
            name: example(below)
            for part in parts
            for name, below in part.get("properties", {}).items()
        }

    answer = spec["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    record = example(answer["schema"])["data"]
    assert record
    assert not unknown_fields(json.dumps(record).encode(), table)


@pytest.mark.parametrize("name", ["vehicles_page", "vehicles_terminal", "drivers_page"])
def test_recorded_listings_are_read_without_a_reject(name: str, shared: Path) -> None:
    answer = mapping.envelope((shared / f"samples/samsara/live_{name}.json").read_bytes())

    for raw in answer.data or []:
        if name.startswith("vehicles"):
            cut = mapping.vehicle_cut(raw, IDENTITY, "samsara")
            table = fields.VEHICLE
        else:
            cut = mapping.driver_cut(raw, IDENTITY, "samsara", "active")
            table = fields.DRIVER
        assert len(cut.records) == 1
        assert not cut.rejects
        assert not unknown_fields(cut.body, table)


def test_mapping_twice_gives_the_same_records_and_ids() -> None:
    identity = Identity(UUID(int=7))

    first, second = (
        [mapping.vehicle_cut(raw, identity, "samsara") for raw in page("vehicles")]
        for _ in range(2)
    )

    assert first == second
    ids = {cut.records[0].id for cut in first if isinstance(cut.records[0], Vehicle)}
    assert len(ids) == 3


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
    window = readings.Window(NOW, start, start + timedelta(hours=1))
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
        mapping.refuse_strange_page(cuts)


def test_a_page_that_carries_other_types_than_asked_is_a_change() -> None:
    blocks = [Raw(b'{"id":"1","name":"T","positions":[{"time":"2025-03-01T12:00:00Z"}]}')]

    with pytest.raises(Changed, match="positions"):
        readings.refuse_renamed(blocks, ["gps"])
    readings.refuse_renamed([Raw(b'{"id":"1","name":"T"}')], ["gps"])


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'{"data":[]}', b'{"data":{},"pagination":{}}', b'{"pagination":null}',
     b'{"data":[],"pagination":{"endCursor":"x"}}', b"[" * 100_000, b"\xff\xfe"],
)  # fmt: skip
def test_an_answer_that_is_no_page_is_a_change(body: bytes) -> None:
    with pytest.raises(Changed):
        mapping.envelope(body)


def test_data_may_be_null() -> None:
    body = b'{"data":null,"pagination":{"endCursor":"","hasNextPage":false}}'

    assert mapping.envelope(body).data is None


def test_a_vehicle_stays_when_one_of_its_fields_does_not_fit() -> None:
    raw = Raw(b'{"id":"5","name":{"en":"Truck"},"vin":"abc","tags":"none"}')

    cut = mapping.vehicle_cut(raw, IDENTITY, "samsara")

    (vehicle,) = cut.records
    assert isinstance(vehicle, Vehicle)
    assert (vehicle.source_id, vehicle.vin) == ("5", "ABC")
    assert [reject.reason.split()[0] for reject in cut.rejects] == ["name", "tags"]


def test_entities_without_ids_are_a_change_when_all_are_so_and_else_set_aside() -> None:
    bad = mapping.vehicle_cut(Raw(b'{"vehicleId":"5"}'), IDENTITY, "samsara")
    good = mapping.vehicle_cut(Raw(b'{"id":6,"year":2019}'), IDENTITY, "samsara")

    assert isinstance(good.records[0], Vehicle)
    assert (good.records[0].source_id, good.records[0].year) == ("6", 2019)
    mapping.refuse_strange_page([bad, good])
    with pytest.raises(Changed, match="id"):
        mapping.refuse_strange_page([bad, bad])


def test_a_drivers_status_is_that_of_the_sweep_where_they_say_none() -> None:
    cut = mapping.driver_cut(Raw(b'{"id":"1","name":"A B"}'), IDENTITY, "samsara", "deactivated")

    assert isinstance(cut.records[0], Driver)
    assert cut.records[0].status == "inactive"


def test_documents_carry_the_brands_code_and_no_unstorable_text() -> None:
    cut = mapping.group_cut(Raw(b'{"id":"1","name":"No\\u0000rth "}'), IDENTITY, "sandbox")

    built = msgspec.to_builtins(cut.records[0])
    assert (built["provider"], built["name"]) == ("sandbox", "North")


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


def test_each_stat_type_is_archived_once_with_its_own_list() -> None:
    raw = page("stats")[0]

    cuts = readings.stats(raw, ["engineStates", "obdOdometerMeters"], ALL_TIME)

    sent = json.loads(bytes(raw))
    for cut in cuts:
        assert json.loads(cut.body) == {"id": sent["id"], cut.path: sent[cut.path]}


def test_a_fix_from_the_far_past_or_future_is_no_latest_location() -> None:
    for time in ("1980-01-06T00:00:00Z", clock.iso(NOW + timedelta(days=2))):
        given = latest.join([[Raw(json.dumps({"id": "1", "gps": point(time=time)}))]])
        assert latest.location(given[0], IDENTITY, "samsara", NOW) is None
