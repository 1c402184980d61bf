"""Draws the bare shape of schemas, so that ours can be laid beside the contract's: path → type, marks, values.

`python -m tests.models.shapes <the contract's document>` writes contract_shapes.json again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHAPES = Path(__file__).with_name("contract_shapes.json")

# Our struct → the contract's schema.
PUBLISHED = {
    name: name
    for name in (
        "BasicConnection", "CameraMedia", "CameraMediaFile", "CameraMediaFileReference",
        "CameraMediaReference", "Connection", "Coordinates", "Device", "Driver", "FaultCodeEvent",
        "Group", "HOSAvailableTime", "HOSDailyLog", "HOSLog", "HereSafetyEventExtension",
        "IFTASummary", "IFTAVehicleMonth", "Issue", "LatestTrailerLocation",
        "LatestVehicleLocation", "Provider", "RawData", "SafetyEvent", "Sync",
        "TimeSeriesMetadata", "Trailer", "Trip", "Vehicle", "VehicleLocation", "VehicleStatLog",
        "VehicleUtilization", "VehicleUtilizationDay",
    )
} | {
    "EntityMetadata": "CoreEntityMetadata",
    "RecordMetadata": "EntityMetadata",
    "Fuel": "FuelTanksPercentage",
}  # fmt: skip

Schema = Mapping[str, Any]
Shape = dict[str, Any]
"""`type` (an array of x is `x[]`), and where it applies: required, enum, of, null, and `KEPT`."""

Shapes = dict[str, Shape]
"""By path: `remarks.notes` is a property of the object, or of each item, that `remarks` holds."""

KEPT = ("format", "pattern", "minimum", "maximum")


@dataclass
class Document:
    """Named schemas, and under which names those that are compared by themselves are known."""

    schemas: Mapping[str, Schema]
    names: Mapping[str, str]
    met: set[str] = field(default_factory=set)  # the schemas that were drawn

    def drawn(self) -> dict[str, Shapes]:
        return {
            known: self.properties(self.named(name))
            for name, known in self.names.items()
            if name in self.schemas
        }

    def named(self, name: str) -> Schema:
        self.met.add(name)
        return self.schemas[name]

    def properties(self, schema: Schema, within: str = "") -> Shapes:
        """Draw the properties of an object; one of a variant is required where each variant says so."""
        found: Shapes = {}
        for part in schema.get("allOf", []):
            found |= self.properties(self._followed(part), within)
        for name, value in schema.get("properties", {}).items():
            required = name in schema.get("required", [])
            found |= self._property(within + name, value, required=required)
        if schema.get("additionalProperties"):  # A mapping: the property of any name.
            found |= self._property(within + "*", schema["additionalProperties"], required=False)
        variants = [self.properties(each, within) for each in schema.get("oneOf", [])]
        for path in dict.fromkeys(path for each in variants for path in each):
            told = [each[path] for each in variants if path in each]
            shape = dict(found.get(path, told[0]))
            values = {value for each in told for value in each.get("enum", [])}
            if values:
                shape["enum"] = sorted(values)
            if path not in found and not all(
                each.get(path, {}).get("required") for each in variants
            ):
                shape.pop("required", None)
            found[path] = shape
        return found

    def _property(self, path: str, schema: Schema, *, required: bool) -> Shapes:
        shape, within = self._value(schema, path + ".")
        if path.rpartition(".")[2] == "id":
            shape.pop("of", None)  # A record's own id.
        return {path: {**shape, **({"required": True} if required else {})}, **within}

    def _value(self, schema: Schema, within: str) -> tuple[Shape, Shapes]:
        name = schema.get("$ref", "").rpartition("/")[2]
        if name:
            return self._reference(name, schema, within)
        options = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
        real = [each for each in options if each.get("type") != "null"]
        if (
            len(real) == 2
            and "object" in map(self._type, real)
            and "string" in map(self._type, real)
        ):
            return {"type": "string", "of": self._referred(real)}, {}
        if len(real) == 1:
            shape, inside = self._value(real[0], within)
            return {**shape, "null": True}, inside
        if self._type(schema) == "array":
            shape, inside = self._value(schema["items"], within)
            return {**shape, "type": shape["type"] + "[]"}, inside
        if self._type(schema) == "object":
            return {"type": "object"}, self.properties(schema, within)
        values = schema.get("enum", [schema["const"]] if "const" in schema else [])
        shape = {"type": self._type(schema), **({"enum": sorted(values)} if values else {})}
        shape |= {key: schema[key] for key in KEPT if key in schema and schema[key] != "ulid"}
        return shape, {}

    def _reference(self, name: str, schema: Schema, within: str) -> tuple[Shape, Shapes]:
        if name.endswith("Id") and name.removesuffix("Id") in self.schemas:
            return {"type": "string", "of": name.removesuffix("Id")}, {}
        target = self.schemas[name]
        if name in self.names and self._type(target) == "object":
            return {"type": "object", "of": self.names[name]}, {}
        shape, inside = self._value(self.named(name), within)
        return {**shape, **{key: schema[key] for key in KEPT if key in schema}}, inside

    def _referred(self, options: list[Schema]) -> str:
        """Name the model of which either the id or the whole stands there."""
        (reference,) = [each for each in options if "$ref" in each]
        name = reference["$ref"].rpartition("/")[2]
        self.met.add(name)
        return str(name.removesuffix("Id").removesuffix("Reference"))

    def _followed(self, schema: Schema) -> Schema:
        return self.named(schema["$ref"].rpartition("/")[2]) if "$ref" in schema else schema

    def _type(self, schema: Schema) -> str:
        if "$ref" in schema:
            return self._type(self.schemas[schema["$ref"].rpartition("/")[2]])
        composed = "properties" in schema or "allOf" in schema or "oneOf" in schema
        return str(schema.get("type", "object" if composed else "string"))


def of_contract(document: Schema) -> dict[str, Shapes]:
    """Draw the schemas of the contract that we publish."""
    names = {name: name for name in sorted(PUBLISHED.values())}
    drawn = Document(document["components"]["schemas"], names).drawn()
    drawn["Provider"] = _folded(drawn["Provider"], "supportedModels")
    return drawn


def _folded(shapes: Shapes, mapping: str) -> Shapes:
    """Draw an object that names its properties as a mapping: they all have the same shape, or part of it."""
    within = mapping + "."
    folded = {path: shape for path, shape in shapes.items() if not path.startswith(within)}
    keys = [path.removeprefix(within) for path in shapes if path.startswith(within)]
    named = [key for key in keys if "." not in key]
    folded[mapping] = {**shapes[mapping], "keys": named}
    for key in keys:
        rest = key.partition(".")[2]
        everywhere = all(shapes.get(f"{within}{each}.{rest}", {}).get("required") for each in named)
        shape = {k: v for k, v in shapes[within + key].items() if k != "required"}
        folded[within + ("*." + rest if rest else "*")] = {
            **shape,
            **({"required": True} if everywhere else {}),
        }
    return folded


def differences(name: str, ours: Shapes, theirs: Shapes) -> set[str]:
    """Name what differs between two drawings of one schema, as `Trip.duration type`."""
    found = {f"{name}.{path} only here" for path in ours.keys() - theirs.keys()}
    found |= {f"{name}.{path} only there" for path in theirs.keys() - ours.keys()}
    for path in ours.keys() & theirs.keys():
        aspects = (ours[path].keys() | theirs[path].keys()) - {"keys"}
        found |= {
            f"{name}.{path} {aspect}"
            for aspect in aspects
            if ours[path].get(aspect) != theirs[path].get(aspect)
        }
    return found


def written(shapes: Mapping[str, Shapes]) -> str:
    """Write shapes with one property a line."""
    blocks = []
    for name, properties in shapes.items():
        lines = [
            f"    {json.dumps(path)}: {json.dumps(shape)}" for path, shape in properties.items()
        ]
        blocks.append(f"  {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n  }")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


if __name__ == "__main__":
    SHAPES.write_text(written(of_contract(json.loads(Path(sys.argv[1]).read_bytes()))))
