"""Providers: the telematics systems that fleets use, and what can be read from each."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from milepost.models.meta import Model
from milepost.models.safety import SafetyEventType

Support = Literal["supported", "not_supported_by_terminal", "not_supported_by_provider"]

MODEL_NAMES = (
    "Group", "Vehicle", "Driver", "LatestVehicleLocation", "VehicleLocation", "VehicleStatLog",
    "Trailer", "LatestTrailerLocation", "Trip", "Device", "HOSLog", "HOSDailyLog",
    "HOSAvailableTime", "IFTASummary", "SafetyEvent", "CameraMedia", "FaultCodeEvent",
    "VehicleUtilization",
)  # fmt: skip
"""The eighteen models of the contract, in its order."""


class Operations(Model, frozen=True, kw_only=True):
    read: Support


class Evidence(Model, frozen=True, kw_only=True):
    """What a claim about a model rests on; of a real account the day and how many records were read."""

    on: Literal["document", "sdk", "recorded", "account"]
    date: str | UnsetType = UNSET
    records: int | UnsetType = UNSET


class ModelSupport(Model, frozen=True, kw_only=True):
    """Whether a model can be read.

    `evidence` (what that rests on), `absentFields` (those that the provider never fills), `derivedFields` (those
    that Milepost adds on request) and `reason` (why there is nothing) are extensions of ours.
    """

    supported_operations: Operations
    evidence: list[Evidence] | UnsetType = UNSET
    absent_fields: list[str] | UnsetType = UNSET
    derived_fields: list[str] | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    sample_rate: str | UnsetType = UNSET
    available_history: str | UnsetType = UNSET
    types: list[SafetyEventType] | UnsetType = UNSET  # of safety events: the kinds that are told


class Reference(Model, frozen=True, kw_only=True):
    type: Literal["login-page", "developer-docs"]
    url: str
    label: str


class Provider(Model, frozen=True, kw_only=True):
    """One provider, or one brand of a provider's platform (`baseCode`).

    `available` is an extension: false says that this installation has no connector for the code yet.
    The contract has no status for that; `deprecated` keeps its readers from offering the provider.
    """

    code: str
    name: str
    status: Literal["live", "beta", "sandbox", "deprecated"]
    logo: str
    icon: str
    supported_models: dict[str, ModelSupport]
    available: bool
    base_code: str | UnsetType = UNSET
    references: list[Reference] | UnsetType = UNSET
