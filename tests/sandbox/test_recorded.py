"""What the simulators answer has the form of recorded answers: no field and no kind of value that they have not."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.sandbox import recorded
from tests.sandbox.geotab_account import account
from tests.sandbox.test_geotab_vendor import read_all

from milepost.kit import registry
from milepost.kit.simulation import Conditions, SimAnswer, SimRequest
from milepost.kit.world import World
from milepost.sandbox.world import SyntheticWorld

NOW = datetime(2026, 3, 10, 18, 30, tzinfo=UTC)
DAYS = {"start_date": "2026-03-05", "end_date": "2026-03-09", "per_page": "100"}
DAY = {"start_date": "2026-03-09", "end_date": "2026-03-09"}
SPAN = {"startTime": "2026-03-10T17:00:00Z", "endTime": "2026-03-10T18:30:00Z"}
READINGS = ("gps", "engineStates", "obdOdometerMeters")
MS = round(NOW.timestamp() * 1000)

QUESTIONS: dict[str, dict[str, list[dict[str, str]]]] = {
    "motive": {
        "/v1/users": [{}],
        "/v1/groups": [{}],
        "/v1/vehicles": [{}],
        "/v1/driving_periods": [DAYS, {**DAYS, "page_no": "9"}],
        "/v3/vehicle_locations/{id}": [DAY],
        "/v2/vehicle_utilization": [DAYS],
        "/v1/logs": [DAYS],
        "/v1/asset_locations": [{}],
        "/v1/fault_codes": [{"per_page": "100"}],
        "/v1/ifta/summary": [DAYS],
    },
    "samsara": {
        "/fleet/vehicles": [{"limit": "3"}, {}],
        "/fleet/drivers": [
            {"driverActivationStatus": status, "limit": limit}
            for status in ("active", "deactivated")
            for limit in ("3", "100")
        ],
        "/fleet/driver-vehicle-assignments": [{"filterBy": "vehicles"}],
        "/fleet/vehicles/stats": [{"types": ",".join(READINGS)}],
        "/fleet/vehicles/stats/feed": [{"types": "gps", "decorations": "obdOdometerMeters"}],
        "/fleet/vehicles/stats/history": [{"types": kind, **SPAN} for kind in READINGS],
        "/fleet/hos/clocks": [{}],
        "/fleet/reports/ifta/vehicle": [{"year": "2026", "month": "January"}],
        "/v1/fleet/trips": [
            {"vehicleId": "{id}", "startMs": str(MS - 864_000_000), "endMs": str(MS)}
        ],
    },
}
"""What is asked of each endpoint that there is a recording of; `{id}` stands for every vehicle."""

BEYOND: dict[str, dict[str, str]] = {
    "motive": {
        "/v1/vehicles vehicles[].vehicle.current_driver.driver_company_id": "as in every other brief driver",
        "/v1/vehicles vehicles[].vehicle.current_driver.email": "as in every other brief driver",
        "/v1/vehicles vehicles[].vehicle.current_driver.username": "as in every other brief driver",
        "/v1/logs logs[].log.co_driver_full_names[]": "the recorded log has no co-driver's name in its list",
        **{
            f"{path} pagination{below}": "an excerpt without its envelope was recorded"
            for path in ("/v1/asset_locations", "/v1/fault_codes")
            for below in ("", ".page_no", ".per_page", ".total")
        },
    },
    "samsara": {
        **{
            f"/fleet/hos/clocks data[].currentVehicle.ExternalIds{below}": "so spelt in the document"
            for below in ("", ".*")
        },
        **{
            f"/fleet/reports/ifta/vehicle data.vehicleReports[].vehicle.externalIds{below}": "in the document"
            for below in ("", ".*")
        },
        "/v1/fleet/trips trips[].codriverIds[]": "no recorded trip had a co-driver",
    },
    "geotab": {
        "Device tmpTrailerId": "seen on trailers, of which the recorded page has none",
        # References are seen on the wire both as objects and as words; a recording happens to have one.
        "DeviceStatusInfo driver is object or text, recorded as text": "a reference",
        "DeviceStatusInfo driver.id": "a reference",
        "DeviceStatusInfo driver.isDriver": "a reference",
        "ExceptionEvent driver is object, recorded as text": "a reference",
        "ExceptionEvent driver.id": "a reference",
        "ExceptionEvent driver.isDriver": "a reference",
        "FaultData controller is object or text, recorded as object": "a reference",
        "Diagnostic source is object, recorded as text": "a reference",
        "Diagnostic source.id": "a reference",
    },
}  # fmt: skip
"""What the simulators have and the recordings happen to lack, and why we say it all the same."""

HEADERS = {"motive": {"x-api-key": "any"}, "samsara": {"authorization": "Bearer any"}}


def ask(
    code: str, world: World, path: str, query: dict[str, str], *, key: bool = True
) -> SimAnswer:
    asked = {name: [value] for name, value in query.items()}
    headers = HEADERS[code] if key else {}
    request = SimRequest(method="GET", path=path, query=asked, headers=headers)
    answer: SimAnswer = registry.load().simulators()[code].answer(request, world, NOW, Conditions())
    return answer


def told(code: str, world: World, path: str) -> list[Any]:
    answers = []
    for query in QUESTIONS[code][path]:
        each = "{id}" in path or "{id}" in query.values()
        for id_ in [vehicle.id for vehicle in world.vehicles] if each else [""]:
            filled = {name: value.replace("{id}", id_) for name, value in query.items()}
            answer = ask(code, world, path.replace("{id}", id_), filled)
            assert answer.status == 200, answer.body
            answers.append(msgspec.json.decode(answer.body))
    return answers


ASKED = [(code, path) for code, paths in QUESTIONS.items() for path in paths]


@pytest.mark.parametrize(("code", "path"), ASKED)
def test_an_answer_has_no_field_and_no_kind_but_the_recorded_ones(
    code: str, path: str, world: World
) -> None:
    found = recorded.kinds(told(code, world, path))

    assert len(found) > 5
    said = {f"{path} {each}" for each in recorded.strange(found, recorded.recorded()[code][path])}
    assert said == {each for each in BEYOND[code] if each.startswith(f"{path} ")}


def test_every_recorded_endpoint_is_asked() -> None:
    for code, questions in QUESTIONS.items():
        known = {what for what in recorded.recorded()[code] if not what.startswith("refused")}
        assert questions.keys() == known


@pytest.mark.parametrize(
    ("code", "what", "path", "query", "key", "status"),
    [
        ("motive", "refused 401", "/v1/users", {}, False, 401),
        ("motive", "refused 400", "/v1/driving_periods",
         {"start_date": "2026-01-01", "end_date": "2026-03-01"}, True, 400),
        ("samsara", "refused", "/tags", {}, False, 401),
        ("samsara", "refused", "/fleet/drivers", {"driverActivationStatus": "gone"}, True, 400),
    ],
)  # fmt: skip
def test_a_refusal_has_the_recorded_form(
    code: str, what: str, path: str, query: dict[str, str], key: bool, status: int, world: World
) -> None:
    answer = ask(code, world, path, query, key=key)

    assert answer.status == status
    body = msgspec.json.decode(answer.body)
    assert recorded.kinds([body]) == recorded.recorded()[code][what]


async def test_geotabs_rows_have_no_field_and_no_kind_but_the_recorded_ones() -> None:
    async with account(vehicles=6) as at:
        found = await asyncio.to_thread(read_all, f"{at.base_url}/apiv1")

    known = recorded.recorded()["geotab"]
    said = {
        f"{type_} {each}"
        for type_, rows in found.items()
        if type_ in known
        for each in recorded.strange(recorded.kinds(rows[:400]), known[type_])
    }
    assert said == BEYOND["geotab"].keys()
    assert found.keys() - known.keys() == {"Rule", "DutyStatusAvailability"}
    assert known.keys() - found.keys() == {"refused", "Authenticate", "GetCountOf"}


def test_geotabs_login_count_and_refusal_have_the_recorded_form() -> None:
    sim, world = registry.load().simulators()["geotab"], SyntheticWorld(seed=7, vehicles=3)

    def call(method: str, **params: Any) -> Any:
        body = json.dumps({"method": method, "params": params}).encode()
        request = SimRequest(method="POST", path="/apiv1", body=body)
        return json.loads(sim.answer(request, world, NOW, Conditions()).body)

    login = call("Authenticate", userName="a", password="b", database="prairie_star")
    names = login["result"]["credentials"]
    count = call("GetCountOf", typeName="Device", credentials=names)
    sort = {"sortBy": "id", "offset": None}
    wrong = call("Get", typeName="DriverChange", sort=sort, credentials=names)

    known = recorded.recorded()["geotab"]
    for what, answer in (("Authenticate", login), ("GetCountOf", count), ("refused", wrong)):
        assert recorded.strange(recorded.kinds([answer]), known[what]) == [], what


def test_the_committed_forms_are_those_of_the_recordings(shared: Path) -> None:
    assert recorded.written(recorded.read(shared / "samples")) == recorded.FILE.read_text()


def test_a_field_that_is_not_recorded_and_another_kind_are_noticed() -> None:
    known = recorded.kinds([{"users": [{"id": 1, "phone": None, "email": None}]}])

    assert recorded.strange(recorded.kinds([{"users": [{"id": 1, "phone": "5"}]}]), known) == []
    assert recorded.strange(recorded.kinds([{"users": [{"id": "1", "zenith": 7}]}]), known) == [
        "users[].id is text, recorded as number", "users[].zenith",
    ]  # fmt: skip
