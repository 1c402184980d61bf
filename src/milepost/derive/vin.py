"""What a vehicle identification number says by itself: check digit, maker, model, weight class.

Decoded offline with NHTSA's vPIC data, which the library `ultravin` embeds. Its first decode loads the
tables (0.13 s, 30 MB); each further one takes some 70 µs, and fleets ask for the same ones again.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from milepost.models.derived import DerivedVehicle

# 49 CFR 565.15: seventeen letters and digits, none of them I, O or Q.
_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_WORTH = {sign: worth for signs, worth in (
    ("1AJ", 1), ("2BKS", 2), ("3CLT", 3), ("4DMU", 4), ("5ENV", 5), ("6FW", 6), ("7GPX", 7),
    ("8HY", 8), ("9RZ", 9), ("0", 0),
) for sign in signs}  # fmt: skip
_KEPT = 20_000
# vPIC fills what does not apply to a kind of vehicle with these words.
_NOTHING = {"", "Not Applicable"}


@functools.lru_cache(maxsize=_KEPT)
def read_vin(vin: str) -> DerivedVehicle:
    """Return what a VIN says; `vin_valid` is false for one that cannot be, and nothing else is said then.

    A number is valid when it has the right signs and its check digit fits. Makers outside North America
    need not compute one (ISO 3779 leaves it open), so that what such a number says is still shown.
    """
    import ultravin  # noqa: PLC0415  Its tables weigh on every process that loads it, and few ask.

    number = vin.strip().upper()
    if not _VIN.fullmatch(number):
        return DerivedVehicle(vin_valid=False)
    decoded = ultravin.decode(number)
    said = _Attributes(decoded["attributes"])
    return DerivedVehicle(
        vin_valid=check_digit(number) == number[8],
        make=said.text("Make"),
        model=said.text("Model"),
        year=decoded["model_year"] or UNSET,
        manufacturer=said.text("Manufacturer Name"),
        vehicle_type=said.text("Vehicle Type"),
        body_class=said.text("Body Class"),
        weight_class=said.number("Gross Vehicle Weight Rating From", _weight_class),
        fuel_type=said.text("Fuel Type - Primary"),
        engine=said.text("Engine Model"),
        engine_displacement=said.number("Displacement (L)", float),
        engine_cylinders=said.number("Engine Number of Cylinders", int),
        plant_country=said.text("Plant Country"),
    )


def check_digit(vin: str) -> str:
    """Compute the ninth sign of a number of seventeen signs (49 CFR 565.15 (c))."""
    rest = sum(_WORTH[sign] * weight for sign, weight in zip(vin, _WEIGHTS, strict=True)) % 11
    return "X" if rest == 10 else str(rest)


class _Attributes:
    def __init__(self, attributes: Mapping[str, Any]) -> None:
        self._attributes = attributes

    def text(self, name: str) -> str | UnsetType:
        value = self._attributes.get(name)
        return value if isinstance(value, str) and value not in _NOTHING else UNSET

    def number(self, name: str, read: Callable[[str], Any]) -> Any:
        text = self.text(name)
        return UNSET if text is UNSET else read(text)


def _weight_class(text: str) -> int | UnsetType:
    """Read the class out of “Class 8: 33,001 lb and above”; 2E and 2H are both 2 (49 CFR 565.15)."""
    found = re.match(r"Class (\d)", text)
    return int(found[1]) if found else UNSET
