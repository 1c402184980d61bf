"""Every field of Samsara's answers that we ask for: what it becomes, or why it is left out.

The names are those of the OpenAPI document of API version 2025-10-23, and those seen live beyond it.
"""

from __future__ import annotations

from milepost.kit.ledger import Dropped, Fields, Mapped
from milepost.providers.samsara import record_fields

_ELD = Dropped("settings of driver logs, which are not read yet")
_EQUIPMENT = Dropped("the model has no place for equipment of a vehicle")
_NOTES = Dropped("free text about people or vehicles, which nobody asked for")
_ASSIGNED = Dropped("a standing assignment only; who drives when is told by assignments in time")
_MEMBERS = Dropped("membership is read from the members themselves")
_OTHER_TAG = Dropped("a setting of the driver app that names a tag; no membership")
_CUSTOM = Dropped("fields that each customer defines; the model has no place for them")

TAG_OF: Fields = {
    "id": Mapped("groups"),
    "name": Dropped("the group has it"),
    "parentTagId": Dropped("the group has it"),
}

VEHICLE: Fields = {
    "id": Mapped("sourceId"),
    "name": Mapped("name"),
    "vin": Mapped("vin"),
    "make": Mapped("make"),
    "model": Mapped("model"),
    "year": Mapped("year"),
    "licensePlate": Mapped("licensePlate.number"),
    "tags": TAG_OF,
    "gateway": {"serial": Mapped("devices"), "model": Mapped("model, where it only echoes this")},
    "serial": Mapped("devices, where there is no gateway"),
    "cameraSerial": Mapped("devices"),
    "externalIds": {"samsara.vin": Mapped("vin, where there is none"), "*": _CUSTOM},
    "createdAtTime": Mapped("createdAt"),
    "updatedAtTime": Mapped("updatedAt"),
    "attributes": _CUSTOM,
    "notes": _NOTES,
    "staticAssignedDriver": _ASSIGNED,
    "sensorConfiguration": _EQUIPMENT,
    "esn": _EQUIPMENT,
    "harshAccelerationSettingType": _EQUIPMENT,
    "isRemotePrivacyButtonEnabled": _EQUIPMENT,
    "vehicleRegulationMode": Dropped("says whether logs are compulsory, not whether it is active"),
    "vehicleType": _EQUIPMENT,
    "vehicleWeight": Dropped("its unit is unknown"),
    "vehicleWeightInKilograms": _EQUIPMENT,
    "vehicleWeightInPounds": _EQUIPMENT,
    **{f"auxInputType{number}": _EQUIPMENT for number in range(1, 14)},
}

DRIVER: Fields = {
    "id": Mapped("sourceId"),
    "name": Mapped("firstName, middleName, lastName"),
    "driverActivationStatus": Mapped("status"),
    "email": Mapped("email"),
    "phone": Mapped("phone"),
    "locale": Mapped("phone, for its country code"),
    "username": Mapped("username"),
    "licenseState": Mapped("license.state"),
    "licenseNumber": Mapped("license.number"),
    "tags": TAG_OF,
    "createdAtTime": Mapped("createdAt"),
    "updatedAtTime": Mapped("updatedAt"),
    "isDeactivated": Dropped("deprecated in favour of driverActivationStatus"),
    "attributes": _CUSTOM,
    "externalIds": _CUSTOM,
    "notes": _NOTES,
    "dateOfBirth": Dropped("personal, and the model has no place for it"),
    "profileImageUrl": Dropped("personal, and the model has no place for it"),
    "currentIdCardCode": Dropped("opens vehicles; not ours to keep"),
    "tachographCardNumber": _ELD,
    "staticAssignedVehicle": _ASSIGNED,
    "peerGroupTag": _OTHER_TAG,
    "vehicleGroupTag": _OTHER_TAG,
    "trailerGroupTag": _OTHER_TAG,
    "hasDrivingFeaturesHidden": _OTHER_TAG,
    "hasVehicleUnpinningEnabled": _OTHER_TAG,
    "timezone": Mapped("no field; days are counted by the time zone of most drivers"),
    "carrierSettings": _ELD,
    "hosSetting": _ELD,
    "usDriverRulesetOverride": _ELD,
    "waitingTimeDutyStatusEnabled": _ELD,
    "eldAdverseWeatherExemptionEnabled": _ELD,
    "eldBigDayExemptionEnabled": _ELD,
    "eldDayStartHour": _ELD,
    "eldExempt": _ELD,
    "eldExemptReason": _ELD,
    "eldPcEnabled": _ELD,
    "eldSettings": _ELD,
    "eldYmEnabled": _ELD,
}

TAG: Fields = {
    "id": Mapped("sourceId"),
    "name": Mapped("name"),
    "parentTagId": Mapped("parent"),
    "parentTag": {
        "id": Mapped("parent, where there is no parentTagId"),
        "name": Dropped("the group has it"),
    },
    "externalIds": _CUSTOM,
    "addresses": _MEMBERS,
    "assets": _MEMBERS,
    "drivers": _MEMBERS,
    "machines": _MEMBERS,
    "sensors": _MEMBERS,
    "vehicles": _MEMBERS,
}

ORGANIZATION: Fields = {
    "id": Mapped("sourceId"),
    "name": Mapped("account.name, where the carrier has none"),
    "carrierSettings": {
        "carrierName": Mapped("account.name"),
        "dotNumber": Mapped("account.dotNumbers"),
        "mainOfficeAddress": Dropped("the model has no place for it"),
    },
}

