"""What vendors do wrong beyond failing: rows twice, turned round, gone or misdated, lists cut short, new values."""

from __future__ import annotations

import functools
import re

import pytest

from milepost.errors import Changed, ProviderError, TryAgain
from milepost.kit import registry
from milepost.kit.contract import Page
from milepost.kit.laws.stage import Stage, cuts_of, merged
from milepost.kit.simulation import Mishap
from milepost.sandbox.world import SyntheticWorld

PLATFORMS = ("samsara", "motive", "geotab")
STREAMS = [
    (code, spec.name) for code in PLATFORMS for spec in registry.load().manifest(code).streams
]
LISTINGS = [(c, n) for c, n in STREAMS if registry.load().manifest(c).stream(n).kind == "listing"]
TIMED = [each for each in STREAMS if each not in LISTINGS]


@functools.cache
def stage(code: str) -> Stage:
    return Stage(code, registry.load, SyntheticWorld(seed=7, vehicles=4, drivers=4))


async def read(code: str, stream: str, *mishaps: Mishap, page: int | None = None) -> list[Page]:
    at = stage(code)
    async with at.line(page=page, mishaps=mishaps) as line:
        return await line.read(at.slice_of(at.manifest.stream(stream)))


async def whole(code: str, stream: str) -> dict[str, bytes]:
    return merged(await stage(code).told(stage(code).manifest.stream(stream)))


_INSTANT = re.compile(rb'"(\d{4}-\d\d-\d\dT[^"]*)"')
# What has a time of its own, the first row of which is dated ahead; the other streams are sums.
MISDATED = {
    ("motive", "locations"), ("motive", "hos_logs"), ("motive", "trips"),
    ("motive", "safety_events"), ("motive", "fault_codes"), ("geotab", "locations"),
    ("geotab", "stats"), ("geotab", "hos_logs"), ("geotab", "hos_daily_logs"), ("geotab", "trips"),
    ("geotab", "fault_codes"),
}  # fmt: skip


def reasons(pages: list[Page]) -> list[str]:
    return [reject.reason for cut in cuts_of(pages) for reject in cut.rejects]


@pytest.mark.parametrize("page", [3, None])
@pytest.mark.parametrize("kind", ["rows_repeated", "rows_reordered"])
@pytest.mark.parametrize(("code", "stream"), STREAMS)
async def test_rows_that_come_twice_or_the_other_way_round_give_the_same_set(
    code: str, stream: str, kind: Mishap, page: int | None
) -> None:
    pages = await read(code, stream, kind, page=page)

    assert merged(pages) == await whole(code, stream)
    assert reasons(pages) == []


@pytest.mark.parametrize(("code", "stream"), TIMED)
async def test_a_record_from_the_future_is_set_aside_and_dates_nothing(
    code: str, stream: str
) -> None:
    found, true = await read(code, stream, "clock_ahead"), await whole(code, stream)

    told = merged(found)
    dates = [each for record in told.values() for each in _INSTANT.findall(record)]
    assert [each for each in dates if each >= b"2026-03-12"] == []
    # What a misdated row was of is gone, and what follows from it may differ; nothing is invented.
    assert told.keys() - true.keys() == set()
    assert len(true.keys() - told.keys()) <= 20
    if (code, stream) in MISDATED:
        assert any("future" in reason for reason in reasons(found))


@pytest.mark.parametrize(("code", "stream"), STREAMS)
async def test_a_value_in_no_document_costs_its_own_record_at_the_most(
    code: str, stream: str
) -> None:
    found, true = await read(code, stream, "unknown_value"), await whole(code, stream)

    told = merged(found)
    changed = {name for name, record in told.items() if true.get(name) != record}
    lost = true.keys() - told.keys()
    # Of Geotab's months every answer about a vehicle has such a row; each is told as of no jurisdiction.
    most = 24 if (code, stream) == ("geotab", "ifta_months") else 8
    assert len(changed) <= most
    assert len(lost) <= 8
    # A user whose role is new is no driver, a state that is new none; the rest is set aside by name.
    if lost and stream not in ("drivers", "ifta_months") and code == "motive":
        assert any("zenith" in reason for reason in reasons(found))


# Geotab's groups come in one answer, and of drivers alone it has no count; Samsara never says how many there are.
UNCOUNTED = {("geotab", "groups"), ("geotab", "drivers")}


@pytest.mark.parametrize(
    ("code", "stream"),
    [each for each in LISTINGS if each not in UNCOUNTED and each[0] != "samsara"],
)
async def test_a_list_that_is_cut_short_is_never_taken_for_whole(code: str, stream: str) -> None:
    with pytest.raises(TryAgain, match="not whole"):
        await read(code, stream, "list_cut_short", page=1)


@pytest.mark.parametrize(
    ("code", "error"),
    [("samsara", Changed), ("motive", TryAgain), ("geotab", Changed)],
    ids=PLATFORMS,
)
async def test_an_error_inside_a_200_is_named_by_what_to_do_next(
    code: str, error: type[ProviderError]
) -> None:
    for spec in stage(code).manifest.streams:
        with pytest.raises(error) as caught:
            await read(code, spec.name, "failed_inside")
        assert type(caught.value) is error
