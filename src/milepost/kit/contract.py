"""What a provider's connector promises the sync engine, and what it is handed.

A connector yields *pages*. A page is what the engine merges in one transaction: it holds *cuts*, one a
vehicle (or one a listed entity), each with the raw bytes that it came from and the records built of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

import msgspec

from milepost.models.connection import Account
from milepost.models.device import Device
from milepost.models.driver import Driver
from milepost.models.fault import FaultCodeEvent
from milepost.models.group import Group
from milepost.models.hos import HOSAvailableTime, HOSDailyLog, HOSLog
from milepost.models.ifta import IFTAVehicleMonth
from milepost.models.location import Fix, LatestVehicleLocation
from milepost.models.safety import CameraMedia, SafetyEvent, SafetyEventType
from milepost.models.stats import StatReading
from milepost.models.trailer import LatestTrailerLocation, Trailer
from milepost.models.trip import Trip
from milepost.models.utilization import VehicleUtilizationDay
from milepost.models.vehicle import Vehicle

Entity = Vehicle | Driver | Group | Device | Trailer
Happening = (
    HOSLog
    | HOSDailyLog
    | Trip
    | SafetyEvent
    | FaultCodeEvent
    | VehicleUtilizationDay
    | IFTAVehicleMonth
)
Document = Entity | Happening
Record = Document | Fix | StatReading


class Reject(msgspec.Struct, frozen=True):
    """A record that cannot be used: the reason, in words for the customer, and where it stands in the cut."""

    reason: str
    at: int = 0


class Cut(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The part of a page that is about one vehicle or one entity.

    Within `body` (JSON bytes as the provider sent them), record number i of `records` stands at
    `path`[`ordinals`[i]]; an empty path says that the whole body is the one record.
    """

    body: bytes
    schema: str  # the name of the raw shape, "samsara.vehicle"
    records: list[Record]
    subject: str | None = None  # the vehicle's id at the source, for series
    path: str = ""
    ordinals: list[int] | None = None  # None: 0, 1, 2, … as many as there are records
    rejects: list[Reject] = []


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One durable step of a slice.

    `cursor` resumes right after this page. `last` says that the slice is finished; a feed keeps its
    cursor then, for the next time. `caught_up_to` is the instant up to which a feed has shown all.
    `withdrawn` names records, by their ids at the source, that the provider takes back: a feed has no other
    way to say so, since it names only what is new.
    `asked` is false where nothing had to be asked of the provider, so that the page proves no permission.
    """

    cuts: list[Cut]
    cursor: str | None
    last: bool
    caught_up_to: datetime | None = None
    withdrawn: Sequence[str] = ()
    asked: bool = True


Mode = Literal["listing", "history", "feed"]


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """A bounded piece of one stream's work.

    A listing has no window. A history slice covers [starts_at, ends_at) of record time. A feed slice
    follows what came in since its cursor; without one it opens the feed, which shows the last known
    value of every vehicle, and from then on whatever is new. With `subjects`, only what these vehicles (of
    hours of service: drivers) did is wanted, named by their ids at the source; a connector whose provider
    cannot be asked so narrowly reads the whole window, and no harm is done. The same holds of those in
    `without`, whose records nobody wants.
    """

    stream: str
    mode: Mode
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    cursor: str | None = None
    subjects: tuple[str, ...] | None = None
    without: frozenset[str] = frozenset()

    def wants(self, subject: str) -> bool:
        """Say whether a vehicle's (of hours of service: a driver's) records are wanted, by its id at the source."""
        return subject not in self.without and (self.subjects is None or subject in self.subjects)


class StreamSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the manifest says of one stream.

    A `listing` names every entity each time. A `series` is dense: positions or readings. `records` are
    documents that happen in time: trips, duty statuses. `permission` is the provider's own name of the
    right that reading needs. `window_hours` is the length of one history slice. A stream with a `feed`
    is told what is new; one without reads the last `look_back_hours` again at every sync, because
    records arrive late or are edited. `rank` orders stages: all of a rank is done before the next begins.
    What a complete answer about a window does not name is withdrawn, unless the stream never `names_all`.
    A series is `with_stats` where the answers that hold the positions hold the readings too: its cuts
    then mix both, so that neither the call nor the raw data is needed twice.
    What a call costs and brings at most, by which a sync is estimated and paced: it `spends` of a class of
    the manifest's limits; it holds `call_rows` rows, of `call_subjects` vehicles or drivers (0: any number),
    in `call_days` days (0: the whole window). A page of history is `page_calls` of them in the mean, where
    the connector asks for parts of a window at once.
    """

    name: str
    model: Literal[
        "vehicle", "driver", "group", "device", "trailer", "vehicle_location", "vehicle_stat",
        "hos_log", "hos_daily_log", "trip", "safety_event", "fault_code_event",
        "vehicle_utilization_day", "ifta_vehicle_month",
    ]  # fmt: skip
    kind: Literal["listing", "series", "records"]
    permission: str
    title: str
    window_hours: int = 24
    look_back_hours: int = 0
    feed: bool = True
    rank: int = 1
    with_stats: bool = False
    names_all: bool = True
    spends: str = ""
    call_rows: int = 1000
    call_subjects: int = 0
    call_days: float = 0
    page_calls: float = 1

    @property
    def window(self) -> timedelta:
        return timedelta(hours=self.window_hours)

    @property
    def subject(self) -> Literal["vehicle", "driver"]:
        """Whose the stream's records are: a driver's for hours of service, else a vehicle's."""
        return "driver" if self.model in ("hos_log", "hos_daily_log") else "vehicle"


