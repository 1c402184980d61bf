"""The vendor's own OpenAPI document of Samsara, as answers are held against it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from openapi_schema_validator import OAS30Validator, oas30_format_checker

ALL_TYPES = [
    "gps,engineStates,obdOdometerMeters",
    "gpsOdometerMeters,obdEngineSeconds,syntheticEngineSeconds",
    "fuelPercents,fuelConsumedMilliliters,engineRpm",
    "engineCoolantTemperatureMilliC,engineOilPressureKPa,batteryMilliVolts",
]


class Contract:
    """The vendor's document: checks an answer, or a request's parameters, of one GET path."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._paths = document["paths"]
        self._components = document["components"]
        self._closed = self._close(document["components"])

    def parameters(self, path: str) -> dict[str, Any]:
        return {p["name"]: p for p in self._paths[path]["get"].get("parameters", [])}

    def problems(self, path: str, status: int, body: bytes) -> Iterator[str]:
        answers = self._paths[path]["get"]["responses"]
        answer = answers.get(str(status), answers.get("default"))
        if "$ref" in answer:
            answer = self._components["responses"][answer["$ref"].rpartition("/")[2]]
        schema = answer["content"]["application/json"]["schema"]
        root = {"components": self._closed, **self._close(schema)}
        checker = OAS30Validator(root, format_checker=oas30_format_checker)
        for error in checker.iter_errors(msgspec.json.decode(body)):
            yield f"{path} {list(error.absolute_path)}: {error.message}"

    def _close(self, schema: Any) -> Any:
        """Refuse properties that the document does not name, unless it says that others may come."""
        if isinstance(schema, list):
            return [self._close(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        parts = [self._resolve(part) for part in schema.get("allOf", ())]
        if parts and all("properties" in part for part in parts):
            properties = {name: p for part in parts for name, p in part["properties"].items()}
            required = [name for part in parts for name in part.get("required", ())]
            schema = {"type": "object", "properties": properties}
            schema |= {"required": required} if required else {}
        found = {key: self._close(value) for key, value in schema.items()}
        if schema.get("type") == "object" and schema.get("properties"):
            found.setdefault("additionalProperties", False)
        return found

    def _resolve(self, part: dict[str, Any]) -> dict[str, Any]:
        reference = part.get("$ref")
        if reference is None:
            return part
        found: dict[str, Any] = self._components["schemas"][reference.rpartition("/")[2]]
        return found
