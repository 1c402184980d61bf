"""Cuts that mix positions and readings, as where one call brings both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from milepost.kit.contract import Cut
from milepost.models.location import Fix
from milepost.models.stats import StatReading
from milepost.store.archive import RawCut
from milepost.store.merge_series import months, share

AT = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)
FIX = Fix(AT, 40.0, -100.0)
ODOMETER = StatReading("odometer", AT, 5.0)
LATER = Fix(AT + timedelta(minutes=2), 40.0, -100.0)


def mixed(ordinals: list[int] | None) -> Cut:
    records: list[Fix | StatReading] = [FIX, ODOMETER, LATER]
    return Cut(body=b"{}", schema="x", records=list(records), ordinals=ordinals, subject="1")


def test_each_series_gets_its_share_of_a_mixed_cut_and_both_keep_one_raw() -> None:
    positions = share("position", [RawCut(7, mixed([0, 0, 4]))])
    readings = share("stat", [RawCut(7, mixed([0, 0, 4]))])

    assert [(raw.id, raw.cut.records, raw.cut.ordinals) for raw in positions] == [
        (7, [FIX, LATER], [0, 4])
    ]
    assert [(raw.id, raw.cut.records, raw.cut.ordinals) for raw in readings] == [
        (7, [ODOMETER], [0])
    ]


def test_records_without_numbers_stand_in_their_order() -> None:
    (only,) = share("stat", [RawCut(7, mixed(None))])

    assert only.cut.ordinals == [1]


def test_the_months_of_a_mixed_cut_are_those_of_all_its_records() -> None:
    assert sorted(months([mixed(None)])) == [(2026, 1), (2026, 2)]
