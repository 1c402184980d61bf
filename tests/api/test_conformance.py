"""Walks every operation: requests built from its schemas, answers checked against them, statuses against its list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.api.schemas import Described, described, misfits, values

from milepost import clock, ids
from milepost.store import public_tokens

if TYPE_CHECKING:
    from tests.api.conftest import Client, Site

# The contract's document of 2026-02-23, and what it has gained since: what a client may call.
CONTRACT = {
    "createShortLink", "deleteCurrentConnection", "deleteShortLink", "getCurrentConnection",
    "getDriver", "getIFTASummary", "getSafetyEvent", "getSyncJobStatus", "getVehicle",
    "getVehicleUtilization", "listConnections", "listDevices", "listDrivers",
    "listFaultCodeEvents", "listGroups", "listHOSAvailableTime", "listHOSDailyLogs",
    "listHOSLogs", "listHistoricalVehicleLocations", "listHistoricalVehicleStats", "listIssues",
    "listLatestTrailerLocations", "listLatestVehicleLocations", "listProviders",
    "listSafetyEvents", "listSyncHistory", "listTrailers", "listTrips", "listVehicles",
    "passthrough", "passthroughRaw", "publicTokenExchange", "requestSync", "resolveIssue",
    "retrySync", "cancelSync", "updateCurrentConnection", "getEventCameraMedia",
}  # fmt: skip
# Bodies whose meaning no schema says.
LOGIN = {"provider": "samsara", "credentials": {"apiKey": "samsara_api_y"}}
MEANT: dict[str, dict[str, Any]] = {
    "createConnection": LOGIN,
    "passthrough": {"method": "GET", "path": "/fleet/vehicles"},
    "passthroughRaw": {"method": "GET", "path": "/fleet/vehicles"},
    "setProviderWebhook": {"secret": "c2VjcmV0IG9mIGEgd2ViaG9vaw=="},
    "replayWebhookEvents": {"from": "2021-01-06T03:24:53.000Z"},
}
VERBS = ("GET", "POST", "PATCH", "DELETE")
REMOVES = ("deleteShortLink", "deleteCurrentConnection")


class Walk:
    """One walk over the operations, in a fleet that has something of everything."""

    def __init__(self, site: Site, client: Client, known: dict[str, Any]) -> None:
        self.site = site
        self.client = client
        self.known = known

    async def sets_out(self, operation: Described) -> None:
        """Bring about what an operation needs: a sync that runs, one that failed, a token."""
        if operation.id == "cancelSync":
            await self.end_syncs()
            self.known["sync"] = (await self.client.post("/syncs", {})).json()["id"]
        if operation.id == "retrySync":
            await self.end_syncs()
            made = (await self.client.post("/syncs", {})).json()["id"]
            await self.client.post(f"/syncs/{made}/cancel")
            self.known["sync"] = made
        if operation.id in ("requestSync", "createConnection"):
            await self.end_syncs()
        if operation.id in ("uploadFile", "cancelProviderRequest"):
            await self.end_syncs()
            await self.client.post("/syncs", {"providerRequests": ["historical_files"]})
            listed = (await self.client.get("/provider-requests")).json()["results"]
            self.known["requ"] = listed[0]["id"]
        if operation.id == "deleteProviderWebhook":
            await self.client.post(operation.path, MEANT["setProviderWebhook"])
        if operation.id == "deleteWebhookEndpoint":
            self.known["whe"] = await endpoint(self.client)
        if operation.id == "publicTokenExchange":
            minted = await public_tokens.mint(
                self.site.database,
                ids.read("application", self.client.keys.application_id),
                ids.read("connection", self.known["conn"]),
            )
            self.known["pub_tkn"] = minted

    async def end_syncs(self) -> None:
        for sync in (await self.client.get("/syncs")).json()["results"]:
            if sync["status"] in ("requested", "in_progress"):
                await self.client.post(f"/syncs/{sync['id']}/cancel")

    def requests(self, operation: Described) -> list[tuple[dict[str, str], Any]]:
        """What to send: the least, then each optional parameter and field by itself."""
        parameters = operation.parameters
        least = {
            each["name"]: str(values(each["schema"], self.known)[0])
            for each in parameters
            if each["required"]
        }
        bodies: list[Any] = [None]
        if operation.body is not None:
            bodies = self.bodies(operation)
        more = [
            ({**least, each["name"]: _spelt(value)}, bodies[0])
            for each in parameters
            if not each["required"] and each["name"] != "cursor"
            for value in self.of(each)
        ]
        return [*((least, body) for body in bodies), *more]

    def bodies(self, operation: Described) -> list[Any]:
        assert operation.body is not None
        meant = MEANT.get(operation.id, {})
        return [{**body, **meant} for body in values(operation.body, self.known)]

    def of(self, parameter: dict[str, Any]) -> list[Any]:
        """The values of a parameter; lists of ids are plain text to the contract."""
        name: str = parameter["name"]
        listed = {"vehicleIds": "vcl", "driverIds": "drv"}.get(name)
        return [self.known[listed]] if listed else values(parameter["schema"], self.known)

    async def take(self, operation: Described) -> list[str]:
        """Make an operation's requests; return what was wrong with its answers."""
        wrong: list[str] = []
        for number, (asked, planned) in enumerate(self.requests(operation)):
            await self.sets_out(operation)
            # A token is good for one exchange: it was minted since the requests were planned.
            spends = operation.id == "publicTokenExchange"
            body = self.bodies(operation)[0] if spends else planned
            given = {**asked, **self._moved(operation)}
            path = operation.path
            for name in [name for name in given if f"{{{name}}}" in path]:
                path = path.replace(f"{{{name}}}", given.pop(name))
            sent: dict[str, Any] = {} if body is None else {"json": body}
            if operation.streams:
                sent = {"content": self.known["track"]}
            answer = await self.client.ask(operation.verb, path, params=given, **sent)
            media_type = answer.headers.get("content-type", "")
            is_json = answer.content and media_type == "application/json"
            content = answer.json() if is_json else answer.content or None
            found = misfits(operation, answer.status_code, media_type, content)
            if number == 0 and not answer.is_success:
                found.append(f"{answer.status_code} {answer.text[:200]}")
            wrong += [f"{path} {given} {body}: {each}" for each in found]
        return wrong

    def _moved(self, operation: Described) -> dict[str, str]:
        """Ids that setting out has changed."""
        return {
            each["name"]: values(each["schema"], self.known)[0]
            for each in operation.parameters
            if each["in"] == "path"
        }


