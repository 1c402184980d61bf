"""Which kinds of values stand where in recorded answers of vendors: paths and kinds, and none of the values.

Run as a module, with the folder of recordings, this writes `recorded.json` anew:
`python -m tests.sandbox.recorded ../shared/samples`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("recorded.json")

Kinds = dict[str, list[str]]

MOTIVE = {
    "/v1/users": ["live_users__users_page_1_response", "live_users__users_page_2_response"],
    "/v1/groups": ["live_groups__groups_page_1_response", "live_groups__groups_page_2_response"],
    "/v1/vehicles": ["live_vehicles__constructed_response"],
    "/v1/driving_periods": [
        "live_driving_periods__driving_periods_page_1_response",
        "live_driving_periods__driving_periods_empty_page_response",
    ],
    "/v3/vehicle_locations/{id}": ["live_vehicle_locations_v3_history__constructed_response"],
    "/v2/vehicle_utilization": [
        "live_vehicle_utilizations__vehicle_utilizations_page_1_response",
        "live_vehicle_utilizations__vehicle_utilizations_page_2_response",
    ],
    "/v1/logs": ["observed_logs_shape"],
    "/v1/asset_locations": ["asset_locations_v1_shape"],
    "/v1/fault_codes": ["docs_fault_codes"],
    "/v1/ifta/summary": ["docs_legacy_ifta_summary"],
    "refused 400": ["live_driving_periods__driving_periods_range_error"],
    "refused 401": ["error_401"],
}
GEOTAB = {
    "LogRecord": ["live_log_records__log_records_feed_page_1_response"],
    "StatusData": ["live_status_data__status_data_feed_page_1_response"],
    "FaultData": ["live_fault_data__fault_data_feed_page_1_response"],
    "ExceptionEvent": ["live_exception_events__exception_events_response"],
    "Device": ["live_devices__seek_page_1_response"],
    "User": ["live_users__users_response"],
    "Trip": ["live_trips__trip_seek_page_1_response"],
    "DutyStatusLog": ["live_duty_status_logs__duty_status_logs_feed_page_1_response"],
    "AnnotationLog": ["live_annotation_logs__annotation_logs_feed_page_1_response"],
    "DriverChange": ["live_driver_changes__driver_changes_feed_page_1_response"],
    "FuelTaxDetail": ["live_fuel_tax_details__fuel_tax_details_feed_page_1_response"],
    "FuelAndEnergyUsed": ["live_fuel_and_energy_used__fuel_and_energy_used_feed_page_1_response"],
    "DeviceStatusInfo": ["demo_devicestatusinfo"],
    "Diagnostic": ["demo_diagnostic"],
    "Group": ["demo_group"],
    "refused": [
        "live_exception_events__exception_events_argument_error",
        "live_exception_events__exception_events_generic_error",
    ],
    "Authenticate": ["live_devices__authenticate_success"],
    "GetCountOf": ["live_devices__get_count_of_response"],
}
SAMSARA = {
    "/fleet/vehicles": ["live_vehicles_page", "live_vehicles_terminal"],
    "/fleet/drivers": ["live_drivers_page", "live_drivers_terminal"],
    "/fleet/driver-vehicle-assignments": [
        "live_driver_vehicle_assignments_page", "live_driver_vehicle_assignments_terminal",
        "liveshape_driver_vehicle_assignments_empty",
    ],
    "/fleet/vehicles/stats/history": [
        "live_gps_readings_page", "live_gps_readings_terminal", "live_odometer_readings_page",
        "live_odometer_readings_terminal", "live_engine_states_page", "live_engine_states_terminal",
    ],
    "/fleet/vehicles/stats": ["liveshape_vehicle_stats_snapshot"],
    "/fleet/vehicles/stats/feed": ["liveshape_vehicle_stats_feed"],
    "/fleet/hos/clocks": ["liveshape_hos_clocks"],
    "/fleet/reports/ifta/vehicle": ["liveshape_ifta_vehicle_month"],
    "/v1/fleet/trips": ["live_trips"],
    "refused": ["liveshape_error_401", "live_drivers_status_error"],
}  # fmt: skip
ROWS = GEOTAB.keys() - {"refused", "Authenticate", "GetCountOf"}
"""What is compared record by record, since the vendor's own SDK takes the envelope off."""
VENDORS = {"motive": MOTIVE, "geotab": GEOTAB, "samsara": SAMSARA}


def whole(answer: Any) -> list[Any]:
    return [answer]


def rows(answer: Any) -> list[Any]:
    """Find Geotab's records in an answer: of a feed under `data`, of a question bare; demos are records."""
    result = answer.get("result", answer) if isinstance(answer, dict) else answer
    found = result.get("data", result) if isinstance(result, dict) else result
    return found if isinstance(found, list) else [found]


def kinds(answers: Iterable[Any]) -> Kinds:
    """Note which kinds of values stand at each path; whole and broken numbers are one kind."""
    found: dict[str, set[str]] = {}
    for answer in answers:
        _note(answer, "", found)
    return {path: sorted(kind) for path, kind in sorted(found.items())}


def _note(value: Any, path: str, found: dict[str, set[str]]) -> None:
    kind = {bool: "bool", int: "number", float: "number", dict: "object", list: "list"}
    found.setdefault(path, set()).add(kind.get(type(value), "null" if value is None else "text"))
    if isinstance(value, dict):
        for name, below in value.items():
            # What is named by a vehicle's number or an id of somebody else's says nothing of a form.
            shown = "*" if path.endswith((".odometers", ".externalIds", ".ExternalIds")) else name
            _note(below, f"{path}.{shown}".lstrip("."), found)
    elif isinstance(value, list):
        for item in value:
            _note(item, f"{path}[]", found)


def strange(found: Kinds, known: Kinds) -> list[str]:
    """Say what a recording has not, or has of another kind.

    A null tells of no kind: one in either of the two is no difference.
    """
    said = []
    for path, shown in found.items():
        if path not in known:
            said.append(path)
        elif (seen := {*known[path]} - {"null"}) and not {*shown} - {"null"} <= seen:
            said.append(f"{path} is {' or '.join(shown)}, recorded as {' or '.join(known[path])}")
    return said


def recorded() -> dict[str, dict[str, Kinds]]:
    """Return the kinds by vendor, endpoint or type, and path."""
    found: dict[str, dict[str, Kinds]] = json.loads(FILE.read_bytes())
    return found


def read(samples: Path) -> dict[str, dict[str, Kinds]]:
    """Read the kinds off recordings, one folder a vendor."""
    return {
        vendor: {
            what: kinds(
                part
                for name in names
                for part in parts(json.loads((samples / vendor / f"{name}.json").read_bytes()))
            )
            for what, names in answers.items()
            for parts in [rows if what in ROWS else whole]
        }
        for vendor, answers in VENDORS.items()
    }


def written(found: dict[str, dict[str, Kinds]]) -> str:
    """Spell what was read, a path a line, so that a change can be reviewed."""
    vendors = []
    for vendor, answers in found.items():
        blocks = []
        for what, paths in answers.items():
            lines = ",\n".join(f"   {json.dumps(p)}: {json.dumps(k)}" for p, k in paths.items())
            blocks.append(f"  {json.dumps(what)}: {{\n{lines}\n  }}")
        vendors.append(f" {json.dumps(vendor)}: {{\n" + ",\n".join(blocks) + "\n }")
    return "{\n" + ",\n".join(vendors) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(written(read(Path(sys.argv[1]))))
