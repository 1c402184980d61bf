"""Bad input gets the contract's error body with the path of what is wrong; never a 5xx, never a stack trace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from milepost import ids
from milepost.api import bodies
from milepost.errors import BadRequest, Problem

if TYPE_CHECKING:
    import httpx2
    from tests.api.conftest import Client, Site

SOME = "01GV12VR4DJP70GD1ZBK0SDWFH"
VEHICLE, SYNC = f"vcl_{SOME}", f"sync_{SOME}"


def paths(answer: httpx2.Response) -> list[str]:
    """Check the shape of a 400, and return the paths that it names."""
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert body["code"] == "bad_request"
    assert body["message"]
    assert all(set(problem) == {"message", "path"} for problem in body["detail"])
    return sorted(problem["path"] for problem in body["detail"])


WRONG_BODIES: list[tuple[Any, list[str]]] = [
        ({"days": "7"}, ["{requestBody}.days"]),
        ({"days": -0.1}, ["{requestBody}.days"]),
        ({"days": 36_500.01}, ["{requestBody}.days"]),
        ({"days": True}, ["{requestBody}.days"]),
        ({"days": None}, ["{requestBody}.days"]),
        ({"days": [7]}, ["{requestBody}.days"]),
        ({"startFrom": "2021-01-06T03:24:53"}, ["{requestBody}.startFrom"]),
        ({"startFrom": "2021-01-06"}, ["{requestBody}.startFrom"]),
        ({"startFrom": "2021-02-30T00:00:00Z"}, ["{requestBody}.startFrom"]),
        ({"startFrom": "2999-01-01T00:00:00Z"}, ["{requestBody}.startFrom"]),
        ({"startFrom": "0001-01-01T00:00:00+14:00"}, ["{requestBody}.startFrom"]),
        ({"startFrom": "9999-12-31T23:59:59-12:00"}, ["{requestBody}.startFrom"]),
        ({"startFrom": 1_700_000_000}, ["{requestBody}.startFrom"]),
        ({"startFrom": None}, ["{requestBody}.startFrom"]),
        ({"startFrom": "\x00"}, ["{requestBody}.startFrom"]),
        ({"providerRequests": "historical_files"}, ["{requestBody}.providerRequests"]),
        ({"providerRequests": [1]}, ["{requestBody}.providerRequests[0]"]),
        ({"providerRequests": [{}]}, ["{requestBody}.providerRequests[0].type"]),
        ({"providerRequests": [{"type": 1}]}, ["{requestBody}.providerRequests[0].type"]),
        ({"day": 7}, ["{requestBody}.day"]),
        ({"a\x00b": 7}, ["{requestBody}"]),
        ({"days": "7", "x": 1, "startFrom": 3},
         ["{requestBody}.days", "{requestBody}.startFrom", "{requestBody}.x"]),
        ([], ["{requestBody}"]),
        ("days", ["{requestBody}"]),
        (7, ["{requestBody}"]),
]  # fmt: skip
BAD_JSON = [
    (b"{"),  # cut off
    (b"days=7"),  # not JSON
    (b"null"),  # null
    (b'{"days":NaN}'),  # NaN
    (b'{"days":Infinity}'),  # infinity
    (b'{"days":1e999}'),  # huge float
    (b'{"days":1' + b"0" * 5000 + b"}"),  # huge integer
    (b'{"days":-1' + b"0" * 400 + b"}"),  # huge negative integer
    (b'{"startFrom":"\\ud800"}'),  # lone surrogate
    (b'{"startFrom":"\xff\xfe"}'),  # not UTF-8
    (b'{"\xed\xa0\x80":1}'),  # surrogate in UTF-8
    (b'{"startFrom":"\\u0000"}'),  # NUL
    (b"\xef\xbb\xbf{}"),  # byte order mark
    (b"[" * 1000 + b"]" * 1000),  # 1000 deep
    (b'{"days":' + b"[" * 1000 + b"]" * 1000 + b"}"),  # 1000 deep in a field
    (b'{"a":' * 100_000 + b"1" + b"}" * 100_000),  # 100,000 deep
    (b"[" * 5_000_000),  # five million brackets
    (b'{"x":"' + b"x" * 9_900_000 + b'"}'),  # 9.9 MB string
    (b"[" + b"{}," * 3_000_000 + b"{}]"),  # 9 MB of objects
    (b'{"providerRequests":[' + b"1," * 4_000_000 + b"1]}"),  # 8 MB of numbers
]
WRITES = [("POST", "/syncs"), ("POST", "/connections"), ("PATCH", "/connections/current")]


async def test_a_wrong_body_is_answered_with_the_path_of_every_wrong_field(fleet: Client) -> None:
    found = [(body, paths(await fleet.post("/syncs", body))) for body, _ in WRONG_BODIES]

    assert found == WRONG_BODIES


async def test_a_body_that_is_no_good_json_is_a_400(fleet: Client) -> None:
    for content in BAD_JSON:
        for method, path in WRITES:
            answer = await fleet.ask(
                method, path, content=content, headers={"Content-Type": "application/json"}
            )

            named = paths(answer)
            assert all(path.startswith("{requestBody}") for path in named), content[:50]
            assert len(answer.content) < 20_000


async def test_a_body_beyond_ten_megabytes_is_a_413(fleet: Client) -> None:
    content = b'{"x":"' + b"x" * 11_000_000 + b'"}'

    answer = await fleet.ask(
        "POST", "/syncs", content=content, headers={"Content-Type": "application/json"}
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


async def test_a_body_of_another_media_type_is_a_400(fleet: Client) -> None:
    answer = await fleet.ask(
        "POST",
        "/syncs",
        content=b"days=7",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert paths(answer) == ["{requestHeader}.Content-Type"]


async def test_a_missing_or_empty_body_asks_for_the_default_sync(fleet: Client, site: Site) -> None:
    for content in (b"", b"{}", b"  {} "):
        await site.work()

        answer = await fleet.ask("POST", "/syncs", content=content)

        assert answer.status_code == 201


async def test_a_line_feed_behind_an_id_or_a_secret_is_no_part_of_it(fleet: Client) -> None:
    hidden = {"filters": {"vehicles": {"excludeIds": [VEHICLE + "\n"]}}}
    answer = await fleet.ask("PATCH", "/connections/current", json=hidden)
    assert paths(answer) == ["{requestBody}.filters.vehicles.excludeIds[0]"]

    secret = {"secret": "a" * 20 + "\n"}
    answer = await fleet.post("/connections/current/provider-webhook", secret)
    assert paths(answer) == ["{requestBody}.secret"]


WRONG_PARAMETERS = [
    ("/vehicles", "limit=0", "{requestQuery}.limit"),
    ("/vehicles", "limit=-1", "{requestQuery}.limit"),
    ("/vehicles", "limit=10001", "{requestQuery}.limit"),
    ("/vehicles", "limit=1000000000", "{requestQuery}.limit"),
    ("/vehicles", "limit=" + "9" * 5000, "{requestQuery}.limit"),
    ("/vehicles", "limit=5.0", "{requestQuery}.limit"),
    ("/vehicles", "limit=%D9%A5", "{requestQuery}.limit"),
    ("/vehicles", "limit=", "{requestQuery}.limit"),
    ("/vehicles", "limit=5&limit=6", "{requestQuery}.limit"),
    ("/vehicles", "raw=yes", "{requestQuery}.raw"),
    ("/vehicles", "raw=true&raw=true", "{requestQuery}.raw"),
    ("/vehicles", "hidden=1", "{requestQuery}.hidden"),
    ("/vehicles", "deleted=TRUE", "{requestQuery}.deleted"),
    ("/vehicles", "expand=drivers", "{requestQuery}.expand"),
    ("/vehicles", "modifiedAfter=2021-01-06", "{requestQuery}.modifiedAfter"),
    ("/vehicles", "modifiedAfter=2021-01-06T00:00:00", "{requestQuery}.modifiedAfter"),
    ("/vehicles", "modifiedBefore=99999-01-06T00:00:00Z", "{requestQuery}.modifiedBefore"),
    ("/vehicles", "modifiedAfter=0001-01-01T00:00:00%2B14:00", "{requestQuery}.modifiedAfter"),
    ("/vehicles", "cursor=x", "{requestQuery}.cursor"),
    ("/vehicles", "cursor=%00", "{requestQuery}.cursor"),
    ("/vehicles", "cursor=%FF%FE", "{requestQuery}.cursor"),
    ("/vehicles", "cursor=cD0yMDIxLTAxLTA2", "{requestQuery}.cursor"),
    ("/vehicles", "cursor=" + "A" * 50_000, "{requestQuery}.cursor"),
    ("/vehicles/locations", "vehicleIds=drv_" + SOME, "{requestQuery}.vehicleIds"),
    ("/vehicles/locations", "driverIds=" + VEHICLE, "{requestQuery}.driverIds"),
    ("/vehicles/locations", "vehicleIds=", "{requestQuery}.vehicleIds"),
    ("/vehicles/locations", "vehicleIds=" + ",".join([VEHICLE] * 51), "{requestQuery}.vehicleIds"),
    (f"/vehicles/{VEHICLE}/locations", "limit=40001", "{requestQuery}.limit"),
    (f"/vehicles/{VEHICLE}/locations", "startAt=yesterday", "{requestQuery}.startAt"),
    (f"/vehicles/{VEHICLE}/stats/historical", "types=odo", "{requestQuery}.types"),
    (f"/vehicles/drv_{SOME}", "", "{requestPath}.id"),
    (f"/vehicles/{VEHICLE.lower()}", "", "{requestPath}.id"),
    ("/vehicles/vcl_", "", "{requestPath}.id"),
    ("/vehicles/%00", "", "{requestPath}.id"),
    ("/vehicles/%FF", "", "{requestPath}.id"),
    (f"/vehicles/vcl_8{SOME[1:]}", "", "{requestPath}.id"),
    (f"/vehicles/drv_{SOME}/locations", "", "{requestPath}.vehicleId"),
    (f"/drivers/{VEHICLE}", "", "{requestPath}.id"),
    (f"/syncs/{VEHICLE}", "", "{requestPath}.id"),
    ("/syncs", "status=done", "{requestQuery}.status"),
    ("/issues", "errorCode=none", "{requestQuery}.errorCode"),
    ("/issues", "connectionId=" + VEHICLE, "{requestQuery}.connectionId"),
    ("/connections", "status=linked", "{requestQuery}.status"),
    ("/connections", "order=up", "{requestQuery}.order"),
    ("/connections", "tag=a%00b", "{requestQuery}.tag"),
    ("/connections", "externalId=" + "x" * 1001, "{requestQuery}.externalId"),
]


async def test_a_wrong_parameter_is_answered_with_its_path(fleet: Client) -> None:
    found = [
        (path, query, *paths(await fleet.get(f"{path}?{query}")))
        for path, query, _ in WRONG_PARAMETERS
    ]

    assert found == WRONG_PARAMETERS


async def test_all_wrong_parameters_are_named_at_once(fleet: Client) -> None:
    answer = await fleet.get("/vehicles?limit=0&raw=maybe&modifiedAfter=now")

    assert paths(answer) == [
        "{requestQuery}.limit", "{requestQuery}.modifiedAfter", "{requestQuery}.raw",
    ]  # fmt: skip


async def test_an_unknown_query_parameter_is_ignored(fleet: Client) -> None:
    assert (await fleet.get("/vehicles?colour=red&colour=blue&%FF=%00")).status_code == 200


async def test_a_plus_sign_that_a_form_encoded_query_lost_is_understood(fleet: Client) -> None:
    answer = await fleet.get("/vehicles?modifiedAfter=2021-01-06T03:24:53+05:30")

    assert answer.status_code == 200


async def test_an_unknown_route_is_a_404_and_a_wrong_method_a_405(
    fleet: Client, site: Site
) -> None:
    lost = await site.http.get("/tsp/v1/boats")
    wrong = await fleet.ask("DELETE", "/vehicles")

    assert (lost.status_code, lost.json()) == (404, {"code": "not_found", "message": "Not Found"})
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in wrong.headers["allow"]


async def test_an_unknown_record_is_a_404_that_names_it(fleet: Client) -> None:
    wanted = [f"/vehicles/{VEHICLE}", f"/drivers/drv_{SOME}", f"/syncs/{SYNC}"]
    wanted += [f"/vehicles/{VEHICLE}/locations", f"/vehicles/{VEHICLE}/stats/historical"]
    for path in wanted:
        answer = await fleet.get(path)

        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert SOME in answer.json()["detail"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
FIELDS = st.sampled_from(
    ["days", "startFrom", "providerRequests", "provider", "credentials", "company", "tags", "filters",
     "status", "syncMode", "backfill", "options", "agreements", "externalId"]
)  # fmt: skip


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.dictionaries(FIELDS, JSON) | JSON)
async def test_no_body_makes_the_api_fail(fleet: Client, body: Any) -> None:
    # The standard library writes NaN and lone surrogates, as bad clients do.
    content = json.dumps(body).encode()
    for method, path in WRITES:
        answer = await fleet.ask(
            method, path, content=content, headers={"Content-Type": "application/json"}
        )

        assert answer.status_code < 500, (answer.text, body)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.sampled_from(
        [
            "/vehicles",
            "/drivers",
            "/groups",
            "/connections",
            "/issues",
            "/syncs",
            f"/vehicles/{VEHICLE}",
        ]
    ),
    query=st.dictionaries(
        st.sampled_from(
            ["limit", "cursor", "modifiedAfter", "expand", "raw", "tag", "updatedBefore"]
        ),
        st.text(max_size=30),
    ),
)
async def test_no_query_makes_the_api_fail(fleet: Client, path: str, query: dict[str, str]) -> None:
    answer = await fleet.get(path, **query)

    assert answer.status_code < 500, answer.text


async def test_a_request_that_meets_a_bug_shows_no_stack_trace(
    fleet: Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids, "show", None)

    answer = await fleet.get("/connections/current")

    assert answer.status_code == 500
    assert answer.json() == {
        "code": "internal_server_error",
        "message": "Internal Server Error",
        "detail": "Something went wrong",
    }


class Entry(msgspec.Struct):
    name: str


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    entries: Annotated[list[Entry], msgspec.Meta(max_length=20)]
    more: list[Entry] = []


def test_of_a_list_without_end_only_the_beginning_is_looked_at_entry_by_entry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked = []
    collect = bodies._collect_struct

    def counted(*given: Any) -> list[Problem]:
        looked.append(given)
        return collect(*given)

    monkeypatch.setattr(bodies, "_collect_struct", counted)
    entries = [{"name": "a"}] * 5_000
    with pytest.raises(BadRequest) as refused:
        bodies.decode(json.dumps({"entries": entries, "more": entries}).encode(), Asked)

    assert isinstance(refused.value.detail, list)
    assert [each.path for each in refused.value.detail] == ["{requestBody}.entries"]
    assert len(looked) < 1_000
