"""Single safety events, and the answers of all lists of records as the API describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openapi_schema_validator import OAS31Validator
from tests.api.records import at, day, duty, fault, incident, trip

from milepost import clock
from milepost.api.app import OPERATIONS
from milepost.api.openapi import document
from milepost.models.device import Device
from milepost.models.trailer import Trailer

if TYPE_CHECKING:
    from tests.api.records import Book


async def test_one_safety_event_is_what_the_list_shows(book: Book) -> None:
    await book.vehicles("1")
    (driver,) = await book.drivers("1")
    await book.keep("safety_event", [incident(book, 1, driver=driver)])
    path = f"/safety/events/{book.id('safety_event', '1')}"

    for query in ({}, {"raw": "true"}, {"expand": "driver,vehicle"}, {"expand": "vehicle"}):
        (listed,) = await book.client.every("/safety/events", **query)
        assert (await book.client.get(path, **query)).json() == listed


async def test_one_safety_event_is_found_when_it_was_withdrawn_and_when_its_vehicle_is_hidden(
    book: Book,
) -> None:
    (vehicle,) = await book.vehicles("1")
    await book.keep("safety_event", [incident(book, 1)])
    event = book.id("safety_event", "1")
    gone = clock.iso(await book.withdraw("safety_event", event))
    await book.client.patch({"filters": {"vehicles": {"excludeIds": [vehicle]}}})

    found = await book.client.get(f"/safety/events/{event}", expand="vehicle")
    asked = await book.client.get(f"/safety/events/{event}", expand="vehicle", hidden="true")

    assert found.json()["metadata"]["deletedAt"] == gone
    assert found.json()["vehicle"] == vehicle
    assert asked.json()["vehicle"]["id"] == vehicle


async def test_a_safety_event_that_is_not_there_or_not_ours_is_a_404(book: Book) -> None:
    await book.keep("safety_event", [incident(book, 1)])
    event = book.id("safety_event", "1")
    other = book.client.as_((await book.client.connect())["token"])

    assert (await book.client.get(f"/safety/events/{event}")).status_code == 200
    assert (await other.get(f"/safety/events/{event}")).status_code == 404
    unknown = await book.client.get(f"/safety/events/{book.id('safety_event', '2')}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    wrong = await book.client.get(f"/safety/events/{book.id('trip', '1')}")
    assert wrong.status_code == 400


async def test_answers_are_as_described(book: Book) -> None:
    ours = document(OPERATIONS, "https://milepost.test", "0")
    (vehicle,) = await book.vehicles("1")
    driver, mate = await book.drivers("1", "2")
    told: dict[str, Any] = {"provider": "samsara", "source_id": "1"}
    device = Device(id=book.id("device", "1"), type="camera", vehicle=vehicle, **told)
    trailer = Trailer(id=book.id("trailer", "1"), status="active", **told)
    await book.vehicles("2", devices=[device.id])
    await book.keep("device", [device])
    await book.keep("trailer", [trailer])
    await book.keep("hos_log", [duty(book, 1, driver=driver, vehicle=vehicle, codrivers=[mate])])
    await book.keep("hos_daily_log", [day(book, 1)])
    await book.keep("trip", [trip(book, n, driver=driver) for n in (1, 2)])
    await book.keep("safety_event", [incident(book, 1, driver=driver, ended_at=at(2))])
    await book.keep("fault_code_event", [fault(book, 1)])
    await book.withdraw("trip", book.id("trip", "2"))
    event = book.id("safety_event", "1")
    asked = [
        ("/vehicles", "devices"),
        ("/devices", "vehicle"),
        ("/trailers", "groups"),
        ("/hos/logs", "driver,codrivers,vehicle"),
        ("/hos/daily-logs", "driver"),
        ("/trips", "driver,vehicle"),
        ("/safety/events", "vehicle,driver"),
        ("/safety/events/{id}", "vehicle,driver"),
        ("/fault-codes/events", "vehicle"),
    ]
    for path, expand in asked:
        described = ours["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        validator = OAS31Validator({**described["schema"], "components": ours["components"]})
        for query in ({}, {"expand": expand, "raw": "true", "deleted": "true", "limit": 1}):
            answer = await book.client.get(path.replace("{id}", event), **query)

            assert answer.status_code == 200, answer.text
            assert answer.json().get("results", True)
            validator.validate(answer.json())


async def test_what_a_fault_code_says_is_shown_on_request_only(book: Book) -> None:
    await book.vehicles("1")
    await book.keep("fault_code_event", [fault(book, 1, code="P0741")])

    (plain,) = await book.client.every("/fault-codes/events")
    (told,) = await book.client.every("/fault-codes/events", derived="true")

    assert "derived" not in plain
    assert told.pop("derived") == {"component": "Powertrain: transmission", "generic": True}
    assert told == plain
