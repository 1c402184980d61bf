"""CSV files of tracks: a row is where a vehicle was at an instant, and what it measured then."""

from __future__ import annotations

import csv
import math
from collections import Counter
from datetime import UTC, datetime

from milepost.kit.files import (
    MOST_NAMED,
    BrokenFile,
    NamedDriver,
    NamedVehicle,
    Row,
    Wrapping,
    in_zone,
    plausible,
)
from milepost.models.location import Fix
from milepost.models.stats import ENGINE_STATES, StatReading
from milepost.providers.files.columns import MEASURES, TEXTS, UNITS_WANTED, Measure, spelt
from milepost.providers.files.gpx_tracks import name_of
from milepost.providers.files.lines import LONGEST_LINE, Lines

_MOST_COLUMNS = 200
_STATES: dict[str, float] = {name: float(number) for number, name in enumerate(ENGINE_STATES)}
_IGNITION = {
    **dict.fromkeys(("1", "on", "true", "yes"), _STATES["on"]),
    **dict.fromkeys(("0", "off", "false", "no"), _STATES["off"]),
}


class CSVReader:
    """Reads rows under one line of headers; commas, semicolons and tabs are told apart by that line."""

    format = "csv"

    def __init__(self, wrapping: Wrapping) -> None:
        self.vehicles: dict[str, NamedVehicle] = {}
        self.drivers: dict[str, NamedDriver] = {}
        self._wrapping = wrapping
        self._lines = Lines()
        self._headers: list[str] = []
        self._delimiter = ","
        self._places: dict[str, int] = {}
        self._measures: list[tuple[int, Measure]] = []
        self._open = (0, "")  # a line whose quotation goes on

    def feed(self, data: bytes) -> list[Row]:
        return self._read(self._lines.feed(data))

    def close(self) -> list[Row]:
        rows = self._read(self._lines.feed(b"", last=True))
        if self._open[1]:
            raise BrokenFile(self._open[0], "a quotation is never closed")
        if not self._headers:
            raise BrokenFile(1, "the file is empty")
        return rows

    def _read(self, lines: list[tuple[int, str]]) -> list[Row]:
        rows = []
        for number, text in lines:
            line, whole = number, text
            if self._open[1]:
                line, whole = self._open[0], f"{self._open[1]}\n{text}"
                if len(whole) > LONGEST_LINE:
                    raise BrokenFile(line, "a quotation is never closed")
            if '"' in whole and whole.count('"') % 2:
                self._open = (line, whole)
                continue
            self._open = (0, "")
            if not whole.strip():
                continue
            if self._headers:
                rows.append(self._row(line, self._cells(line, whole)))
            else:
                self._begin(line, whole)
        return rows

    def _cells(self, line: int, text: str) -> list[str]:
        if '"' not in text:
            return text.split(self._delimiter)
        try:
            return next(csv.reader([text], delimiter=self._delimiter, strict=True))
        except csv.Error as error:
            raise BrokenFile(line, f"its quotation is broken: {error}") from None

    def _begin(self, line: int, text: str) -> None:
        self._delimiter = Counter(c for c in text if c in ",;\t").most_common(1)[0][0] if (
            any(c in text for c in ",;\t")
        ) else ","  # fmt: skip
        headers = [cell.strip() for cell in self._cells(line, text)]
        if len(headers) > _MOST_COLUMNS:
            raise BrokenFile(line, f"there are {len(headers)} columns; {_MOST_COLUMNS} at the most")
        measured: dict[str, str] = {}
        for place, header in enumerate(headers):
            name = spelt(header)
            if name in UNITS_WANTED:
                raise BrokenFile(
                    line, f"the column “{header[:40]}” has no unit: name it {UNITS_WANTED[name]}"
                )
            known = TEXTS.get(name)
            if known is not None and known not in self._places:
                self._places[known] = place
            elif name in MEASURES:
                measure = MEASURES[name]
                if measure.of in measured:
                    raise BrokenFile(
                        line, f"“{header[:40]}” and “{measured[measure.of][:40]}” say the same"
                    )
                measured[measure.of] = header
                self._measures.append((place, measure))
        if not self._places.keys() & {"time", "time_utc", "epoch_s", "epoch_ms"}:
            raise BrokenFile(line, "there is no column of times (time, timestamp, epoch_ms, …)")
        if ("latitude" in self._places) != ("longitude" in self._places):
            raise BrokenFile(line, "there is a latitude without a longitude, or the reverse")
        if "latitude" not in self._places and not (
            self._measures or self._places.keys() & {"engine_state", "ignition"}
        ):
            raise BrokenFile(line, "there is neither a position nor a measurement that is known")
        self._headers = headers

    def _row(self, line: int, cells: list[str]) -> Row:
        if len(cells) != len(self._headers):
            raise BrokenFile(
                line, f"it has {len(cells)} fields, and the header {len(self._headers)}"
            )
        at = self._time(line, cells)
        records: list[Fix | StatReading] = []
        extra: dict[str, float] = {}
        for place, measure in self._measures:
            text = cells[place].strip()
            if not text:
                continue
            value = self._measured(line, place, text, measure)
            if measure.of in ("speed", "heading"):
                extra[measure.of] = value
            else:
                records.append(StatReading(measure.of, at, value))  # type: ignore[arg-type]
        state = self._state(line, cells)
        if state is not None:
            records.append(StatReading("engine_state", at, state))
        fix = self._fix(line, cells, at, extra)
        if fix is not None:
            records.insert(0, fix)
        fields = dict(zip(self._headers, cells, strict=True))
        return Row(line, fields, self._vehicle(line, cells), records)

    def _text(self, cells: list[str], name: str) -> str:
        place = self._places.get(name)
        return "" if place is None else cells[place].strip()

    def _time(self, line: int, cells: list[str]) -> datetime:
        try:
            for name, scale in (("epoch_ms", 1000), ("epoch_s", 1)):
                if text := self._text(cells, name):
                    return plausible(datetime.fromtimestamp(float(text) / scale, UTC), line)
            if text := self._text(cells, "time_utc"):
                at = datetime.fromisoformat(text.replace("/", "-"))
                return plausible(at if at.tzinfo else at.replace(tzinfo=UTC), line)
            text = " ".join(filter(None, (self._text(cells, "date"), self._text(cells, "time"))))
            if not text:
                raise BrokenFile(line, "it has no time")
            at = datetime.fromisoformat(text.replace("/", "-"))
        except (ValueError, OverflowError, OSError):
            raise BrokenFile(
                line, f"“{text[:40]}” is not a time: write it like 2026-01-06T03:24:53Z"
            ) from None
        return plausible(in_zone(at, self._wrapping.time_zone, line), line)

    def _measured(self, line: int, place: int, text: str, measure: Measure) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not measure.least <= value <= measure.most:
            raise BrokenFile(line, f"“{text[:40]}” is no value of {self._headers[place][:40]}")
        return measure.convert(value)

    def _state(self, line: int, cells: list[str]) -> float | None:
        for name, known in (("engine_state", _STATES), ("ignition", _IGNITION)):
            if text := self._text(cells, name).lower():
                if text not in known:
                    raise BrokenFile(line, f"“{text[:40]}” is none of {', '.join(known)}")
                return known[text]
        return None

    def _fix(
        self, line: int, cells: list[str], at: datetime, extra: dict[str, float]
    ) -> Fix | None:
        texts = self._text(cells, "latitude"), self._text(cells, "longitude")
        if not any(texts):
            return None
        try:
            latitude, longitude = float(texts[0]), float(texts[1])
        except ValueError:
            latitude = longitude = math.nan
        if not (abs(latitude) <= 90 and abs(longitude) <= 180):
            raise BrokenFile(line, f"“{texts[0][:40]}”, “{texts[1][:40]}” is no position")
        return Fix(
            at, latitude, longitude, extra.get("heading"), extra.get("speed"),
            self._text(cells, "address") or None, self._driver(line, cells),
        )  # fmt: skip

    def _vehicle(self, line: int, cells: list[str]) -> str:
        names = [self._text(cells, each) for each in ("vehicle_id", "vin", "vehicle")]
        key = "\t".join(names)
        if key not in self.vehicles:
            if not any(names):
                if self._places.keys() & {"vehicle_id", "vin", "vehicle"}:
                    raise BrokenFile(line, "it names no vehicle")
                names[2] = name_of(self._wrapping)
            if len(self.vehicles) >= MOST_NAMED:
                raise BrokenFile(line, f"the file names more than {MOST_NAMED} vehicles")
            given = [name or None for name in names]
            self.vehicles[key] = NamedVehicle(source_id=given[0], vin=given[1], name=given[2])
        return key

    def _driver(self, line: int, cells: list[str]) -> str | None:
        id_, name = self._text(cells, "driver_id"), self._text(cells, "driver")
        key = id_ or name
        if not key:
            return None
        if key not in self.drivers:
            if len(self.drivers) >= MOST_NAMED:
                raise BrokenFile(line, f"the file names more than {MOST_NAMED} drivers")
            first, _, last = name.rpartition(" ")
            self.drivers[key] = NamedDriver(
                source_id=key, first_name=first or None, last_name=last or None
            )
        return key
