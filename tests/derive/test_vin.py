"""What a vehicle identification number says, and what a wrong one does not."""

from __future__ import annotations

import ultravin
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from milepost.derive.vin import check_digit, read_vin


def test_a_truck_says_its_maker_model_year_and_weight() -> None:
    found = read_vin("1FUJGLDR3CLBP8834")

    assert found.vin_valid
    assert (found.make, found.model, found.year) == ("FREIGHTLINER", "Cascadia", 2012)
    assert (found.weight_class, found.fuel_type, found.engine) == (
        8,
        "Diesel",
        "Detroit Diesel DD15",
    )
    assert (found.engine_displacement, found.engine_cylinders) == (14.8, 6)


def test_a_wrong_check_digit_is_said_and_the_rest_still_shown() -> None:
    found = read_vin("1FUJGLDR5CLBP8834")

    assert not found.vin_valid
    assert found.make == "FREIGHTLINER"


def test_what_cannot_be_a_vin_says_nothing() -> None:
    for text in ("", "NONSENSE", "1FUJGLDR3CLBP883", "1FUJGLDR3CLBP88345", "1FUJGLDR3CLBPO834"):
        found = read_vin(text)

        assert not found.vin_valid
        assert (found.make, found.year) == (UNSET, UNSET)


def test_the_check_digit_is_the_one_that_makers_print() -> None:
    for vin in (
        "1M8GDM9AXKP042788",
        "11111111111111111",
        *ultravin.generate(200, seed=7, invalid_rate=0),
    ):
        assert check_digit(vin) == vin[8]


@given(st.text("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", min_size=17, max_size=17), st.integers(0, 16))
def test_one_wrong_sign_is_found_unless_it_is_worth_the_same(vin: str, place: int) -> None:
    vin = vin[:8] + check_digit(vin) + vin[9:]
    assert read_vin(vin).vin_valid

    changed = vin[:place] + ("2" if vin[place] == "1" else "1") + vin[place + 1 :]

    assert read_vin(changed).vin_valid == (check_digit(changed) == changed[8])
