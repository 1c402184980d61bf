"""`milepost sandbox`: the provider simulators alone, for anyone's client."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from milepost.cli.ports import Port

if TYPE_CHECKING:  # What the verb itself imports late, so that others start fast.
    from milepost.kit.world import World
    from milepost.sandbox.faults import Fault


def sandbox(
    *,
    host: str = "127.0.0.1",
    port: Port = 8765,
    seed: Annotated[int, Parameter(env_var="MILEPOST_SANDBOX_SEED")] = 7,
    vehicles: Annotated[
        int, Parameter(env_var="MILEPOST_SANDBOX_VEHICLES", validator=Number(gte=1))
    ] = 10,
    tracks: Annotated[Path | None, Parameter(env_var="MILEPOST_SANDBOX_TRACKS")] = None,
    limits: Annotated[bool, Parameter(env_var="MILEPOST_SANDBOX_LIMITS")] = True,
    fault: Annotated[list[str] | None, Parameter(negative="")] = None,
) -> None:
    """Serve every provider's simulator over one deterministic fleet, until Ctrl-C.

    Args:
        host: Address to listen at.
        port: Port to listen at.
        seed: The same seed gives the same trucks and the same miles.
        vehicles: How many vehicles the seeded fleet has.
        tracks: A folder of GPX files; one vehicle a file drives them instead, re-dated to end now.
        limits: Keep the vendors' rate limits.
        fault: What goes wrong, as "throttled path=*/trips count=3"; may be given several times.
    """
    from granian import Granian
    from granian.constants import Interfaces

    from milepost import clock
    from milepost.kit import registry
    from milepost.sandbox.app import Settings, create_app, make_world
    from milepost.sandbox.faults import read_faults

    settings = Settings(
        seed=seed,
        vehicles=vehicles,
        tracks=tracks.resolve() if tracks else None,
        limits=limits,
        faults=";".join(fault or []),
        start=clock.now(),  # A worker that is started anew must not re-date the traces.
    )
    # A folder that cannot be read, or a fault that is none, is told here, not by a worker.
    world, faults = make_world(settings), read_faults(settings.faults)
    os.environ.update(settings.environment())
    _introduce(f"http://{host}:{port}", world, faults, [*registry.load().simulators()])
    Granian(
        f"{create_app.__module__}:{create_app.__name__}",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        factory=True,
        websockets=False,
        log_access=False,
    ).serve()


def _introduce(base: str, world: World, faults: list[Fault], codes: list[str]) -> None:
    """Say who is simulated, what goes wrong, and where to ask."""
    print(f"{world.fleet.name}: {len(world.vehicles)} vehicles, {len(world.drivers)} drivers")
    for file in getattr(world, "files", []):
        if file.unreadable:
            print(f"  {file.file}: {file.unreadable}")
        elif file.refused:
            reasons = ", ".join(f"{count} {reason}" for reason, count in file.refused.items())
            print(f"  {file.file}: {file.points} points drive; refused: {reasons}")
    for each in faults:
        print(f"Goes wrong: {each.kind} at {each.path}")
    for code in codes:
        print(f"Simulator: {base}/{code}")
    print("Any bearer token opens the fleet:")
    print(f"  curl -H 'Authorization: Bearer any' '{base}/samsara/fleet/vehicles/stats?types=gps'")
    print(f"Controls: {base}/_sandbox/world, /_sandbox/requests, /_sandbox/faults")
