"""The description of the API (OpenAPI 3.1), made from the same declarations that route and check requests."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from milepost.api.errors import ErrorBody
from milepost.api.operations import APPLICATION_HEADER, PREFIX, Operation
from milepost.api.parameters import Parameter, id_pattern
from milepost.api.routes.connections import CurrentConnection
from milepost.errors import Problem
from milepost.models.connection import Connection, DeletedConnection

_REF = "#/components/schemas/{name}"

_TOKEN_PARAMETER = {
    "name": "Connection-Token",
    "in": "header",
    "required": True,
    "description": "The connection that the request is about: what `POST /connections` answered.",
    "schema": {"type": "string", "pattern": r"^con_tkn_\S+$"},
}

_APPLICATION_PARAMETER = {
    "name": APPLICATION_HEADER,
    "in": "header",
    "required": False,
    "description": "The application that the request is about. An API key belongs to one, which is the "
    "only one that may be named with it.",
    "schema": {"type": "string", "pattern": id_pattern("application")},
}

# What a model may lack inside (an event leaves the token out) but every answer carries.
_ALWAYS_ANSWERED = {
    "Vehicle": ["metadata"],
    "Driver": ["metadata"],
    "Group": ["metadata"],
    "Device": ["metadata"],
    "Trailer": ["metadata"],
    "HOSLog": ["metadata"],
    "HOSDailyLog": ["metadata"],
    "Trip": ["metadata"],
    "SafetyEvent": ["metadata"],
    "FaultCodeEvent": ["metadata"],
    "Connection": ["token"],
    "CurrentConnection": ["token"],
    "DeletedConnection": ["token"],
}

# A connection whose deletion has begun is shown as what is left of it.
_OR_ELSE = {Connection: DeletedConnection, CurrentConnection: DeletedConnection}

# Status → name of the response, the codes that its body may carry, and what it means.
_REFUSALS: dict[int, tuple[str, list[str], str]] = {
    400: ("BadRequestError", ["bad_request"], "Bad Request"),
    401: ("UnauthorizedError", ["unauthorized"], "Unauthorized"),
    403: ("ForbiddenError", ["forbidden"], "Forbidden"),
    404: ("NotFoundError", ["not_found"], "Not Found"),
    409: ("ConflictError", ["conflict"], "Conflict"),
    413: ("PayloadTooLargeError", ["payload_too_large"], "Payload Too Large"),
    422: (
        "UnprocessableEntityError",
        [
            "unprocessable_entity",
            "connection_disconnected",
            "insufficient_permissions",
            "invalid_credentials",
        ],
        "Unprocessable Entity",
    ),
    429: ("TooManyRequestsError", ["too_many_requests"], "Too Many Requests"),
    500: ("InternalServerError", ["internal_server_error"], "Internal Server Error"),
    501: ("NotImplemented", ["not_implemented"], "Not Implemented"),
    502: ("BadGatewayError", ["bad_gateway"], "Bad Gateway"),
    504: ("GatewayTimeoutError", ["gateway_timeout"], "Gateway Timeout"),
}


_WAIT = "The number of seconds to wait before retrying the request"


def document(operations: Sequence[Operation], server: str, version: str) -> dict[str, Any]:
    """Describe the operations as served from `server`."""
    types = [item_type(each.answer) for each in operations if each.answer is not None]
    types += list(_OR_ELSE.values())
    types += [each.body for each in operations if each.body is not None]
    schemas = _schemas([*types, ErrorBody, Problem])
    schemas["ErrorPathDetail"] = schemas.pop("Problem")
    del schemas["ErrorBody"]
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Milepost",
            "version": version,
            "description": "Fleet telematics of every provider in one model. Speaks the contract of the "
            "Terminal telematics API; what stands beside it carries `x-milepost-extension`.\n\n"
            "Requests are limited by connection token, by application and, without a valid key, by address. "
            "Who asks for more is answered with 429 and `Retry-After`; the limits are the installation's.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server + PREFIX}],
        "security": [{"Authorization": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in operations)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                name: _refusal(codes, meaning) for name, codes, meaning in _REFUSALS.values()
            },
            "parameters": {
                "ConnectionToken": _TOKEN_PARAMETER,
                "ApplicationId": _APPLICATION_PARAMETER,
            },
            "securitySchemes": {
                "Authorization": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An application's secret key, `sk_…`.",
                }
            },
        },
    }


def item_type(answer: Any) -> Any:
    """What a list answer is a list of; else the answer itself."""
    return typing.get_args(answer)[0] if typing.get_origin(answer) is list else answer


# Fields of ours in models of the contract.
_EXTENSIONS = [
    ("RecordMetadata", "deletedAt"),
    ("Provider", "available"),
    ("ModelSupport", "evidence"),
    ("ModelSupport", "absentFields"),
    ("ModelSupport", "derivedFields"),
    ("ModelSupport", "reason"),
    ("ConnectionChange", "credentials"),
    ("Vehicle", "derived"),
    ("FaultCodeEvent", "derived"),
    ("SyncWish", "refetch"),
]


def _schemas(types: Iterable[Any]) -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(list(dict.fromkeys(types)), ref_template=_REF)
    for name, always in _ALWAYS_ANSWERED.items():
        schema = schemas[name]
        schema["required"] = [*schema.get("required", []), *always]
    # What an answer holds in that place is a whole device: models.vehicle says why it has two names.
    schemas["DeviceReference"] = {"$ref": _REF.format(name="Device")}
    for name, field in _EXTENSIONS:
        schemas[name]["properties"][field]["x-milepost-extension"] = True
    return schemas


def _operation(operation: Operation) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = []
    if operation.needs == "connection":
        parameters.append({"$ref": "#/components/parameters/ConnectionToken"})
    if operation.method == "GET":
        parameters.append({"$ref": "#/components/parameters/ApplicationId"})
    parameters += [_parameter(each) for each in operation.parameters]
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {
            str(operation.status): _good(operation),
            **{str(status): _refusal_ref(status) for status in _refusals(operation)},
        },
    }
    if operation.description:
        described["description"] = operation.description
    if operation.body is not None:
        described["requestBody"] = {
            "content": {"application/json": {"schema": _ref(operation.body)}},
            "required": any(field.required for field in msgspec.structs.fields(operation.body)),
        }
    if operation.streams:
        described["requestBody"] = {"content": {"application/octet-stream": {}}, "required": True}
    if operation.needs == "nothing":
        described["security"] = [{"Authorization": []}, {}]
    if operation.extension:
        described["x-milepost-extension"] = True
    return described


def _parameter(parameter: Parameter[Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }
    if parameter.extension:
        described["x-milepost-extension"] = True
    return described


def _good(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer is not None:
        described["content"] = {"application/json": {"schema": _answer(operation)}}
    if operation.answers_bytes:
        # The bytes are the provider's own, of any type, and may be JSON of any shape.
        described["content"]["application/json"]["schema"] = {"anyOf": [_answer(operation), {}]}
        described["content"]["*/*"] = {}
    return described


def _answer(operation: Operation) -> dict[str, Any]:
    item = _ref(item_type(operation.answer))
    if other := _OR_ELSE.get(item_type(operation.answer)):
        item = {"oneOf": [item, _ref(other)]}
    if item_type(operation.answer) is operation.answer:
        return item
    results = {"type": "array", "items": item}
    if not operation.paged:
        return results
    next_ = {
        "type": "string",
        "format": "cursor",
        "description": "The `cursor` of the next page; absent on the last one.",
    }
    return {
        "type": "object",
        "properties": {"results": results, "next": next_},
        "required": ["results"],
    }


def _ref(type_: type[Any]) -> dict[str, Any]:
    return {"$ref": _REF.format(name=type_.__name__)}


def _refusals(operation: Operation) -> list[int]:
    always = (
        [400, 401, 429, 500, 504]
        if operation.needs == "nothing"
        else [400, 401, 403, 429, 500, 504]
    )
    too_large = [413] if operation.body is not None else []
    return sorted({*always, *too_large, *operation.refusals})


def _refusal_ref(status: int) -> dict[str, str]:
    return {"$ref": f"#/components/responses/{_REFUSALS[status][0]}"}


def _refusal(codes: list[str], description: str) -> dict[str, Any]:
    with_problems = codes[0] in ("bad_request", "unprocessable_entity")
    detail = (
        {"type": "array", "items": {"$ref": _REF.format(name="ErrorPathDetail")}}
        if with_problems
        else {"type": "string"}
    )
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "enum": codes},
            "message": {"type": "string"},
            "detail": detail,
        },
        "required": ["code", "message"],
    }
    described: dict[str, Any] = {
        "description": description,
        "content": {"application/json": {"schema": schema}},
    }
    if codes[0] == "too_many_requests":
        seconds = {"type": "integer", "minimum": 1}
        schema["properties"]["retryAfter"] = {**seconds, "description": _WAIT}
        described["headers"] = {"Retry-After": {"description": _WAIT, "schema": seconds}}
    return described
