from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import structlog

from milepost import log


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """The log of the test as JSON lines; what was set up before is put back after it."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    log.configure("json", "debug", stream=out)
    yield out
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in written.getvalue().splitlines()]


SECRETS = [
    "sk_prod_aB3xYz9",
    "con_tkn_22vUhkC6tgre4kwaYfUkCDA1rzn6eyb4",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "samsara_api_kq3",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_secret_reaches_no_line_wherever_it_stands(
    written: io.StringIO, secret: str
) -> None:
    logger = structlog.get_logger().bind(bound=f"key {secret}")

    event = f"asked with {secret}"
    logger.info(event, text=secret, deep={"list": [f"x={secret}", {"a": (secret,)}]})
    logger.info(
        "a struct", struct=msgspec.defstruct("Login", [("key", str)])(secret), raw=secret.encode()
    )
    logging.getLogger("library").warning("sent %s", secret, extra={"header": f"Bearer {secret}"})
    try:
        dict[str, int]()[f"refused {secret}"]
    except KeyError:
        logger.exception("failed")

    assert len(lines(written)) == 4
    assert secret not in written.getvalue()
    assert "asked with [hidden]" in written.getvalue()


@pytest.mark.parametrize(
    "key",
    ["token", "Authorization", "Connection-Token", "password", "client_secret", "apiKey", "api_key",
     "credentials", "secretKeys", "Set-Cookie", "refresh_token"],
)  # fmt: skip
def test_the_value_of_a_secrets_key_reaches_no_line(written: io.StringIO, key: str) -> None:
    structlog.get_logger().info("login", **{key: "hunter2"}, headers={key: ["hunter2"]})
    logging.getLogger("library").warning("login", extra={key: {"inner": "hunter2"}})

    assert len(lines(written)) == 2
    assert "hunter2" not in written.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://milepost:hunter2@db/milepost",
        "Authorization: Bearer hunter2",
        "Basic hunter2",
        "POST /session?password=hunter2&x=1",
        "host=db password=hunter2 user=x",
    ],
)
def test_passwords_within_longer_texts_reach_no_line(written: io.StringIO, text: str) -> None:
    structlog.get_logger().info(text)

    assert "hunter2" not in written.getvalue()
    assert log.HIDDEN in written.getvalue()


def test_what_is_no_secret_is_left_as_it_is(written: io.StringIO) -> None:
    structlog.get_logger().info(
        "synced", sync="sync_01", records=3, share=0.5, ok=True, none=None, key="x"
    )

    (line,) = lines(written)
    assert {**line, "timestamp": ""} == {
        "event": "synced", "sync": "sync_01", "records": 3, "share": 0.5, "ok": True, "none": None,
        "key": "x", "level": "info", "timestamp": "",
    }  # fmt: skip


def test_lines_below_the_level_are_not_written(written: io.StringIO) -> None:
    log.configure("json", "warning", stream=written)

    structlog.get_logger().info("quiet")
    logging.getLogger("library").info("quiet")
    structlog.get_logger().warning("loud")

    assert [line["event"] for line in lines(written)] == ["loud"]