class LoginField(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field of a login form."""

    name: str
    label: str
    secret: bool = True


class OAuthForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a provider speaks OAuth 2 (RFC 6749): where a fleet agrees, where tokens are traded.

    `client` says how the app shows itself at the token URL: HTTP Basic, or fields of the body. `scopes`
    are asked for at the authorize URL; a provider that keeps them with the app has none here.
    """

    authorize_url: str
    token_url: str
    client: Literal["basic", "body"] = "basic"
    scopes: list[str] = []


class Ground(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a claim about a model rests on; a real account with the day and how many records were read."""

    on: Literal["document", "sdk", "recorded", "account"]
    date: str = ""
    records: int = 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider's identity card, read from `manifest.toml` (and, for a brand, laid over by its file).

    `logins` lists the accepted forms; credentials must fit exactly one. `history_days` bounds how far
    back the provider's data goes. `limits` are requests a second by endpoint class, shared by all of the
    fleet's integrations; `organization_limit` and `login_limit` are over all classes (0: none known). What
    `limits` guesses, since the vendor prints nothing, may be taken up to the rate in `learned_limits`. `hosts` are those
    that a login may be sent to besides the base URL: names, or `*.` and a name for all below it.
    `sources` names where the claims come from.
    """

    code: str
    name: str
    status: Literal["live", "beta", "sandbox", "deprecated"]
    base_url: str
    logins: list[list[LoginField]]
    history_days: int
    streams: list[StreamSpec]
    limits: dict[str, float]
    organization_limit: float = 0
    login_limit: float = 0
    learned_limits: dict[str, float] = {}
    supported_models: dict[str, str]  # contract model name → support
    absent: dict[
        str, str
    ] = {}  # contract model that the provider has nothing of → how that is known
    lacking: dict[str, list[str]] = {}  # of carried models: fields never seen (`lacking.json`)
    sample_rate: str
    available_history: str
    logo: str
    icon: str
    token: str = (
        ""  # how a bearer token is made of the login fields, "{apiKey}"; empty where there is none
    )
    base_code: str | None = None
    hosts: list[str] = []
    oauth: OAuthForm | None = None
    references: list[dict[str, str]] = []
    sources: list[str] = []
    evidence: dict[
        str, list[Ground]
    ] = {}  # by contract model; status live needs an account for each
    safety_event_types: list[
        SafetyEventType
    ] = []  # the kinds of the contract that its own words become
    provider_requests: list[str] = []  # kinds of out-of-band requests that the provider offers
    file_formats: list[str] = []  # what the package's `files` reads (`kit.files.FileFormats`)

    def stream(self, name: str) -> StreamSpec:
        return next(spec for spec in self.streams if spec.name == name)


class AccountFound(msgspec.Struct, frozen=True, kw_only=True):
    """Whose account the credentials open: the provider's id of it, if it has one, and what it says."""

    source_id: str | None
    account: Account


class Connector(Protocol):
    """One connection's line to its provider; made per sync turn or live call, closed after."""

    async def account(self) -> AccountFound:
        """Check the login; raise LoginLost when it is refused."""
        ...

    def pages(self, slice_: Slice) -> AsyncIterator[Page]:
        """Yield the slice's pages from its cursor on; raise a ProviderError where that fails."""
        ...

    async def latest_locations(self) -> list[tuple[LatestVehicleLocation, bytes]]:
        """Ask the provider where every vehicle is now; each with the raw JSON that it was built from."""
        ...

    async def available_times(self) -> list[tuple[HOSAvailableTime, bytes]]:
        """Ask the provider how much time every driver has left now; each with its raw JSON."""
        ...

    async def trailer_locations(self) -> list[tuple[LatestTrailerLocation, bytes]]:
        """Ask the provider where every trailer is now; each with its raw JSON.

        Trailers without a known place are left out. Raises NotSupported where a provider tells no such.
        """
        ...

    async def camera_media(self, event: str) -> tuple[CameraMedia, bytes] | None:
        """Ask for fresh addresses of the footage of a safety event, by its id at the source; and the raw JSON.

        None where the event has no footage (yet). Raises NotSupported where a provider gives none at all.
        """
        ...

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: str | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Pass a customer's call on to the provider's host; returns status, headers and body.

        `path` has passed `passthrough.check_path`. The login is added, and neither it nor what the
        provider answers to it is among the headers returned. Raises NotSupported where a provider takes
        no such calls.
        """
        ...

    async def aclose(self) -> None: ...
