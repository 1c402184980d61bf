"""Real traces drive as vehicles, and what cannot drive is counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from milepost.sandbox.tracks import TrackWorld

START = datetime(2026, 3, 4, 18, 30, 0, 987_000, tzinfo=UTC)
GPX = """<?xml version="1.0"?>
<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><metadata>
<time>2016-03-14T02:43:12Z</time></metadata><trk><trkseg>{points}</trkseg></trk></gpx>"""
LONG_AGO = START - timedelta(days=400)


def point(lat: float, lon: float, time: str | None) -> str:
    inside = f"<time>{time}</time>" if time else ""
    return f'<trkpt lat="{lat}" lon="{lon}"><ele>1</ele>{inside}</trkpt>'


def write(folder: Path, name: str, *points: str) -> None:
    (folder / name).write_text(GPX.format(points="".join(points)))


def test_a_trace_ends_at_the_start_in_whole_seconds(tmp_path: Path) -> None:
    write(
        tmp_path,
        "van.gpx",
        point(45.0, -122.0, "2015-03-25T10:00:00Z"),
        point(45.01, -122.0, "2015-03-25T10:01:00Z"),
    )

    world = TrackWorld(tmp_path, START)

    assert [vehicle.name for vehicle in world.vehicles] == ["van"]
    end = START.replace(microsecond=0)
    fixes = world.fixes(world.vehicles[0].id, LONG_AGO, START)
    assert [fix.located_at for fix in fixes] == [end - timedelta(minutes=1), end]
    assert fixes[0].speed is None
    assert fixes[1].speed == pytest.approx(66.7, abs=0.1)
    assert fixes[1].heading == 0.0
    assert world.latest_fix(world.vehicles[0].id, START) == fixes[1]
    assert world.fixes(world.vehicles[0].id, LONG_AGO, end) == fixes[:1]


def test_points_that_cannot_drive_are_counted_by_reason(tmp_path: Path) -> None:
    write(
        tmp_path,
        "van.gpx",
        point(45.0, -122.0, None),
        point(45.0, -122.0, "2015-03-25T10:01:00Z"),
        point(45.1, -122.0, "2015-03-25T10:01:00Z"),
        point(45.0, -122.0, "noon"),
        point(99.0, -122.0, "2015-03-25T10:03:00Z"),
        point(float("nan"), -122.0, "2015-03-25T10:04:00Z"),
        point(45.0, -122.0, "2015-03-25T10:00:00Z"),
    )

    world = TrackWorld(tmp_path, START)

    assert world.files[0].points == 2
    assert world.files[0].refused == {
        "same instant as another point": 1,
        "unreadable position": 2,
        "unreadable time": 1,
        "without a time": 1,
    }
    assert len(world.fixes(world.vehicles[0].id, LONG_AGO, START)) == 2


def test_a_file_without_times_is_a_vehicle_without_positions(tmp_path: Path) -> None:
    write(tmp_path, "parked.gpx", point(45.0, -122.0, None))

    world = TrackWorld(tmp_path, START)

    assert [vehicle.name for vehicle in world.vehicles] == ["parked"]
    assert world.latest_fix(world.vehicles[0].id, START) is None
    assert not world.fixes(world.vehicles[0].id, LONG_AGO, START)
    assert not world.readings(world.vehicles[0].id, "odometer", LONG_AGO, START)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<gpx><trk>", "not well-formed"),
        ("<kml/>", "not GPX"),
        ('<!DOCTYPE g [<!ENTITY a "aaaa">]><gpx>&a;</gpx>', "entities"),
        ('<!DOCTYPE g SYSTEM "file:///etc/passwd"><gpx/>', "document type"),
        ("", "not well-formed"),
    ],
)
def test_an_unsafe_or_broken_file_is_refused_with_a_reason(
    tmp_path: Path, content: str, reason: str
) -> None:
    write(tmp_path, "good.gpx", point(45.0, -122.0, "2015-03-25T10:00:00Z"))
    (tmp_path / "bad.gpx").write_text(content)

    world = TrackWorld(tmp_path, START)

    assert [vehicle.name for vehicle in world.vehicles] == ["good"]
    refused = next(file for file in world.files if file.file == "bad.gpx")
    assert refused.unreadable is not None
    assert reason in refused.unreadable


def test_a_jump_of_the_receiver_is_no_speed(tmp_path: Path) -> None:
    write(
        tmp_path,
        "van.gpx",
        point(45.0, -122.0, "2015-03-25T10:00:00Z"),
        point(46.0, -122.0, "2015-03-25T10:00:10Z"),
    )

    world = TrackWorld(tmp_path, START)

    fixes = world.fixes(world.vehicles[0].id, LONG_AGO, START)
    assert [fix.speed for fix in fixes] == [None, None]


def test_a_folder_without_traces_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no readable GPX"):
        TrackWorld(tmp_path, START)


def test_a_file_more_renames_no_other_vehicle(tmp_path: Path) -> None:
    write(tmp_path, "b.gpx", point(45.0, -122.0, "2015-03-25T10:00:00Z"))
    before = TrackWorld(tmp_path, START).vehicles[0].id
    write(tmp_path, "a.gpx", point(45.0, -122.0, "2015-03-25T10:00:00Z"))

    after = {vehicle.name: vehicle.id for vehicle in TrackWorld(tmp_path, START).vehicles}

    assert after["b"] == before


def test_the_real_traces_are_107_vehicles_with_24751_timed_points(shared: Path) -> None:
    world = TrackWorld(shared / "data" / "tracks", START)

    shown = [len(world.fixes(vehicle.id, LONG_AGO, START)) for vehicle in world.vehicles]

    assert len(world.vehicles) == 107
    assert sum(shown) == sum(file.points for file in world.files) == 24_751
    assert sum(count for file in world.files for count in file.refused.values()) == 1_999
    assert sum(not count for count in shown) == 7
