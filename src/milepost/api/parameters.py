"""Parameters of paths and queries: how each is read, and how it is described."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Annotated, Any, Generic, Literal, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec

from milepost import ids
from milepost.errors import BadRequest, Problem

T = TypeVar("T")

MOST_IDS = 50
_LONGEST_TEXT = 1000
# Stands where a parameter that must be given has no default.
_NEVER = datetime(1, 1, 1, tzinfo=UTC)
_AWARE = Annotated[datetime, msgspec.Meta(tz=True)]
_DATE_TIME = {"type": "string", "format": "date-time", "examples": ["2021-01-06T03:24:53.000Z"]}


class Parameter(Generic[T]):
    """One parameter: `read` turns its text into a value, or raises ValueError with what it must be."""

    def __init__(
        self,
        name: str,
        read: Callable[[str], T],
        default: T,
        schema: Mapping[str, Any],
        description: str,
        *,
        place: Literal["query", "path"] = "query",
        extension: bool = False,
        required: bool = False,
    ) -> None:
        self.name = name
        self.read = read
        self.default = default
        self.schema = schema
        self.description = description
        self.place = place
        self.extension = extension
        self.required = required or place == "path"


class Values:
    """The values of an operation's parameters, by parameter."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, parameter: Parameter[T]) -> T:
        value: T = self._values.get(parameter.name, parameter.default)
        return value


def read_values(
    parameters: Iterable[Parameter[Any]], path: Mapping[str, str], query_string: bytes
) -> Values:
    """Read what an operation declares; raise BadRequest naming each wrong one. Others are ignored."""
    given: dict[str, list[str]] = {}
    for name, text in parse_qsl(
        query_string.decode("ascii", "replace"), keep_blank_values=True, errors="replace"
    ):
        given.setdefault(name, []).append(text)
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for parameter in parameters:
        in_path = parameter.place == "path"
        texts = [path[parameter.name]] if in_path else given.get(parameter.name, [])
        if not texts:
            if parameter.required:
                problems.append(Problem("is required", f"{{requestQuery}}.{parameter.name}"))
            continue
        try:
            if len(texts) > 1:
                raise ValueError("must be given once only")  # noqa: TRY301  All problems end below.
            if "\x00" in texts[0]:
                raise ValueError("must not contain NUL characters")  # noqa: TRY301  As above.
            values[parameter.name] = parameter.read(texts[0])
        except ValueError as error:
            where = "{requestPath}" if in_path else "{requestQuery}"
            problems.append(Problem(str(error), f"{where}.{parameter.name}"))
    if problems:
        raise BadRequest("Invalid request parameters", problems)
    return Values(values)


def instant(name: str, description: str, *, extension: bool = False) -> Parameter[datetime | None]:
    return Parameter(name, read_instant, None, _DATE_TIME, description, extension=extension)


def text(name: str, description: str) -> Parameter[str | None]:
    return Parameter(name, read_text, None, {"type": "string"}, description)


def flag(name: str, description: str, *, extension: bool = False) -> Parameter[bool]:
    schema = {"type": "boolean"}
    return Parameter(name, read_flag, False, schema, description, extension=extension)


def day(name: str, description: str) -> Parameter[datetime | None]:
    """A calendar day, read as its first instant in UTC."""
    schema = {"type": "string", "format": "date", "examples": ["2021-01-06"]}
    return Parameter(name, read_day, None, schema, description)


def month(name: str, description: str) -> Parameter[datetime]:
    """A calendar month that must be given, read as its first instant in UTC."""
    schema = {"type": "string", "pattern": r"^(\d{4})-(0[1-9]|1[0-2])$", "examples": ["2021-01"]}
    return Parameter(name, read_month, _NEVER, schema, description, required=True)


def choice(
    name: str, choices: Iterable[str], description: str, *, default: str | None = None
) -> Parameter[Any]:
    known = list(choices)

    def read(given: str) -> str:
        if given not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return given

    schema = {"type": "string", "enum": known, **({"default": default} if default else {})}
    return Parameter(name, read, default, schema, description)


def choices(name: str, known: Iterable[str], description: str) -> Parameter[frozenset[str]]:
    """A comma-separated list of some of the `known` words, in any order."""
    words = list(known)

    def read(given: str) -> frozenset[str]:
        wrong = [word for word in given.split(",") if word not in words]
        if wrong:
            raise ValueError(f"must be a comma-separated list of {', '.join(words)}")
        return frozenset(given.split(","))

    schema = {"type": "string", "examples": [",".join(words[:4])]}
    return Parameter(name, read, frozenset(), schema, description)


def expand(*words: str) -> Parameter[frozenset[str]]:
    """Which references an answer shows as whole objects; the contract spells out every order."""
    made = choices("expand", words, "Show these related resources whole instead of by id")
    orders = [",".join(some) for n in range(len(words)) for some in permutations(words, n + 1)]
    made.schema = {"type": "string", "enum": orders}
    return made


def identifier(name: str, model: str, description: str) -> Parameter[UUID]:
    """An id in the path."""
    schema = {"type": "string", "format": "ulid", "pattern": id_pattern(model)}
    return Parameter(
        name, lambda given: ids.read(model, given), UUID(int=0), schema, description, place="path"
    )


