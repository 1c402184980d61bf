"""What fault codes say: each by the tables of its own protocol."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from milepost.derive.faults import describe
from milepost.models.derived import DerivedFault
from milepost.models.fault import FaultCodeEvent, FaultCodeProtocol, J1939Code, ObdiiCode


def event(**said: Any) -> FaultCodeEvent:
    protocol: FaultCodeProtocol = "j1939" if "j1939" in said else "obdii"
    return FaultCodeEvent(
        id="flt_1", provider="samsara", vehicle="vcl_1", protocol=protocol,
        code="", status="open", observed_at="2026-01-05T06:00:00.000Z", **said,
    )  # fmt: skip


def test_a_fault_of_a_heavy_vehicle_says_parameter_failure_severity_and_source() -> None:
    told = event(j1939=J1939Code(spn=110, fmi=16, source_address=0))

    assert describe(told) == DerivedFault(
        component="Engine Coolant Temperature",
        failure="Above normal range, moderately severe",
        severity="moderate",
        source="Engine 1",
    )


def test_what_no_open_table_names_is_left_without_a_name() -> None:
    assert describe(event(j1939=J1939Code(spn=520_192, fmi=25))) == DerivedFault()
    assert describe(event(j1939=J1939Code(spn=520_192))) == DerivedFault()
    assert describe(event(obdii=ObdiiCode(code="nonsense"))) == DerivedFault()


@pytest.mark.parametrize(
    ("code", "component", "generic"),
    [
        ("P0087", "Powertrain: fuel and air metering, auxiliary emission controls", True),
        ("p0741", "Powertrain: transmission", True),
        ("P1234", "Powertrain", False),
        ("P2002", "Powertrain: fuel and air metering, auxiliary emission controls", True),
        ("P2201", "Powertrain: fuel and air metering, auxiliary emission controls", True),
        ("P2A00", "Powertrain: fuel and air metering, auxiliary emission controls", True),
        ("P0A80", "Powertrain: hybrid propulsion", True),
        ("P2900", "Powertrain", True),
        ("P33FF", "Powertrain", False),
        ("P3400", "Powertrain", True),
        ("U0100", "Network", True),
        ("B1342", "Body", False),
        ("C2100", "Chassis", False),
        ("C3100", "Chassis", UNSET),
    ],
)
def test_a_fault_of_a_light_vehicle_says_its_system_and_whether_it_is_the_standards(
    code: str, component: str, generic: object
) -> None:
    assert describe(event(obdii=ObdiiCode(code=code))) == DerivedFault(
        component=component,
        generic=generic,  # type: ignore[arg-type]
    )
