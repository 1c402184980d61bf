"""Issues: problems that do not fail a sync but leave something missing."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import UNSET, UnsetType

from milepost.models.connection import Connection
from milepost.models.meta import Instant, Model

IssueCode = Literal[
    "manually_disabled", "permission_missing", "oauth_scope_missing", "subscription_required",
    "retention_window_exceeded", "provider_data_inaccessible", "invalid_source_identifier",
    "unsupported_device_type", "stream_disabled", "provider_provisioning_pending",
    "provider_feature_not_enabled", "missing_vehicle_identifier", "missing_vehicle_assignment",
    "provider_capability_not_supported", "provider_source_data_invalid",
    "provider_partially_configured", "managed_poll_returned_no_data", "managed_poll_failed",
    "data_delayed",
    "missing_permissions", "exceeded_retention_window", "invalid_source_id", "unknown_device_type",
    "missing_safety_configuration", "inaccessible_data",
]  # fmt: skip
"""The contract's codes; the last six are the older names, which are read in filters but not emitted."""

ISSUE_CODES: tuple[IssueCode, ...] = get_args(IssueCode)

SUCCESSORS: dict[str, IssueCode] = {
    "missing_permissions": "permission_missing",
    "exceeded_retention_window": "retention_window_exceeded",
    "invalid_source_id": "invalid_source_identifier",
    "unknown_device_type": "unsupported_device_type",
    "missing_safety_configuration": "provider_partially_configured",
    "inaccessible_data": "provider_data_inaccessible",
}
"""The older names and what they are called now."""


ResolutionType = Literal[
    "action_required", "automatic_retry", "terminal_managed", "known_limitation",
    "investigation_required",
]  # fmt: skip
"""Who is expected to end an issue, and how: the fleet or its account's owner, Milepost by asking again,
whoever runs this installation, nobody, or whoever finds out why.
"""

RESOLUTIONS: dict[IssueCode, ResolutionType] = {
    "manually_disabled": "terminal_managed",
    "permission_missing": "action_required",
    "oauth_scope_missing": "action_required",
    "subscription_required": "action_required",
    "retention_window_exceeded": "known_limitation",
    "provider_data_inaccessible": "investigation_required",
    "invalid_source_identifier": "action_required",
    "unsupported_device_type": "known_limitation",
    "stream_disabled": "terminal_managed",
    "provider_provisioning_pending": "terminal_managed",
    "provider_feature_not_enabled": "action_required",
    "missing_vehicle_identifier": "action_required",
    "missing_vehicle_assignment": "action_required",
    "provider_capability_not_supported": "known_limitation",
    "provider_source_data_invalid": "investigation_required",
    "provider_partially_configured": "action_required",
    "managed_poll_returned_no_data": "investigation_required",
    "managed_poll_failed": "automatic_retry",
    "data_delayed": "automatic_retry",
}
"""Every code that is emitted; of the older names none is."""


class IssueError(Model, frozen=True, kw_only=True):
    code: IssueCode
    message: str


class Issue(Model, frozen=True, kw_only=True):
    """A problem met while ingesting, which may leave data incomplete."""

    id: str
    connection: str | Connection
    status: Literal["ongoing", "resolved"]
    error: IssueError
    first_reported_at: Instant
    last_reported_at: Instant
    resolution_type: ResolutionType | UnsetType = UNSET
    documentation_url: str | UnsetType = UNSET  # the guide to what the code means and what to do