def _spelt(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def endpoint(client: Client) -> str:
    """Make an endpoint, which nothing is sent to here, and return its id."""
    made = await client.post("/webhooks/endpoints", {"url": "https://milepost.test/hooks"})
    return str(made.json()["id"])


@pytest.fixture
async def walk(site: Site, client: Client) -> Walk:
    await site.fault(kind="scope_revoked", path="/samsara/fleet/hos/logs")
    made = await client.connect(backfill={"days": 4})
    await site.work()
    fleet = client.as_(made["token"])
    link = await fleet.post("/link/short", {"name": "A fleet"})

    async def first(path: str, **query: Any) -> str:
        found: str = (await fleet.get(path, **query)).json()["results"][0]["id"]
        return found

    # Footage is there of some events only, and which one is listed first depends on the day.
    events = await fleet.every("/safety/events")
    filmed = [each["id"] for each in events if each.get("cameraMedia")]
    now = clock.now()
    known = {
        "conn": made["id"], "vcl": await first("/vehicles"), "drv": await first("/drivers"),
        "sft_evt": filmed[0], "sync": await first("/syncs"),
        "isu": await first("/issues"), "evt": ids.show("event", ids.new()), "whe": await endpoint(fleet),
        "slk": link.json()["id"], "pub_tkn": "",
        "date-time": clock.iso(now - timedelta(days=1)), "uri": "https://milepost.test/done",
        "ltp": ids.show("template", ids.new()) if "template" in ids.PREFIXES else "ltp_" + "0" * 26,
    }  # fmt: skip
    name = (await fleet.get("/vehicles")).json()["results"][0]["name"]
    known["track"] = f"vehicle,time,lat,lon\n{name},2020-01-06T03:24:53Z,41,-87\n".encode()
    asked = await fleet.post("/syncs", {"providerRequests": ["historical_files"]})
    assert asked.status_code == 201, asked.text
    received = (await fleet.ask("POST", "/files", content=known["track"])).json()
    known |= {"file": received["id"], "requ": received["providerRequest"]}
    return Walk(site, fleet, known)


async def test_every_operation_answers_as_it_is_described(
    walk: Walk, record_property: Callable[[str, object], None]
) -> None:
    all_of_them = list(described())
    in_order = sorted(all_of_them, key=lambda each: (each.id in REMOVES, VERBS.index(each.verb)))
    wrong: dict[str, list[str]] = {}
    for operation in in_order:
        wrong[operation.id] = await walk.take(operation)
    rows = [
        f"{each.verb:<7}{each.path:<42}{'fail' if wrong[each.id] else 'pass'}"
        f"{'' if each.id in CONTRACT else '  (extension)'}"
        for each in all_of_them
    ]
    record_property("table", ("Every operation, walked", rows))

    assert {name: found for name, found in wrong.items() if found} == {}


def test_every_operation_of_the_contract_is_there() -> None:
    assert CONTRACT - {each.id for each in described()} == set()
