"""The sandbox serves over HTTP, tells what is true, counts what was asked, and ends cleanly."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import httpx2
import pytest

from milepost import clock
from milepost.errors import SetupError
from milepost.sandbox.app import Sandbox, Settings, make_world, read_settings
from milepost.sandbox.serving import serving

AUTH = {"authorization": "Bearer any"}
NOW = datetime(2026, 3, 4, 18, 30, tzinfo=UTC)


async def test_the_oracle_counts_what_the_simulator_shows(sim: ModuleType) -> None:
    app = Sandbox(Settings(limits=False), {"samsara": sim})
    window = {"start": (NOW - timedelta(hours=6)).isoformat(), "end": NOW.isoformat()}
    asked = {"types": "gps", "startTime": window["start"], "endTime": window["end"]}

    with clock.held_at(NOW):
        async with serving(app) as base, httpx2.AsyncClient(base_url=base, headers=AUTH) as client:
            told = (
                await client.get("/_sandbox/world", params=window | {"readings": "true"})
            ).json()
            shown: dict[str, int] = {}
            after = ""
            while True:
                more = {"after": after} if after else {}
                page = (
                    await client.get("/samsara/fleet/vehicles/stats/history", params=asked | more)
                ).json()
                for record in page["data"]:
                    shown[record["id"]] = shown.get(record["id"], 0) + len(record["gps"])
                after = page["pagination"]["endCursor"]
                if not after:
                    break

    assert shown == {v["id"]: v["fixes"] for v in told["vehicles"] if v["fixes"]}
    assert told["fixes"] == sum(shown.values()) > 5_000
    assert told["vehicles"][0]["readings"]["odometer"] > 10
    assert told["drivers"] == 12


async def test_the_oracle_counts_records_and_names_edits(sim: ModuleType) -> None:
    app = Sandbox(Settings(limits=False), {"samsara": sim})
    window = {"start": (NOW - timedelta(days=14)).isoformat(), "end": NOW.isoformat()}
    asked = {"startTime": window["start"], "endTime": window["end"]}
    shown: dict[str, int] = {}

    with clock.held_at(NOW):
        async with serving(app) as base, httpx2.AsyncClient(base_url=base, headers=AUTH) as client:
            told = (await client.get("/_sandbox/records", params=window)).json()
            earlier = {"at": told["edits"][0]["at"]}
            before = (await client.get("/_sandbox/records", params=window | earlier)).json()
            after = ""
            while True:
                more = {"after": after} if after else {}
                path = "/samsara/fleet/hos/logs"
                page = (await client.get(path, params=asked | more)).json()
                for group in page["data"]:
                    driver = group["driver"]["id"]
                    shown[driver] = shown.get(driver, 0) + len(group["hosLogs"])
                after = page["pagination"]["endCursor"]
                if not after:
                    break

    assert told["hosLogs"] == shown
    assert len(told["trips"]) == len(told["safetyEvents"]) == 9
    assert sum(told["faultReadings"].values()) > 8 * 14
    assert {edit["model"] for edit in told["edits"]} == {"hos_log", "safety_event"}
    assert before["edits"] == told["edits"][:1]
    assert sum(before["trips"].values()) < sum(told["trips"].values())


async def test_requests_are_counted_by_endpoint_and_status(sim: ModuleType) -> None:
    app = Sandbox(Settings(), {"samsara": sim})

    async with serving(app) as base, httpx2.AsyncClient(base_url=base) as client:
        for _ in range(2):
            await client.get("/samsara/tags", params={"limit": 1}, headers=AUTH)
        await client.get("/samsara/tags")
        with clock.held_at(NOW):
            path = "/samsara/fleet/driver-vehicle-assignments"
            for _ in range(7):
                await client.get(path, params={"filterBy": "vehicles"}, headers=AUTH)
        told = (await client.get("/_sandbox/requests", params={"each": "true"})).json()
        await client.delete("/_sandbox/requests")
        cleared = (await client.get("/_sandbox/requests")).json()

    assert told["endpoints"]["/samsara/tags"]["statuses"] == {"200": 2, "401": 1}
    assert told["endpoints"][path]["throttled"] == 2
    assert (told["requests"], told["throttled"]) == (10, 2)
    assert told["each"][0] == {"path": "/samsara/tags", "query": "limit=1", "status": 200}
    assert cleared == {"requests": 0, "throttled": 0, "endpoints": {}}


async def test_time_goes_on_in_the_sandbox(sim: ModuleType) -> None:
    app = Sandbox(Settings(), {"samsara": sim})
    path = "/samsara/fleet/vehicles/stats/feed"

    async with serving(app) as base, httpx2.AsyncClient(base_url=base, headers=AUTH) as client:
        with clock.held_at(NOW):
            opened = (await client.get(path, params={"types": "gps"})).json()
        with clock.held_at(NOW + timedelta(minutes=10)):
            after = opened["pagination"]["endCursor"]
            later = (await client.get(path, params={"types": "gps", "after": after})).json()

    assert {len(record["gps"]) for record in opened["data"]} == {1}
    assert sum(len(record["gps"]) for record in later["data"]) > 200


async def test_pages_kept_written_ahead_are_the_same_pages(sim: ModuleType) -> None:
    kept = Sandbox(Settings(prerender=True), {"samsara": sim})
    plain = Sandbox(Settings(), {"samsara": sim})
    window = {"start": (NOW - timedelta(hours=6)).isoformat(), "end": NOW.isoformat()}
    asked = {"types": "gps", "startTime": window["start"], "endTime": window["end"]}
    path = "/samsara/fleet/vehicles/stats/history"

    with clock.held_at(NOW):
        async with (
            serving(kept) as one,
            serving(plain) as other,
            httpx2.AsyncClient(headers=AUTH) as client,
        ):
            written = await client.post(f"{one}/_sandbox/prerender", params=window)
            pages = [await client.get(f"{base}{path}", params=asked) for base in (one, other)]

    assert written.json()["readings"] > 5_000
    assert pages[0].content == pages[1].content


async def test_an_unknown_simulator_is_told_by_name(sim: ModuleType) -> None:
    app = Sandbox(Settings(), {"samsara": sim})

    async with serving(app) as base, httpx2.AsyncClient(base_url=base) as client:
        answer = await client.get("/motive/v1/vehicles")
        controls = await client.get("/")

    assert answer.status_code == 404
    assert "/samsara" in answer.json()["message"]
    assert any("/_sandbox/faults" in line for line in controls.json()["controls"])


async def test_a_served_block_leaves_its_port_closed(sim: ModuleType) -> None:
    app = Sandbox(Settings(), {"samsara": sim})

    for _ in range(3):
        async with serving(app) as base, httpx2.AsyncClient() as client:
            assert (await client.get(f"{base}/samsara/me", headers=AUTH)).status_code == 200
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", int(base.rpartition(":")[2]))


def test_settings_survive_the_way_through_the_environment(tmp_path: Path) -> None:
    settings = Settings(
        seed=3,
        vehicles=4,
        tracks=tmp_path,
        limits=False,
        start=NOW,
        prerender=True,
        page_readings=9,
    )

    assert read_settings(settings.environment()) == settings
    assert read_settings({"MILEPOST_SANDBOX_LIMITS": "0"}) == Settings(limits=False)
    assert read_settings({"HOME": "/x"}) == Settings()


@pytest.mark.parametrize("name", ["SEED", "LIMITS", "START", "VEHICLES"])
def test_a_setting_that_is_no_good_stops_the_start(name: str) -> None:
    with pytest.raises(SetupError, match="MILEPOST_SANDBOX_"):
        read_settings({f"MILEPOST_SANDBOX_{name}": "purple"})


def test_a_folder_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="tracks"):
        make_world(Settings(tracks=tmp_path / "nowhere"))


async def test_the_verb_serves_until_it_is_told_to_stop() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = (
        f"from milepost.cli.sandbox import sandbox; sandbox(port={port}, vehicles=3, limits=False)"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-u",
        "-c",
        code,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"MILEPOST_SANDBOX_SEED": ""},
    )
    try:
        assert process.stdout is not None
        told = await asyncio.wait_for(process.stdout.readuntil(b"Controls: "), 30)
        transport = httpx2.AsyncHTTPTransport(retries=50)
        async with httpx2.AsyncClient(transport=transport, headers=AUTH) as client:
            listed = await client.get(f"http://127.0.0.1:{port}/samsara/fleet/vehicles")
    finally:
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.communicate(), 30)

    assert b"3 vehicles" in told
    assert b"curl -H 'Authorization: Bearer" in told
    assert len(listed.json()["data"]) == 3
    assert process.returncode == 0
