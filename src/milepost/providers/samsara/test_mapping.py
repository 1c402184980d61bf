"""Vehicles, drivers, tags and the organisation: expected output, and every field accounted for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec import Raw

from milepost.errors import Changed
from milepost.ids import Identity
from milepost.kit.contract import Cut
from milepost.kit.ledger import unknown_fields
from milepost.kit.salvage import refuse_strange_page
from milepost.models.driver import Driver
from milepost.models.vehicle import Vehicle
from milepost.providers.samsara import fields, mapping

FIXTURES = Path(__file__).parent / "fixtures"


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
    refuse_strange_page([bad, good])
    with pytest.raises(Changed, match="id"):
        refuse_strange_page([bad, bad])


def test_a_drivers_status_is_that_of_the_sweep_where_they_say_none() -> None:
    cut = mapping.driver_cut(Raw(b'{"id":"1","name":"A B"}'), IDENTITY, "samsara", "deactivated")

    assert isinstance(cut.records[0], Driver)
    assert cut.records[0].status == "inactive"


def test_documents_carry_the_brands_code_and_no_unstorable_text() -> None:
    cut = mapping.group_cut(Raw(b'{"id":"1","name":"No\\u0000rth "}'), IDENTITY, "sandbox")

    built = msgspec.to_builtins(cut.records[0])
    assert (built["provider"], built["name"]) == ("sandbox", "North")
