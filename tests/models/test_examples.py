"""Examples with every property, as they stand on the wire: read and written again, nothing is lost or added."""

from __future__ import annotations

import copy
import importlib
import json
import pkgutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openapi_schema_validator import OAS31Validator
from tests.models.shapes import PUBLISHED, Document

import milepost.models
from milepost.models.device import Device
from milepost.models.driver import Driver
from milepost.models.hos import HOSLog
from milepost.models.ifta import IFTASummary, IFTAVehicleMonth
from milepost.models.meta import Model
from milepost.models.trailer import LatestTrailerLocation, Trailer
from milepost.models.vehicle import Vehicle

EXAMPLES: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("examples.json").read_bytes()
)
MODULES = tuple(
    each.name for each in pkgutil.iter_modules(milepost.models.__path__, "milepost.models.")
)


def model(name: str) -> type[Model]:
    modules = (importlib.import_module(each) for each in MODULES)
    (found,) = {getattr(module, name) for module in modules if hasattr(module, name)}
    assert isinstance(found, type)
    assert issubclass(found, Model)
    return found


def again(name: str, example: dict[str, Any]) -> Any:
    """Read an example into its model, and write it again."""
    read = msgspec.json.decode(json.dumps(example), type=model(name))
    return json.loads(msgspec.json.encode(read))


def barest(name: str) -> dict[str, Any]:
    """An example with the required properties only, at every depth."""
    example = copy.deepcopy(EXAMPLES[name])
    shapes = Document(msgspec.json.schema_components([model(name)])[1], PUBLISHED).drawn()[name]
    optional = [path for path, shape in shapes.items() if not shape.get("required")]
    for path in sorted(optional, key=len, reverse=True):
        holders: list[Any] = [example]
        *steps, last = path.split(".")
        for step in steps:
            inside = [holder[step] for holder in holders if step in holder]
            holders = [
                one for each in inside for one in (each if isinstance(each, list) else [each])
            ]
        for holder in holders:
            holder.pop(last, None)
    return example


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_whole_example_is_read_and_written_unchanged(name: str) -> None:
    assert again(name, EXAMPLES[name]) == EXAMPLES[name]


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_the_source_lacks_stays_absent(name: str) -> None:
    bare = barest(name)

    assert again(name, bare) == bare
    for lacking in bare:
        with pytest.raises(msgspec.ValidationError, match=f"required field `{lacking}`"):
            again(name, {key: value for key, value in bare.items() if key != lacking})


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_whole_example_has_every_property(name: str) -> None:
    schemas = msgspec.json.schema_components([model(name)])[1]
    waiting: list[tuple[Any, Any]] = [(schemas[name], EXAMPLES[name])]
    while waiting:
        schema, value = waiting.pop()
        options = [each for each in schema.get("anyOf", [schema]) if "$ref" in each]
        if options and isinstance(value, dict):
            schema = schemas[options[0]["$ref"].rpartition("/")[2]]
        if "properties" in schema:
            assert schema["properties"].keys() == value.keys()
            waiting += [(each, value[key]) for key, each in schema["properties"].items()]
        elif isinstance(value, list):
            waiting += [(schema["items"], each) for each in value]


@pytest.mark.parametrize("name", EXAMPLES)
def test_whole_and_bare_examples_are_valid_by_the_contract(name: str, shared: Path) -> None:
    components = json.loads((shared / "contract/terminal-openapi-2026-02.json").read_bytes())[
        "components"
    ]
    # Its three forms are the same one, so that "exactly one of them" fits no options at all.
    options = components["schemas"]["ProviderOptions"]
    options["anyOf"] = options.pop("oneOf")
    schema = {"$ref": f"#/components/schemas/{name}", "components": components}
    laid_on = {key: EXAMPLES[name][key] for key in ("metadata", "token") if key in EXAMPLES[name]}
    bare = barest(name) | laid_on
    if name == "FaultCodeEvent":  # Its protocol demands the code in that protocol's own form.
        bare["j1939"] = {"spn": 3031}

    # What is derived is shown on request only: the contract's vehicle has no place for more.
    whole = {key: value for key, value in EXAMPLES[name].items() if key != "derived"}
    for example in (whole, bare):
        OAS31Validator(schema).validate(again(name, example))


def test_references_may_be_whole() -> None:
    vehicle = {"id": "vcl_1", "sourceId": "1", "provider": "samsara", "status": "active"}
    driver = {"id": "drv_1", "sourceId": "2", "provider": "samsara", "status": "inactive"}
    group = {"id": "group_1", "sourceId": "3", "provider": "samsara", "name": "West"}
    trailer = barest("Trailer") | {"groups": [group, "group_2"]}
    log = EXAMPLES["HOSLog"] | {
        "driver": driver,
        "vehicle": vehicle,
        "codrivers": [driver, "drv_2"],
    }
    located = barest("LatestTrailerLocation") | {"trailer": trailer}

    assert again("HOSLog", log) == log
    assert again("LatestTrailerLocation", located) == located
    for name in (
        "Device",
        "Trip",
        "SafetyEvent",
        "FaultCodeEvent",
        "VehicleUtilization",
        "IFTASummary",
    ):
        expanded = EXAMPLES[name] | {"vehicle": vehicle}
        assert again(name, expanded) == expanded
    read = msgspec.convert(log, HOSLog)
    assert isinstance(read.driver, Driver)
    assert isinstance(read.vehicle, Vehicle)
    assert isinstance(msgspec.convert(located, LatestTrailerLocation).trailer, Trailer)


def test_a_vehicle_shows_its_devices_whole() -> None:
    device = msgspec.convert(EXAMPLES["Device"], Device)
    vehicle = Vehicle(
        id="vcl_1", source_id="1", provider="samsara", status="active", devices=[device, "dvc_2"]
    )

    written = json.loads(msgspec.json.encode(vehicle))

    assert written["devices"] == [EXAMPLES["Device"], "dvc_2"]


def test_a_jurisdiction_that_is_not_known_is_null_and_one_that_is_not_asked_for_is_absent() -> None:
    unknown = barest("IFTAVehicleMonth") | {"jurisdiction": None}
    summed = barest("IFTASummary") | {"jurisdiction": None}

    assert again("IFTAVehicleMonth", unknown) == unknown
    assert again("IFTASummary", summed) == summed
    assert msgspec.convert(unknown, IFTAVehicleMonth).jurisdiction is None
    assert msgspec.convert(barest("IFTASummary"), IFTASummary).jurisdiction is msgspec.UNSET
