"""Laws of what is read: the manifest, the fixtures, the fields, units, ids, and the way back to the world."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from milepost import clock
from milepost.ids import Identity
from milepost.kit.contract import Cut, Page, Slice, StreamSpec
from milepost.kit.laws.script import Script
from milepost.kit.laws.stage import Beside, Broken, Stage, cuts_of, merged, shown
from milepost.kit.ledger import unknown_fields
from milepost.models.location import Fix
from milepost.models.stats import STAT_TYPES, StatReading

MODELS = {
    "vehicle": "Vehicle", "driver": "Driver", "group": "Group", "device": "Device",
    "trailer": "Trailer", "vehicle_location": "Fix", "vehicle_stat": "StatReading",
    "hos_log": "HOSLog", "hos_daily_log": "HOSDailyLog", "trip": "Trip",
    "safety_event": "SafetyEvent", "fault_code_event": "FaultCodeEvent",
    "vehicle_utilization_day": "VehicleUtilizationDay", "ifta_vehicle_month": "IFTAVehicleMonth",
}  # fmt: skip
CARRIED = {
    "vehicle": "Vehicle", "driver": "Driver", "group": "Group", "device": "Device",
    "trailer": "Trailer", "vehicle_location": "VehicleLocation", "vehicle_stat": "VehicleStatLog",
    "hos_log": "HOSLog", "hos_daily_log": "HOSDailyLog", "trip": "Trip",
    "safety_event": "SafetyEvent", "fault_code_event": "FaultCodeEvent",
    "vehicle_utilization_day": "VehicleUtilization", "ifta_vehicle_month": "IFTASummary",
}  # fmt: skip
ASKED = {
    "LatestVehicleLocation": "latest_locations",
    "HOSAvailableTime": "available_times",
    "LatestTrailerLocation": "trailer_locations",
}
FASTEST_KMH = 250.0


async def manifest_is_true(stage: Stage) -> str:
    card = stage.manifest
    if not card.sources or (not card.limits and card.streams):
        raise Broken("the manifest names no sources, or no limits")
    if card.status == "live":
        lacking = sorted(m for m in card.supported_models if "account" not in _grounds(stage, m))
        if lacking:
            raise Broken(f"status is live, but no real account stands behind {', '.join(lacking)}")
    files = importlib.resources.files(stage.package)
    if not files.joinpath("README.md").is_file():
        raise Broken("there is no README.md that says where the claims come from")
    if not card.streams:
        return "no streams yet"
    if both := card.absent.keys() & card.supported_models.keys():
        raise Broken(f"said to be there and said to be absent: {', '.join(sorted(both))}")
    carried = {CARRIED[spec.model] for spec in card.streams}
    carried |= {"VehicleStatLog"} if any(spec.with_stats for spec in card.streams) else set()
    unsaid = carried - card.supported_models.keys()
    unread = card.supported_models.keys() - carried - ASKED.keys() - {"CameraMedia"}
    if unsaid or unread:
        raise Broken(f"supported_models and streams differ: {', '.join(sorted(unsaid | unread))}")
    for spec in card.streams:
        kinds = {
            type(record).__name__
            for cut in cuts_of(await stage.told(spec))
            for record in cut.records
        }
        allowed = {MODELS[spec.model]} | ({"StatReading"} if spec.with_stats else set())
        if not kinds or kinds - allowed:
            raise Broken(
                f"{spec.name} tells {', '.join(sorted(kinds)) or 'nothing'}, not {spec.model}"
            )
        if spec.feed and spec.kind != "listing":
            await _opens(stage, spec)
    async with stage.line() as line:
        await line.connector.account()
        for model, question in ASKED.items():
            if model in card.supported_models and not await getattr(line.connector, question)():
                raise Broken(f"{model} is claimed, and {question} tells nothing")
    return f"{len(card.streams)} streams, {len(card.supported_models)} models"


def _grounds(stage: Stage, model: str) -> list[str]:
    return [grade.on for grade in stage.manifest.evidence.get(model, [])]


async def _opens(stage: Stage, spec: StreamSpec) -> None:
    async with stage.line() as line:
        pages = await line.read(Slice(stream=spec.name, mode="feed"))
        if not pages or not pages[-1].last or not pages[-1].cursor:
            raise Broken(f"the feed of {spec.name} ends without a cursor to go on from")


def fixtures(stage: Stage) -> dict[str, Any]:
    """Return the fixtures that hold a whole stream, by name; raise Beside where none are installed."""
    folder = importlib.resources.files(stage.package).joinpath("fixtures")
    found: dict[str, Any] = {}
    for place in (folder, folder.joinpath("streams")):
        if place.is_dir():
            for file in place.iterdir():
                if file.name.endswith(".json"):
                    given = msgspec.json.decode(file.read_bytes())
                    if (
                        isinstance(given, dict)
                        and {"stream", "answers", "expected"} <= given.keys()
                    ):
                        found[file.name.removesuffix(".json")] = given
    if not found:
        raise Beside("there are no fixtures of streams")
    return dict(sorted(found.items()))


async def replay(stage: Stage, given: Any, cursor: str | None = None) -> list[Page]:
    """Read a fixture's stream out of the answers that it holds."""
    dialect = stage.module("script")
    answer = (dialect.Script if dialect else Script)(given["answers"])
    keys = {"stream", "mode", "starts_at", "ends_at"} & given.keys()
    slice_ = msgspec.convert({**{key: given[key] for key in keys}, "cursor": cursor}, Slice)
    async with stage.line(answer=answer) as line:
        with clock.held_at(clock.parse(given["now"])):
            pages = await line.read(slice_)
    if cursor is None and not getattr(answer, "told_all", True):
        raise Broken("some answers of a fixture were never asked for")
    return pages


