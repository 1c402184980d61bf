"""Coverage: for which stretches of time Milepost holds a fleet's data, and what it lacks and why (an extension)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from milepost.models.meta import Day, Instant, Model

LackReason = Literal[
    "not_yet_fetched",
    "not_permitted",
    "failed",
    "filtered_out",
    "beyond_history",
    "past_retention",
]
"""Why a stretch that was asked for is not held.

The next sync fetches what is not yet fetched. The provider refused what is not permitted; an issue names the right
that is missing. What failed is tried again. Filters keep out what is filtered out. Beyond its history, the provider
has nothing; past its retention, Milepost has dropped it.
"""


class Stretch(Model, frozen=True, kw_only=True):
    """A stretch of record time, its end excluded."""

    start_at: Instant
    end_at: Instant


class Lack(Stretch, frozen=True, kw_only=True):
    reason: LackReason


class DayRows(Model, frozen=True, kw_only=True):
    """How many records of a day (UTC) are held."""

    day: Day
    rows: Annotated[int, Meta(ge=1)]


class Coverage(Model, frozen=True, kw_only=True):
    """What is held of one stream of the provider's: of the whole connection, or of one vehicle or driver.

    `held` was read to its end; `empty` are the whole days (UTC) in it for which the provider had nothing;
    `missing` was asked for and is not held. `rows` leaves out days without records.
    """

    stream: str
    title: str
    model: str
    held: list[Stretch]
    empty: list[Stretch]
    missing: list[Lack]
    rows: list[DayRows]
    vehicle: str | UnsetType = UNSET
    driver: str | UnsetType = UNSET
