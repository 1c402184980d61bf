"""Providers that this installation can connect."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from milepost.api.operations import Call, Operation
from milepost.kit.contract import Manifest
from milepost.models.provider import (
    MODEL_NAMES,
    ModelSupport,
    Operations,
    Provider,
    Reference,
    Support,
)


async def list_providers(call: Call) -> list[Provider]:
    """List the installed providers; what platform a brand stands on is for applications only."""
    registry = call.house.registry
    return [
        _published(registry.manifest(code), with_base=call.scope is not None)
        for code in registry.codes
    ]


def _published(manifest: Manifest, *, with_base: bool) -> Provider:
    return Provider(
        code=manifest.code,
        name=manifest.name,
        status=manifest.status,
        logo=manifest.logo,
        icon=manifest.icon,
        supported_models={name: _support(manifest, name) for name in MODEL_NAMES},
        base_code=(manifest.base_code or UNSET) if with_base else UNSET,
        references=msgspec.convert(manifest.references, list[Reference]) or UNSET,
    )


def _support(manifest: Manifest, model: str) -> ModelSupport:
    stated = manifest.supported_models.get(model, "not_supported_by_terminal")
    read = Operations(read=msgspec.convert(stated, Support))
    if model == "VehicleLocation":
        return ModelSupport(
            supported_operations=read,
            sample_rate=manifest.sample_rate,
            available_history=manifest.available_history,
        )
    if model == "SafetyEvent":
        return ModelSupport(supported_operations=read, types=[])
    return ModelSupport(supported_operations=read)


OPERATIONS = [
    Operation(
        id="listProviders",
        method="GET",
        path="/providers",
        tag="Providers",
        summary="List Providers",
        description="The providers of this installation. Works without a key, then without `baseCode`.",
        answer=list[Provider],
        handler=list_providers,
        needs="nothing",
        paged=False,
    ),
]
