"""Hours of service: duty statuses, the days that they add up to, and the time that is left."""

from __future__ import annotations

from milepost.api import live, records
from milepost.api.operations import Call, Operation, Reply
from milepost.api.paging import Page
from milepost.api.parameters import (
    CURSOR,
    DRIVER_IDS,
    END_DATE,
    HIDDEN_RECORDS,
    KNOWN_AT,
    LIMIT,
    MODIFIED_AFTER,
    MODIFIED_BEFORE,
    RAW,
    START_DATE,
    STARTED_AFTER,
    STARTED_BEFORE,
    TOMBSTONES,
    expand,
)
from milepost.models.hos import HOSAvailableTime, HOSDailyLog, HOSLog

EXPAND = expand("driver", "vehicle", "codrivers")
EXPAND_DRIVER = expand("driver")


async def list_hos_logs(call: Call) -> Page:
    values = call.values
    return await records.listing(
        call, "hos_log", EXPAND, since=values[STARTED_AFTER], until=values[STARTED_BEFORE]
    )


async def list_hos_daily_logs(call: Call) -> Page:
    values = call.values
    until = records.day_after(values[END_DATE])
    return await records.listing(
        call, "hos_daily_log", EXPAND_DRIVER, since=values[START_DATE], until=until
    )


async def list_hos_available_time(call: Call) -> Reply:
    return await live.listing(call, "available_time", EXPAND_DRIVER)


OPERATIONS = [
    Operation(
        id="listHOSLogs",
        method="GET",
        path="/hos/logs",
        tag="Hours of Service",
        summary="List HOS Logs",
        description=f"Changes of drivers' duty statuses. {records.ORDER_NOTE}",
        answer=list[HOSLog],
        handler=list_hos_logs,
        reads=True,
        parameters=[
            CURSOR, LIMIT, STARTED_AFTER, STARTED_BEFORE, MODIFIED_AFTER, MODIFIED_BEFORE, DRIVER_IDS,
            EXPAND, RAW, TOMBSTONES, HIDDEN_RECORDS, KNOWN_AT,
        ],
    ),
    Operation(
        id="listHOSDailyLogs",
        method="GET",
        path="/hos/daily-logs",
        tag="Hours of Service",
        summary="List HOS Daily Logs",
        description=f"How long drivers were in each duty status on each day. {records.ORDER_NOTE}",
        answer=list[HOSDailyLog],
        handler=list_hos_daily_logs,
        reads=True,
        parameters=[
            CURSOR, LIMIT, START_DATE, END_DATE, MODIFIED_AFTER, MODIFIED_BEFORE, DRIVER_IDS, RAW,
            EXPAND_DRIVER, TOMBSTONES, HIDDEN_RECORDS, KNOWN_AT,
        ],
    ),
    Operation(
        id="listHOSAvailableTime",
        method="GET",
        path="/hos/available-time",
        tag="Hours of Service",
        summary="Available Time for Drivers",
        description=f"How much time drivers have left on their clocks. {live.NOTE}",
        answer=list[HOSAvailableTime],
        handler=list_hos_available_time,
        parameters=[CURSOR, LIMIT, DRIVER_IDS, EXPAND_DRIVER, RAW],
        refusals=[422, 501, 502, 504],
    ),
]  # fmt: skip