_USAGE = Dropped("how much data a gateway sent; the model has no place for it")

GATEWAY: Fields = {
    "serial": Mapped("sourceId, serialNumber"),
    "model": Mapped("type, description"),
    "asset": {
        "id": Mapped("vehicle, where it is one"),
        "externalIds": Dropped("the vehicle has them"),
    },
    "connectionStatus": {
        "lastConnected": Mapped("lastConnectedAt"),
        "healthStatus": Dropped("the model has no place for it"),
    },
    "accessoryDevices": {
        "serial": Mapped("sourceId, serialNumber of a camera"),
        "model": Mapped("type; only cameras have one, door sensors and the like have none"),
    },
    "dataUsageLast30Days": _USAGE,
}

TRAILER: Fields = {
    "trailer": {
        "id": Mapped("sourceId"),
        "name": Mapped("name"),
        "licensePlate": Mapped("licensePlate.number"),
        "trailerSerialNumber": Mapped("serialNumber"),
        "tags": TAG_OF,
        "installedGateway": Dropped("the list of gateways has it"),
        "externalIds": _CUSTOM,
        "notes": _NOTES,
        "enabledForMobile": _OTHER_TAG,
    },
    "asset": {
        "id": Mapped("sourceId"),
        "name": Mapped("name, where the trailer has none"),
        "vin": Mapped("vin"),
        "make": Mapped("make"),
        "model": Mapped("model"),
        "year": Mapped("year"),
        "licensePlate": Mapped("licensePlate.number, where the trailer has none"),
        "serialNumber": Mapped("serialNumber, where the trailer has none"),
        "tags": TAG_OF,
        "createdAtTime": Mapped("createdAt"),
        "updatedAtTime": Mapped("updatedAt"),
        "attributes": _CUSTOM,
        "externalIds": _CUSTOM,
        "notes": _NOTES,
        "readingsIngestionEnabled": Dropped("a setting of the account"),
        "regulationMode": Dropped("says whether logs are compulsory, not whether it is active"),
        "type": Dropped("only trailers are asked for"),
    },
}
"""Both entries of a trailer: in the list of trailers, and in that of assets."""

_OF_VEHICLE: Fields = {
    "id": Mapped("vehicle"),
    "name": Dropped("the vehicle has it"),
    "externalIds": Dropped("the vehicle has them"),
}
_GPS: Fields = {
    "time": Mapped("locatedAt"),
    "latitude": Mapped("location.latitude"),
    "longitude": Mapped("location.longitude"),
    "headingDegrees": Mapped("heading"),
    "speedMilesPerHour": Mapped("speed"),
    "reverseGeo": {"formattedLocation": Mapped("address.formatted")},
    "isEcuSpeed": Dropped("tells engine speed from GPS speed; the model does not"),
    "address": Dropped("an entry of the customer's address book, not a postal address"),
    "decorations": Dropped("never asked for"),
}
_VALUE: Fields = {
    "time": Mapped("timestamp"),
    "value": Mapped("the field of its type"),
    "decorations": Dropped("never asked for"),
}
_NUMBERS = (
    "obdOdometerMeters", "gpsOdometerMeters", "obdEngineSeconds", "syntheticEngineSeconds",
    "fuelConsumedMilliliters", "engineRpm", "batteryMilliVolts", "engineCoolantTemperatureMilliC",
    "engineOilPressureKPa",
)  # fmt: skip

READINGS: Fields = {
    **_OF_VEHICLE,
    "gps": _GPS,
    **dict.fromkeys((*_NUMBERS, "engineStates", "fuelPercents"), _VALUE),
}
"""The shape of feed and history."""

ASSIGNMENT: Fields = {
    "driver": {"id": Mapped("driver"), "*": Dropped("the driver has it")},
    "vehicle": {"id": Mapped("driver, by its vehicle"), "*": Dropped("the vehicle has it")},
    "startTime": Mapped("driver, of fixes from then on"),
    "endTime": Mapped("driver, of fixes before then"),
    "isPassenger": Mapped("driver, where it is not set"),
    "assignedAtTime": Dropped("when it was typed, not when it holds"),
    "assignmentType": Dropped("how it became known, which the model has no place for"),
    "metadata": Dropped("where it came from, which the model has no place for"),
}

SNAPSHOT: Fields = {
    **_OF_VEHICLE,
    "driverAssignment": ASSIGNMENT,
    "gps": _GPS,
    **dict.fromkeys((*_NUMBERS, "engineState", "fuelPercent"), _VALUE),
}
"""The shape of the snapshot, which spells two names in the singular."""

TRAILER_STATS: Fields = {
    "id": Mapped("trailer"),
    "name": Dropped("the trailer has it"),
    "gps": _GPS,
}

BY_SCHEMA: dict[str, Fields] = {
    "samsara.vehicle": VEHICLE,
    "samsara.driver": DRIVER,
    "samsara.tag": TAG,
    "samsara.gateway": GATEWAY,
    "samsara.trailer": TRAILER,
    "samsara.organization": ORGANIZATION,
    **{f"samsara.vehicleStats.{key}": READINGS for key in READINGS if key not in _OF_VEHICLE},
    "samsara.vehicleStats": SNAPSHOT,
    "samsara.trailerStats": TRAILER_STATS,
    **record_fields.BY_SCHEMA,
}
"""The table of each raw shape, by the name that cuts carry."""