def identifier_filter(name: str, model: str, description: str) -> Parameter[UUID | None]:
    schema = {"type": "string", "format": "ulid", "pattern": id_pattern(model)}
    return Parameter(name, lambda given: ids.read(model, given), None, schema, description)


def identifiers(name: str, model: str, description: str) -> Parameter[frozenset[UUID]]:
    """A comma-separated list of at most fifty ids."""

    def read(given: str) -> frozenset[UUID]:
        listed = given.split(",")
        if len(listed) > MOST_IDS:
            raise ValueError(f"must not list more than {MOST_IDS} ids")
        return frozenset(ids.read(model, each.strip()) for each in listed)

    return Parameter(name, read, frozenset(), {"type": "string"}, description)


def number(name: str, description: str) -> Parameter[int]:
    """A whole number from 0 on; 0 unless told otherwise."""

    def read(given: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", given):
            raise ValueError("must be a whole number from 0 on")
        return int(given)

    schema = {"type": "integer", "minimum": 0, "default": 0}
    return Parameter(name, read, 0, schema, description)


def limit(most: int) -> Parameter[int]:
    """How many records a page holds at most: 100 unless told otherwise."""

    def read(given: str) -> int:
        if not re.fullmatch(r"[0-9]{1,10}", given) or not 1 <= int(given) <= most:
            raise ValueError(f"must be a whole number from 1 to {most}")
        return int(given)

    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": 100}
    return Parameter("limit", read, 100, schema, "The most records that a page may hold")


# Without it, Python's `$` also matches before a line feed at the end; in a JSON schema both mean the end.
END = r"$(?!\n)"


def id_pattern(model: str) -> str:
    return f"^{ids.PREFIXES[model]}_[0-7][0-9A-HJKMNP-TV-Z]{{25}}{END}"


def read_instant(given: str) -> datetime:
    """Read an RFC 3339 instant; a space stands for the plus sign that a form-encoded query loses."""
    try:
        found: datetime = msgspec.convert(re.sub(r" (?=\d\d:\d\d$)", "+", given), _AWARE)
        return found.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        raise ValueError(
            "must be a time with an offset, like 2021-01-06T03:24:53.000Z, in the years 1 to 9999"
        ) from None


def read_day(given: str) -> datetime:
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", given):
            raise ValueError(given)  # noqa: TRY301  Other spellings of ISO 8601 end like days that are none.
        found = datetime.fromisoformat(given).replace(tzinfo=UTC)
        found + timedelta(days=1)  # The last day that there is has no end.
    except (ValueError, OverflowError):
        raise ValueError("must be a day like 2021-01-06, in the years 1 to 9999") from None
    return found


def read_month(given: str) -> datetime:
    if not re.fullmatch(r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])", given):
        raise ValueError("must be a month like 2021-01")
    return datetime.fromisoformat(f"{given}-01").replace(tzinfo=UTC)


def read_text(given: str) -> str:
    if not 0 < len(given) <= _LONGEST_TEXT:
        raise ValueError(f"must have 1 to {_LONGEST_TEXT} characters")
    return given


def read_flag(given: str) -> bool:
    if given not in ("true", "false"):
        raise ValueError("must be true or false")
    return given == "true"


LIMIT = limit(10_000)
SERIES_LIMIT = limit(40_000)
CURSOR: Parameter[str] = Parameter(
    "cursor",
    str,
    "",
    {"type": "string", "format": "cursor", "pattern": "^[A-Za-z0-9+/=_-]+$"},
    "Where to go on: the `next` of the page before",
)
RAW = flag("raw", "Show the provider's own payloads that each record was built from")
VEHICLE_IDS = identifiers("vehicleIds", "vehicle", "Only these vehicles: up to 50 ids, with commas")
DRIVER_IDS = identifiers("driverIds", "driver", "Only these drivers: up to 50 ids, with commas")
HIDDEN = flag("hidden", "Show records that the connection's filters hide")
DELETED = flag("deleted", "Show records that the provider no longer lists")
MODIFIED_AFTER = instant("modifiedAfter", "Only records last modified at or after this time")
MODIFIED_BEFORE = instant("modifiedBefore", "Only records last modified at or before this time")
START_AT = instant("startAt", "Only records from this time on; the beginning of history by default")
END_AT = instant("endAt", "Only records from before this time; now by default")
STARTED_AFTER = instant("startedAfter", "Only what started at or after this time")
STARTED_BEFORE = instant("startedBefore", "Only what started before this time")
ENDED_AFTER = instant("endedAfter", "Only what ended at or after this time")
ENDED_BEFORE = instant("endedBefore", "Only what ended before this time")
START_DATE = day("startDate", "Only from this day on; the beginning of history by default")
END_DATE = day("endDate", "Only up to this day, it included; now by default")
DERIVED = flag("derived", "Show what can be computed of each record, as `derived`", extension=True)
# Beside the contract.
KNOWN_AT = instant(
    "knownAt",
    "Everything as it was known at this time: what changed since shows as it was, what came or went since "
    "shows as if it had not. A position or reading is not versioned: it shows if it has not changed since",
    extension=True,
)
# Beside the contract, which has the two for entities only.
TOMBSTONES = flag("deleted", "Show records that the provider withdrew", extension=True)
HIDDEN_RECORDS = flag(
    "hidden",
    "Show records whose vehicle or driver the connection's filters hide",
    extension=True,
)
