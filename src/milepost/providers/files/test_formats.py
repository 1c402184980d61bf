"""Each format of files: what is read from it, and what is refused with which words."""

from __future__ import annotations

import contextlib
import tracemalloc
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.kit.files import BrokenFile, FileReader, Row, Wrapping
from milepost.models.location import Fix
from milepost.models.stats import StatReading
from milepost.providers.files import formats

FIXTURES = Path(__file__).parent / "fixtures"
HEADERS = b"vehicle,time,lat,lon\n"


def read(data: bytes, piece: int = 1 << 20, **known: Any) -> tuple[FileReader, list[Row]]:
    wrapping = Wrapping(name="van.csv", **known)
    reader = formats.open(data[:4096], wrapping)
    rows = [row for at in range(0, len(data), piece) for row in reader.feed(data[at : at + piece])]
    return reader, [*rows, *reader.close()]


def refusal(data: bytes, **known: Any) -> BrokenFile:
    with pytest.raises(BrokenFile) as refused:
        read(data, **known)
    return refused.value


def readings(rows: list[Row]) -> list[tuple[str, float]]:
    return [(r.type, r.value) for row in rows for r in row.records if isinstance(r, StatReading)]


def fixes(rows: list[Row]) -> list[Fix]:
    return [r for row in rows for r in row.records if isinstance(r, Fix)]


def test_a_csv_gives_positions_and_readings_in_the_units_of_the_model() -> None:
    reader, rows = read((FIXTURES / "track.csv").read_bytes())

    assert fixes(rows)[0] == Fix(
        datetime(2026, 1, 6, 3, 24, 53, tzinfo=UTC), 41.8781, -87.6298, 270.0, 99.94, None, "ada"
    )
    assert fixes(rows)[2].located_at == datetime(2026, 1, 6, 3, 26, 53, tzinfo=UTC)
    assert readings(rows)[:4] == [
        ("odometer", 193176.802), ("engine_runtime", 17316900000), ("fuel_level", 55.0),
        ("engine_state", 0.0),
    ]  # fmt: skip
    assert [each.name for each in reader.vehicles.values()] == ["Truck 1", "Truck 2"]
    assert reader.drivers["ada"].last_name == "Lovelace"
    assert rows[0].fields["Note"] == "dock 4, left"


def test_a_gpx_gives_the_track_of_the_vehicle_that_the_sender_names() -> None:
    data = (FIXTURES / "track.gpx").read_bytes()

    reader, rows = read(data, vehicle="Van 7")

    assert [each.name for each in reader.vehicles.values()] == ["Van 7"]
    assert fixes(rows) == [
        Fix(datetime(2026, 1, 6, 7, tzinfo=UTC), 52.52, 13.405, 88.5, 45.0),
        Fix(datetime(2026, 1, 6, 7, 0, 5, tzinfo=UTC), 52.5201, 13.4061),
    ]
    assert [each.name for each in read(data)[0].vehicles.values()] == ["van"]


def test_an_eld_file_gives_duty_positions_and_totals_at_the_home_terminals_time() -> None:
    reader, rows = read((FIXTURES / "eld.csv").read_bytes())

    duty = [row.duty for row in rows if row.duty]
    assert [(each.status, each.started_at.hour) for each in duty] == [
        ("on_duty", 14), ("driving", 14), ("off_duty", 16),
    ]  # fmt: skip
    assert all(each.ended_at == after.started_at for each, after in pairwise(duty))
    assert duty[-1].ended_at is None
    assert duty[-1].notes == ["lunch; at last"]
    assert duty[-1].place is None
    assert ("odometer", 193121.28) in readings(rows)
    assert ("engine_runtime", 17316000000) in readings(rows)
    assert [v for kind, v in readings(rows) if kind == "engine_state"] == [0.0, 1.0]
    assert len(fixes(rows)) == 6
    assert reader.drivers["ada"].license_number == "L123456"


