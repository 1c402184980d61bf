"""Plans a sync: what a manifest, the coverage held and the window asked for leave to be fetched. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from milepost.kit.contract import Manifest, StreamSpec
from milepost.kit.slices import Checkpoint, SliceRow, Span

# Entities come first, then what came in since the feeds were last read, then the last day of dense streams, then
# history. On that day nothing else may spend of a budget that all streams share: Motive's ten calls a second
# leave 600 vehicles waiting for a minute as it is.
_FEED_RANK = 10
_LAST_DAY_RANK = 15
HISTORY_RANK = 20

# What a listing and a fresh feed count for in the progress, in seconds of window.
_LISTING_WEIGHT = 3600.0
_FEED_WEIGHT = 600.0

# How far past the present a slice is planned that ends at it: longer than any turn waits for its feeds.
_AHEAD = timedelta(hours=1)

# Of a dense stream, the last day is a slice of its own, so that nobody waits a week's window for it.
_FIRST = timedelta(days=1)

# Of what a lost cursor would have told, this much may have been recorded before it was last read: units without
# a network keep their data for days.
_LATE = timedelta(days=7)

# As many as Samsara takes in one filter.
_SUBJECTS_A_SLICE = 50


def plan(
    manifest: Manifest,
    *,
    now: datetime,
    wanted: Sequence[Span],
    held: Mapping[str, Sequence[Span]],
    checkpoints: Mapping[str, Checkpoint],
    lacking: Mapping[str, Mapping[str, Sequence[Span]]] | None = None,
    again: Span | None = None,
) -> list[SliceRow]:
    """Return the slices of a sync in the order in which they are taken: newest history first.

    `lacking` says by stream what single vehicles or drivers miss of what is held; `again` is a stretch
    that is to be fetched though it is held.
    """
    earliest = now - timedelta(days=manifest.history_days)
    asked = [(max(start, earliest), end) for start, end in wanted if end > earliest]
    listings = [_listing(spec) for spec in manifest.streams if spec.kind == "listing"]
    timed = [spec for spec in manifest.streams if spec.kind != "listing"]
    feeds = [_feed(spec, checkpoints.get(spec.name), now) for spec in timed if spec.feed]
    history: list[SliceRow] = []
    for spec in timed:
        due = _history(spec, asked, held.get(spec.name, []), checkpoints.get(spec.name), now)
        if again is not None:
            due = union([*due, again])
        history += [row for gap in due for row in windows(spec, gap, now)]
        if lacking and spec.name in lacking:
            history += _catch_up(spec, lacking[spec.name], asked, due, now)
    history.sort(key=lambda row: (row.rank, now - (row.ends_at or now)))
    listings.sort(key=lambda row: row.rank)
    return number_from(0, [*listings, *feeds, *history])


def increments(
    manifest: Manifest, since: datetime, now: datetime, *, earliest: datetime
) -> list[SliceRow]:
    """Return what a long sync reads of streams without a feed to keep up with the present.

    Each reads its look-back again, as the next sync would have done: what lasts for longer than the time
    between two looks, and what comes in late, is told by none of them otherwise. Nothing before `earliest`
    was ever asked for.
    """
    rows: list[SliceRow] = []
    for spec in manifest.streams:
        if spec.kind != "listing" and not spec.feed:
            start = max(since - timedelta(hours=spec.look_back_hours), min(earliest, since))
            rows += windows(spec, (start, now), now)
    return [msgspec.structs.replace(row, rank=_FEED_RANK) for row in rows]


def refill(
    spec: StreamSpec, since: datetime, now: datetime, *, earliest: datetime
) -> list[SliceRow]:
    """Return the history slices that fill what a feed missed whose cursor was lost.

    What was recorded before and came in since is told by the lost feed alone, so that they begin earlier.
    """
    return windows(spec, (max(since - _LATE, min(earliest, since)), now), now)


def number_from(first: int, rows: Sequence[SliceRow]) -> list[SliceRow]:
    """Number slices in the order in which they are to be taken."""
    return [
        msgspec.structs.replace(row, number=number) for number, row in enumerate(rows, start=first)
    ]


def gaps(wanted: Sequence[Span], held: Sequence[Span]) -> list[Span]:
    """Return the stretches of `wanted` that `held` does not cover; both are in order."""
    found: list[Span] = []
    for start, end in wanted:
        position = start
        for held_start, held_end in held:
            if held_end <= position or held_start >= end:
                continue
            if held_start > position:
                found.append((position, held_start))
            position = max(position, held_end)
        if position < end:
            found.append((position, end))
    return found


def _history(
    spec: StreamSpec,
    asked: Sequence[Span],
    held: Sequence[Span],
    checkpoint: Checkpoint | None,
    now: datetime,
) -> list[Span]:
    """Return what history must fill: the gaps, less what the feed is about to bring.

    Without a feed, the look-back before the end of what is held is read again, however long ago that is.
    """
    if spec.feed and checkpoint is not None and checkpoint.caught_up_to is not None:
        return gaps(asked, sorted([*held, (checkpoint.caught_up_to, now)]))
    if not spec.feed and held:
        again = max(min(now, held[-1][1]) - timedelta(hours=spec.look_back_hours), held[0][0])
        held = [(start, min(end, again)) for start, end in held if start < again]
        asked = union([*asked, (again, now)])
    return gaps(asked, held)


def _catch_up(
    spec: StreamSpec,
    lacking: Mapping[str, Sequence[Span]],
    asked: Sequence[Span],
    due: Sequence[Span],
    now: datetime,
) -> list[SliceRow]:
    """Return slices for what single vehicles or drivers lack, those that lack the same together.

    What is fetched for everybody anyway is left out.
    """
    together: dict[tuple[Span, ...], list[str]] = {}
    for subject, spans in lacking.items():
        missing = [piece for gap in common(spans, asked) for piece in gaps([gap], due)]
        if missing:
            together.setdefault(tuple(missing), []).append(subject)
    return [
        msgspec.structs.replace(row, subjects=subjects[at : at + _SUBJECTS_A_SLICE])
        for spans, subjects in together.items()
        for at in range(0, len(subjects), _SUBJECTS_A_SLICE)
        for span in spans
        for row in windows(spec, span, now, ahead=False)
    ]


def common(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    return [
        (max(start, begin), min(end, finish))
        for start, end in some
        for begin, finish in others
        if max(start, begin) < min(end, finish)
    ]


def union(spans: Sequence[Span]) -> list[Span]:
    """Join stretches that touch or overlap, in order."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif start < end:
            joined.append((start, end))
    return joined


