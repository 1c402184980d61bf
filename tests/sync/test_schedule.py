"""The cadence: regular, spread, and unmoved by restarts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from milepost import ids
from milepost.sync.schedule import next_tick

CADENCE = timedelta(hours=2)


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda t: 1980 < t.year < 2200))
def test_ticks_come_after_now_within_one_cadence_and_keep_their_phase(after: datetime) -> None:
    connection_id = ids.new()

    tick = next_tick(connection_id, after, CADENCE)

    assert after < tick <= after + CADENCE
    assert next_tick(connection_id, tick, CADENCE) == tick + CADENCE
    assert next_tick(connection_id, after + (tick - after) / 2, CADENCE) == tick


def test_connections_are_spread_over_the_cadence() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    tenths = {(next_tick(ids.new(), now, CADENCE) - now) // (CADENCE / 10) for _ in range(400)}

    assert len(tenths) >= 10
