"""The ledger names raw fields that nobody has accounted for."""

from __future__ import annotations

import json

from milepost.kit.ledger import Dropped, Fields, Mapped, unknown_fields

TABLE: Fields = {
    "id": Mapped("sourceId"),
    "gateway": {"serial": Mapped("devices")},
    "tags": {"id": Mapped("groups")},
    "notes": Dropped("free text"),
    "externalIds": {"acme.vin": Mapped("vin"), "*": Dropped("custom")},
}


def test_mapped_and_dropped_fields_are_not_reported_nor_what_lies_below_them() -> None:
    sample = {"id": {"any": 1}, "notes": {"x": [1]}, "externalIds": {"acme.vin": "V", "n.m": 1}}

    assert not unknown_fields(json.dumps(sample).encode(), TABLE)


def test_unknown_fields_are_counted_by_path_at_their_topmost() -> None:
    sample = {
        "id": "1",
        "colour": {"body": "red", "roof": "white"},
        "gateway": {"serial": "S", "firmware": "7"},
        "tags": [{"id": "1", "kind": "a"}, {"id": "2", "kind": "b"}],
    }

    found = unknown_fields(json.dumps([sample, {"colour": 1}]).encode(), TABLE)

    assert found == {"colour": 2, "gateway.firmware": 1, "tags.kind": 2}


def test_a_scalar_where_an_object_was_is_no_new_field() -> None:
    assert not unknown_fields(b'{"gateway": "S", "tags": null}', TABLE)
