"""Every field of Samsara's answers about things that happen: what it becomes, or why it is left out."""

from __future__ import annotations

from milepost.kit.ledger import Dropped, Fields, Mapped

_DRIVER_HAS_IT = Dropped("the driver has it")
_VEHICLE_HAS_IT = Dropped("the vehicle has it")
_LOG_FORM = Dropped("of the form of the log, which the model has no place for")

DUTY_STATUS: Fields = {
    "driver": {"id": Mapped("driver, sourceId"), "name": _DRIVER_HAS_IT},
    "hosLogs": {
        "logStartTime": Mapped("startedAt, sourceId"),
        "logEndTime": Mapped("endedAt"),
        "hosStatusType": Mapped("status"),
        "logRecordedLocation": {
            "latitude": Mapped("location.latitude"),
            "longitude": Mapped("location.longitude"),
        },
        "vehicle": {
            "id": Mapped("vehicle"),
            "name": _VEHICLE_HAS_IT,
            "ExternalIds": _VEHICLE_HAS_IT,
        },
        "codrivers": {"id": Mapped("codrivers"), "name": _DRIVER_HAS_IT},
        "remark": Mapped("remarks"),
    },
}

DAILY_LOG: Fields = {
    "driver": {
        "id": Mapped("driver, sourceId"),
        "timezone": Mapped("date, the day of startTime there"),
        "name": _DRIVER_HAS_IT,
        "externalIds": _DRIVER_HAS_IT,
        "eldSettings": _DRIVER_HAS_IT,
    },
    "startTime": Mapped("date, sourceId"),
    "endTime": Dropped("the model counts by days"),
    "distanceTraveled": {
        "driveDistanceMeters": Mapped("distances.driving, distances.total"),
        "personalConveyanceDistanceMeters": Mapped("distances.personalConveyance, distances.total"),
        "yardMoveDistanceMeters": Mapped("distances.yardMove, distances.total"),
    },
    "dutyStatusDurations": {
        "driveDurationMs": Mapped("statusDurations.driving"),
        "offDutyDurationMs": Mapped("statusDurations.offDuty"),
        "onDutyDurationMs": Mapped("statusDurations.onDuty"),
        "personalConveyanceDurationMs": Mapped("statusDurations.personalConveyance"),
        "sleeperBerthDurationMs": Mapped("statusDurations.sleeperBed"),
        "waitingTimeDurationMs": Mapped("statusDurations.waiting"),
        "yardMoveDurationMs": Mapped("statusDurations.yardMove"),
        "activeDurationMs": Dropped("the sum of others"),
    },
    "pendingDutyStatusDurations": Dropped("what edits would make of it that nobody accepted yet"),
    "logMetaData": _LOG_FORM,
}

CLOCKS: Fields = {
    "driver": {
        "id": Mapped("driver"),
        "name": _DRIVER_HAS_IT,
    },
    "currentDutyStatus": {"hosStatusType": Mapped("currentStatus")},
    "clocks": {
        "break": {"timeUntilBreakDurationMs": Mapped("availableTime.break")},
        "cycle": {
            "cycleRemainingDurationMs": Mapped("availableTime.cycle"),
            "cycleStartedAtTime": Dropped("the model has no place for it"),
            "cycleTomorrowDurationMs": Dropped("the model has no place for it"),
        },
        "drive": {"driveRemainingDurationMs": Mapped("availableTime.drive")},
        "shift": {"shiftRemainingDurationMs": Mapped("availableTime.shift")},
    },
    "currentVehicle": Dropped("the model has no place for it"),
    "violations": Dropped("the model has no place for them"),
}

_PLACE = Dropped("an address; the model has coordinates only")
_ODOMETER = Dropped("odometers are read as vehicle stats; 0 here where the bus was not read")

TRIP: Fields = {
    "trips": {
        "startMs": Mapped("startedAt, sourceId, duration"),
        "endMs": Mapped("endedAt, duration"),
        "driverId": Mapped("driver"),
        "distanceMeters": Mapped("distance"),
        "startCoordinates": {
            "latitude": Mapped("startLocation.latitude"),
            "longitude": Mapped("startLocation.longitude"),
        },
        "endCoordinates": {
            "latitude": Mapped("endLocation.latitude"),
            "longitude": Mapped("endLocation.longitude"),
        },
        "startLocation": _PLACE,
        "endLocation": _PLACE,
        "startAddress": _PLACE,
        "endAddress": _PLACE,
        "startOdometer": _ODOMETER,
        "endOdometer": _ODOMETER,
        "fuelConsumedMl": Dropped("the model has no place for it"),
        "tollMeters": Dropped("the model has no place for it"),
        "assetIds": Dropped("the model has no place for trailers of a trip"),
        "codriverIds": Dropped("the model has one driver a trip"),
    },
}

_REVIEW = Dropped("how people went on with the event, which the model has no place for")
_LINK = Dropped("a page of the dashboard, for people who are logged in")

