"""Reads GPX (https://www.topografix.com/GPX/1/1/) as a stream: track points come out as the bytes come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from xml.etree.ElementTree import ParseError

import msgspec
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

# A track point of any receiver has less text than this, and GPX with extensions nests ten deep.
_MOST_TEXT = 100_000
_DEEPEST = 64
# The parser holds a token until it ends; none of a track comes near this.
_LONGEST_TOKEN = 1_000_000


class NotGPX(ValueError):
    """The document is not GPX that can be read safely; `line` says where that shows."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


class TrackPoint(msgspec.Struct, frozen=True, gc=False):
    """A `trkpt` as it stands in the file: texts by name, unchecked."""

    line: int
    latitude: str
    longitude: str
    texts: dict[str, str]


class GPXParser:
    """Is fed bytes, gives track points. Raises NotGPX for what is not well-formed, not GPX, or not safe.

    Document types and entities are refused: they are how a small file becomes gigabytes in memory or reads
    other files, and GPX needs none.
    """

    def __init__(self) -> None:
        self._points: list[TrackPoint] = []
        self._tags: list[str] = []
        self._text: list[str] = []
        self._length = 0
        self._point: TrackPoint | None = None
        self._fed = 0
        self._parser = DefusedXMLParser(target=self, forbid_dtd=True)

    @property
    def line(self) -> int:
        return int(self._parser.parser.CurrentLineNumber)

    def feed(self, data: bytes) -> list[TrackPoint]:
        """Take the next bytes; return the points that they complete."""
        self._fed += len(data)
        self._safely(lambda: self._parser.feed(data))
        if self._fed - max(0, self._parser.parser.CurrentByteIndex) > _LONGEST_TOKEN + len(data):
            raise NotGPX(self.line, "a single piece of markup is longer than a megabyte")
        found, self._points = self._points, []
        return found

    def finish(self) -> list[TrackPoint]:
        """Take the end of the document."""
        self._safely(self._parser.close)
        found, self._points = self._points, []
        return found

    def _safely(self, work: Callable[[], object]) -> None:
        try:
            work()
        except DefusedXmlException:
            reason = "refused: it declares a document type or entities"
            raise NotGPX(self.line, reason) from None
        except ParseError as error:
            raise NotGPX(error.position[0], f"not well-formed XML: {error}") from None
        except (LookupError, UnicodeError, ValueError) as error:
            if isinstance(error, NotGPX):
                raise
            raise NotGPX(self.line, f"its encoding cannot be read: {error}") from None

    # The parser's target.

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = tag.rpartition("}")[2]
        if not self._tags and name != "gpx":
            raise NotGPX(self.line, "the document is not GPX")
        self._tags.append(name)
        if len(self._tags) > _DEEPEST:
            raise NotGPX(self.line, f"elements are nested more than {_DEEPEST} deep")
        self._text, self._length = [], 0
        if name == "trkpt":
            place = (attributes.get("lat", ""), attributes.get("lon", ""))
            self._point = TrackPoint(self.line, *place, {})

    def data(self, text: str) -> None:
        self._length += len(text)
        if self._length > _MOST_TEXT:
            raise NotGPX(self.line, "the text of one element is longer than 100,000 characters")
        if self._point is not None:
            self._text.append(text)

    def end(self, tag: str) -> None:
        name = tag.rpartition("}")[2]
        self._tags.pop()
        if self._point is None:
            return
        if name == "trkpt":
            self._points.append(self._point)
            self._point = None
        elif (text := "".join(self._text).strip()) and len(self._point.texts) < _DEEPEST:
            self._point.texts.setdefault(name, text)
        self._text, self._length = [], 0

    def close(self) -> None:
        """Nothing is built that would have to be returned."""


def instant(text: str) -> datetime:
    """Read a point's time; raise ValueError. GPX times are UTC by definition, also without the Z."""
    at = datetime.fromisoformat(text)
    try:
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise ValueError("not a time of the years 1 to 9999") from None
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def degrees(latitude: str, longitude: str) -> tuple[float, float]:
    """Read a point's position; raise ValueError for what is none."""
    place = float(latitude), float(longitude)
    if not (abs(place[0]) <= 90 and abs(place[1]) <= 180):
        raise ValueError("not a place on earth")
    return place
