"""The description of the API: valid, true, and within the contract that it speaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from openapi_schema_validator import OAS31Validator

from milepost.api.app import OPERATIONS
from milepost.api.openapi import document

if TYPE_CHECKING:
    from tests.api.conftest import Client, Site

OURS = document(OPERATIONS, "https://milepost.test", "0")
CONTRACT = Path(__file__).parents[3] / "shared/contract/terminal-openapi-2026-02.json"
VERBS = ("get", "post", "patch", "delete")

# Operations that the contract has gained since its document was published.
OPERATIONS_SINCE = {
    ("delete", "/connections/current"),
    ("post", "/link/short"),
    ("delete", "/link/short/{id}"),
    ("post", "/passthrough/raw"),
}

# What the contract has gained since its document was published, and what it leaves open.
SINCE = {
    "Connection.status", "Issue.resolutionType", "Issue.documentationUrl", "Sync.providerRequests", "IssueError.code",
    "Group.description",
    "RecordMetadata.deletedAt",  # An extension: tombstones.
    "Vehicle.derived", "FaultCodeEvent.derived",  # Extensions: computed, on request.
    "Provider.available",  # An extension: a provider of the contract may have no connector here.
    # Extensions: what the claim that a model can be read rests on, and which of its fields are not the provider's.
    "ModelSupport.evidence", "ModelSupport.absentFields", "ModelSupport.derivedFields", "ModelSupport.reason",
    "Agreement.applicationId",  # The contract requires it without describing it.
}  # fmt: skip


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    if not CONTRACT.exists():
        pytest.skip("the contract's own document is not beside this checkout")
    found: dict[str, Any] = json.loads(CONTRACT.read_bytes())
    return found


def operations(api: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (verb, path): described
        for path, verbs in api["paths"].items()
        for verb, described in verbs.items()
        if verb in VERBS
    }


def resolved(api: dict[str, Any], schema: Any) -> Any:
    """Follow a reference to what it stands for."""
    while isinstance(schema, dict) and "$ref" in schema:
        found: Any = api
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


def fields(api: dict[str, Any], schema: Any) -> tuple[dict[str, Any], set[str]]:
    """The properties of an object, and those that are required, through `allOf` and `oneOf`."""
    schema = resolved(api, schema)
    properties = dict(schema.get("properties", {}))
    required = set(schema.get("required", []))
    for part in schema.get("allOf", []):
        more, needed = fields(api, part)
        properties |= more
        required |= needed
    for part in schema.get("oneOf", []):
        properties |= fields(api, part)[0]
    return properties, required


def answer(described: dict[str, Any]) -> Any:
    (good,) = [r for status, r in described["responses"].items() if status.startswith("2")]
    return good["content"]["application/json"]["schema"]


def compared(
    contract: dict[str, Any], ours: Any, theirs: Any, name: str, seen: set[str]
) -> list[str]:
    """List where an answer of ours has a field that theirs has not, or demands what theirs does not."""
    ours, theirs = resolved(OURS, ours), resolved(contract, theirs)
    if "oneOf" in ours:  # A connection, or since then what is left of a deleted one.
        ours = resolved(OURS, ours["oneOf"][0])
    if "array" in (ours.get("type"), theirs.get("type")):
        items = ours.get("items", {}), theirs.get("items", {})
        return compared(contract, *items, name, seen) if all(items) else []
    if "properties" not in ours:
        return []
    title = ours.get("title", name)
    if title in seen:
        return []
    seen.add(title)
    mine, my_required = fields(OURS, ours)
    given, required = fields(contract, theirs)
    wrong = [f"{title}.{field} is not in the contract" for field in mine.keys() - given.keys()]
    wrong += [f"{title}.{field} is missing" for field in required - mine.keys()]
    if title != "VehicleStatLog":  # There, each type demands its own value.
        wrong += [
            f"{title}.{field} is required {'there' if field in required else 'here'} only"
            for field in (my_required ^ required) & given.keys()
        ]
    for field in mine.keys() & given.keys():
        wrong += compared(contract, mine[field], given[field], f"{title}.{field}", seen)
    return [each for each in wrong if each.split()[0] not in SINCE]


def test_the_description_is_a_valid_openapi_document() -> None:
    assert OURS["openapi"] == "3.1.0"
    for name, schema in OURS["components"]["schemas"].items():
        OAS31Validator.check_schema(schema)
        assert name
    for (verb, path), described in operations(OURS).items():
        names = [resolved(OURS, each)["name"] for each in described["parameters"]]
        assert len(set(names)) == len(names), (verb, path)
        in_path = {
            resolved(OURS, each)["name"]
            for each in described["parameters"]
            if resolved(OURS, each)["in"] == "path"
        }
        assert in_path == {part[1:-1] for part in path.split("/") if part.startswith("{")}
        for response in described["responses"].values():
            assert resolved(OURS, response)["description"]
    ids = [described["operationId"] for described in operations(OURS).values()]
    assert len(set(ids)) == len(ids)


def test_every_reference_leads_somewhere() -> None:
    waiting: list[Any] = [OURS]
    while waiting:
        at = waiting.pop()
        if isinstance(at, dict):
            if "$ref" in at:
                assert resolved(OURS, at)
            waiting += at.values()
        elif isinstance(at, list):
            waiting += at


def test_every_operation_is_the_contracts_or_marked_as_an_extension(
    contract: dict[str, Any],
) -> None:
    known = operations(contract)

    for where, described in operations(OURS).items():
        if described.get("x-milepost-extension") or where in OPERATIONS_SINCE:
            assert where not in known
        else:
            assert described["operationId"] == known[where]["operationId"]


def test_parameters_are_those_of_the_contract(contract: dict[str, Any]) -> None:
    added = {("get", "/connections"): {"order"}}
    known = operations(contract)
    for where, described in operations(OURS).items():
        if where not in known:
            continue
        item = contract["paths"][where[1]]
        theirs = [resolved(contract, each) for each in known[where].get("parameters", [])]
        theirs += [resolved(contract, each) for each in item.get("parameters", [])]
        ours = [resolved(OURS, each) for each in described["parameters"]]
        required = {each["name"] for each in theirs if each.get("required")}
        # The contract leaves some parameters of its paths undeclared.
        undeclared = {part[1:-1] for part in where[1].split("/") if part.startswith("{")}

        extensions = {each["name"] for each in ours if each.get("x-milepost-extension")}
        assert not extensions & {each["name"] for each in theirs}, where
        since = added.get(where, set()) | ({"X-Application-Id"} if where[0] == "get" else set())
        names = {each["name"] for each in ours} - since - extensions
        assert names - undeclared == {each["name"] for each in theirs} - undeclared, where
        assert {each["name"] for each in ours if each["required"]} - undeclared == (
            required - undeclared
        )
        for each in ours:
            (same,) = [e for e in theirs if e["name"] == each["name"]] or [each]
            words = resolved(contract, same["schema"]).get("enum") if same is not each else None
            if words and each["name"] == "expand":
                assert set(each["schema"]["enum"]) == set(words), where


def test_answers_have_the_fields_of_the_contract_with_the_same_ones_required(
    contract: dict[str, Any],
) -> None:
    known = operations(contract)
    wrong: list[str] = []
    for where, described in operations(OURS).items():
        if where in known:
            name = described["operationId"]
            wrong += compared(contract, answer(described), answer(known[where]), name, set())

    # These are always there in our answers; the contract leaves them optional in these places.
    ours_only = {"SyncAcknowledged.id", "SyncAcknowledged.message", "CurrentConnection.options",
                 "Agreement.connectionId"}  # fmt: skip
    assert [each for each in sorted(set(wrong)) if each.split()[0] not in ours_only] == []


def test_bodies_take_the_fields_of_the_contract(contract: dict[str, Any]) -> None:
    known = operations(contract)
    for where, described in operations(OURS).items():
        if where in known and "requestBody" in described:
            ours, theirs = (
                fields(api, each["requestBody"]["content"]["application/json"]["schema"])[0]
                for api, each in ((OURS, described), (contract, known[where]))
            )
            extensions = {name for name, each in ours.items() if "x-milepost-extension" in each}
            assert ours.keys() - extensions == theirs.keys(), where


async def test_answers_are_as_described(site: Site, synced: Client) -> None:
    vehicle = (await synced.every("/vehicles"))[0]["id"]
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/vehicles", {"expand": "groups,devices", "raw": "true"}),
        ("/vehicles/{id}", {}),
        ("/drivers", {"expand": "groups", "raw": "true"}),
        ("/groups", {"expand": "parent"}),
        ("/vehicles/locations", {"expand": "vehicle,driver", "raw": "true"}),
        ("/vehicles/{vehicleId}/locations", {"raw": "true", "limit": 50}),
        ("/vehicles/{vehicleId}/stats/historical", {"expand": "vehicle", "limit": 500}),
        ("/connections", {}),
        ("/connections/current", {}),
        ("/syncs", {"expand": "issues"}),
        ("/providers", {}),
        ("/issues", {}),
    ]
    for path, query in asked:
        real = path.replace("{id}", vehicle).replace("{vehicleId}", vehicle)
        got = await synced.get(real, **query)
        assert got.status_code == 200, got.text

        schema = {**answer(OURS["paths"][path]["get"]), "components": OURS["components"]}
        OAS31Validator(schema).validate(got.json())


async def test_the_description_is_served_and_can_be_read(site: Site) -> None:
    for path in ("/openapi.json", "/tsp/openapi"):
        got = await site.http.get(path)
        assert (got.status_code, got.headers["content-type"]) == (200, "application/json")
        assert got.json()["paths"].keys() == OURS["paths"].keys()

    page = await site.http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "/openapi.json" in page.text
    assert "//cdn" not in page.text
