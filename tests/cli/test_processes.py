"""The command as users run it: whole process trees, started, hurt and stopped."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

LIMIT_SECONDS = 120
FLEET = 3  # vehicles, as the environment tells the simulator
MILEPOST = [sys.executable, "-m", "milepost.cli"]


class Terminal:
    """Runs `milepost` in a folder of its own, with nothing but the settings it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[asyncio.subprocess.Process] = []
        self.environ = {
            name: value for name, value in os.environ.items() if not name.startswith("MILEPOST_")
        }
        self.environ |= {"MILEPOST_DATA_DIR": str(folder / "data"), "PYTHONUNBUFFERED": "1"}

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *MILEPOST,
            *words,
            cwd=self.folder,
            env=self.environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self.started.append(process)
        return process

    async def run(self, *words: str) -> tuple[int, str]:
        process = await self.start(*words)
        async with asyncio.timeout(LIMIT_SECONDS):
            said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode()

    def left_behind(self) -> list[str]:
        """The processes of this folder that still run."""
        found = []
        for process in Path("/proc").iterdir():
            try:
                environ = (process / "environ").read_bytes().decode(errors="replace")
                folder = str((process / "cwd").readlink())
                command = (process / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
            if (str(self.folder) in environ or folder.startswith(str(self.folder))) and command:
                found.append(command)
        return found


@pytest.fixture
async def terminal(tmp_path: Path) -> AsyncIterator[Terminal]:
    one = Terminal(tmp_path)
    yield one
    for process in one.started:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    async with asyncio.timeout(LIMIT_SECONDS):
        while one.left_behind():  # noqa: ASYNC110  Nobody tells when the kernel has ended the last.
            await asyncio.sleep(0.05)


def free_port() -> str:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return str(trial.getsockname()[1])


async def until(process: asyncio.subprocess.Process, words: str) -> str:
    """Read what a process says until it has said `words`; return all of it."""
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(LIMIT_SECONDS):
        while words not in said:
            line = await process.stdout.readline()
            assert line, f"it ended without saying “{words}”:\n{said}"
            said += line.decode()
    return said


async def ends(process: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(LIMIT_SECONDS):
        await process.communicate()
    assert process.returncode is not None
    return process.returncode


async def answer(url: str, status: int) -> Any:
    """Ask until the answer has this status; return its body."""
    async with httpx2.AsyncClient(trust_env=False) as client, asyncio.timeout(LIMIT_SECONDS):
        while True:
            try:
                found = await client.get(url)
                if found.status_code == status:
                    return found.json()
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.05)


def children(pid: int, verb: str) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(child) for child in found if f"\0{verb}\0" in Path(f"/proc/{child}/cmdline").read_text()
    ]


async def test_up_survives_the_death_of_its_parts_and_stops_in_order(terminal: Terminal) -> None:
    port, sandbox_port = free_port(), free_port()
    terminal.environ["MILEPOST_SANDBOX_PORT"] = sandbox_port
    terminal.environ["MILEPOST_SANDBOX_VEHICLES"] = str(FLEET)
    up = await terminal.start("up", "--port", port, "--sandbox")
    said = await until(up, "Ctrl-C stops everything.")
    assert f"http://127.0.0.1:{port}/tsp/v1" in said

    status, made = await terminal.run("app", "create", "An app", "--json")
    assert status == 0
    keys = json.loads(made)
    assert sorted(keys) == ["applicationId", "publishableKey", "secretKey"]
    token = await connect(port, keys["secretKey"])
    await link_others(port, keys["secretKey"])
    status, made = await terminal.run(
        "sync", "--url", f"http://127.0.0.1:{port}", "--key", keys["secretKey"], "--token", token,
        "--days", "0.02", "--json",
    )  # fmt: skip
    assert (status, json.loads(made)["status"]) == (0, "completed")

    for verb in ("api", "worker"):
        (before,) = children(up.pid, verb)
        os.kill(before, signal.SIGKILL)
        async with asyncio.timeout(LIMIT_SECONDS):
            while children(up.pid, verb) in ([], [before]):  # noqa: ASYNC110  `up` tells its log only.
                await asyncio.sleep(0.05)
    await answer(f"http://127.0.0.1:{port}/readyz", 200)

    up.send_signal(signal.SIGTERM)
    assert await ends(up) == 0
    assert terminal.left_behind() == []


async def connect(port: str, key: str) -> str:
    """Connect a fleet of the sandbox, wait for its first sync, return its token."""
    async with httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{port}/tsp/v1",
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
        trust_env=False,
    ) as client:
        body = {
            "provider": "sandbox",
            "credentials": {"username": "any", "password": "any"},
            "company": {"name": "A fleet"},
            "syncMode": "manual",
        }
        made = await client.post("/connections", json=body)
        assert made.status_code in {200, 201}, made.text
        token: str = made.json()["token"]
        client.headers["Connection-Token"] = token
        async with asyncio.timeout(LIMIT_SECONDS):
            while True:
                first = (await client.get("/syncs")).json()["results"]
                if first and all(each["status"] == "completed" for each in first):
                    break
                await asyncio.sleep(0.05)
        vehicles = (await client.get("/vehicles")).json()["results"]
        assert len(vehicles) == FLEET
        return token


