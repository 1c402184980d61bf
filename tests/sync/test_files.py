"""Files on their way in: workers that die, the drop folder, and memory that does not grow."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

import pytest
from tests.sync.house import House, connect
from tests.sync.test_crashes import worker

from milepost import ids
from milepost.kit import registry
from milepost.kit.files import BrokenFile
from milepost.sandbox.app import Sandbox, Settings
from milepost.store import files
from milepost.store.connections import ConnectionRow
from milepost.store.files import FileRow
from milepost.store.pool import Database
from milepost.sync.dropping import DropFolder
from milepost.sync.lines import Lines
from milepost.sync.merging import merge_due
from milepost.sync.receiving import Given, Receiver
from milepost.sync.retention import UNLIMITED

HEADERS = b"vehicle,time,lat,lon,odometer_km\n"
ROW = b"Truck %d,2026-01-%02dT%02d:%02d:%02dZ,41.%04d,-87.6298,%d\n"
# `make soak` reads 200 MB.
MEGABYTES = int(os.environ.get("MILEPOST_TEST_FILE_MEGABYTES", "5"))


def row(number: int) -> bytes:
    """One row of a fleet of five trucks that stand an instant apart."""
    truck, at = number % 5, number // 5
    day, rest = divmod(at, 86_400)
    hour, minute, second = rest // 3600, rest // 60 % 60, rest % 60
    return ROW % (truck, day + 1, hour, minute, second, number % 10_000, number)


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


@pytest.fixture
async def exports(database: Database, application_id: UUID) -> AsyncIterator[House]:
    """A connection of files."""
    connection = await connect(database, application_id, "files")
    providers = registry.load({"samsara": "http://127.0.0.1:1"})
    sandbox = Sandbox(Settings(vehicles=1), registry.load().simulators())
    house = House(database, connection, sandbox, providers)
    async with house.queue.open_async():
        yield house


def receiver(house: House) -> Receiver:
    return Receiver(
        house.database, house.registry, house.desk, Lines(house.database, house.registry)
    )


async def receive(house: House, data: bytes, name: str = "a.csv") -> FileRow:
    return await receiver(house).receive(house.connection, once(data), Given(name=name))


async def merge(house: House) -> int:
    return await merge_due(house.database, house.registry, UNLIMITED)


async def until(house: House, file: FileRow, *, pages: int = 0) -> FileRow:
    """Wait until so many pages of a file are in, or until it is merged."""
    async with asyncio.timeout(90):
        while True:
            async with house.database.session() as session:
                state = await files.get(session, file.connection_id, file.id)
            assert state is not None
            if state.status != "received":
                return state
            if pages and await house.count("slice where pages > 0") >= 2:
                [(count,)] = await house.rows("select sum(pages) from slice")
                if count >= pages:
                    return state
            await asyncio.sleep(0.005)


async def test_a_file_whose_workers_are_killed_is_merged_whole_and_nothing_is_doubled(
    exports: House, installation_key: str
) -> None:
    count = 30_000
    data = HEADERS + b"".join(row(n) for n in range(count))
    file = await receive(exports, data)

    kills = 0
    for pages in (4, 9, 15):
        async with worker(exports, installation_key) as process:
            state = await until(exports, file, pages=pages)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        kills += state.status == "received"
    assert kills == 3, "the file was merged before the workers died"
    async with worker(exports, installation_key):
        assert (await until(exports, file)).status == "completed"

    assert await exports.count("position") == await exports.count("stat") == count
    orphans = "position p where not exists (select from raw r where r.id = p.raw_id)"
    assert await exports.count(orphans) == 0
    # Each raw cut belongs to a page that landed once: a page landed again would leave another.
    landed = await exports.rows("select stream, pages, status from slice order by number")
    assert landed == [
        ("files.vehicles", 1, "done"), ("files.drivers", 1, "done"),
        ("files.positions", 31, "done"), ("files.hos_logs", 1, "done"),
    ]  # fmt: skip
    events = await exports.events()
    assert events.count("vehicle.added") == 5
    assert events.count("sync.completed") == 1
    assert await exports.count("file_part") == 0


async def test_a_file_that_was_cut_off_together_with_its_process_is_swept(exports: House) -> None:
    async with exports.database.transaction() as session:
        at = (await exports.rows("select clock_timestamp() - interval '11 minutes'"))[0][0]
        await files.insert(
            session, exports.connection.id, ids.new(), name="a.csv", vehicle=None, time_zone=None,
            more=False, at=at,
        )  # fmt: skip
    async with exports.database.session() as session:
        await files.sweep(session)

    assert await exports.count("file") == 0


@pytest.fixture
def drop(exports: House, tmp_path: Path) -> Path:
    folder = tmp_path / ids.show("connection", exports.connection.id)
    folder.mkdir()
    return folder


def put(folder: Path, name: str, data: bytes, *, age: float = 60) -> Path:
    path = folder / name
    path.write_bytes(data)
    os.utime(path, (time.time() - age,) * 2)
    return path


def names(folder: Path) -> list[str]:
    """What is in a folder; ids before names are left out."""
    return sorted(re.sub(r"^file_\w{26}\.", "", each.name) for each in folder.iterdir())


async def test_a_dropped_file_is_taken_merged_and_moved(exports: House, drop: Path) -> None:
    watch = DropFolder(drop.parent, exports.database, receiver(exports))
    put(drop, "good.csv", HEADERS + row(1))
    put(drop, "broken.csv", HEADERS + b"Truck 1,noon,1,2,3\n")

    assert await watch.look() == 0  # Seen for the first time: it may be growing.
    assert await watch.look() == 1
    assert names(drop / "taken") == ["good.csv"]
    assert await merge(exports) == 1
    await watch.look()

    assert names(drop / "done") == ["good.csv"]
    said = (drop / "refused" / "broken.csv.txt").read_text()
    assert said.startswith("line 2: “noon” is not a time")
    assert names(drop) == ["done", "refused", "taken"]
    assert await exports.count("position") == 1


async def test_what_is_still_written_or_is_no_file_is_left_alone(
    exports: House, drop: Path, tmp_path: Path
) -> None:
    watch = DropFolder(drop.parent, exports.database, receiver(exports))
    growing = put(drop, "growing.csv", HEADERS)
    put(drop, "fresh.csv", HEADERS + row(1), age=0)
    put(drop, "half.csv.part", HEADERS + row(1))
    put(drop, ".hidden.csv", HEADERS + row(1))
    secret = put(tmp_path, "secret.csv", HEADERS + row(1))
    (drop / "link.csv").symlink_to(secret)
    (tmp_path / "no connection").mkdir()

    for n in range(3):
        assert await watch.look() == 0
        with growing.open("ab") as more:
            more.write(row(n))
        os.utime(growing, (time.time() - 60 + n,) * 2)

    assert await exports.count("file") == 0
    assert len(names(drop)) == 5


async def test_a_file_that_nobody_can_take_stands_in_no_other_s_way(
    exports: House, drop: Path, application_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await connect(exports.database, application_id, "files")
    there = drop.parent / ids.show("connection", other.id)
    there.mkdir()
    for folder in (drop, there):
        put(folder, "a.csv", HEADERS + row(1))
        put(folder, os.fsdecode(b"caf\xe9.csv"), HEADERS + row(2))
    watch = DropFolder(drop.parent, exports.database, receiver(exports))
    take = watch._receive

    async def stumble(connection: ConnectionRow, path: Path) -> UUID:
        if path.name == "a.csv" and path.parent in (drop, there):
            raise OSError("the disk is not well")
        return await take(connection, path)

    monkeypatch.setattr(watch, "_receive", stumble)

    await watch.look()
    assert await watch.look() == 2

    assert names(drop) == names(there) == ["a.csv", "taken"]
    found = await exports.rows("select name from file")
    assert found == [("caf\ufffd.csv",)] * 2


async def test_a_file_that_takes_the_place_of_one_that_is_read_is_read_as_well(
    exports: House, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = DropFolder(drop.parent, exports.database, receiver(exports))
    path = put(drop, "latest.csv", HEADERS + row(1))
    take = watch._receive

    async def replaced(connection: ConnectionRow, path: Path) -> UUID:
        received = await take(connection, path)
        put(drop, "next.csv", HEADERS + row(2)).replace(path)
        return received

    await watch.look()
    monkeypatch.setattr(watch, "_receive", replaced)
    await watch.look()
    monkeypatch.undo()
    for _ in range(3):
        await watch.look()
        await merge(exports)

    assert not path.exists()
    assert await exports.count("position") == 2


async def test_a_file_that_is_dropped_again_is_moved_away_and_changes_nothing(
    exports: House, drop: Path
) -> None:
    watch = DropFolder(drop.parent, exports.database, receiver(exports), still_seconds=0)
    for _ in range(2):
        put(drop, "a.csv", HEADERS + row(1))
        await watch.look()
        await watch.look()
        await merge(exports)
        await watch.look()

    assert await exports.count("file") == await exports.count("position") == 1
    assert names(drop / "done") == ["a.csv"]


READ_A_LARGE_FILE = """
import asyncio, re, resource, sys
from collections.abc import AsyncIterator
from milepost.kit import registry
from milepost.kit.files import Wrapping
from milepost.sync.surveying import survey
from tests.sync.test_files import HEADERS, row

