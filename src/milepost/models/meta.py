"""What every model shares: spelling on the wire, instants, metadata, raw data."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType


class Model(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A published shape: camelCase on the wire, and a field that the source lacks is absent."""


Instant = Annotated[
    str, Meta(extra_json_schema={"format": "date-time"}, examples=["2021-01-06T03:24:53.000Z"])
]
"""An instant in UTC with milliseconds, as `clock.iso` spells it."""

Day = Annotated[str, Meta(extra_json_schema={"format": "date"}, examples=["2021-01-06"])]
"""A calendar day, `YYYY-MM-DD`; the contract leaves open in which time zone."""

Visibility = Literal[
    "visible", "hidden_by_exclude_list", "hidden_by_include_list", "hidden_by_status", "deleted"
]

State = Literal[
    "AL", "AK", "AS", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA", "GU", "HI", "ID", "IL", "IN",
    "IA", "KS", "KY", "LA", "ME", "MD", "MA", "MI", "MN", "MP", "MS", "MO", "MT", "NE", "NV", "NH",
    "NJ", "NM", "NY", "NC", "ND", "OH", "OK", "OR", "PA", "PR", "RI", "SC", "SD", "TN", "TX", "UT",
    "VT", "VA", "WA", "WV", "WI", "WY", "VI", "AB", "BC", "MB", "NB", "NL", "NS", "ON", "PE", "QC",
    "SK", "NT", "NU", "UM", "YT", "DC",
]  # fmt: skip
"""US state or Canadian province."""


class RecordMetadata(Model, frozen=True, kw_only=True):
    """When a record was first ingested, last changed here, and withdrawn by its source.

    `deleted_at` is an extension on what has happened (logs, events, trips): only a reader who asks
    for tombstones meets it.
    """

    added_at: Instant
    modified_at: Instant
    deleted_at: Instant | UnsetType = UNSET


class EntityMetadata(RecordMetadata, frozen=True, kw_only=True):
    """When an entity was first ingested, last changed here, and whether it still shows."""

    visibility: Visibility | UnsetType = UNSET


class TimeSeriesMetadata(Model, frozen=True, kw_only=True):
    """When a point in time was last changed here."""

    modified_at: Instant


class RawData(Model, frozen=True, kw_only=True):
    """The provider's own payload that a record was built from."""

    provider: str
    schema: str
    extracted_at: Instant
    data: dict[str, Any]
