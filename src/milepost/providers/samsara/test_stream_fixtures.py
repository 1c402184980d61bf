"""Whole streams from their fixtures: what is asked, what comes of it, and every field accounted for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from milepost import clock
from milepost.ids import Identity
from milepost.kit import registry
from milepost.kit.contract import Connector, Page, Slice
from milepost.kit.laws.script import Script
from milepost.kit.laws.stage import SpokenIdentity
from milepost.kit.ledger import unknown_fields
from milepost.kit.login import Pocket
from milepost.kit.loopback import Asked, Loopback
from milepost.providers.samsara import fields, record_fields

FIXTURES = Path(__file__).parent / "fixtures" / "streams"
NAMES = sorted(path.stem for path in FIXTURES.glob("*.json"))


@asynccontextmanager
async def scripted(
    answers: list[dict[str, Any]], identity: Identity | None = None
) -> AsyncIterator[tuple[Connector, Loopback, Script]]:
    script = Script(answers)
    async with Loopback(script).serving() as server:
        providers = registry.load({"samsara": server.base_url})
        connector = providers.connect(
            "samsara", Pocket({"apiKey": "key"}), identity or SpokenIdentity()
        )
        try:
            yield connector, server, script
        finally:
            await connector.aclose()


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def slice_of(given: Any, cursor: str | None = None) -> Slice:
    keys = {"stream", "mode", "starts_at", "ends_at"} & given.keys()
    return msgspec.convert({**{key: given[key] for key in keys}, "cursor": cursor}, Slice)


async def read(given: Any) -> tuple[list[Page], list[Asked], Script]:
    async with scripted(given["answers"]) as (connector, server, script):
        with clock.held_at(clock.parse(given["now"])):
            pages = [page async for page in connector.pages(slice_of(given))]
    return pages, server.asked, script


def records(pages: list[Page]) -> list[Any]:
    return [
        msgspec.to_builtins(record) for page in pages for cut in page.cuts for record in cut.records
    ]


def check(text: str, schema: dict[str, Any]) -> None:
    """Check a parameter's text; lists are joined by commas where the document says `explode: false`."""
    match schema["type"]:
        case "array":
            for item in text.split(","):
                check(item, schema["items"])
        case "integer":
            low, high = schema.get("minimum", 0), schema.get("maximum", 2**63 - 1)
            assert low <= int(text) <= high
        case "boolean":
            assert text in {"true", "false"}
        case _:
            assert text in schema.get("enum", [text])


@pytest.mark.parametrize("name", NAMES)
async def test_every_request_of_a_stream_is_valid_by_the_vendors_document(
    name: str, shared: Path
) -> None:
    spec = json.loads((shared / "specs/samsara-2025-10-23.json").read_text())

    _, requests, _ = await read(fixture(name))

    for asked in requests:
        operation = spec["paths"][asked.path]["get"]
        known = {each["name"]: each for each in operation.get("parameters", [])}
        assert asked.query.keys() <= known.keys()
        assert {n for n, each in known.items() if each.get("required")} <= asked.query.keys()
        for key, text in asked.query.items():
            check(text, known[key]["schema"])


DOCUMENTED = [
    ("/gateways", ["data"], fields.GATEWAY),
    ("/fleet/trailers", ["data"], fields.TRAILER["trailer"]),
    ("/assets", ["data"], fields.TRAILER["asset"]),
    ("/fleet/hos/logs", ["data"], record_fields.DUTY_STATUS),
    ("/fleet/hos/daily-logs", ["data"], record_fields.DAILY_LOG),
    ("/fleet/hos/clocks", ["data"], record_fields.CLOCKS),
    ("/v1/fleet/trips", [], record_fields.TRIP),
    ("/safety-events/stream", ["data"], record_fields.SAFETY_EVENT),
    (
        "/fleet/reports/vehicles/fuel-energy",
        ["data", "vehicleReports"],
        record_fields.ENERGY_REPORT,
    ),
    (
        "/fleet/vehicles/stats/history",
        ["data", 0, "faultCodes"],
        record_fields.FAULTS["faultCodes"],
    ),
    ("/fleet/reports/ifta/vehicle", ["data", "vehicleReports"], record_fields.IFTA_REPORT),
]


@pytest.mark.parametrize(("path", "within", "table"), DOCUMENTED)
def test_every_field_of_the_vendors_document_is_accounted_for(
    path: str, within: list[Any], table: Any, shared: Path
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
    record = example(answer["schema"])
    for key in within:
        record = record[key]
    assert record
    assert not unknown_fields(json.dumps(record).encode(), table)
