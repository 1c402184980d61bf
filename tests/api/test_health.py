"""Health and providers: what answers without a key."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from milepost.jobs import queue as jobs
from milepost.kit import catalogue
from milepost.store import migrate

if TYPE_CHECKING:
    import pytest
    from tests.api.conftest import Client, Site


async def test_the_process_lives(site: Site) -> None:
    got = await site.http.get("/healthz")

    assert (got.status_code, got.json()) == (200, {"status": "ok"})


async def test_without_a_worker_it_is_not_ready_and_with_one_it_is(site: Site) -> None:
    without = await site.http.get("/readyz")
    async with site.queue.open_async():
        worker = asyncio.create_task(
            site.queue.run_worker_async(queues=[jobs.SYNC_QUEUE], install_signal_handlers=False)
        )
        while not await site.rows("select 1 from procrastinate_workers"):  # noqa: ASYNC110  See below.
            await asyncio.sleep(0)  # Nothing tells when a worker has registered itself.
        ready = await site.http.get("/readyz")
        await site.run(
            "update procrastinate_workers set last_heartbeat = now() - interval '61 seconds'"
        )
        late = await site.http.get("/readyz")
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)

    assert (without.status_code, without.json()["worker"]) == (503, "none seen within 60 s")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ok", "database": "ok", "migrations": "ok", "worker": "ok"}
    assert late.status_code == 503


async def test_a_database_that_lacks_a_migration_is_not_ready(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    present = migrate.known()
    monkeypatch.setattr(migrate, "known", lambda: [*present, "9999_next"])

    got = await site.http.get("/readyz")

    assert got.status_code == 503
    assert got.json()["migrations"] == "pending: 9999_next"


async def test_an_unreachable_database_is_told_and_lets_the_process_live(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.database, "url", "postgresql://127.0.0.1:1/none")

    got = await site.http.get("/readyz")

    assert (got.status_code, got.json()["database"]) == (503, "unreachable")
    assert (await site.http.get("/healthz")).status_code == 200


async def test_all_providers_of_the_contract_are_listed_with_a_key_and_without(
    site: Site, client: Client
) -> None:
    anonymous = (await site.http.get("/tsp/v1/providers")).json()
    known = (await client.get("/providers")).json()
    codes = [each["code"] for each in known]

    assert codes == [each["code"] for each in anonymous] == sorted(set(codes))
    assert set(codes) >= {*site.registry.codes, *catalogue.names()}
    assert len(catalogue.names()) == 273
    assert not [each for each in anonymous if "baseCode" in each]
    assert {each["code"] for each in known if "baseCode" in each} == {
        code for code in site.registry.codes if site.registry.manifest(code).base_code
    }
    for each in known:
        assert len(each["supportedModels"]) == 18


async def test_a_provider_without_a_connector_is_not_said_to_be_there(
    site: Site, client: Client
) -> None:
    for each in (await client.get("/providers")).json():
        support = {
            model["supportedOperations"]["read"] for model in each["supportedModels"].values()
        }
        if each["code"] in site.registry.codes:
            assert each["available"]
            assert "supported" in support
            assert each["status"] in ("live", "beta", "sandbox")
        else:
            assert not each["available"]
            assert support == {"not_supported_by_terminal"}
            assert each["status"] == "deprecated"


async def test_each_model_that_can_be_read_says_what_that_rests_on(
    site: Site, client: Client
) -> None:
    known = {each["code"]: each for each in (await client.get("/providers")).json()}
    for code in site.registry.codes:
        manifest, models = site.registry.manifest(code), known[code]["supportedModels"]
        for model, support in models.items():
            told = [each["on"] for each in support.get("evidence", [])]
            assert told == [each.on for each in manifest.evidence.get(model, [])]
            if known[code]["status"] == "live" and model in manifest.supported_models:
                assert "account" in told
    trips = known["samsara"]["supportedModels"]["Trip"]["evidence"]
    assert trips[0] == {"on": "document", "date": "2025-10-23"}
    assert {"on": "sdk"} in trips
    assert "evidence" not in known["omnitracs"]["supportedModels"]["Trip"]


async def test_each_model_says_which_fields_its_provider_lacks_and_which_are_derived(
    client: Client,
) -> None:
    known = {
        each["code"]: each["supportedModels"] for each in (await client.get("/providers")).json()
    }

    vehicle = known["samsara"]["Vehicle"]
    assert "fuelEfficiency" in vehicle["absentFields"]
    assert "vin" not in vehicle["absentFields"]
    assert "derived.vinValid" in vehicle["derivedFields"]
    assert "absentFields" not in known["samsara"]["Trip"]  # It fills them all.
    assert known["argos"]["Vehicle"]["absentFields"] == known["geotab"]["Vehicle"]["absentFields"]
    duty = known["tt-eld"]["HOSLog"]
    assert duty["supportedOperations"] == {"read": "not_supported_by_provider"}
    assert duty["reason"].startswith("TT ELD")
    assert known["omnitracs"]["Vehicle"] == {
        "supportedOperations": {"read": "not_supported_by_terminal"}
    }


async def test_a_bad_key_is_refused_even_where_none_is_needed(site: Site) -> None:
    got = await site.http.get("/tsp/v1/providers", headers={"Authorization": "Bearer sk_prod_x"})

    assert got.status_code == 401
