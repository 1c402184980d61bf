"""Budgets in the database do what the pure arithmetic says, and many processes that share one keep to it."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from milepost.errors import SlowDown
from milepost.kit import quota, registry
from milepost.kit.limits import Budget, Limits, Payer
from milepost.kit.quota import Rule, State
from milepost.sandbox.app import Sandbox, Settings
from milepost.sandbox.serving import serving
from milepost.store import quota as stored
from milepost.store.pool import Database, Session
from milepost.vault import Vault, new_installation_key

SCRIPT = Path(__file__).parent / "spending_process.py"
BEGAN = 1_700_000_000.0
STEPS = st.lists(
    st.one_of(
        st.tuples(st.floats(0.001, 2), st.integers(1, 40), st.booleans()),
        st.tuples(st.floats(0.001, 400), st.floats(0, 3), st.none()),
    ),
    max_size=15,
)


@pytest.fixture
def installation_key() -> str:
    return new_installation_key()


@pytest.fixture
async def database(database_url: str, installation_key: str) -> Database:
    found = Database(database_url, Vault([installation_key]))
    await found.open()
    return found


def test_the_database_lends_as_the_pure_arithmetic_does(database_url: str) -> None:
    asyncio.run(compare(database_url))


async def compare(url: str) -> None:
    database = Database(url, Vault([new_installation_key()]))
    await database.open()
    numbers = iter(range(1_000_000))

    async def one(session: Session, rates: list[tuple[float, float]], steps: list) -> None:  # type: ignore[type-arg]
        rules = [Rule(b"%d" % next(numbers), rate, rate * more) for rate, more in rates]
        states, now = [State(base=rule.rate) for rule in rules], BEGAN
        for pause, amount, kind in steps:
            now += pause
            if kind is None:
                quota.refuse(rules[-1], states[-1], now, amount)
                await stored.refuse(session, rules[-1], amount, at=now)
            else:
                ours = quota.lease(rules, states, now, amount, live=kind)
                theirs = await stored.lease(session, rules, amount, live=kind, at=now)
                assert theirs.granted == ours.granted
                assert theirs.held == ours.held
                assert theirs.wait == pytest.approx(ours.wait, abs=1e-5)

    rates = st.tuples(st.sampled_from([0, 0.5, 2.5, 5, 25, 60]), st.sampled_from([1, 4]))
    loop = asyncio.get_running_loop()
    async with database.session() as session:

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(rates, min_size=1, max_size=3), STEPS)
        def each(found: list[tuple[float, float]], steps: list) -> None:  # type: ignore[type-arg]
            asyncio.run_coroutine_threadsafe(one(session, found, steps), loop).result(60)

        await asyncio.to_thread(each)
    await database.close()


async def test_a_wish_to_wait_is_obeyed_by_everybody_who_shares(database: Database) -> None:
    limits = Limits(classes={"lists": 50, "others": 50, "free": 0})
    one, two = (
        Budget(limits, stored.StoredLender(database), Payer(login, "fleet 1", live), "acme")
        for login, live in (("key 1", False), ("key 2", True))
    )
    other = Budget(limits, stored.StoredLender(database), Payer("key 3", "fleet 2"), "acme")
    for spends in ("lists", "free"):
        await one.take(spends)
        await one.refused(spends, 30)

        for budget in (one, two):
            with pytest.raises(SlowDown):
                await budget.take(spends)
        await other.take(spends)
    await two.take("others")
    await database.close()


async def test_processes_that_share_a_budget_use_nearly_all_of_it_and_are_hardly_refused(
    database: Database, installation_key: str, record_property: Callable[[str, object], None]
) -> None:
    """Three processes, two hands' worth of connectors each, a simulator that enforces 25 a second."""
    sandbox = Sandbox(Settings(vehicles=2, limits=True), registry.load().simulators())
    seconds, rate, loop = 6.0, 25, asyncio.get_running_loop()
    async with serving(sandbox) as url:
        environment = {
            **os.environ,
            "DATABASE_URL": database.url,
            "INSTALLATION_KEY": installation_key,
            "SAMSARA_URL": f"{url}/samsara",
        }
        started = [
            await asyncio.create_subprocess_exec(
                sys.executable, str(SCRIPT), str(seconds), stdin=PIPE, stdout=PIPE, env=environment
            )
            for _ in range(3)
        ]
        try:
            for process in started:
                assert process.stdout is not None
                assert await process.stdout.readline() == b"ready\n"
            began = loop.time()
            for process in started:
                assert process.stdin is not None
                process.stdin.write(b"go\n")
            await asyncio.gather(*(process.wait() for process in started))
            # Each hand waits for its last call, beyond the seconds asked for.
            took = loop.time() - began
        finally:
            for process in started:
                if process.returncode is None:
                    process.kill()
                await process.wait()
    await database.close()

    assert [process.returncode for process in started] == [0, 0, 0]
    seen = sandbox.log.show(each=False)["endpoints"]["/samsara/fleet/vehicles"]
    calls = f"{seen['requests']} calls in {took:.1f} s, the first second's among them at once"
    record_property("figure", f"{calls}, of {rate} a second allowed; {seen['throttled']} refused")
    # Requests that a starved machine holds up arrive in a bunch: 2 of 150 were refused beside other work,
    # none otherwise. `make bench` measures the promise of one in a thousand.
    assert seen["throttled"] <= 0.02 * seen["requests"]
    assert seen["requests"] >= 0.9 * rate * seconds
