"""The plan of a sync: what is left to fetch, in which order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from milepost.kit.contract import LoginField, Manifest, StreamSpec
from milepost.kit.slices import Checkpoint, SliceRow, Span
from milepost.sync import planner

NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)
DAY = timedelta(days=1)

LISTING = StreamSpec(
    name="vehicles",
    model="vehicle",
    kind="listing",
    permission="Read Vehicles",
    title="Vehicles",
    rank=0,
)
SERIES = StreamSpec(
    name="locations", model="vehicle_location", kind="series", permission="p", title="t"
)
MANIFEST = Manifest(
    code="x",
    name="X",
    status="beta",
    base_url="http://127.0.0.1",
    logins=[[LoginField(name="apiKey", label="Key")]],
    token="{apiKey}",
    history_days=365,
    streams=[SERIES, LISTING],
    limits={},
    supported_models={},
    sample_rate="",
    available_history="a year",
    logo="",
    icon="",
)


def plan(
    wanted: list[Span],
    held: list[Span] | None = None,
    checkpoint: Checkpoint | None = None,
) -> list[SliceRow]:
    return planner.plan(
        MANIFEST,
        now=NOW,
        wanted=wanted,
        held={"locations": held or []},
        checkpoints={"locations": checkpoint} if checkpoint else {},
    )


def history(rows: list[SliceRow]) -> list[Span]:
    return [
        (row.starts_at, row.ends_at)
        for row in rows
        if row.mode == "history" and row.starts_at and row.ends_at
    ]


def test_entities_come_first_then_the_feed_then_the_newest_history() -> None:
    rows = plan([(NOW - 3 * DAY, NOW)])

    assert [row.mode for row in rows[:3]] == ["listing", "feed", "history"]
    assert [row.rank for row in rows] == sorted(row.rank for row in rows)
    ends = [end for _, end in history(rows)]
    assert ends == sorted(ends, reverse=True)
    assert [row.number for row in rows] == list(range(len(rows)))


def test_the_last_day_of_positions_comes_before_two_weeks_of_anything_else() -> None:
    duty = StreamSpec(
        name="hos_logs",
        model="hos_log",
        kind="records",
        permission="p",
        title="t",
        window_hours=336,
        feed=False,
    )
    positions = msgspec.structs.replace(SERIES, feed=False)
    rows = planner.plan(
        msgspec.structs.replace(MANIFEST, streams=[duty, positions]),
        now=NOW, wanted=[(NOW - 20 * DAY, NOW)], held={}, checkpoints={},
    )  # fmt: skip

    assert [(row.stream, row.starts_at) for row in rows[:2]] == [
        ("locations", NOW - DAY),
        ("hos_logs", NOW - 14 * DAY),
    ]
    assert [row.rank for row in rows] == sorted(row.rank for row in rows)


def test_a_sync_of_zero_days_still_lists_every_entity_and_opens_the_feed() -> None:
    assert [row.mode for row in plan([])] == ["listing", "feed"]


def test_the_newest_history_reaches_past_now_until_a_feed_holds_the_present() -> None:
    assert history(plan([(NOW - DAY, NOW)]))[0][1] > NOW


def test_what_the_feed_is_about_to_bring_is_not_fetched_as_history_too() -> None:
    checkpoint = Checkpoint("c", NOW - timedelta(hours=2))

    rows = plan(
        [(NOW - timedelta(hours=5), NOW)], [(NOW - DAY, NOW - timedelta(hours=2))], checkpoint
    )

    assert history(rows) == []
    assert [row.cursor for row in rows if row.mode == "feed"] == ["c"]


def test_older_gaps_are_filled_whatever_the_newest_request_asked_for() -> None:
    old_gap = (NOW - 10 * DAY, NOW - 9 * DAY)
    checkpoint = Checkpoint("c", NOW - timedelta(hours=1))

    rows = plan([old_gap, (NOW - timedelta(hours=1), NOW)], [], checkpoint)

    assert history(rows) == [old_gap]


def test_nothing_is_asked_from_before_the_providers_history() -> None:
    spans = history(plan([(NOW - 4000 * DAY, NOW)]))

    assert min(start for start, _ in spans) == NOW - 365 * DAY


instants = st.integers(0, 2000).map(lambda hours: NOW - timedelta(hours=hours))
spans = st.lists(st.tuples(instants, instants).map(sorted).map(tuple), max_size=6)


@given(spans, spans)
def test_gaps_and_what_is_held_make_up_what_is_wanted_without_overlap(
    wanted: list[Span], held: list[Span]
) -> None:
    held = sorted(held)

    found = planner.gaps(wanted, held)

    for hour in range(0, 2000, 7):
        instant = NOW - timedelta(hours=hour)
        inside = [s <= instant < e for s, e in wanted]
        is_held = any(s <= instant < e for s, e in held)
        in_gap = sum(s <= instant < e for s, e in found)
        assert in_gap == (0 if is_held else sum(inside))


@given(spans)
def test_windows_cover_their_gap_exactly_and_none_is_longer_than_the_stream_allows(
    gaps: list[Span],
) -> None:
    for gap in gaps:
        rows = planner.windows(SERIES, gap, NOW + timedelta(days=9))
        pieces = sorted((row.starts_at, row.ends_at) for row in rows if row.starts_at)
        assert all(row.weight <= 86_400 for row in rows)
        assert [end for _, end in pieces[:-1]] == [start for start, _ in pieces[1:]]
        if gap[0] < gap[1]:
            assert (pieces[0][0], pieces[-1][1]) == gap
