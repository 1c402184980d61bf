"""What a sync has brought, counted and read through the API as any client would."""

from __future__ import annotations

from typing import Any

import msgspec
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from milepost.cli.caller import Caller

# The contract's highest limits: the fewest requests.
_ENTITIES, _SERIES = 10_000, 40_000

# What is counted as it is listed, by its path; vehicles are looked at one by one.
_LISTED = {
    "groups": "/groups",
    "drivers": "/drivers",
    "devices": "/devices",
    "trailers": "/trailers",
    "duty statuses": "/hos/logs",
    "days of hours of service": "/hos/daily-logs",
    "trips": "/trips",
    "safety events": "/safety/events",
    "fault codes": "/fault-codes/events",
}


class VehicleSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle with the number of its records and its last position, if it has any."""

    id: str
    name: str
    locations: int
    stats: int
    last: dict[str, Any] | None


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """What is readable of one connection."""

    listed: dict[str, int]
    vehicles: list[VehicleSeen]

    @property
    def locations(self) -> int:
        return sum(vehicle.locations for vehicle in self.vehicles)

    @property
    def stats(self) -> int:
        return sum(vehicle.stats for vehicle in self.vehicles)


async def read(caller: Caller, start_at: str) -> Holdings:
    """Read everything from `start_at` on."""
    return Holdings(
        listed={
            noun: await _count(caller, path, limit=_ENTITIES) for noun, path in _LISTED.items()
        },
        vehicles=[
            await _vehicle(caller, each, start_at)
            async for each in caller.every("/vehicles", limit=_ENTITIES)
        ],
    )


def show(console: Console, holdings: Holdings) -> None:
    """Print the counts by model, and where each vehicle was last."""
    counts = Table(title="Readable through the API", title_justify="left", box=SIMPLE)
    counts.add_column("model")
    counts.add_column("records", justify="right")
    for model, number in [
        ("vehicles", len(holdings.vehicles)),
        ("vehicle locations", holdings.locations),
        ("vehicle stats", holdings.stats),
        *holdings.listed.items(),
    ]:
        counts.add_row(model, f"{number:,}")
    console.print(counts)
    # Narrow enough for 80 columns.
    places = Table(
        title="Last position of each vehicle (UTC)",
        title_justify="left",
        box=SIMPLE,
        padding=(0, 1, 0, 0),
    )
    places.add_column("vehicle", no_wrap=True)
    for column in ("located at", "position", "km/h", "locations", "stats"):
        places.add_column(column, justify="right", no_wrap=True)
    for vehicle in sorted(holdings.vehicles, key=lambda each: each.name):
        places.add_row(
            vehicle.name, *_place(vehicle.last), f"{vehicle.locations:,}", f"{vehicle.stats:,}"
        )
    console.print(places)


def show_files(console: Console, world: dict[str, Any], holdings: Holdings) -> None:
    """Print what became of each GPX file: the points refused, by reason, and the sum of those that drive."""
    files = world.get("files", [])
    for each in files:
        if each.get("unreadable"):
            console.print(f"{each['file']} refused whole: {each['unreadable']}", highlight=False)
        elif each.get("refused"):
            reasons = ", ".join(
                f"{number:,} {reason}" for reason, number in each["refused"].items()
            )
            console.print(f"{each['file']} points refused: {reasons}", highlight=False)
    points = sum(each["points"] for each in files)
    refused = sum(sum(each["refused"].values()) for each in files)
    console.print(
        f"{len(files)} files hold {points:,} usable points, {refused:,} were refused; "
        f"{holdings.locations:,} locations are readable.",
        highlight=False,
    )


async def _vehicle(caller: Caller, vehicle: dict[str, Any], start_at: str) -> VehicleSeen:
    here = f"/vehicles/{vehicle['id']}"
    locations, last = 0, None
    async for each in caller.every(f"{here}/locations", limit=_SERIES, startAt=start_at):
        locations += 1
        if last is None or each["locatedAt"] > last["locatedAt"]:
            last = each
    return VehicleSeen(
        id=vehicle["id"],
        name=vehicle.get("name") or vehicle["id"],
        locations=locations,
        stats=await _count(caller, f"{here}/stats/historical", limit=_SERIES, startAt=start_at),
        last=last,
    )


async def _count(caller: Caller, path: str, **query: Any) -> int:
    return sum([1 async for _ in caller.every(path, **query)])


def _place(last: dict[str, Any] | None) -> tuple[str, str, str]:
    if last is None:
        return "no position", "", ""
    where, speed = last["location"], last.get("speed")
    return (
        last["locatedAt"].replace("T", " ")[:19],
        f"{where['latitude']:.4f}, {where['longitude']:.4f}",
        "" if speed is None else f"{speed:.0f}",
    )
