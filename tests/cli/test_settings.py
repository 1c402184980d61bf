from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from milepost.config import KEY_FILE, Settings, keys_for, read, unknown
from milepost.errors import SetupError
from milepost.vault import Vault, new_installation_key


def test_without_any_variable_everything_has_a_default() -> None:
    settings = read({"HOME": "/nowhere", "PATH": "/bin"})

    assert settings.database_url is None
    assert settings.sync_cadence_minutes == 120
    assert settings.data_dir.is_absolute()


def test_values_are_read_into_their_types() -> None:
    settings = read(
        {
            "MILEPOST_DATA_DIR": "/srv/mile post",
            "MILEPOST_DATABASE_URL": "postgresql://u:p@db/milepost",
            "MILEPOST_SECRET_KEYS": "one, two,\nthree",
            "MILEPOST_PROVIDER_URLS": '{"samsara": "http://127.0.0.1:9/samsara/"}',
            "MILEPOST_API_PORT": "9000",
            "MILEPOST_SYNC_TURN_SECONDS": "2.5",
            "MILEPOST_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.7 2001:db8::/32",
            "MILEPOST_RATE_HISTORY": "5",
            "MILEPOST_RETENTION_DAYS": '{"raw": 90, "positions": 400.5}',
            "MILEPOST_LOG_FORMAT": "json",
            "MILEPOST_LOG_LEVEL": "",
            "MILEPOST_TEST_DATABASE_URL": "not ours",
            "MILEPOST_CLIENT_KEY": "not ours",
        }
    )

    assert settings == Settings(
        data_dir=Path("/srv/mile post"),
        database_url="postgresql://u:p@db/milepost",
        secret_keys=("one", "two", "three"),
        provider_urls={"samsara": "http://127.0.0.1:9/samsara"},
        api_port=9000,
        sync_turn_seconds=2.5,
        trusted_proxies=("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"),
        rate_history=5.0,
        retention_days={"raw": 90.0, "positions": 400.5},
        log_format="json",
    )


@pytest.mark.parametrize(
    ("variable", "value", "must_be"),
    [
        ("API_PORT", "70000", "a whole number from 0 up to 65535"),
        ("API_PORT", "x", "a whole number"),
        ("WORKER_CONCURRENCY", "0", "a whole number from 1"),
        ("SYNC_TURN_SECONDS", "0", "a number above 0"),
        ("SYNC_CADENCE_MINUTES", "nan", "a number above 0"),
        ("LOG_LEVEL", "loud", "one of debug, error, info, warning"),
        ("DATABASE_URL", "mysql://hunter2@db/milepost", "postgresql://"),
        ("PROVIDER_URLS", "samsara=http://x", "a JSON object"),
        ("PROVIDER_PACE", '{"samsara": -1}', "a JSON object"),
        ("PROVIDER_URLS", '{"samsara": "ftp://x"}', "a JSON object"),
        ("PROVIDER_URLS", '{"samsara": 3}', "a JSON object"),
        ("TRUSTED_PROXIES", "10.0.0.0/33", "networks or addresses"),
        ("RETENTION_DAYS", '{"raw": 0}', "above 0"),
        ("RETENTION_DAYS", '{"row": 9}', "the kinds are raw, positions"),
        ("RETENTION_DAYS", "90", "a JSON object"),
        ("RATE_ADDRESS", "-1", "a number from 0 up to"),
        ("PUBLIC_URL", "milepost.example.com", "an http or https address"),
        ("PUBLIC_URL", "http://x:99999", "an http or https address"),
    ],
)
def test_a_bad_value_names_the_variable_and_what_it_must_be(
    variable: str, value: str, must_be: str
) -> None:
    with pytest.raises(SetupError) as refused:
        read({f"MILEPOST_{variable}": value})

    assert f"MILEPOST_{variable} must be" in refused.value.message
    assert must_be in refused.value.message
    assert "hunter2" not in refused.value.message


def test_a_misspelt_setting_is_named_and_stops_nothing() -> None:
    environ = {"MILEPOST_DATABSE_URL": "postgresql://db/milepost", "MILEPOST_SANDBOX_SEED": "3"}

    assert unknown(environ) == ["MILEPOST_DATABSE_URL"]
    assert read(environ).database_url is None


@pytest.mark.parametrize(
    ("environ", "base"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"MILEPOST_API_HOST": "0.0.0.0", "MILEPOST_API_PORT": "80"}, "http://127.0.0.1:80"),
        ({"MILEPOST_API_HOST": "::"}, "http://127.0.0.1:8080"),
        ({"MILEPOST_API_HOST": "2001:db8::1"}, "http://[2001:db8::1]:8080"),
        ({"MILEPOST_PUBLIC_URL": "https://m.example.com/"}, "https://m.example.com"),
    ],
)
def test_links_begin_with_an_address_that_can_be_reached(
    environ: dict[str, str], base: str
) -> None:
    assert read(environ).link_base == base


def test_set_keys_are_used_and_no_file_is_made(tmp_path: Path) -> None:
    assert keys_for(Settings(data_dir=tmp_path, secret_keys=("a", "b"))) == ["a", "b"]
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")

    first = keys_for(settings)

    assert keys_for(settings) == first
    assert stat.S_IMODE((tmp_path / "data" / KEY_FILE).stat().st_mode) == 0o600
    assert Vault(first).open(Vault(first).seal(b"secret")) == b"secret"


def test_processes_that_start_together_get_the_same_key(tmp_path: Path) -> None:
    settings, start, found = Settings(data_dir=tmp_path), threading.Barrier(8), list[list[str]]()

    def ask() -> None:
        start.wait()
        found.append(keys_for(settings))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert found == [found[0]] * 8
    assert [file.name for file in tmp_path.iterdir()] == [KEY_FILE]


def test_a_key_file_may_hold_several_keys(tmp_path: Path) -> None:
    keys = [new_installation_key(), new_installation_key()]
    (tmp_path / KEY_FILE).write_text("\n".join(keys) + "\n")

    assert keys_for(Settings(data_dir=tmp_path)) == keys


def test_an_empty_key_file_is_not_silently_replaced(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text("\n")

    with pytest.raises(SetupError, match="is empty"):
        keys_for(Settings(data_dir=tmp_path))