def test_personal_use_and_yard_moves_are_statuses_until_they_are_cleared() -> None:
    data = (FIXTURES / "eld.csv").read_text()
    indicated = "".join(
        f"4{n},1,2,3,{code},010626,1{n}0000,0,0.0,X,X,0,1,1,0,0,1,1\n"
        for n, code in enumerate(("1", "0", "2"), 1)
    )
    _, rows = read(
        data.replace("ELD Event Annotations", indicated + "ELD Event Annotations").encode()
    )

    assert [row.duty.status for row in rows if row.duty][-3:] == [
        "personal_conveyance", "off_duty", "yard_move",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["track.csv", "track.gpx", "eld.csv"])
@pytest.mark.parametrize("piece", [1, 7, 100])
def test_it_does_not_matter_in_which_pieces_a_file_comes(name: str, piece: int) -> None:
    data = (FIXTURES / name).read_bytes()
    for spelt in (data, data.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + data):
        assert read(spelt, piece)[1] == read(data)[1]


def test_a_time_without_a_zone_needs_the_files_zone() -> None:
    data = HEADERS + b"T1,2026-01-06 03:24:53,41,-87\n"

    refused = refusal(data)
    assert refused.line == 2
    assert "has no time zone" in refused.reason
    _, rows = read(data, time_zone=ZoneInfo("America/Chicago"))
    assert fixes(rows)[0].located_at == datetime(2026, 1, 6, 9, 24, 53, tzinfo=UTC)


BOMB = b"""<?xml version="1.0"?><!DOCTYPE gpx [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><gpx>&c;</gpx>"""
EXTERNAL = b'<!DOCTYPE gpx [<!ENTITY x SYSTEM "file:///etc/passwd">]><gpx>&x;</gpx>'
PARAMETER = b'<!DOCTYPE gpx SYSTEM "http://127.0.0.1/x.dtd"><gpx/>'
POINT = b'<gpx><trk><trkseg>\n<trkpt lat="%s" lon="1"><time>%s</time></trkpt></trkseg></trk></gpx>'


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b"", 1, "empty"),
        (b"  \n ", 1, "empty"),
        (b"PK\x03\x04rest", 1, "packed (zip)"),
        (b"\x1f\x8b\x08rest", 1, "packed (gzip)"),
        (b"\xff\xfev\x00", 1, "UTF-16"),
        (HEADERS + b"T\x00,2026-01-06T03:24:53Z,1,2\n", 2, "NUL"),
        (HEADERS + b"T\xe4,2026-01-06T03:24:53Z,1,2\n", 2, "not UTF-8"),
        (b"a," * 30_000 + b"\n", 1, "columns"),
        (b"a," * 1_000_000 + b"\n", 1, "longer than"),
        (HEADERS + b'"' + b"a\n" * 60_000, 2, "never closed"),
        (HEADERS + b'T,"2026', 2, "never closed"),
        (HEADERS + b'T"1"x,"2026-01-06T03:24:53Z"y,1,2\n', 2, "quotation is broken"),
        (HEADERS + b"T,2026-01-06T03:24:53Z,1\n", 2, "3 fields, and the header 4"),
        (HEADERS + b"T,2026-01-06T03:24:53Z,91,2\n", 2, "no position"),
        (HEADERS + b"T,2026-01-06T03:24:53Z,nan,2\n", 2, "no position"),
        (HEADERS + b"\nT,01/06/2026 03:24,1,2\n", 3, "is not a time"),
        (HEADERS + b"T,9999-12-31T23:59:59Z,1,2\n", 2, "in the future"),
        (HEADERS + b"T,0001-01-01T00:00:00+14:00,1,2\n", 2, "time"),
        (HEADERS + b",2026-01-06T03:24:53Z,1,2\n", 2, "names no vehicle"),
        (b"vehicle,time,lat,lon,speed\n", 1, "no unit"),
        (b"vehicle,time,lat\n", 1, "without a longitude"),
        (b"vehicle,lat,lon\n", 1, "no column of times"),
        (b"vehicle,time,colour\n", 1, "neither a position"),
        (b"vehicle,time,odometer_km,odometer_mi\n", 1, "say the same"),
        (b"time,odometer_km\n2026-01-06T03:24:53Z,-1\n", 2, "no value of odometer_km"),
        (b"time,odometer_km\n2026-01-06T03:24:53Z,1e400\n", 2, "no value of odometer_km"),
        (b"time,ignition\n2026-01-06T03:24:53Z,maybe\n", 2, "is none of"),
        (BOMB, 1, "document type or entities"),
        (EXTERNAL, 1, "document type or entities"),
        (PARAMETER, 1, "document type or entities"),
        (b"<gpx><trk>\n", 2, "not well-formed"),
        (b"<kml/>", 1, "not GPX"),
        (b'<?xml version="1.0" encoding="x-none"?><gpx/>', 1, "encoding"),
        (b"<gpx>" + b"<a>" * 100, 1, "nested"),
        (b"<gpx><a>" + b"t" * 200_000 + b"</a></gpx>", 1, "longer than"),
        (POINT % (b"1", b""), 2, "no time"),
        (POINT % (b"1", b"noon"), 2, "not a time of GPX"),
        (POINT % (b"95", b"2026-01-06T07:00:00Z"), 2, "no readable position"),
        (b"ELD File Header Segment:\na,b,c\n", 2, "3 fields"),
        (b"ELD File Header Segment:\n", 2, "cut off"),
    ],
)  # fmt: skip
def test_what_is_broken_or_dangerous_is_refused_with_the_line_and_the_reason(
    data: bytes, line: int, says: str
) -> None:
    refused = refusal(data)

    assert says in refused.reason
    assert refused.line == line


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ("End of File:\nA1B2\n", "", "cut off"),
        ("1234567,Analytical Freight,8,000000,06,9A", "1,A,8,0,east,9A", "offset from UTC"),
        ("1B,1,1,1,3,010626", "1B,1,1,1,9,010626", "no code of event type 1"),
        ("1B,1,1,1,3,010626,083000", "1B,1,1,1,3,010626,8300", "no date and time"),
        ("1C,1,1,2,1,010626,093000,55,1.1,41.50", "1C,1,1,2,1,010626,093000,55,1.1,A1", "position"),
        ("0,1,1,0,0,4F,32", "0,8,1,0,0,4F,32", "not in the file's CMV list"),
        ("CMV List:", "User List:", "comes twice"),
        ("120000,4810.0,41.88", "many,4810.0,41.88", "is no number"),
    ],
)
def test_an_eld_file_that_does_not_fit_the_regulation_is_refused(
    was: str, now: str, says: str
) -> None:
    data = (FIXTURES / "eld.csv").read_text()
    assert was in data

    assert says in refusal(data.replace(was, now).encode()).reason


