"""The reference page of webhooks is what the catalogue says, and its examples fit the contract."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.api.test_events import validators
from tests.webhooks.page import PAGE, page

from milepost.models.event import EVENT_TYPES, EventType
from milepost.webhooks.catalogue import TOLD, example


def test_the_page_is_made_from_the_catalogue() -> None:
    assert PAGE.read_text() == page()
    assert TOLD.keys() == set(EVENT_TYPES)


@pytest.mark.parametrize("type_", EVENT_TYPES)
def test_each_example_fits_the_contracts_schema_of_its_type(type_: EventType, shared: Path) -> None:
    known = validators(shared)
    if type_ in ("connection.deleted", "webhook_endpoint.disabled"):
        assert type_ not in known
        return

    assert [error.message for error in known[type_].iter_errors(example(type_))] == []