async def link_others(port: str, key: str) -> None:
    """Link a fleet of other platforms and of a brand: each is where it is simulated."""
    person = {"username": "any@fleet.example", "password": "any"}
    logins = {"motive": {"apiKey": "any"}, "geotab": person, "gofleet": person}
    async with httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{port}/tsp/v1",
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
        trust_env=False,
    ) as client:
        for provider, login in logins.items():
            body = {"provider": provider, "credentials": login, "syncMode": "manual"}
            made = await client.post("/connections", json=body)
            assert made.status_code == 201, made.text


async def test_killing_up_leaves_nothing_running(terminal: Terminal) -> None:
    up = await terminal.start("up", "--port", free_port())
    await until(up, "Ctrl-C stops everything.")
    assert len(terminal.left_behind()) > 3

    up.kill()
    await up.communicate()

    async with asyncio.timeout(LIMIT_SECONDS):
        while terminal.left_behind():  # noqa: ASYNC110  Nobody tells when the last has ended.
            await asyncio.sleep(0.05)
    assert await terminal.run("migrate") == (0, "The database is up to date.\n")


async def test_the_demo_syncs_a_fleet_and_shows_it_twice_in_a_row(terminal: Terminal) -> None:
    for _ in range(2):
        status, said = await terminal.run("demo", "--exit", "--days", "0.05", "--vehicles", "2")

        assert status == 0, said
        assert '"status": "completed"' in said
        assert re.search(r"vehicles +2\b", said)
        locations = re.search(r"vehicle locations +([\d,]+)", said)
        assert locations is not None
        assert int(locations[1].replace(",", "")) > 10
        assert said.count("Truck 1") == 2
        assert terminal.left_behind() == []


async def test_the_demo_drives_real_tracks_and_counts_refused_points(terminal: Terminal) -> None:
    tracks = terminal.folder / "tracks"
    tracks.mkdir()
    point = '<trkpt lat="45.5{0}" lon="-122.6"><time>2015-03-25T10:0{0}:00Z</time></trkpt>'
    points = "".join(point.format(minute) for minute in range(5))
    untimed = '<trkpt lat="45.5" lon="-122.7"></trkpt>'
    for name, extra in (("one", ""), ("two", untimed * 3)):
        (tracks / f"{name}.gpx").write_text(
            '<gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1"><trk><trkseg>'
            f"{points}{extra}</trkseg></trk></gpx>"
        )

    status, said = await terminal.run("demo", "--exit", "--tracks", "tracks")

    assert status == 0, said
    assert "two.gpx points refused: 3 " in said
    assert "2 files hold 10 usable points, 3 were refused; 10 locations are readable." in said


async def test_the_demo_serves_until_ctrl_c(terminal: Terminal) -> None:
    demo = await terminal.start("demo", "--days", "0", "--vehicles", "1")
    said = await until(demo, "Serving until Ctrl-C.")
    found = re.search(r"export KEY=(\S+) TOKEN=(\S+) API=(\S+)", said)
    assert found is not None
    key, token, api = found.groups()

    async with httpx2.AsyncClient(trust_env=False) as client:
        headers = {"Authorization": f"Bearer {key}", "Connection-Token": token}
        vehicles = (await client.get(f"{api}/vehicles", headers=headers)).json()["results"]
    demo.send_signal(signal.SIGINT)

    assert len(vehicles) == 1
    assert await ends(demo) == 0
    assert terminal.left_behind() == []


async def test_a_demo_that_is_interrupted_before_its_end_says_so(terminal: Terminal) -> None:
    demo = await terminal.start("demo", "--exit")
    await until(demo, "Connected a Samsara fleet")

    demo.send_signal(signal.SIGINT)

    assert await ends(demo) == 130
    assert terminal.left_behind() == []


async def test_a_demo_that_fails_shows_why_and_leaves_nothing(terminal: Terminal) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        status, said = await terminal.run("demo", "--exit", "--port", port)

    assert status == 1
    assert "The api ended" in said
    assert f"Port {port} of 127.0.0.1 cannot be used" in said
    assert terminal.left_behind() == []


async def test_api_and_worker_on_their_own_share_one_embedded_database(terminal: Terminal) -> None:
    port = free_port()
    assert (await terminal.run("migrate"))[0] == 0

    api = await terminal.start("api", "--port", port)
    assert (await answer(f"http://127.0.0.1:{port}/healthz", 200))["status"] == "ok"
    worker = await terminal.start("worker")
    ready = await answer(f"http://127.0.0.1:{port}/readyz", 200)

    assert ready["worker"] == "ok"
    worker.send_signal(signal.SIGTERM)
    api.send_signal(signal.SIGTERM)
    await ends(worker)
    await ends(api)
    assert terminal.left_behind() == []