SIZE = int(sys.argv[1]) * 1_000_000

async def chunks():
    block = b"".join(row(n) for n in range(20_000))
    yield HEADERS
    for _ in range(SIZE // len(block)):
        yield block

def held():
    # Linux gives ru_maxrss of whoever started the process when that one is larger; macOS counts bytes.
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    with open("/proc/self/status") as status:
        return re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1]

async def main():
    formats = registry.load().files("files")
    async def few():
        yield HEADERS + row(1)
    await survey(formats, Wrapping(name="a.csv"), few())
    before = held()
    found = await survey(formats, Wrapping(name="a.csv"), chunks())
    print(found.rows, found.size_bytes, before, held())

asyncio.run(main())
"""


def test_a_large_file_is_read_in_the_memory_of_a_small_one(
    record_property: Callable[[str, object], None],
) -> None:
    began = time.monotonic()
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", READ_A_LARGE_FILE, str(MEGABYTES)],
        capture_output=True, text=True, check=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    rows, size, before, after = map(int, ran.stdout.split())

    line = f"{size / 1e6:.0f} MB, {rows:,} rows in {time.monotonic() - began:.1f} s; RSS {after // 1024} MB"
    record_property("figure", f"a file of {line}")
    assert rows > MEGABYTES * 1_000_000 // 100
    # What a piece of 64 KB and the block that the test sends take; the file may be any size.
    assert after - before < 30 * 1024
    assert after < 250 * 1024


async def test_a_broken_last_line_leaves_nothing_of_megabytes(exports: House) -> None:
    good = HEADERS + b"".join(row(n) for n in range(45_000))
    assert len(good) > 2_000_000

    with pytest.raises(BrokenFile) as refused:
        await receive(exports, good + b"Truck 1,2026-01-06T03:24:53Z,200,0,0\n")

    assert refused.value.line == 45_002
    assert await exports.count("file") == await exports.count("file_part") == 0
    assert await exports.count("sync") == 0
