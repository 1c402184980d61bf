"""Every error of ours has one answer: its status, its code, and never a word about what is inside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from litestar import exceptions
from litestar.testing import RequestFactory

from milepost import clock, errors
from milepost.api import openapi
from milepost.api.app import OPERATIONS
from milepost.api.errors import HANDLERS, refusal_for


def below(kind: type[errors.MilepostError]) -> Iterator[type[errors.MilepostError]]:
    for each in kind.__subclasses__():
        yield each
        yield from below(each)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.LoginLost("x"), 422, "invalid_credentials"),
        (errors.NotAllowed("Read Drivers"), 422, "insufficient_permissions"),
        (errors.NotOffered("x"), 422, "unprocessable_entity"),
        (errors.TryAgain("x"), 502, "bad_gateway"),
        (errors.TryAgain("x", timed_out=True), 504, "gateway_timeout"),
        (errors.SlowDown(clock.now()), 502, "bad_gateway"),
        (errors.Changed("x"), 502, "bad_gateway"),
        (errors.CursorLost("x"), 502, "bad_gateway"),
        (errors.BeyondHistory(clock.now()), 502, "bad_gateway"),
    ],
)
def test_a_providers_failure_has_an_answer(
    error: errors.ProviderError, status: int, code: str
) -> None:
    refusal = refusal_for(error)

    assert (refusal.status, refusal.code) == (status, code)


def test_the_table_above_names_every_failure_of_a_provider() -> None:
    known = {
        "LoginLost",
        "NotAllowed",
        "NotOffered",
        "TryAgain",
        "SlowDown",
        "Changed",
        "CursorLost",
        "BeyondHistory",
    }

    # A provider's own kinds of these, in its folder, are answered as what they are a kind of.
    ours = {each for each in below(errors.ProviderError) if each.__module__ == errors.__name__}
    assert {each.__name__ for each in ours} == known


def test_every_refusal_is_described() -> None:
    described = openapi.document(OPERATIONS, "", "0")["components"]["responses"]
    bodies = [each["content"]["application/json"]["schema"] for each in described.values()]
    codes = {code for body in bodies for code in body["properties"]["code"]["enum"]}

    assert {
        each.code for each in below(errors.Refusal) if issubclass(each, errors.Refusal)
    } <= codes


@pytest.mark.parametrize("kind", [errors.BadRequest, errors.Unprocessable])
def test_a_sentence_becomes_a_problem_where_the_contract_lists_problems(
    kind: type[errors.Refusal],
) -> None:
    answer = HANDLERS[errors.Refusal](RequestFactory().get(), kind("No.", "Because."))

    assert b'"detail":[{"message":"Because.","path":"{request}"}]' in answer.content


# Every error of ours that a request can raise, with the status and the code that it is answered with.
TABLE: dict[str, tuple[int, str]] = {
    "BadRequest": (400, "bad_request"),
    "Unauthorized": (401, "unauthorized"),
    "Forbidden": (403, "forbidden"),
    "NotFound": (404, "not_found"),
    "Conflict": (409, "conflict"),
    "Unprocessable": (422, "unprocessable_entity"),
    "TooManyRequests": (429, "too_many_requests"),
    "NotSupported": (501, "not_implemented"),
    "ProviderUnavailable": (502, "bad_gateway"),
    "ProviderTimeout": (504, "gateway_timeout"),
    "LoginLost": (422, "invalid_credentials"),
    "NotAllowed": (422, "insufficient_permissions"),
    "NotOffered": (422, "unprocessable_entity"),
    "BeyondHistory": (502, "bad_gateway"),
    "SlowDown": (502, "bad_gateway"),
    "CursorLost": (502, "bad_gateway"),
    "TryAgain": (502, "bad_gateway"),
    "Changed": (502, "bad_gateway"),
    # What stops a process from starting is a bug where a request meets it.
    "SetupError": (500, "internal_server_error"),
}
MADE_OF: dict[str, tuple[Any, ...]] = {
    "TooManyRequests": ("address", 0.2),
    "NotAllowed": ("Read Drivers",),
    "BeyondHistory": (clock.now(),),
    "SlowDown": (clock.now(),),
    "TryAgain": ("x",),
}
FRAMEWORK = {
    400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found",
    405: "method_not_allowed", 413: "payload_too_large", 429: "too_many_requests",
    500: "internal_server_error", 503: "internal_server_error",
}  # fmt: skip


def answered(error: Exception) -> tuple[int, dict[str, object]]:
    """Answer as the application does: by the handler of the nearest class."""
    handler = next(HANDLERS[kind] for kind in type(error).__mro__ if kind in HANDLERS)
    answer = handler(RequestFactory().get(), error)
    return answer.status_code, msgspec.json.decode(answer.content)


def test_every_error_of_ours_stands_in_the_table_and_is_answered_by_it() -> None:
    ours = {kind for kind in below(errors.MilepostError) if kind.__module__ == errors.__name__}
    bases = {errors.ProviderError, errors.Refusal}

    found = {}
    for kind in ours - bases:
        status, body = answered(kind(*MADE_OF.get(kind.__name__, ())))
        assert {"code", "message"} <= body.keys() <= {"code", "message", "detail", "retryAfter"}
        found[kind.__name__] = (status, body["code"])
    assert found == TABLE


def test_every_error_of_the_framework_is_answered_in_the_same_shape() -> None:
    kinds = {each for each in vars(exceptions).values() if isinstance(each, type)}
    raised = {each for each in kinds if issubclass(each, exceptions.HTTPException)}

    assert len(raised) > 8
    for kind in raised:
        # We have no templates; the rest is made without a word.
        template: dict[str, Any] = {}
        if kind is exceptions.TemplateNotFoundException:
            template = {"template_name": "x"}
        status, body = answered(kind(**template))
        wanted = min(500, kind.status_code)
        assert (status, body["code"]) == (wanted, FRAMEWORK[wanted]), kind
        assert body["message"]


def test_too_many_requests_says_when_to_come_back() -> None:
    answer = HANDLERS[errors.Refusal](
        RequestFactory().get(), errors.TooManyRequests("connection", 1.2)
    )

    assert answer.headers["Retry-After"] == "2"
    assert msgspec.json.decode(answer.content)["retryAfter"] == 2
