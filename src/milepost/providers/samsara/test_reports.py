"""Reports by vehicle: which days and months are asked for, and when they are whole."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from milepost import clock
from milepost.errors import Changed
from milepost.kit import registry
from milepost.kit.days import DAY, each_month
from milepost.providers.samsara.records import SETTLED
from milepost.providers.samsara.test_stream_fixtures import fixture, read, scripted, slice_of


async def test_a_window_of_days_too_young_is_done_without_a_report() -> None:
    given = {**fixture("utilization_days"), "now": "2025-03-11T00:00:00Z"}

    pages, asked, _ = await read(given)

    assert [(page.cuts, page.last) for page in pages] == [([], True)]
    assert {each.path for each in asked} == {"/fleet/drivers"}


async def test_a_report_of_another_shape_is_a_change() -> None:
    given = fixture("ifta_months")
    answers = [{**each, "body": {"data": [], "pagination": {}}} for each in given["answers"][:1]]

    async with scripted(answers) as (connector, _, _):
        with clock.held_at(clock.parse(given["now"])), pytest.raises(Changed):
            [page async for page in connector.pages(slice_of(given))]


async def test_another_refusal_of_a_month_is_no_month_in_the_making() -> None:
    given = fixture("ifta_months")
    answers = [
        {**each, "status": 400, "body": {"message": "month is not a month"}}
        for each in given["answers"][:1]
    ]

    async with scripted(answers) as (connector, _, _):
        with clock.held_at(clock.parse(given["now"])), pytest.raises(Changed, match="not a month"):
            [page async for page in connector.pages(slice_of(given))]


def test_months_go_over_the_end_of_the_year() -> None:
    months = list(each_month(date(2024, 11, 30), date(2025, 2, 1)))

    assert [f"{month:%Y-%m}" for month in months] == ["2024-11", "2024-12", "2025-01", "2025-02"]


def test_what_was_too_young_once_is_asked_for_again() -> None:
    manifest = registry.load().manifest("samsara")
    days = timedelta(hours=manifest.stream("utilization_days").look_back_hours)
    months = timedelta(hours=manifest.stream("ifta_months").look_back_hours)

    # A day begins up to half a day after the UTC day of its name, and lasts one.
    assert days >= SETTLED + 2 * DAY + 4 * DAY
    assert months >= SETTLED + 32 * DAY
