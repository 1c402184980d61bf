"""Providers: those that this installation can connect, and those of the contract that it cannot yet."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from milepost.api.operations import Call, Operation
from milepost.kit import catalogue
from milepost.kit.contract import Manifest
from milepost.models.derived import DerivedFault, DerivedVehicle
from milepost.models.provider import (
    MODEL_NAMES,
    Evidence,
    ModelSupport,
    Operations,
    Provider,
    Reference,
    Support,
)

_DERIVED = {
    model: [f"derived.{field.encode_name}" for field in msgspec.structs.fields(derived)]
    for model, derived in (("Vehicle", DerivedVehicle), ("FaultCodeEvent", DerivedFault))
}


async def list_providers(call: Call) -> list[Provider]:
    """List every provider by code; what platform a brand stands on is for applications only."""
    registry = call.house.registry
    names = catalogue.names()
    return [
        _published(registry.manifest(code), with_base=call.scope is not None)
        if code in registry
        else _awaited(code, names[code])
        for code in sorted({*registry.codes, *names})
    ]


def _published(manifest: Manifest, *, with_base: bool) -> Provider:
    return Provider(
        code=manifest.code,
        name=manifest.name,
        status=manifest.status,
        available=True,
        logo=manifest.logo,
        icon=manifest.icon,
        supported_models={name: _support(manifest, name) for name in MODEL_NAMES},
        base_code=(manifest.base_code or UNSET) if with_base else UNSET,
        references=msgspec.convert(manifest.references, list[Reference]) or UNSET,
    )


def _awaited(code: str, name: str) -> Provider:
    """A provider of the contract that has no connector here: nothing of it can be read."""
    nothing = ModelSupport(supported_operations=Operations(read="not_supported_by_terminal"))
    return Provider(
        code=code,
        name=name,
        status="deprecated",
        available=False,
        logo=catalogue.mark(name),
        icon=catalogue.mark(name),
        supported_models={
            **dict.fromkeys(MODEL_NAMES, nothing),
            "SafetyEvent": msgspec.structs.replace(nothing, types=[]),
        },
    )


def _support(manifest: Manifest, model: str) -> ModelSupport:
    if reason := manifest.absent.get(model):
        return ModelSupport(
            supported_operations=Operations(read="not_supported_by_provider"), reason=reason
        )
    stated = manifest.supported_models.get(model, "not_supported_by_terminal")
    read = Operations(read=msgspec.convert(stated, Support))
    evidence = [
        Evidence(on=each.on, date=each.date or UNSET, records=each.records or UNSET)
        for each in manifest.evidence.get(model, [])
    ] or UNSET
    dense = model == "VehicleLocation"
    return ModelSupport(
        supported_operations=read,
        evidence=evidence,
        absent_fields=manifest.lacking.get(model) or UNSET,
        derived_fields=_DERIVED.get(model, UNSET) if stated == "supported" else UNSET,
        sample_rate=manifest.sample_rate if dense else UNSET,
        available_history=manifest.available_history if dense else UNSET,
        types=manifest.safety_event_types if model == "SafetyEvent" else UNSET,
    )


OPERATIONS = [
    Operation(
        id="listProviders",
        method="GET",
        path="/providers",
        tag="Providers",
        summary="List Providers",
        description="All providers of the contract. Those without a connector here are not `available` (an "
        "extension): their status is `deprecated`, and none of their models is supported. `absentFields`, `derivedFields` and "
        "`reason` tell what a provider never fills, what Milepost adds on request, and why there is nothing. `evidence` says what a model "
        "rests on: a vendor's document or SDK, recorded answers, a real account. Works without a "
        "key, then without `baseCode`.",
        answer=list[Provider],
        handler=list_providers,
        needs="nothing",
        paged=False,
    ),
]
