"""The roads that the synthetic fleet drives: real corridors between real cities, slightly winding."""

from __future__ import annotations

import bisect
import itertools
import math
import random

EARTH_RADIUS_M = 6_371_000
_STEP_M = (
    4_000  # a bend every 4 km or so: enough for plausible headings, few enough to build at once
)
_SWAY_M = 900  # how far a bend leaves the straight line

_CORRIDORS: tuple[tuple[str, tuple[tuple[str, float, float], ...]], ...] = (
    ("I-80", (("Sacramento, CA", 38.5816, -121.4944), ("Reno, NV", 39.5296, -119.8138),
              ("Elko, NV", 40.8324, -115.7631), ("Salt Lake City, UT", 40.7608, -111.8910))),
    ("I-35", (("Laredo, TX", 27.5306, -99.4803), ("San Antonio, TX", 29.4241, -98.4936),
              ("Austin, TX", 30.2672, -97.7431), ("Dallas, TX", 32.7767, -96.7970))),
    ("I-95", (("Richmond, VA", 37.5407, -77.4360), ("Baltimore, MD", 39.2904, -76.6122),
              ("Philadelphia, PA", 39.9526, -75.1652), ("New Haven, CT", 41.3083, -72.9279))),
    ("I-10", (("Phoenix, AZ", 33.4484, -112.0740), ("Tucson, AZ", 32.2226, -110.9747),
              ("Las Cruces, NM", 32.3199, -106.7637), ("El Paso, TX", 31.7619, -106.4850))),
    ("I-65", (("Chicago, IL", 41.8781, -87.6298), ("Indianapolis, IN", 39.7684, -86.1581),
              ("Louisville, KY", 38.2527, -85.7585), ("Nashville, TN", 36.1627, -86.7816))),
    ("I-5", (("Seattle, WA", 47.6062, -122.3321), ("Portland, OR", 45.5152, -122.6784),
             ("Medford, OR", 42.3265, -122.8756), ("Redding, CA", 40.5865, -122.3917))),
    ("I-70", (("Denver, CO", 39.7392, -104.9903), ("Hays, KS", 38.8792, -99.3268),
              ("Topeka, KS", 39.0473, -95.6752), ("Kansas City, MO", 39.0997, -94.5786))),
    ("I-75", (("Atlanta, GA", 33.7490, -84.3880), ("Chattanooga, TN", 35.0456, -85.3097),
              ("Knoxville, TN", 35.9606, -83.9207), ("Cincinnati, OH", 39.1031, -84.5120))),
    ("I-40", (("Albuquerque, NM", 35.0844, -106.6504), ("Amarillo, TX", 35.2220, -101.8313),
              ("Oklahoma City, OK", 35.4676, -97.5164), ("Fort Smith, AR", 35.3859, -94.3985))),
    ("I-94", (("Milwaukee, WI", 43.0389, -87.9065), ("Eau Claire, WI", 44.8113, -91.4985),
              ("Saint Paul, MN", 44.9537, -93.0900), ("Fargo, ND", 46.8772, -96.7898))),
)  # fmt: skip
CORRIDORS = len(_CORRIDORS)


def metres_between(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance by the haversine formula."""
    a, b = math.radians(lat1), math.radians(lat2)
    half = math.sin((b - a) / 2) ** 2
    half += math.cos(a) * math.cos(b) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, half)))


def bearing(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Initial course in degrees clockwise from north, 0 ≤ x < 360."""
    a, b, turn = math.radians(lat1), math.radians(lat2), math.radians(lon2 - lon1)
    y = math.sin(turn) * math.cos(b)
    x = math.cos(a) * math.sin(b) - math.sin(a) * math.cos(b) * math.cos(turn)
    return math.degrees(math.atan2(y, x)) % 360


class Road:
    """One corridor, driven to its end and back for ever."""

    def __init__(self, number: int, seed: int) -> None:
        self.name, cities = _CORRIDORS[number % CORRIDORS]
        rng = random.Random(f"road/{seed}/{number}")  # noqa: S311  Scenery, not secrets.
        bends = _bends(cities, rng)
        self._starts: list[float] = []
        self._pieces: list[tuple[float, float, float, float, float, float, str]] = []
        travelled = 0.0
        for (lat, lon, _), (lat2, lon2, city) in itertools.pairwise(bends):
            length = metres_between(lat, lon, lat2, lon2)
            course = round(bearing(lat, lon, lat2, lon2), 1)
            back = round((course + 180) % 360, 1)
            place = f"{self.name}, {city}"
            self._starts.append(travelled)
            self._pieces.append(
                (lat, lon, (lat2 - lat) / length, (lon2 - lon) / length, course, back, place)
            )
            travelled += length
        self.length_m = travelled

    def at(self, driven_m: float) -> tuple[float, float, float, str]:
        """Return latitude, longitude, heading and address after so many metres of to and fro."""
        along = driven_m % (2 * self.length_m)
        returning = along >= self.length_m
        if returning:
            along = 2 * self.length_m - along
        piece = bisect.bisect_right(self._starts, along) - 1
        lat, lon, lat_per_m, lon_per_m, course, back, place = self._pieces[piece]
        into = along - self._starts[piece]
        return (
            round(lat + into * lat_per_m, 6),
            round(lon + into * lon_per_m, 6),
            back if returning else course,
            place,
        )


def _bends(
    cities: tuple[tuple[str, float, float], ...], rng: random.Random
) -> list[tuple[float, float, str]]:
    bends: list[tuple[float, float, str]] = []
    for (near, lat, lon), (far, lat2, lon2) in itertools.pairwise(cities):
        count = max(1, round(metres_between(lat, lon, lat2, lon2) / _STEP_M))
        for i in range(count):
            part = i / count
            sway = (
                rng.uniform(-_SWAY_M, _SWAY_M) / 111_000 if i else 0.0
            )  # degrees; exact in cities
            city = near if part < 0.5 else far
            bends.append((lat + (lat2 - lat) * part + sway, lon + (lon2 - lon) * part - sway, city))
    name, lat, lon = cities[-1]
    return [*bends, (lat, lon, name)]
