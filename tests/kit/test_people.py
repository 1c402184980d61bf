"""Names and telephone numbers come apart as people would read them."""

from __future__ import annotations

import pytest

from milepost.kit.people import e164, split_name


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ada Lovelace", ("Ada", None, "Lovelace")),
        ("  Ada  B.  Byron Lovelace ", ("Ada", "B. Byron", "Lovelace")),
        ("Lovelace, Ada", ("Ada", None, "Lovelace")),
        ("de la Cruz, Juan Carlos", ("Juan", "Carlos", "de la Cruz")),
        ("Sammy Davis, Jr.", ("Sammy", None, "Davis Jr.")),
        ("Martin Luther King III", ("Martin", "Luther", "King III")),
        ("Cher", ("Cher", None, None)),
        ("Smith,", ("Smith", None, None)),
        ("", (None, None, None)),
        (" , ", (None, None, None)),
    ],
)
def test_a_name_is_split(name: str, parts: tuple[str | None, ...]) -> None:
    assert split_name(name) == parts


@pytest.mark.parametrize(
    ("phone", "country", "number"),
    [
        ("(555) 823-4327", "us", "+15558234327"),
        ("1-905-808-4567", "ca", "+19058084567"),
        ("+1 905 808 4567 x99", "de", "+19058084567"),
        ("020 7946 0991", "gb", "+442079460991"),
        ("011 44 20 7946 0991", "us", "+442079460991"),
        ("0049 30 901820", "us", "+4930901820"),
        ("06 12345678", "it", "+390612345678"),
        ("+15550100", "us", None),
        ("823-4327", "us", None),
        ("123 456 7890", "us", None),
        ("555 823 4327", "zz", None),
        ("call Bob", "us", None),
        ("+" + "9" * 15, "us", None),
    ],
)
def test_a_number_is_spelled_as_e164_or_not_at_all(
    phone: str, country: str, number: str | None
) -> None:
    assert e164(phone, country) == number