async def fixtures_map(stage: Stage) -> str:
    found = fixtures(stage)
    for name, given in found.items():
        pages = await replay(stage, given)
        if shown(pages) != given["expected"]:
            raise Broken(f"fixture {name} does not become what it expects")
        reasons = [reject.reason for cut in cuts_of(pages) for reject in cut.rejects]
        if reasons != given.get("set_aside", []):
            raise Broken(f"fixture {name} sets aside: {'; '.join(reasons) or 'nothing'}")
        if [page.last for page in pages] != [False] * (len(pages) - 1) + [True]:
            raise Broken(f"fixture {name} does not end with its last page")
        for at, page in enumerate(pages[:-1]):
            if shown(await replay(stage, given, page.cursor)) != shown(pages[at + 1 :]):
                raise Broken(f"fixture {name} does not go on from cursor {at + 1}")
        for cut in cuts_of(pages):
            _stands(cut)
    return f"{len(found)} fixtures"


def _stands(cut: Cut) -> None:
    """Hold a cut to its word: every record stands where it says in the body."""
    numbers = range(len(cut.records)) if cut.ordinals is None else cut.ordinals
    if len(numbers) != len(cut.records):
        raise Broken(
            f"a cut of {cut.schema} has {len(cut.records)} records at {len(numbers)} places"
        )
    if cut.path:
        held = len(msgspec.json.decode(cut.body)[cut.path] or [])
        if any(not 0 <= number < held for number in numbers):
            raise Broken(f"a record of {cut.schema} stands outside of its cut")


async def fields_are_accounted_for(stage: Stage) -> str:
    table = stage.module("fields")
    if table is None:
        raise Beside("the folder has no fields.py")
    schemas: set[str] = set()
    for spec in stage.streams:
        for cut in cuts_of(await stage.told(spec)):
            schemas.add(cut.schema)
            if strange := unknown_fields(cut.body, table.BY_SCHEMA.get(cut.schema, {})):
                raise Broken(f"{cut.schema}: nobody has said what becomes of {', '.join(strange)}")
    async with stage.line(mishaps=["unknown_field"]) as line:
        for spec in stage.streams:
            pages = await line.read(stage.slice_of(spec))
            if merged(pages) != merged(await stage.told(spec)):
                raise Broken(f"{spec.name} becomes something else when a field is added")
            named = sum(
                unknown_fields(cut.body, table.BY_SCHEMA[cut.schema]).total()
                for cut in cuts_of(pages)
            )
            if cuts_of(pages) and spec.kind == "listing" and not named:
                raise Broken(f"a field that was added to {spec.name} is named by nobody")
    return f"{len(schemas)} raw shapes"


async def units_are_ours(stage: Stage) -> str:
    count = 0
    for spec in stage.streams:
        for cut in cuts_of(await stage.told(spec)):
            for record in cut.records:
                count += 1
                for problem in problems(record):
                    raise Broken(f"{spec.name}: {problem}")
    return f"{count} records"


