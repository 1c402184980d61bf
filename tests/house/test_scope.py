"""Tenancy in the store: whoever reads or writes a fleet's data says whose it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

STORE = Path(__file__).parents[2] / "src/milepost/store"

# A scope by itself, or what holds one.
SCOPES = {"connection_id", "application_id", "row", "identity"}

# What belongs to no tenant, or finds out which one: each with its reason.
EXEMPT = {
    "connections.token_is_taken": "tokens are unique in the whole installation",
    "expiry.due": "the watch over retention looks after all tenants",
    "expiry.drop_by_age": "the watch over retention looks after all tenants",
    "expiry.empty_months": "a month that is past for all tenants goes as a whole",
    "quota.lease": "a budget is named by a hash of its organisation or login",
    "quota.refuse": "a budget is named by a hash of its organisation or login",
    "allowances.lease": "a subject is a hash of a tenant, or of an address",
    "allowances.sweep": "the installation's own state",
    "connections.insert": "the connection is what it makes",
    "scope.admit": "finds the scope by key and token",
    "applications.by_secret_key": "finds the application by its key",
    "health.worker_seen": "the installation's own state",
    "restoration.processes": "the installation's own state",
    "restoration.look": "a backup holds all tenants",
    "restoration.declare": "a backup holds all tenants",
    "files.due": "workers merge the files of all tenants",
    "files.sweep": "what was cut off is swept for all tenants",
    "erasure.due": "the watch over deletions looks after all tenants",
    "live_answers.enrol": "managed polling looks after all tenants",
    "live_answers.sweep": "managed polling looks after all tenants",
    "live_answers.claim": "managed polling looks after all tenants",
    "event_log.number": "the sequencer looks after all tenants",
    "deliveries.claim": "couriers look after all tenants",
    "deliveries.seen": "the courier's own state",
    "deliveries.leave": "the courier's own state",
    "syncs.due": "the watch over what waits for its time looks after all tenants",
    "syncs.orphans": "the reaper looks after all tenants",
    "pool.fetch_one": "runs a query that is handed in",
    "pool.fetch_all": "runs a query that is handed in",
}


def queries_of(module: Path) -> Iterator[ast.AsyncFunctionDef]:
    """The public functions that are handed a session."""
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
            names = [argument.arg for argument in node.args.args]
            if names[:1] == ["session"]:
                yield node


def test_every_query_of_the_store_is_told_whose_data_it_is_about() -> None:
    unscoped = {
        f"{module.stem}.{function.name}": [argument.arg for argument in function.args.args]
        for module in STORE.glob("*.py")
        for function in queries_of(module)
        if not SCOPES & {argument.arg for argument in function.args.args}
    }

    assert {name: args for name, args in unscoped.items() if name not in EXEMPT} == {}
    assert EXEMPT.keys() == unscoped.keys()
