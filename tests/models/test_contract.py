"""The published models beside the contract's schemas: the same properties, marks, types and values."""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, UnsetType
from tests.models.shapes import PUBLISHED, SHAPES, Document, Shapes, differences, of_contract

import milepost.models
from milepost.models.driver import Driver
from milepost.models.location import Coordinates
from milepost.models.meta import Instant, Model, RawData, RecordMetadata
from milepost.models.provider import MODEL_NAMES
from milepost.models.vehicle import Vehicle

THEIRS: dict[str, Shapes] = json.loads(SHAPES.read_bytes())

# Every departure from the contract's document, by why it is one. The list is exact: one that is no
# longer true fails the test as a new one does.
EXTENSIONS = {
    # What is computed beside what the provider says.
    "Vehicle.derived only here",
    "FaultCodeEvent.derived only here",
    "Provider.supportedModels.*.evidence only here",  # What the claim rests on.
    "Provider.supportedModels.*.absentFields only here",
    "Provider.supportedModels.*.derivedFields only here",
    "Provider.supportedModels.*.reason only here",
    "Provider.available only here",  # A provider of the contract without a connector here.
    "EntityMetadata.deletedAt only here",  # When the source withdrew a record: tombstones.
}
SINCE = {  # What the contract has gained since its document was published.
    "Connection.status enum",
    "Issue.error.code enum",
    "Issue.resolutionType only here",
    "Issue.documentationUrl only here",
    "Sync.providerRequests only here",
}
LAID_ON_WHEN_ANSWERED = {
    # A document rests without metadata: it says when the document changed, so it is no part of what
    # is compared to find a change. Each answer carries it, and the description of the API says so.
    f"{model}.metadata required"
    for model in (
        "Device", "Driver", "FaultCodeEvent", "Group", "HOSDailyLog", "HOSLog", "IFTAVehicleMonth",
        "SafetyEvent", "Trailer", "Trip", "Vehicle", "VehicleUtilizationDay",
    )
} | {"Connection.token required"}  # fmt: skip
NEVER_EXPANDED = {  # No parameter of the contract expands these ids.
    "Connection.filters.drivers.excludeIds of",
    "Connection.filters.drivers.includeIds of",
    "Connection.filters.vehicles.excludeIds of",
    "Connection.filters.vehicles.includeIds of",
    "VehicleLocation.driver of",
    "VehicleLocation.vehicle of",
}
NARROWER = {  # Whoever reads by the contract can read these too.
    "RawData.extractedAt format",
    "Sync.attempts type",
}
LOOSER = {  # The contract says more, and what we answer keeps to it.
    "Driver.email format",
    "Provider.icon format",
    "Provider.logo format",
    "VehicleStatLog.fuelPercentage maximum",
    "VehicleStatLog.fuelPercentage minimum",
    "VehicleStatLog.percentage maximum",
    "VehicleStatLog.percentage minimum",
}
LEFT_OUT = {  # Optional, and there is nothing to say: no guides are published.
    "Provider.userGuides only there",
    "Provider.userGuides.en only there",
    "Provider.userGuides.es only there",
    "Provider.userGuides.fr only there",
}
DEPARTURES = (
    EXTENSIONS | SINCE | LAID_ON_WHEN_ANSWERED | NEVER_EXPANDED | NARROWER | LOOSER | LEFT_OUT
)


def models() -> dict[str, type[Model]]:
    """Find every model, by its name."""
    found: dict[str, type[Model]] = {}
    for module in pkgutil.iter_modules(milepost.models.__path__, "milepost.models."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Model) and value is not Model:
                assert found.setdefault(value.__name__, value) is value, "two models of one name"
    return found


def published(types: list[type[Model]]) -> Document:
    return Document(msgspec.json.schema_components(types)[1], PUBLISHED)


def test_every_model_is_the_contracts_but_for_the_departures_that_are_listed() -> None:
    ours = published(list(models().values())).drawn()

    assert ours.keys() == THEIRS.keys()
    found = {each for name in ours for each in differences(name, ours[name], THEIRS[name])}
    within = tuple(f"{each.split()[0]}." for each in EXTENSIONS)
    assert {each for each in found if not each.startswith(within)} == DEPARTURES


def test_every_model_is_compared_by_itself_or_within_another() -> None:
    document = published(list(models().values()))
    document.drawn()

    # The contract has no envelope of events: it spells out a schema for each type.
    # What was passed along when a fleet linked stands nowhere but in one of those.
    # The deleted connection came after the contract's document.
    # Endpoints of webhooks and coverage are ours.
    assert models().keys() - document.met == {
        "Event", "LoggedEvent", "UnsupportedProvider", "LinkMetadata", "DeletedConnection",
        "EndpointDisabled", "WebhookEndpoint", "DeadLetter", "DeliveryAttempt", "EventSwitches",
        "Replayed",
        # Files are an extension; no answer of the contract holds a provider request.
        "File", "FileContents", "ProviderRequestState",
        "Coverage", "Stretch", "Lack", "DayRows", "SyncEstimate", "StreamEstimate",
    }  # fmt: skip


def test_the_models_that_a_provider_supports_are_named_as_in_the_contract() -> None:
    assert list(MODEL_NAMES) == THEIRS["Provider"]["supportedModels"]["keys"]


def test_the_committed_shapes_are_those_of_the_contract(shared: Path) -> None:
    document = json.loads((shared / "contract/terminal-openapi-2026-02.json").read_bytes())

    assert of_contract(document) == THEIRS


def test_each_kind_of_departure_would_be_found() -> None:
    class Trip(Model, frozen=True, kw_only=True):
        id: str
        provider: str
        vehicle: str | Driver
        started_at: str
        ended_at: Instant | UnsetType = UNSET
        duration: Annotated[float, Meta(ge=1)]
        driver: str
        end_location: Coordinates | UnsetType | None = UNSET
        distance: Literal["far"] | UnsetType = UNSET
        start_position: Coordinates | UnsetType = UNSET
        metadata: RecordMetadata
        raw: list[RawData] | UnsetType = UNSET

    ours = Document(msgspec.json.schema_components([Trip, Vehicle])[1], PUBLISHED).drawn()

    assert differences("Trip", ours["Trip"], THEIRS["Trip"]) == {
        "Trip.distance enum",
        "Trip.distance type",
        "Trip.driver of",
        "Trip.driver required",
        "Trip.duration minimum",
        "Trip.duration type",
        "Trip.endLocation null",
        "Trip.endedAt required",
        "Trip.sourceId only there",
        "Trip.startLocation only there",
        "Trip.startPosition only here",
        "Trip.startedAt format",
        "Trip.vehicle of",
    }


@pytest.mark.parametrize("value", ["2021-13", "2021-1", "21-01", "2021-01-01"])
def test_a_month_that_is_none_is_refused(value: str) -> None:
    row: dict[str, Any] = {"provider": "samsara", "distance": 1.0, "month": value}

    with pytest.raises(msgspec.ValidationError, match=r"\$\.month"):
        msgspec.convert(row, models()["IFTASummary"])
