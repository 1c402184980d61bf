"""The roads that the synthetic fleet drives: real corridors between real cities, slightly winding."""

from __future__ import annotations

import bisect
import itertools
import math
import random
from collections.abc import Iterator

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

# Where a corridor crosses from one state into the next: the axis, the degree, the state behind it. The
# borders are meridians, parallels and rivers where the corridor meets them, good to a kilometre or two.
_FIRST_STATE = {"I-80": "CA", "I-35": "TX", "I-95": "VA", "I-10": "AZ", "I-65": "IL", "I-5": "WA",
                "I-70": "CO", "I-75": "GA", "I-40": "NM", "I-94": "WI"}  # fmt: skip
_BORDERS: dict[str, tuple[tuple[str, float, str], ...]] = {
    "I-80": (("lon", -120.006, "NV"), ("lon", -114.042, "UT")),
    "I-35": (),
    "I-95": (("lat", 38.79, "MD"), ("lon", -75.788, "DE"), ("lon", -75.5, "PA"),
             ("lon", -75.13, "NJ"), ("lon", -74.02, "NY"), ("lon", -73.66, "CT")),
    "I-10": (("lon", -109.048, "NM"), ("lat", 32.0, "TX")),
    "I-65": (("lon", -87.526, "IN"), ("lat", 38.27, "KY"), ("lat", 36.645, "TN")),
    "I-5": (("lat", 45.61, "OR"), ("lat", 42.0, "CA")),
    "I-70": (("lon", -102.052, "KS"), ("lon", -94.61, "MO")),
    "I-75": (("lat", 34.985, "TN"), ("lat", 36.595, "KY"), ("lat", 39.092, "OH")),
    "I-40": (("lon", -103.042, "TX"), ("lon", -100.0, "OK"), ("lon", -94.432, "AR")),
    "I-94": (("lon", -92.765, "MN"), ("lon", -96.785, "ND")),
}  # fmt: skip


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
        self._states = list(_cross(self.name, bends, [*self._starts, travelled]))

    def borders(self, start_m: float, end_m: float) -> list[float]:
        """Return after how many metres of to and fro, between two of them, a border is crossed."""
        lap = 2 * self.length_m
        once = [crossing for crossing, _ in self._states[1:]]
        crossings = [*once, *(lap - crossing for crossing in once)]
        laps = range(int(start_m // lap), int(end_m // lap) + 1)
        found = (number * lap + crossing for number in laps for crossing in crossings)
        return sorted(metres for metres in found if start_m < metres < end_m)

    def states(self, start_m: float, end_m: float) -> dict[str, float]:
        """Return the metres driven in each state between two points of to and fro."""
        before, after = self._driven(start_m), self._driven(end_m)
        found = {state: metres - before[state] for state, metres in after.items()}
        return {state: metres for state, metres in found.items() if metres > 0}

    def _driven(self, driven_m: float) -> dict[str, float]:
        laps, along = divmod(driven_m, 2 * self.length_m)
        there, back = min(along, self.length_m), min(self.length_m, 2 * self.length_m - along)
        found: dict[str, float] = {}
        ends = [*(begins for begins, _ in self._states[1:]), self.length_m]
        for (begins, state), ends_m in zip(self._states, ends, strict=True):
            metres = 2 * laps * (ends_m - begins)
            metres += max(0.0, min(there, ends_m) - begins) + max(0.0, ends_m - max(back, begins))
            found[state] = found.get(state, 0.0) + metres
        return found

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


def _cross(
    name: str, bends: list[tuple[float, float, str]], starts: list[float]
) -> Iterator[tuple[float, str]]:
    """Yield where each state begins along the road."""
    yield 0.0, _FIRST_STATE[name]
    begun = 0
    for axis, border, state in _BORDERS[name]:
        along = [lat if axis == "lat" else lon for lat, lon, _ in bends]
        for piece in range(begun, len(bends) - 1):
            here, there = along[piece], along[piece + 1]
            if (here < border) != (there < border):
                part = (border - here) / (there - here)
                yield starts[piece] + part * (starts[piece + 1] - starts[piece]), state
                begun = piece + 1
                break


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
