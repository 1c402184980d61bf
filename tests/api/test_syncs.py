"""Syncs over HTTP: asked for, listed, retried, cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Client, Site


async def test_a_sync_is_seen_from_request_to_completion(site: Site, synced: Client) -> None:
    answer = await synced.post("/syncs", {"days": 0.25})
    asked = answer.json()

    assert answer.status_code == 201
    assert asked["status"] == "requested"
    assert asked["attempts"] == 1
    assert asked["issues"] == []
    assert asked["id"].startswith("sync_")

    await site.work()
    done = (await synced.get(f"/syncs/{asked['id']}")).json()
    assert done["status"] == "completed"
    assert done["progress"] == 100
    assert done["completedAt"] >= done["requestedAt"]
    streams = (await synced.get(f"/syncs/{asked['id']}/streams")).json()["results"]
    assert {each["status"] for each in streams} == {"completed"}
    assert all(each["title"] and each["progress"] == 100 for each in streams)