def windows(spec: StreamSpec, gap: Span, now: datetime, *, ahead: bool = True) -> list[SliceRow]:
    """Cut a gap into history slices of the stream's window, newest first; a series' last day on its own.

    One that ends at the present is planned past it: its end is set when it begins, which is after the
    feeds were opened, so that no instant falls between the two.
    """
    start, end = gap
    rows: list[SliceRow] = []
    rank, length = HISTORY_RANK, spec.window
    if spec.kind == "series" and end >= now:
        rank, length = _LAST_DAY_RANK, min(spec.window, _FIRST)
    while start < end:
        begin, length = max(start, end - length), spec.window
        rows.append(
            SliceRow(
                number=0,
                stream=spec.name,
                mode="history",
                rank=rank,
                starts_at=begin,
                ends_at=end + _AHEAD if ahead and end >= now - _AHEAD else end,
                weight=(end - begin).total_seconds(),
            )
        )
        end, rank = begin, HISTORY_RANK
    return rows


def _listing(spec: StreamSpec) -> SliceRow:
    return SliceRow(
        number=0,
        stream=spec.name,
        mode="listing",
        rank=spec.rank,
        starts_at=None,
        ends_at=None,
        weight=_LISTING_WEIGHT,
    )


def _feed(spec: StreamSpec, checkpoint: Checkpoint | None, now: datetime) -> SliceRow:
    since = checkpoint.caught_up_to if checkpoint else None
    return SliceRow(
        number=0,
        stream=spec.name,
        mode="feed",
        rank=_FEED_RANK,
        starts_at=since,
        ends_at=None,
        weight=max(_FEED_WEIGHT, (now - since).total_seconds()) if since else _FEED_WEIGHT,
        cursor=checkpoint.cursor if checkpoint else None,
    )
