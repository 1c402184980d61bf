"""`milepost webhooks …`: endpoints by command, as people and as programs read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from milepost import cli, ids

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    database_url: str,
) -> Call:
    """Call `milepost` on a fresh database; return its exit status and what it said."""
    monkeypatch.setenv("MILEPOST_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MILEPOST_DATABASE_URL", database_url)
    monkeypatch.setattr("milepost.log.configure", lambda *_: None)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(list(words))
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.fixture
def application(call: Call) -> str:
    status, out, _ = call("app", "create", "Tests", "--json")
    assert status == 0
    made: dict[str, str] = json.loads(out)
    return made["applicationId"]


@pytest.fixture
def ask(call: Call, application: str) -> Callable[..., Any]:
    """Call a verb of `milepost webhooks` for the application and return the JSON that it prints."""

    def run(*words: str) -> Any:
        status, out, err = call("webhooks", *words, "--application", application, "--json")
        assert (status, err) == (0, "")
        return json.loads(out)

    return run


def test_an_endpoint_is_made_with_a_secret_that_is_shown_once_and_sealed(
    ask: Callable[..., Any], call: Call, application: str, database_url: str
) -> None:
    made = ask("create", "https://example.com/hooks", "--type", "sync.completed", "--type", "sync.failed")  # fmt: skip

    assert made["id"].startswith("whe_")
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert made["types"] == ["sync.completed", "sync.failed"]
    assert ask("list") == {"results": [made]}
    with psycopg.connect(database_url) as session:
        stored = session.execute("select t::text, sealed_secret from webhook_endpoint t").fetchall()
    assert secret.removeprefix("whsec_") not in str(stored)
    status, out, _ = call("webhooks", "create", "https://example.com/b", "--application", application)  # fmt: skip
    assert status == 0
    assert "Secret    whsec_" in out
    assert "not shown again" in out


def test_an_endpoint_is_changed_rotated_switched_off_and_deleted(
    ask: Callable[..., Any], call: Call, application: str
) -> None:
    made = ask("create", "https://example.com/a", "--type", "sync.completed")
    name = made["id"]

    changed = ask("update", name, "--url", "https://example.com/b", "--all-types", "--description", "d")  # fmt: skip
    assert (changed["url"], changed["description"]) == ("https://example.com/b", "d")
    assert "types" not in changed
    off = ask("disable", name)
    assert (off["status"], off["disabledBecause"]) == ("disabled", "It was disabled on request.")
    assert ask("enable", name)["status"] == "enabled"
    rotated = ask("rotate", name, "--overlap-hours", "2")
    assert rotated["secret"] not in ("", made["secret"])
    assert rotated["oldSecretUntil"]
    assert call("webhooks", "delete", name, "--application", application)[0] == 0
    assert ask("list") == {"results": []}
    status, _, err = call("webhooks", "enable", name, "--application", application)
    assert (status, err) == (1, f"milepost: Could not find resource with ID: {name}\n")


def test_attempts_and_dead_letters_are_listed_and_replayed(
    ask: Callable[..., Any], application: str, database_url: str
) -> None:
    endpoint = ask("create", "https://example.com/a")["id"]
    connection, event = ids.new(), ids.new()
    values = {
        "connection": connection, "event": event, "id": ids.new(),
        "endpoint": ids.read("webhook_endpoint", endpoint),
        "application": ids.read("application", application),
    }  # fmt: skip
    with psycopg.connect(database_url) as session:
        session.execute(
            "insert into event (connection_id, id, application_id, type, at, detail, number) values"
            " (%(connection)s, %(event)s, %(application)s, 'sync.started', '2026-03-01T00:00Z', '{}', 1)",
            values,
        )
        session.execute(
            "insert into webhook_attempt (connection_id, id, endpoint_id, application_id, event_id,"
            " replay, at, status, error, latency_ms, answer) values (%(connection)s, %(id)s, %(endpoint)s,"
            " %(application)s, %(event)s, false, now(), 500, 'The answer was 500.', 3, 'no')",
            values,
        )
        session.execute(
            "insert into webhook_dead_letter values (%(connection)s, %(endpoint)s, %(event)s,"
            " %(application)s, now(), 13, 'The answer was 500.')",
            values,
        )

    (attempt,) = ask("attempts", endpoint)["results"]
    assert (attempt["status"], attempt["latency"], attempt["answer"]) == (500, 3, "no")
    (letter,) = ask("dead-letters", endpoint)["results"]
    assert (letter["attempts"], letter["type"]) == (13, "sync.started")
    assert ask("replay", endpoint, "--dead-letters") == {"deliveries": 1}
    named = ids.show("event", event)
    # It waits already, and is not asked for twice.
    assert ask("replay", endpoint, "--event", named) == {"deliveries": 0}
    with psycopg.connect(database_url) as session:
        session.execute("delete from webhook_replay")
    assert ask("replay", endpoint, "--from", "2026-03-02T00:00:00Z") == {"deliveries": 0}
    shown = ids.show("connection", connection)
    wish = ("--connection", shown, "--from", "2026-02-28T00:00:00+01:00", "--until", "2026-03-02T00:00:00Z")  # fmt: skip
    assert ask("replay", endpoint, *wish) == {"deliveries": 1}


def test_what_there_is_a_lot_of_is_switched(ask: Callable[..., Any]) -> None:
    assert ask("switches") == {"vehicleLocations": True, "safetyEvents": True}
    assert ask("switches", "--no-vehicle-locations") == {
        "vehicleLocations": False, "safetyEvents": True,
    }  # fmt: skip
    assert ask("switches", "--vehicle-locations", "--no-safety-events") == {
        "vehicleLocations": True, "safetyEvents": False,
    }  # fmt: skip


def test_what_makes_no_sense_is_refused_in_a_line(call: Call, application: str) -> None:
    endpoint = ids.show("webhook_endpoint", ids.new())
    nobody = ids.show("application", ids.new())
    for status, says, words in (
        (1, "must not lead to a private address", ["create", "http://10.0.0.1/"]),
        (1, "is not a type of event", ["create", "https://example.com/", "--type", "x"]),
        (2, "must be a time like", ["replay", endpoint, "--from", "yesterday"]),
        (2, "must be a time like", ["replay", endpoint, "--until", "2026-01-01T00:00:00"]),
        (2, "is not what was expected", ["delete", "whe_x"]),
        (2, "not both", ["update", endpoint, "--type", "sync.failed", "--all-types"]),
        (2, "from 0 to 720", ["rotate", endpoint, "--overlap-hours", "1000"]),
        (2, "from 1 to 1000", ["attempts", endpoint, "--limit", "0"]),
        (1, "Could not find", ["attempts", endpoint]),
    ):
        found, out, err = call("webhooks", *words, "--application", application)
        assert (found, out) == (status, ""), words
        assert err.startswith("milepost: ")
        assert says in err
        assert err.count("\n") == 1
    found, _, err = call("webhooks", "create", "https://example.com/", "--application", nobody)
    assert (found, err) == (1, "milepost: There is no such application.\n")