SAFETY_EVENT: Fields = {
    "id": Mapped("sourceId"),
    "asset": {"id": Mapped("vehicle"), "*": _VEHICLE_HAS_IT},
    "driver": {"id": Mapped("driver"), "*": _DRIVER_HAS_IT},
    "behaviorLabels": {
        "label": Mapped("type, sourceType"),
        "source": Dropped("whether a person or the machine said so"),
    },
    "startMs": Mapped("startedAt"),
    "endMs": Mapped("endedAt"),
    "location": {
        "latitude": Mapped("startLocation.latitude"),
        "longitude": Mapped("startLocation.longitude"),
        "headingDegrees": Mapped("stats.heading"),
        "accuracyMeters": Dropped("the model has no place for it"),
        "address": Dropped("the model has coordinates only"),
        "geofence": Dropped("an entry of the customer's address book"),
    },
    "maxAccelerationGForce": Mapped("stats.gForceForwardBackward or stats.gForceSideToSide"),
    "speedingMetadata": {
        "maxSpeedKilometersPerHour": Mapped("stats.maximumSpeed"),
        "postedSpeedLimitKilometersPerHour": Mapped("stats.roadSpeedLimit"),
    },
    "media": {
        "input": Mapped("cameraMedia, which way the camera looks"),
        "url": Mapped("cameraMedia, whether there is something"),
        "auxcamSerial": Dropped("other cameras than dashcams have no place in the model"),
        "cameraRole": Dropped("other cameras than dashcams have no place in the model"),
    },
    "detectedStreams": Dropped("which camera noticed; the footage is under media"),
    "contextLabels": Dropped("traffic and weather in words; the model has no place for them"),
    "assignedCoach": _REVIEW,
    "dismissalReason": _REVIEW,
    "eventState": _REVIEW,
    "updatedByUserId": _REVIEW,
    "createdAtTime": Dropped("when it was noted; the model says when it happened"),
    "updatedAtTime": Dropped("what the feed goes by; the model has its own time of change"),
    "inboxEventUrl": _LINK,
    "incidentReportUrl": _LINK,
    "tripStartTime": Dropped("trips are read by themselves"),
    "tripEndTime": Dropped("trips are read by themselves"),
}

ENERGY_REPORT: Fields = {
    "vehicle": {"id": Mapped("vehicle"), "*": _VEHICLE_HAS_IT},
    "distanceTraveledMeters": Mapped("distance"),
    "fuelConsumedMl": Mapped("fuelConsumed"),
    "engineRunTimeDurationMs": Mapped("durations.driving, less the time at idle"),
    "engineIdleTimeDurationMs": Mapped("durations.idling"),
    "energyUsedKwh": Dropped("the model has no place for electricity"),
    "efficiencyMpge": Dropped("follows from distance and fuel"),
    "estCarbonEmissionsKg": Dropped("an estimate that the model has no place for"),
    "estFuelEnergyCost": Dropped("an estimate that the model has no place for"),
}

IFTA_REPORT: Fields = {
    "vehicle": {"id": Mapped("vehicle"), "*": _VEHICLE_HAS_IT},
    "jurisdictions": {
        "jurisdiction": Mapped("jurisdiction"),
        "totalMeters": Mapped("distance"),
        "taxableMeters": Dropped("the model has the whole distance only"),
        "taxPaidLiters": Dropped("the model has no place for fuel bought"),
    },
}

_OBDII_CODE: Fields = {
    "dtcShortCode": Mapped("code, obdii.code"),
    "dtcDescription": Mapped("description, obdii.description"),
    "dtcId": Dropped("a number of the vendor's own for the code"),
}
_LAMPS = Dropped("lamps of the whole vehicle; each code has its own")

FAULTS: Fields = {
    "id": Mapped("vehicle"),
    "name": _VEHICLE_HAS_IT,
    "externalIds": _VEHICLE_HAS_IT,
    "faultCodes": {
        "time": Mapped("observedAt"),
        "j1939": {
            "diagnosticTroubleCodes": {
                "spnId": Mapped("code, j1939.spn"),
                "fmiId": Mapped("code, j1939.fmi"),
                "txId": Mapped("j1939.sourceAddress"),
                "milStatus": Mapped("milStatus"),
                "occurrenceCount": Mapped("j1939.occurrenceCount"),
                "spnDescription": Mapped("description, j1939.spnDescription"),
                "fmiDescription": Mapped("description, j1939.fmiDescription"),
                "vendorSpecificFields": {
                    "dtcDescription": Mapped("description, where there is no other"),
                    "repairInstructionsUrl": Dropped("the model has no place for it"),
                },
                "sourceAddressName": Dropped("follows from the source address"),
            },
            "checkEngineLights": _LAMPS,
        },
        "obdii": {
            "checkEngineLightIsOn": Mapped("milStatus, where the unit does not say"),
            "diagnosticTroubleCodes": {
                "confirmedDtcs": _OBDII_CODE,
                "permanentDtcs": _OBDII_CODE,
                "pendingDtcs": _OBDII_CODE,
                "milStatus": Mapped("milStatus"),
                "txId": Mapped("tells the same code of two units apart"),
                "ignitionType": Dropped("of the engine, not of its faults"),
                "monitorStatus": Dropped("readiness of tests, not faults"),
            },
        },
        "oem": Dropped("makers' own codes, which the model has no protocol for"),
        "canBusType": Dropped("which bus was read"),
        "decorations": Dropped("never asked for"),
    },
}

BY_SCHEMA: dict[str, Fields] = {
    "samsara.hosLogs": DUTY_STATUS,
    "samsara.hosDailyLog": DAILY_LOG,
    "samsara.hosClocks": CLOCKS,
    "samsara.trips": TRIP,
    "samsara.safetyEvent": SAFETY_EVENT,
    "samsara.fuelEnergyReport": ENERGY_REPORT,
    "samsara.iftaVehicleReport": IFTA_REPORT,
    "samsara.vehicleStats.faultCodes": FAULTS,
}
"""The table of each raw shape, by the name that cuts carry."""
