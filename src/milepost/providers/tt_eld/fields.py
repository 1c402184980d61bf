"""Every field of TT ELD's answers: what it becomes, or why it is left out."""

from __future__ import annotations

from milepost.kit.ledger import Dropped, Fields, Mapped

UNIT: Fields = {
    "id": Mapped("sourceId"),
    "vin": Mapped("vin"),
    "truck_number": Mapped("name"),
    "driver": Dropped("who drives now; positions name their driver themselves"),
    "codriver": Dropped("who sits beside now; the model has no place for it"),
}

DRIVER: Fields = {
    "id": Mapped("sourceId"),
    "first_name": Mapped("firstName"),
    "second_name": Mapped("lastName"),
}

TRACKING: Fields = {
    "coordinates": {"lat": Mapped("location.latitude"), "lng": Mapped("location.longitude")},
    "date": Mapped("locatedAt"),
    "rotation": Mapped("heading"),
    "speed": Mapped("speed"),
    "odometer": Mapped("an odometer reading"),
    "address": Mapped("address.formatted"),
    "driverId": Mapped("driver"),
}

BY_SCHEMA: dict[str, Fields] = {
    "tt-eld.unit": UNIT,
    "tt-eld.driver": DRIVER,
    "tt-eld.trackings": {"trackings": TRACKING},
}
