from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from milepost import cli, ids
from milepost.errors import MilepostError, SetupError
from milepost.vault import new_installation_key


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Verbs of this process read only what the test sets, and keep the log as it was."""
    monkeypatch.setenv("MILEPOST_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("milepost.log.configure", lambda *_: None)


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(words))
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_every_verb_can_be_loaded_and_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in [[name] for name in cli.VERBS] + [["app", name] for name in cli.APPLICATION_VERBS]:
        status, out, _ = call(capsys, *verb, "--help")

        assert status == 0
        assert "Usage: milepost" in out


def test_an_unknown_verb_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = call(capsys, "fly")

    assert status == 2
    assert "fly" in out + err


@pytest.mark.parametrize(
    ("error", "status"), [(SetupError("Set it up."), 2), (MilepostError("Not done."), 1)]
)
def test_an_error_of_ours_is_one_line_and_no_traceback(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: MilepostError,
    status: int,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("milepost.cli.version.installed", fail)

    assert call(capsys, "version") == (status, "", f"milepost: {error.message}\n")


def test_a_bad_setting_stops_the_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILEPOST_WORKER_CONCURRENCY", "many")

    status, _, err = call(capsys, "worker")

    assert status == 2
    assert err.startswith("milepost: MILEPOST_WORKER_CONCURRENCY must be a whole number")


def test_a_database_that_does_not_answer_is_named_without_its_password(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILEPOST_DATABASE_URL", "postgresql://milepost:hunter2@127.0.0.1:1/x")

    for words in (["migrate"], ["worker"], ["app", "create", "x"]):
        status, _, err = call(capsys, *words)

        assert status == 2
        assert "MILEPOST_DATABASE_URL does not answer" in err
        assert "hunter2" not in err


def test_api_and_worker_do_not_start_on_a_database_that_is_behind(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, server_url: str
) -> None:
    monkeypatch.setenv("MILEPOST_DATABASE_URL", server_url)

    for words in (["api", "--port", "0"], ["worker"]):
        status, _, err = call(capsys, *words)

        assert status == 2
        assert "run `milepost migrate` first" in err


def test_migrating_twice_applies_nothing_the_second_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("MILEPOST_DATABASE_URL", database_url)

    status, out, _ = call(capsys, "migrate", "--json")

    assert (status, json.loads(out)) == (0, {"applied": []})


def test_keys_of_an_application_are_printed_and_stored_only_as_hashes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("MILEPOST_DATABASE_URL", database_url)

    status, out, _ = call(capsys, "app", "create", "My app", "--json")

    assert status == 0
    made = json.loads(out)
    assert made["applicationId"].startswith("app_")
    with psycopg.connect(database_url) as session:
        stored = str(session.execute("select * from application, api_key").fetchall())
    assert "My app" in stored
    assert made["secretKey"] not in stored
    assert made["publishableKey"] not in stored


def test_other_keys_than_the_databases_own_are_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("MILEPOST_DATABASE_URL", database_url)
    assert call(capsys, "app", "create", "first")[0] == 0
    monkeypatch.setenv("MILEPOST_SECRET_KEYS", new_installation_key())

    status, _, err = call(capsys, "app", "create", "second")

    assert status == 2
    assert "The secret keys do not fit this database" in err


def test_sync_says_when_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = call(
        capsys, "sync", "--url", "http://127.0.0.1:1", "--key", "sk_x", "--token", "con_tkn_x"
    )

    assert status == 2
    assert "is Milepost running?" in err


def test_sync_takes_days_or_a_start_but_not_both(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = call(
        capsys,
        "sync",
        "--key",
        "sk_x",
        "--token",
        "con_tkn_x",
        "--days",
        "1",
        "--start-from",
        "2026-01-01",
    )

    assert status == 2
    assert "not both" in err


@pytest.mark.parametrize(
    "words",
    [
        ("up", "--port", "99999"),
        ("api", "--port", "-1"),
        ("sandbox", "--port", "65536"),
        ("sandbox", "--vehicles", "0"),
        ("demo", "--port", "99999"),
    ],
)
def test_a_number_that_cannot_be_is_refused_before_anything_starts(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    status, out, err = call(capsys, *words)

    assert status == 2
    assert f'Invalid value "{words[-1]}" for {words[1]}' in out + err


def test_a_demo_without_tracks_in_the_folder_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status, _, err = call(capsys, "demo", "--tracks", str(tmp_path))

    assert status == 2
    assert "no GPX files" in err


def test_a_public_token_is_minted_for_a_connection_of_the_application_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("MILEPOST_DATABASE_URL", database_url)
    status, out, _ = call(capsys, "app", "create", "My app", "--json")
    owner = json.loads(out)["applicationId"]
    connection = ids.new()
    with psycopg.connect(database_url) as session:
        session.execute(
            "insert into connection (id, application_id, provider, sync_mode, token_digest, sealed_token,"
            " sealed_key, sealed_credentials, created_at, updated_at, last_stamp)"
            " values (%s, %s, 'samsara', 'manual', '', '', '', '', now(), now(), now())",
            (connection, ids.read("application", owner)),
        )
    named = ["--connection", ids.show("connection", connection), "--application"]

    status, out, _ = call(capsys, "link", "token", *named, owner, "--json")

    assert status == 0
    token = json.loads(out)["publicToken"]
    assert token.startswith("pub_tkn_")
    with psycopg.connect(database_url) as session:
        stored = str(session.execute("select connection_id, digest from public_token").fetchall())
    assert str(connection) in stored
    assert token not in stored
    for other in (ids.show("application", ids.new()), "app_x"):
        status, out, err = call(capsys, "link", "token", *named, other)
        assert (status, out) == (2, "")
        assert err.startswith("milepost: ")


KEY, TOKEN = "sk_prod_verySecretWord", "con_tkn_verySecretWord"


@pytest.mark.parametrize(
    "words",
    [
        ("sync", "--key", KEY, "--token", TOKEN, "--url", "http://999.1.1.1"),
        ("sync", "--key", KEY, "--token", TOKEN, "--url", "http://[::"),
        ("sync", "--key", KEY, "--token", TOKEN, "--url", "http://127.0.0.1:99999"),
        ("sync", "--key", KEY, "--token", TOKEN, "--url", "127.0.0.1:8080"),
        ("sync", "--key", KEY, "--token", TOKEN, "--days", "nan"),
        ("sync", "--key", KEY, "--token", TOKEN, "--days", "1e400"),
        ("sync", "--key", f"{KEY}\u00e9", "--token", TOKEN),
        ("sync", "--key", KEY, "--token", f"{TOKEN}\n{TOKEN}"),
        ("listen", "--key", f"{KEY} {KEY}"),
        ("listen", "--key", KEY, "--forward", "http://127.0.0.1:1", "--secret", "whsec_\u00e9"),
        ("listen", "--key", KEY, "--forward", "http://127.0.0.1:1", "--secret", "whsec_a"),
        ("webhooks", "replay", f"whe_{'0' * 26}", "--application", f"app_{'0' * 26}",
         "--from", "0001-01-01T00:00:00+14:00"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_one_line_without_the_secret(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    status, out, err = call(capsys, *words)

    assert (status, out) == (2, "")
    assert err.startswith("milepost: ")
    assert err.count("\n") == 1
    assert "verySecretWord" not in err


def test_a_key_with_the_line_s_end_of_its_file_is_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--token", f"{TOKEN}\n", "--url", "http://127.0.0.1:1")

    status, out, err = call(capsys, "sync", "--key", f"{KEY}\n", *words)

    assert (status, out) == (2, "")
    assert err.startswith("milepost: There is no answer from http://127.0.0.1:1")
    assert "verySecretWord" not in err
