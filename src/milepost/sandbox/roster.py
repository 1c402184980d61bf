"""Who and what belongs to the sandbox's fleet: groups, vehicles and drivers, from a seed."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import msgspec

from milepost.kit.world import DriverCard, Fleet, GroupCard, TrailerCard, VehicleCard
from milepost.sandbox.chance import seeded

FLEET = Fleet(
    account_id="20640",
    name="Prairie Star Freight",
    dot_number=3141592,
    address="400 Depot Road, Kansas City, MO 64105",
)

GROUPS = (
    GroupCard(id="4810", name="All regions"),
    GroupCard(id="4811", name="East", parent_id="4810"),
    GroupCard(id="4812", name="Central", parent_id="4810"),
    GroupCard(id="4813", name="West", parent_id="4810"),
)
_REGIONS = tuple(group.id for group in GROUPS if group.parent_id)

_FIRST_ID = 281_474_976_710_656  # 2**48: the vendors' vehicle ids have fifteen digits.
_MAKES = (
    ("KENWORTH", "T680"), ("FREIGHTLINER", "CASCADIA"), ("PETERBILT", "579"),
    ("VOLVO TRUCK", "VNL"), ("INTERNATIONAL", "LT625"), ("MACK", "ANTHEM"),
)  # fmt: skip
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)  # 49 CFR 565.15: the check digit
_VALUES = {letter: value for value, letter in enumerate("0123456789")} | {
    letter: int(value)
    for letter, value in zip("ABCDEFGHJKLMNPRSTUVWXYZ", "12345678123457923456789", strict=True)
}
_LIGHT_MAKES = (("FORD", "F-550"), ("ISUZU", "NRR"), ("CHEVROLET", "SILVERADO 5500"))
_TRAILER_MAKES = (("WABASH", "DURAPLATE"), ("GREAT DANE", "EVEREST"), ("UTILITY", "3000R"))
_LETTERS = "BCDFGHJKMNPRSTVWXZ23456789"
_NAMES = (
    "Ada Marsh", "Ben Ortiz", "Carla Jean Whitfield", "Dmitri Novak", "Elena Ruiz", "Frank Osei",
    "Grace Lindqvist", "Hank Tran", "Imani Brooks", "Jonas Keller", "Kavya Rao", "Luis Moreno",
    "Mary Ann Dole", "Noor Haddad", "Oskar Berg", "Paula Quinn",
)  # fmt: skip
_STATES = ("TX", "IL", "MO", "CA", "OH", "GA", "WA", "CO")
_ZONES = ("America/Chicago", "America/New_York", "America/Denver", "America/Los_Angeles")


def draw_vehicles(seed: int, count: int, since: datetime) -> list[VehicleCard]:
    """Draw a fleet by id.

    Every tenth unit has no gateway and never reports, every eighth no engine data, every third no
    dashcam; every tenth is a light lorry.
    """
    return [_draw_vehicle(seed, number, since) for number in range(count)]


def draw_trailers(seed: int, count: int, since: datetime) -> list[TrailerCard]:
    """Draw trailers by id; every third has no gateway, every fifth is known by little but its name."""
    found: list[TrailerCard] = []
    for number in range(count):
        rng = seeded("trailer", seed, number)
        bought = since + timedelta(seconds=rng.randrange(86_400))
        card = TrailerCard(
            id=str(_FIRST_ID + 500_000_000_000 + seed % 1000 * 1_000_000 + number),
            name=f"Trailer {501 + number}",
            created_at=bought,
            updated_at=bought + timedelta(days=rng.randrange(300)),
            gateway_serial=_draw_serial(rng) if number % 3 != 2 else None,
            gateway_model="AG46" if number % 3 != 2 else None,
            group_ids=(_REGIONS[number % len(_REGIONS)],),
        )
        make, model = rng.choice(_TRAILER_MAKES)
        year = rng.randrange(2016, 2026)
        known = {
            "vin": _draw_vin(rng, year),
            "serial": f"LN{rng.randrange(10**6):06d}",
            "make": make,
            "model": model,
            "year": year,
            "plate": f"T{rng.randrange(10**6):06d}",
        }
        found.append(card if number % 5 == 4 else msgspec.structs.replace(card, **known))
    return found


def draw_drivers(seed: int, count: int, since: datetime) -> list[DriverCard]:
    """Draw drivers by id; every sixth one has left and is deactivated."""
    rng = random.Random(f"drivers/{seed}")  # noqa: S311  Scenery, not secrets.
    found = []
    for number in range(count):
        name = _NAMES[number % len(_NAMES)]
        if number >= len(_NAMES):
            name = f"{name} {number // len(_NAMES) + 1}"
        hired = since + timedelta(days=rng.randrange(300), seconds=rng.randrange(86_400))
        licensed = rng.random() < 0.8
        found.append(
            DriverCard(
                id=str(51_000_001 + number),
                name=name,
                username=f"{name.lower().replace(' ', '.')}.{seed}",
                active=number % 6 != 5,
                created_at=hired,
                updated_at=hired + timedelta(days=rng.randrange(200)),
                timezone=rng.choice(_ZONES),
                phone=f"+1312555{rng.randrange(10_000):04d}" if rng.random() < 0.3 else None,
                license_state=rng.choice(_STATES) if licensed else None,
                license_number=f"D{rng.randrange(10**8):08d}" if licensed else None,
                group_ids=(rng.choice(_REGIONS),),
            )
        )
    return found


def _draw_vehicle(seed: int, number: int, since: datetime) -> VehicleCard:
    rng = random.Random(f"vehicle/{seed}/{number}")  # noqa: S311  Scenery, not secrets.
    id_ = str(_FIRST_ID + seed % 1000 * 1_000_000 + number)
    bought = since + timedelta(seconds=rng.randrange(86_400))
    serial = _draw_serial(rng)
    if number % 10 == 9:
        return VehicleCard(id=id_, name=serial, created_at=bought, updated_at=bought)
    make, model = rng.choice(_MAKES)
    year = rng.randrange(2016, 2026)
    light, camera = number % 10 == 4, number % 3 != 2
    if light:
        make, model = _LIGHT_MAKES[number // 10 % len(_LIGHT_MAKES)]
    return VehicleCard(
        id=id_,
        name=f"Truck {101 + number}",
        vin=_draw_vin(rng, year),
        make=make,
        model=model,
        year=year,
        plate=f"P{rng.randrange(10**6):06d}",
        gateway_serial=serial,
        gateway_model="VG55NA" if number % 8 != 7 else "AG46",
        camera_serial=_draw_serial(seeded("camera", seed, number)) if camera else None,
        camera_model="CM32" if camera else None,
        diagnostics=number % 8 != 7,
        light=light,
        group_ids=(_REGIONS[number % len(_REGIONS)],),
        created_at=bought,
        updated_at=bought + timedelta(days=rng.randrange(300)),
    )


def _draw_serial(rng: random.Random) -> str:
    return "-".join("".join(rng.choices(_LETTERS, k=k)) for k in (4, 3, 3))


def _draw_vin(rng: random.Random, year: int) -> str:
    letters = "".join(rng.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=4))
    vin = f"1XP{letters}X0{'GHJKLMNPRST'[year - 2016]}D{rng.randrange(10**6):06d}"
    total = sum(_VALUES[letter] * weight for letter, weight in zip(vin, _WEIGHTS, strict=True))
    return vin[:8] + "0123456789X"[total % 11] + vin[9:]
