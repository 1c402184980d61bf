"""ELD output files, the exchange format of US electronic logs (49 CFR 395 Subpart B App. A 4.8.2.1).

One file is about one driver. Its segments stand one after the other under fixed titles. Times are those of
the driver's home terminal, whose offset from UTC the header states without its sign: all lie west of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from milepost import units
from milepost.kit.files import BrokenFile, Duty, NamedDriver, NamedVehicle, Row, Wrapping, plausible
from milepost.models.hos import HOSStatus
from milepost.models.location import Fix
from milepost.models.stats import ENGINE_STATES, StatReading
from milepost.providers.files.lines import Lines

# A driver's six months of events are some 2 MB; the file is held to work out when statuses end.
_MOST_LINES = 300_000

HEADER, USERS, CMVS, EVENTS, NOTES, CERTIFIED, MALFUNCTIONS, LOGINS, POWER, UNIDENTIFIED, END = (
    "eld file header segment", "user list", "cmv list", "eld event list",
    "eld event annotations or comments", "driver's certification/recertification actions",
    "malfunctions and data diagnostic events", "eld login/logout report",
    "cmv engine power-up and shut down activity", "unidentified driver profile records",
    "end of file",
)  # fmt: skip
# The fields of a line, without its check value, which systems in the field compute in several ways.
_FIELDS = {
    USERS: 4, CMVS: 3, EVENTS: 17, NOTES: 6, CERTIFIED: 6, MALFUNCTIONS: 8, LOGINS: 7, POWER: 12,
    UNIDENTIFIED: 15,
}  # fmt: skip
_HEADER_FIELDS = (5, 3, 3, 5, 2, 6, 4)

_DUTY: dict[str, HOSStatus] = {
    "1": "off_duty", "2": "sleeper_bed", "3": "driving", "4": "on_duty",
}  # fmt: skip
_INDICATED: dict[str, HOSStatus] = {"1": "personal_conveyance", "2": "yard_move"}
_ON, _OFF = (float(ENGINE_STATES.index(state)) for state in ("on", "off"))

Line = tuple[int, list[str]]


class ELDReader:
    """Gathers the segments and reads them at the end of the file, without which it is cut off."""

    format = "eld"

    def __init__(self, wrapping: Wrapping) -> None:
        del wrapping  # The file names its vehicles and its zone itself.
        self.vehicles: dict[str, NamedVehicle] = {}
        self.drivers: dict[str, NamedDriver] = {}
        self._lines = Lines()
        self._segments: dict[str, list[Line]] = {}
        self._segment = ""
        self._count = 0
        self._offset = timedelta()
        self._driver = ""

    def feed(self, data: bytes) -> list[Row]:
        for number, text in self._lines.feed(data):
            self._gather(number, text)
        return []

    def close(self) -> list[Row]:
        for number, text in self._lines.feed(b"", last=True):
            self._gather(number, text)
        if END not in self._segments:
            raise BrokenFile(self._count + 1, "the file is cut off: “End of File:” is missing")
        self._header()
        self._cmvs()
        rows = [*self._events(), *self._duties(), *self._readings()]
        return sorted(rows, key=lambda row: row.line)

    def _gather(self, number: int, text: str) -> None:
        self._count += 1
        if self._count > _MOST_LINES:
            raise BrokenFile(number, f"the file has more than {_MOST_LINES} lines")
        text = text.strip()
        if not text:
            return
        title = text.rstrip(":").strip().lower().replace("\u2019", "'")
        if title in _FIELDS or title in (HEADER, END):
            if title in self._segments:
                raise BrokenFile(number, f"the segment “{text[:60]}” comes twice")
            self._segments[title] = []
            self._segment = title
            return
        cells = [cell.strip() for cell in text.split(",")]
        segment = self._segments[self._segment]
        if self._segment == HEADER:
            if len(segment) >= len(_HEADER_FIELDS):
                raise BrokenFile(number, "the header has more than its seven lines")
            self._require(number, cells, _HEADER_FIELDS[len(segment)])
        elif self._segment in _FIELDS:
            self._require(number, cells, _FIELDS[self._segment])
        segment.append((number, cells))

    def _require(self, number: int, cells: list[str], fields: int) -> None:
        if len(cells) not in (fields, fields + 1):
            raise BrokenFile(
                number,
                f"it has {len(cells)} fields; this segment has {fields} and a check value",
            )

    def _header(self) -> None:
        lines = self._segments[HEADER]
        if len(lines) != len(_HEADER_FIELDS):
            raise BrokenFile(1, f"the header has {len(lines)} lines instead of seven")
        number, (last, first, username, state, license_, *_) = lines[0]
        if not username:
            raise BrokenFile(number, "the driver has no ELD user name")
        number, carrier = lines[3]
        offset = carrier[4]
        if not offset.lstrip("-+").isdigit() or not 0 <= int(offset.lstrip("-+")) <= 12:
            raise BrokenFile(number, f"“{offset[:20]}” is no time zone offset from UTC")
        self._offset = timedelta(hours=int(offset.lstrip("-+")))
        self._driver = username
        self.drivers[username] = NamedDriver(
            source_id=username,
            username=username,
            first_name=first or None,
            last_name=last or None,
            license_state=state.upper() or None,
            license_number=license_ or None,
        )

    def _cmvs(self) -> None:
        for number, (order, name, vin, *_) in self._segments.get(CMVS, []):
            if not (name or vin):
                raise BrokenFile(number, "a vehicle has neither a unit number nor a VIN")
            self.vehicles[order] = NamedVehicle(name=name or None, vin=vin.lstrip("-") or None)

    def _events(self) -> list[Row]:
        """Where vehicles were when something was recorded, as far as the record still holds (status 1)."""
        rows: list[Row] = []
        for whose, segment in ((self._driver, EVENTS), (None, UNIDENTIFIED)):
            for number, cells in self._segments.get(segment, []):
                at, order = self._at(number, cells[5], cells[6]), cells[12]
                place = _place(number, cells[9], cells[10])
                if cells[1] == "1" and place is not None and order:
                    fix = Fix(at, *place, driver=whose)
                    rows.append(Row(number, _raw(cells), self._known(number, order), [fix]))
        return rows

    def _duties(self) -> list[Row]:
        """The driver's statuses, each until the next: active records of duty and of its two indications."""
        active = [
            (self._at(number, cells[5], cells[6]), number, cells)
            for number, cells in self._segments.get(EVENTS, [])
            if cells[1] == "1" and cells[3] in ("1", "3")
        ]
        active.sort(key=lambda each: each[:2])
        notes: dict[str, list[str]] = {}
        for _, cells in self._segments.get(NOTES, []):
            notes.setdefault(cells[0], []).extend(text for text in (cells[2],) if text)
        base: HOSStatus = "off_duty"
        changes: list[tuple[datetime, int, list[str], HOSStatus]] = []
        for at, number, cells in active:
            known = _DUTY if cells[3] == "1" else {**_INDICATED, "0": base}
            if cells[4] not in known:
                raise BrokenFile(number, f"“{cells[4][:10]}” is no code of event type {cells[3]}")
            status = known[cells[4]]
            base = status if cells[3] == "1" else base
            if changes and changes[-1][0] == at:
                changes.pop()  # What was recorded last of an instant is what holds.
            changes.append((at, number, cells, status))
        ends = [*(each[0] for each in changes[1:]), None]
        return [
            Row(number, _raw(cells), None, [], Duty(
                driver=self._driver, status=status, started_at=at, ended_at=end,
                vehicle=self._known(number, cells[12]) if cells[12] else None,
                place=_place(number, cells[9], cells[10]), notes=notes.get(cells[0], []),
            ))
            for (at, number, cells, status), end in zip(changes, ends, strict=True)
        ]  # fmt: skip

    def _readings(self) -> list[Row]:
        """Odometer, engine hours and engine state, where total values and the vehicle are stated."""
        rows = []
        vins = {each.vin: order for order, each in self.vehicles.items() if each.vin}
        names = {each.name: order for order, each in self.vehicles.items() if each.name}
        for number, cells in self._segments.get(POWER, []):
            order = vins.get(cells[9].lstrip("-")) or names.get(cells[8])
            if order is None:
                raise BrokenFile(number, "its vehicle is not in the file's CMV list")
            at = self._at(number, cells[2], cells[3])
            records = _totals(number, at, cells[4], cells[5])
            if cells[1] not in ("1", "2", "3", "4"):
                raise BrokenFile(number, f"“{cells[1][:10]}” is no code of engine power")
            records.append(StatReading("engine_state", at, _ON if cells[1] in ("1", "2") else _OFF))
            place = _place(number, cells[6], cells[7])
            if place is not None:
                records.insert(0, Fix(at, *place))
            rows.append(Row(number, _raw(cells), order, records))
        for number, cells in self._segments.get(MALFUNCTIONS, []):
            if cells[7]:
                at = self._at(number, cells[3], cells[4])
                records = _totals(number, at, cells[5], cells[6])
                rows.append(Row(number, _raw(cells), self._known(number, cells[7]), records))
        return rows

    def _known(self, number: int, order: str) -> str:
        if order not in self.vehicles:
            raise BrokenFile(number, f"vehicle {order[:10]} is not in the file's CMV list")
        return order

    def _at(self, number: int, day: str, time: str) -> datetime:
        try:
            text = f"{day:>6}" + f"{time:>6}"  # A blank in it fails to parse, as a short one must.
            local = datetime.strptime(text, "%m%d%y%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            raise BrokenFile(
                number, f"“{day[:10]}”, “{time[:10]}” is no date and time (MMDDYY, HHMMSS)"
            ) from None
        return plausible(local + self._offset, number)


def _raw(cells: list[str]) -> dict[str, str]:
    return {"line": ",".join(cells)}


def _place(number: int, latitude: str, longitude: str) -> tuple[float, float] | None:
    """Read a position; the letters M, X and E say that there was none."""
    if {latitude.upper(), longitude.upper()} & {"", "M", "X", "E"}:
        return None
    try:
        place = float(latitude), float(longitude)
    except ValueError:
        place = (999.0, 999.0)
    if not (abs(place[0]) <= 90 and abs(place[1]) <= 180):
        raise BrokenFile(number, f"“{latitude[:20]}”, “{longitude[:20]}” is no position")
    return place


def _totals(number: int, at: datetime, miles: str, hours: str) -> list[Fix | StatReading]:
    found: list[Fix | StatReading] = []
    try:
        if miles:
            found.append(StatReading("odometer", at, units.km_from_miles(_positive(miles))))
        if hours:
            value = round(_positive(hours) * 3_600_000)
            found.append(StatReading("engine_runtime", at, value))
    except ValueError:
        raise BrokenFile(
            number, f"“{miles[:20]}” miles or “{hours[:20]}” engine hours is no number"
        ) from None
    return found


def _positive(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e9:
        raise ValueError(text)
    return value
