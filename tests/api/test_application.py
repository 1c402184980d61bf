"""The header `X-Application-Id`: a reader may name the application, and only the key's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.api.test_description import OURS, operations, resolved

if TYPE_CHECKING:
    from tests.api.conftest import Client, Site

HEADER = "X-Application-Id"
READS = ["/vehicles", "/connections", "/connections/current", "/providers", "/issues"]


@pytest.mark.parametrize("path", READS)
async def test_the_keys_own_application_may_be_named(fleet: Client, path: str) -> None:
    plain = await fleet.get(path)
    named = await fleet.ask("GET", path, headers={HEADER: fleet.keys.application_id})

    assert (named.status_code, named.json()) == (200, plain.json())


@pytest.mark.parametrize("path", READS)
async def test_another_application_is_forbidden_whether_or_not_it_exists(
    site: Site, fleet: Client, path: str
) -> None:
    other = (await site.client("Others")).keys.application_id

    for named in (other, "app_01GV12VR4DJP70GD1ZBK0SDWFH"):
        answer = await fleet.ask("GET", path, headers={HEADER: named})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("named", ["", "17", "vcl_01GV12VR4DJP70GD1ZBK0SDWFH", "app_01gv", "é"])
async def test_what_is_no_id_of_an_application_is_a_400_that_names_the_header(
    fleet: Client, named: str
) -> None:
    headers = {name.encode(): value.encode() for name, value in fleet.headers.items()}
    answer = await fleet.http.get(
        "/tsp/v1/vehicles", headers={**headers, HEADER.encode(): named.encode("latin-1")}
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert answer.json()["detail"][0]["path"] == "{requestHeader}.X-Application-Id"


async def test_a_key_is_asked_for_before_the_application_is_looked_at(fleet: Client) -> None:
    answer = await fleet.http.get("/tsp/v1/vehicles", headers={HEADER: "17"})

    assert answer.status_code == 401


async def test_writes_do_not_look_at_it(fleet: Client) -> None:
    answer = await fleet.ask("POST", "/syncs", json={"days": 1}, headers={HEADER: "17"})

    assert answer.status_code == 409  # The first sync is on its way, which is all that is wrong.


def test_every_read_and_no_write_is_described_with_it() -> None:
    described = {
        where: [resolved(OURS, each)["name"] for each in operation["parameters"]]
        for where, operation in operations(OURS).items()
    }

    with_header = {where for where, names in described.items() if HEADER in names}
    assert with_header == {where for where in described if where[0] == "get"}