def problems(record: Any) -> Iterator[str]:
    """Say what is wrong with a record by itself: its times, its enums, what no truck can do."""
    if isinstance(record, Fix):
        yield from _instant(record.located_at)
        if not (-90 <= record.latitude <= 90 and -180 <= record.longitude <= 180):
            yield f"no place on earth: {record.latitude}, {record.longitude}"
        if record.heading is not None and not 0 <= record.heading <= 360:
            yield f"no heading: {record.heading}"
        if record.speed is not None and not 0 <= record.speed <= FASTEST_KMH:
            yield f"no truck's speed in km/h: {record.speed}"
    elif isinstance(record, StatReading):
        yield from _instant(record.at)
        if record.type not in STAT_TYPES:
            yield f"no kind of reading: {record.type}"
        if record.type.endswith("percentage") and not 0 <= record.value <= 100:
            yield f"no percentage: {record.value}"
    else:
        try:
            msgspec.convert(msgspec.to_builtins(record), type(record))
        except msgspec.ValidationError as error:
            yield f"{type(record).__name__}: {error}"
        for name in record.__struct_fields__:
            value = getattr(record, name)
            at = value if name.endswith("_at") and isinstance(value, str) else None
            if at is not None and clock.iso(clock.parse(at)) != at:
                yield f"{name} is not spelled as our instants are: {value}"


def _instant(value: datetime) -> Iterator[str]:
    if value.utcoffset() != timedelta(0):
        yield f"not aware UTC: {value!r}"


async def same_raw_same_id(stage: Stage) -> str:
    names: list[set[str]] = []
    for number in (5, 5, 6):
        async with stage.line(identity=Identity(UUID(int=number))) as line:
            pages = [
                page
                for spec in stage.streams
                if spec.kind != "series"
                for page in await line.read(stage.slice_of(spec))
            ]
        names.append(set(merged(pages)))
    if names[0] != names[1]:
        raise Broken("the same answers gave other ids the second time")
    if names[0] & names[2]:
        raise Broken("two connections have records of the same id")
    if any("None" in name for name in names[0]):
        raise Broken("a record has no id")
    return f"{len(names[0])} ids"


async def twice_changes_nothing(stage: Stage) -> str:
    count = 0
    for spec in stage.streams:
        first = await stage.told(spec)
        async with stage.line() as line:
            again = await line.read(stage.slice_of(spec))
        once = merged(first)
        if merged([*first, *again]) != once:
            raise Broken(f"{spec.name}, read and merged twice, is not the same")
        count += len(once)
    return f"{count} records"


async def the_world_comes_back(stage: Stage) -> str:
    world = stage.world
    listed = {spec.model: spec for spec in stage.streams if spec.kind == "listing"}
    told = {
        model: [r for cut in cuts_of(await stage.told(spec)) for r in cut.records]
        for model, spec in listed.items()
    }
    vehicles: dict[str, Any] = {str(r.name): r for r in told.get("vehicle", [])}  # type: ignore[union-attr]
    if "vehicle" in told and vehicles.keys() != {card.name for card in world.vehicles}:
        raise Broken("the vehicles that came back are not the world's")
    for card in world.vehicles:
        back = vehicles.get(card.name)
        if card.vin and back is not None and back.vin != card.vin:
            raise Broken(f"the VIN of {card.name} came back as {back.vin}")
    if "driver" in told and len(told["driver"]) != len(world.drivers):
        raise Broken(f"{len(told['driver'])} of {len(world.drivers)} drivers came back")
    series = next((s for s in stage.streams if s.model == "vehicle_location"), None)
    if series is None:
        return "no positions"
    given = await stage.told(series)
    slice_, count = stage.slice_of(series), 0
    assert slice_.starts_at is not None
    assert slice_.ends_at is not None
    for card in world.vehicles:
        subject = vehicles[card.name].source_id if vehicles else card.id
        back_ = {
            _place(record)
            for cut in cuts_of(given)
            if cut.subject == subject
            for record in cut.records
            if isinstance(record, Fix)
        }
        held = world.held(card.id, slice_.starts_at, slice_.ends_at, slice_.ends_at)
        true = {_place(fix) for window in held for fix in world.fixes(card.id, *window)}
        if back_ != true:
            raise Broken(
                f"of {card.name}'s {len(true)} positions {len(true - back_)} are missing, "
                f"{len(back_ - true)} are none of the world's"
            )
        count += len(true)
    return f"{len(world.vehicles)} vehicles, {count} positions"


def _place(fix: Fix) -> tuple[datetime, float, float]:
    """A position as coarse dialects have it: to the second, and to ten metres or so."""
    at = fix.located_at.replace(microsecond=0)
    return at, round(fix.latitude, 4), round(fix.longitude, 4)
