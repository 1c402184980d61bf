"""Fields of those whom other records mention, and why fields of Motive's answers are left out.

A driver, a vehicle or a gateway shows a few of its own fields wherever it is named.
"""

from __future__ import annotations

from milepost.kit.ledger import Dropped, Fields, Mapped

ELSEWHERE = Dropped("the record of whom or what it names has it")
SETTING = Dropped("a setting of the vendor's app")
PLACE = Dropped("a place by name, which the model has no place for here")
NOTE = Dropped("free text that nobody asked for")
ELECTRIC = Dropped("of electric drives, which the model has no place for")
UNNAMED = Dropped("no source says what it means")


def drop(why: Dropped, names: str) -> dict[str, Dropped]:
    return dict.fromkeys(names.split(), why)


def driver(to: str) -> Fields:
    return {
        "id": Mapped(to),
        **drop(
            ELSEWHERE, "first_name last_name username email driver_company_id status role phone"
        ),
    }


def vehicle(to: str) -> Fields:
    return {
        "id": Mapped(to),
        **drop(ELSEWHERE, "number year make model vin"),
        "metric_units": Dropped("in which units somebody's screen shows it"),
    }


def gateway(to: str) -> Fields:
    return {"id": Mapped(to), **drop(ELSEWHERE, "identifier model")}


FITTED: Fields = dict.fromkeys(("id", "identifier", "model"), ELSEWHERE)
