"""Every endpoint of the simulated Samsara, to its last page and in every refusal, by the vendor's document."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.sandbox.samsara_document import ALL_TYPES, Contract

from milepost.kit.simulation import Conditions, Mishap

WHOLE: dict[str, list[dict[str, Any]]] = {
    "/me": [{}],
    "/tags": [{"limit": 2}],
    "/fleet/vehicles": [{"limit": 3}],
    "/fleet/drivers": [{"driverActivationStatus": each} for each in ("active", "deactivated")],
    "/fleet/driver-vehicle-assignments": [
        {"filterBy": each, "startTime": "2026-02-20T00:00:00Z"} for each in ("vehicles", "drivers")
    ],
    "/fleet/vehicles/stats": [{"types": types} for types in (*ALL_TYPES, "faultCodes")],
    "/fleet/vehicles/stats/feed": [{"types": types} for types in (*ALL_TYPES, "faultCodes")],
    "/fleet/vehicles/stats/history": [
        {"types": types, "startTime": "2026-03-04T14:00:00Z", "endTime": "2026-03-04T15:00:00Z"}
        for types in ALL_TYPES
    ],
    "/gateways": [{}],
    "/fleet/trailers": [{"limit": 2}],
    "/fleet/trailers/stats": [{"types": "gps"}],
    "/assets": [{"includeTags": "true", "includeExternalIds": "true"}],
    "/fleet/hos/logs": [{"startTime": "2026-02-25T00:00:00Z", "endTime": "2026-03-04T18:30:00Z"}],
    "/fleet/hos/daily-logs": [{"startDate": "2026-02-20", "endDate": "2026-03-04"}],
    "/fleet/hos/clocks": [{"limit": 4}],
    "/v1/fleet/trips": [],
    "/safety-events/stream": [
        {"startTime": "2026-01-01T00:00:00Z", "includeAsset": "true", "includeDriver": "true"}
    ],
    "/safety-events": [{"includeAsset": "true", "includeDriver": "true"}],
    "/cameras/media": [{"startTime": "2026-03-03T18:30:00Z", "endTime": "2026-03-04T18:30:00Z"}],
    "/fleet/reports/vehicles/fuel-energy": [
        {"startDate": "2026-03-01T00:00:00-06:00", "endDate": "2026-03-02T00:00:00-06:00"}
    ],
    "/fleet/reports/ifta/vehicle": [{"year": 2026, "month": "January"}],
}
"""What each endpoint is asked, to be read to its last page; ids of the account are added."""


def asked_whole(vendor: Any, path: str) -> list[dict[str, Any]]:
    vehicles = [vehicle.id for vehicle in vendor.world.vehicles]
    now = round(vendor.now.timestamp() * 1000)
    match path:
        case "/v1/fleet/trips":
            span = {"startMs": now - 86_400_000 * 10, "endMs": now}
            return [{"vehicleId": id_, **span} for id_ in vehicles]
        case "/cameras/media":
            return [{"vehicleIds": ",".join(vehicles), **each} for each in WHOLE[path]]
        case "/safety-events":
            told = vendor.get("/safety-events/stream", startTime="2026-02-01T00:00:00Z")
            ids = ",".join(event["id"] for event in told["data"])
            return [{"safetyEventIds": ids, **each} for each in WHOLE[path]]
        case _:
            return WHOLE[path]


def rows(page: dict[str, Any]) -> list[Any]:
    """Find the records of a page: under `data`, in a list of what `data` is, or under `trips`."""
    data = page.get("data", page.get("trips"))
    if isinstance(data, list):
        return data
    assert data is not None
    return next((value for value in data.values() if isinstance(value, list)), [data])


PROMISED = "'' is not one of"
"""The document's text promises an empty duty status where a driver has none; its schema has no room for it."""


@pytest.mark.parametrize("path", sorted(WHOLE))
def test_every_endpoint_is_valid_to_its_last_page(
    contract: Contract, vendor: Any, path: str
) -> None:
    vendor.conditions = Conditions(page_records=40)
    records = 0
    for query in asked_whole(vendor, path):
        known = contract.parameters(path)
        assert set(query) <= set(known), path
        after: dict[str, Any] = {}
        for _ in range(200):
            answer = vendor.ask(path, **query, **after)
            assert answer.status == 200, answer.body
            found = contract.problems(path, 200, answer.body)
            assert [problem for problem in found if PROMISED not in problem] == []
            page = msgspec.json.decode(answer.body)
            records += len(rows(page))
            if not page.get("pagination", {}).get("hasNextPage"):
                break
            after = {"after": page["pagination"]["endCursor"]}
        else:
            pytest.fail(f"{path} did not end in 200 pages")
    assert records


def test_no_endpoint_of_the_simulator_is_left_out(vendor: Any) -> None:
    assert vendor.sim.ENDPOINTS.keys() == WHOLE.keys()


REFUSED: list[tuple[Mishap, int]] = [
    ("token_revoked", 401),
    ("throttled", 429),
    ("broken", 500),
    ("feature_missing", 404),
]


@pytest.mark.parametrize("path", sorted(WHOLE))
def test_every_refusal_of_every_endpoint_is_valid(
    contract: Contract, vendor: Any, path: str
) -> None:
    for mishap, status in REFUSED:
        vendor.conditions = Conditions(mishaps=frozenset({mishap}))
        answer = vendor.ask(path)
        assert answer.status == status
        text = answer.headers["content-type"].startswith("text/plain")
        body = msgspec.json.encode(answer.body.decode()) if text else answer.body
        assert list(contract.problems(path, status, body)) == []
