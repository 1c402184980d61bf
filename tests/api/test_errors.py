"""Every error of ours has one answer: its status, its code, and never a word about what is inside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
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

    assert {each.__name__ for each in below(errors.ProviderError)} == known


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
