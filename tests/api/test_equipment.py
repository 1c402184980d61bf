"""Devices and trailers: listed, expanded, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.api.records import shown_ids

from milepost import clock
from milepost.models.device import Device
from milepost.models.group import Group
from milepost.models.trailer import Trailer

if TYPE_CHECKING:
    from tests.api.records import Book


def device(book: Book, source_id: str, **more: Any) -> Device:
    return Device(
        id=book.id("device", source_id),
        source_id=source_id,
        provider="samsara",
        type="tracker",
        **more,
    )


def trailer(book: Book, source_id: str, **more: Any) -> Trailer:
    return Trailer(
        id=book.id("trailer", source_id),
        source_id=source_id,
        provider="samsara",
        status="active",
        **more,
    )


async def test_a_device_is_shown_as_it_was_merged_with_its_metadata(book: Book) -> None:
    (vehicle,) = await book.vehicles("1")
    made = device(book, "g1", vehicle=vehicle, serial_number="G1", description="VG54")
    at = clock.iso(await book.keep("device", [made]))

    assert await book.client.every("/devices") == [
        {
            "id": made.id,
            "sourceId": "g1",
            "provider": "samsara",
            "type": "tracker",
            "vehicle": vehicle,
            "serialNumber": "G1",
            "description": "VG54",
            "metadata": {"addedAt": at, "modifiedAt": at, "visibility": "visible"},
        }
    ]


async def test_devices_and_vehicles_show_each_other_whole_on_request(book: Book) -> None:
    gateway = device(book, "g1", vehicle=book.id("vehicle", "1"))
    unknown = book.id("device", "g2")
    await book.keep("device", [gateway])
    await book.vehicles("1", devices=[gateway.id, unknown])
    (plain,) = await book.client.every("/devices")
    (vehicle,) = await book.client.every("/vehicles")

    (with_vehicle,) = await book.client.every("/devices", expand="vehicle")
    (with_devices,) = await book.client.every("/vehicles", expand="groups,devices")

    assert with_vehicle == {**plain, "vehicle": vehicle}
    assert with_devices == {**vehicle, "devices": [plain, unknown]}


async def test_a_hidden_vehicle_stays_an_id_in_its_device(book: Book) -> None:
    (vehicle,) = await book.vehicles("1")
    await book.keep("device", [device(book, "g1", vehicle=vehicle)])
    await book.client.patch({"filters": {"vehicles": {"excludeIds": [vehicle]}}})

    (shown,) = await book.client.every("/devices", expand="vehicle")

    assert shown["vehicle"] == vehicle


async def test_trailers_show_their_groups_whole_on_request(book: Book) -> None:
    group = Group(id=book.id("group", "t1"), source_id="t1", provider="samsara", name="North")
    unknown = book.id("group", "t2")
    await book.keep("group", [group])
    await book.keep("trailer", [trailer(book, "1", groups=[group.id, unknown], name="Box")])
    (whole,) = await book.client.every("/groups")
    (plain,) = await book.client.every("/trailers")

    (expanded,) = await book.client.every("/trailers", expand="groups")

    assert plain["groups"] == [group.id, unknown]
    assert expanded == {**plain, "groups": [whole, unknown]}


@pytest.mark.parametrize("path", ["/devices", "/trailers"])
async def test_equipment_is_paged_in_order_of_modification_with_raw_and_removed_on_request(
    book: Book, path: str
) -> None:
    model, make = ("device", device) if path == "/devices" else ("trailer", trailer)
    first = await book.keep(model, [make(book, str(n)) for n in range(3)])
    second = await book.keep(model, [make(book, "late")])
    whole = await book.client.every(path)

    assert await book.client.every(path, limit=1) == whole
    assert whole[-1]["sourceId"] == "late"
    assert await book.client.every(path, modifiedAfter=clock.iso(second)) == whole[3:]
    assert await book.client.every(path, modifiedBefore=clock.iso(first)) == whole[:3]
    for each in await book.client.every(path, raw="true"):
        assert [raw["data"] for raw in each["raw"]] == [{"record": each["id"]}]

    gone = clock.iso(await book.withdraw(model, whole[0]["id"]))

    assert shown_ids(await book.client.every(path)) == shown_ids(whole[1:])
    removed = (await book.client.every(path, deleted="true"))[-1]
    assert removed["id"] == whole[0]["id"]
    assert removed["metadata"]["deletedAt"] == gone
    assert removed["metadata"]["visibility"] == "deleted"
