"""GPX files: the tracks of one vehicle, or of one vehicle a file."""

from __future__ import annotations

import math
from pathlib import PurePath

from milepost.kit import gpx
from milepost.kit.files import BrokenFile, NamedDriver, NamedVehicle, Row, Wrapping, plausible
from milepost.kit.gpx import GPXParser, NotGPX, TrackPoint
from milepost.models.location import Fix
from milepost.models.stats import StatReading

_ITS = "its"


def name_of(wrapping: Wrapping) -> str:
    """Whom a file is about that names no vehicle: whom the sender says, else the file's name."""
    return wrapping.vehicle or PurePath(wrapping.name).stem or "vehicle"


class GPXReader:
    """Reads timed track points; a point without a time or a place breaks the file."""

    format = "gpx"

    def __init__(self, wrapping: Wrapping) -> None:
        self.vehicles = {_ITS: NamedVehicle(name=name_of(wrapping))}
        self.drivers: dict[str, NamedDriver] = {}
        self._parser = GPXParser()

    def feed(self, data: bytes) -> list[Row]:
        try:
            return [_row(point) for point in self._parser.feed(data)]
        except NotGPX as error:
            raise BrokenFile(error.line, str(error)) from None

    def close(self) -> list[Row]:
        try:
            return [_row(point) for point in self._parser.finish()]
        except NotGPX as error:
            raise BrokenFile(error.line, str(error)) from None


def _row(point: TrackPoint) -> Row:
    fields = {"lat": point.latitude, "lon": point.longitude, **point.texts}
    if "time" not in point.texts:
        raise BrokenFile(point.line, "a track point has no time")
    try:
        at = plausible(gpx.instant(point.texts["time"]), point.line)
    except ValueError:
        raise BrokenFile(point.line, f"“{point.texts['time'][:40]}” is not a time of GPX") from None
    try:
        place = gpx.degrees(point.latitude, point.longitude)
    except ValueError:
        raise BrokenFile(point.line, "a track point has no readable position") from None
    # GPX 1.0 and Garmin's extension say metres a second; the course is in degrees from north.
    speed = _number(point, "speed")
    course = _number(point, "course")
    records: list[Fix | StatReading] = [
        Fix(
            at,
            *place,
            heading=None if course is None else course % 360,
            speed=None if speed is None else round(speed * 3.6, 2),
        )
    ]
    return Row(point.line, fields, _ITS, records)


def _number(point: TrackPoint, name: str) -> float | None:
    text = point.texts.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise BrokenFile(point.line, f"“{text[:40]}” is no {name}")
    return value
