"""Events as they are stored: each fits the contract's schema of its type, and none holds a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from tests.api.conftest import Client, Site

from milepost import clock, ids
from milepost.models.event import EVENT_TYPES, WITH_TOKEN
from milepost.models.issue import ISSUE_CODES


def validators(shared: Path) -> dict[str, Draft202012Validator]:
    """The contract's schema of each event type, with the issue codes that came after it."""
    contract = msgspec.json.decode(
        (shared / "contract" / "terminal-openapi-2026-02.json").read_bytes()
    )
    schemas = contract["components"]["schemas"]
    schemas["IssueCode"]["enum"] = list(ISSUE_CODES)
    # Three equal shapes as `oneOf` refuse every object.
    schemas["ProviderOptions"] = {"type": "object"}
    # This one came after the document; it tells of a whole connection, as others do.
    schemas["ConnectionUpdated"]["properties"]["type"]["enum"].append("connection.pending_deletion")
    found: dict[str, Draft202012Validator] = {}
    for name, schema in schemas.items():
        kinds = schema.get("properties", {}).get("type", {}).get("enum", [])
        if "Webhook Events" in schema.get("x-tags", []):
            root = {"$ref": f"#/components/schemas/{name}", "components": contract["components"]}
            found |= {kind: Draft202012Validator(root) for kind in kinds}
    return found


async def eventful(site: Site, client: Client) -> Client:
    """Let a fleet live through everything that is told of."""
    made = await client.connect(backfill={"days": 3}, externalId="x", tags=["t"])
    fleet = client.as_(made["token"])
    await site.fault(kind="scope_revoked", path="*/tags")
    await site.work()
    site.sandbox.faults.clear()
    gone = site.sandbox.world.vehicles[0].id
    await site.fault(kind="vehicles_missing", vehicles=[gone])
    for _ in range(2):
        await fleet.post("/syncs", {"days": 0})
        await site.work()
    await fleet.patch({"externalId": "y"})
    await fleet.patch({"status": "disconnected"})
    site.sandbox.faults.clear()
    await fleet.patch({"status": "connected"})
    wish = {"provider": "people-net", "contactEmail": "a@b.example", "tags": ["t"]}
    assert (await client.post("/link/unsupported-provider", wish)).status_code == 204
    await fleet.ask("DELETE", "/connections/current")
    await fleet.patch({"status": "connected"})
    await fleet.post("/syncs", {"days": 0})
    await site.fault(kind="token_revoked")
    await site.work()
    return fleet


async def test_every_event_fits_the_contracts_schema_of_its_type(
    site: Site, client: Client, shared: Path
) -> None:
    fleet = await eventful(site, client)
    known = validators(shared)

    problems: list[str] = []
    seen: set[str] = set()
    for type_, id_, at, detail in await site.rows("select type, id, at, detail from event"):
        if type_ in WITH_TOKEN:
            detail["connection"]["token"] = fleet.token  # As the rendering for delivery adds it.
        told: dict[str, Any] = {
            "id": ids.show("event", id_),
            "type": type_,
            "timestamp": clock.iso(at),
            "detail": detail,
        }
        problems += [f"{type_}: {e.message[:200]}" for e in known[type_].iter_errors(told)]
        seen.add(type_)

    assert problems == []
    # What no provider does within a minute: an entity that changes. With a connection that is deleted
    # go all its events; test_deletion looks at the one that is told then.
    assert set(EVENT_TYPES) - seen <= {
        "vehicle.modified", "driver.modified", "driver.removed", "connection.deleted",
        "safety_event.modified", "webhook_endpoint.disabled",
    }  # fmt: skip


async def test_no_event_holds_a_token_or_a_credential(site: Site, client: Client) -> None:
    fleet = await eventful(site, client)

    texts = [row[0] for row in await site.rows("select detail::text from event")]

    assert len(texts) > 20
    for secret in (fleet.token, "con_tkn_", "samsara_api_x", fleet.keys.secret_key):
        assert not [text for text in texts if secret in text]


async def test_the_last_event_about_something_shows_what_the_api_shows(
    site: Site, client: Client
) -> None:
    fleet = await eventful(site, client)

    last: dict[str, dict[str, Any]] = {}
    for (detail,) in await site.rows("select detail from event order by place"):
        for name in ("connection", "sync", "issue"):
            # What stands beside a sync or an issue is only a summary of the connection, without status.
            if "status" in detail.get(name, {}):
                last[detail[name]["id"]] = detail[name]
    (listed,) = await client.every("/connections")
    del listed["token"]
    shown = [listed, *await fleet.every("/syncs"), *await fleet.every("/issues")]
    assert len(shown) > 5
    for each in shown:
        each.pop(
            "documentationUrl", None
        )  # Where to read on is added by the API, which knows its address.
        assert last[each["id"]] == each