@given(
    st.binary(max_size=400),
    st.sampled_from([b"", HEADERS, b"<gpx>", b"ELD File Header Segment:\n"]),
)
def test_any_bytes_are_read_or_refused(noise: bytes, head: bytes) -> None:
    with contextlib.suppress(BrokenFile):
        read(head + noise, 50)


def test_the_memory_that_a_file_takes_does_not_grow_with_it() -> None:
    line = b"Truck 1,2026-01-06T03:24:%02dZ,41.8781,-87.6298\n"
    reader = formats.open(HEADERS, Wrapping(name="a.csv"))
    reader.feed(HEADERS)
    count = 0
    tracemalloc.start()
    for piece in range(80):  # Eighty pieces of 64 KB: 5 MB.
        count += len(reader.feed(b"".join(line % (n % 60) for n in range(piece, piece + 1365))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count + len(reader.close()) == 80 * 1365
    # A piece makes some 1.5 MB of rows, and the file would make a hundred.
    assert peak < 6_000_000


def test_real_traces_are_read_whole() -> None:
    tracks = Path(__file__).parents[5] / "shared/data/tracks"
    if not tracks.is_dir():
        pytest.skip("the traces are not ours to ship; they stand in ../shared")
    for path in sorted(tracks.glob("*.gpx"))[:10]:
        data = path.read_bytes()
        _, rows = read(data, 4096)
        assert len(rows) == data.count(b"<trkpt")
        assert all(len(row.records) == 1 for row in rows)


def test_a_time_beyond_the_calendar_is_no_time_of_gpx() -> None:
    data = b"""<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
<trkpt lat="1" lon="2"><time>0001-01-01T00:00:00+14:00</time></trkpt></trkseg></trk></gpx>"""

    assert "is not a time of GPX" in refusal(data).message
