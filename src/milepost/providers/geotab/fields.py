"""Every field of Geotab's entities that we ask for: what it becomes, or why it is left out.

The names are those of recorded answers and of the vendor's object model (README, [live], [types]). A
device's fields depend on its hardware, and most of them set that up.
"""

from __future__ import annotations

from milepost.kit.ledger import Dropped, Fields, Mapped

_SETTING = Dropped("a setting of the device")
_PERSONAL = Dropped("a setting of the user's own screen, or who may see what")
_VERSION = Dropped("counts changes; the feed's own version says where to go on")
_NOTE = Dropped("free text that nobody asked for")
_HOURS = Dropped("work hours and speed ranges, which the model has no place for")
_DRIVER_HAS_IT = Dropped("the driver has it")
_FORM = Dropped("of the form of the log, which the model has no place for")
_CUSTOM = Dropped("fields that each customer defines; the model has no place for them")
_GUESS = Dropped("the vendor's own estimate of a risk; the model has no place for it")


def _drop(why: Dropped, names: str) -> dict[str, Dropped]:
    return dict.fromkeys(names.split(), why)


def _ref(to: str) -> Fields:
    return {"id": Mapped(to), "isDriver": _DRIVER_HAS_IT}


DEVICE: Fields = {
    "id": Mapped("sourceId; vehicle and device, or trailer"),
    "name": Mapped("name"),
    "serialNumber": Mapped("devices, serialNumber"),
    "deviceType": Mapped("description; whether it is a trailer"),
    "productId": Mapped("description; whether it is a trailer"),
    "tmpTrailerId": Mapped("whether it is a trailer"),
    "vehicleIdentificationNumber": Mapped("vin"),
    "engineVehicleIdentificationNumber": Mapped("vin, where there is none"),
    "vinInfoMake": Mapped("make"),
    "vinInfoModel": Mapped("model"),
    "vinInfoYear": Mapped("year"),
    "vinInfoVehicleType": Dropped("a number whose meaning is not documented"),
    "licensePlate": Mapped("licensePlate.number"),
    "licenseState": Mapped("licensePlate.state"),
    "fuelTankCapacity": Mapped("fuelTankCapacity"),
    "groups": {"id": Mapped("groups; fuelType; whether it is a trailer"), "*": _CUSTOM},
    "timeZoneId": Mapped("no field; days and months are counted by it"),
    "activeFrom": Mapped("createdAt"),
    "activeTo": Mapped("status"),
    "comment": _NOTE,
    **_drop(_CUSTOM, "customProperties customParameters customFeatures mediaFiles"),
    **_drop(
        _SETTING,
        "accelerationWarningThreshold accelerometerThresholdWarningFactor autoGroups autoHos"
        " auxWarningSpeed brakingWarningThreshold communicationThresholdIntervalMoving"
        " communicationThresholdIntervalStationary corneringWarningThreshold deviceFlags"
        " devicePlanBillingInfo devicePlans disableBuzzer disableSleeperBerth driverSeatbeltWarningOn"
        " enableAux enableAuxWarning enableBeepOnDangerousDriving enableBeepOnIdle enableBeepOnRpm"
        " enableControlExternalRelay enableMustReprogram enableSpeedWarning engineHourOffset engineType"
        " ensureHotStart exemptHOSNavigation externalDeviceShutDownDelay forceActiveTracking goTalkLanguage"
        " gpsOffDelay hardwareId idleMinutes ignoreDownloadsUntil immobilizeArming immobilizeUnit"
        " isActiveTrackingEnabled isAuxIgnTrigger isAuxInverted isContinuousConnectEnabled"
        " isDriverSeatbeltWarningOn isExternalDevicePowerControlSupported isHarshBrakeWarningOn"
        " isIoxConnectionEnabled isPassengerSeatbeltWarningOn isReverseDetectOn isRfUploadOnWhenMoving"
        " isSpeedIndicator major maxSecondsBetweenLogs minAccidentSpeed minor minRpm obdAlertEnabled"
        " odometerFactor odometerOffset parameterVersion parameterVersionOnDevice pinDevice rfParameterVersion"
        " rpmValue seatbeltWarningSpeed speedingOff speedingOn timeToDownload wifiHotspotLimits workTime",
    ),
}

USER: Fields = {
    "id": Mapped("sourceId"),
    "name": Mapped("username; email, where it is an address"),
    "firstName": Mapped("firstName"),
    "lastName": Mapped("lastName"),
    "phoneNumber": Mapped("phone"),
    "countryCode": Mapped("phone, how to read it"),
    "licenseNumber": Mapped("license.number"),
    "licenseProvince": Mapped("license.state"),
    "companyGroups": {"id": Mapped("groups"), "*": _CUSTOM},
    "driverGroups": {"id": Mapped("groups"), "*": _CUSTOM},
    "timeZoneId": Mapped("no field; days are counted by it"),
    "hosRuleSet": Mapped("no field; without rules no time is left to ask for"),
    "activeFrom": Mapped("createdAt"),
    "activeTo": Mapped("status"),
    "isDriver": Dropped("only drivers are asked for"),
    "employeeNo": Dropped("the carrier's own number; the model has no place for it"),
    "comment": _NOTE,
    **_drop(_CUSTOM, "customProperties mediaFiles"),
    **_drop(
        _PERSONAL,
        "acceptedEULA accessGroupFilter activeDashboardReports activeDefaultDashboards authorityAddress"
        " authorityName availableDashboardReports bookmarkedPages bookmarks cannedResponseOptions carrierNumber"
        " changePassword companyAddress companyName dateFormat defaultGoogleMapStyle defaultHereMapStyle"
        " defaultMapEngine iAMMetadata isAceDisclaimerDisabled isAutoAdded isMaintenanceNotificationEnabled"
        " isServiceDisruptionNotificationsEnabled showRateThisApp smsNotificationsOptIn whatsAppNotificationsOptIn"
        " defaultOpenStreetMapStyle defaultPage designation displayCurrency"
        " driveGuideVersion electricEnergyEconomyUnit featurePreview firstDayOfWeek fuelEconomyUnit"
        " isAdverseDrivingEnabled isAutoAddExternalDevice isEmailReportEnabled isEULAAccepted"
        " isExemptHOSEnabled isFleetOverviewEnabled isLabsEnabled isMetric isNewsEnabled"
        " isPersonalConveyanceEnabled isServiceUpdatesEnabled isYardMoveEnabled issuerCertificate jobPriorities"
        " keys language lastAccessDate mapViews maxPCDistancePerDay phoneNumberExtension privateUserGroups"
        " reportGroups securityGroups showClickOnceWarning userAuthenticationType"
        " viewDriversOwnDataOnly wifiEULA zoneDisplayMode",
    ),
}

GROUP: Fields = {
    "id": Mapped("sourceId"),
    "name": Mapped("name"),
    "comments": Mapped("description"),
    "children": {"id": Mapped("parent, of the children"), "*": _CUSTOM},
    "parent": {"id": Mapped("parent"), "*": _CUSTOM},
    **_drop(_SETTING, "color reference isGlobalReportingGroup isDefaultGroup groupFilterCondition"),
}

LOG_RECORD: Fields = {
    "id": Mapped("sourceId"),
    "device": _ref("vehicle"),
    "dateTime": Mapped("locatedAt, timestamp"),
    "latitude": Mapped("location.latitude"),
    "longitude": Mapped("location.longitude"),
    "speed": Mapped("speed"),
    "version": _VERSION,
}

STATUS_DATA: Fields = {
    "id": Mapped("sourceId"),
    "device": _ref("vehicle"),
    "diagnostic": {"id": Mapped("type"), "*": _CUSTOM},
    "dateTime": Mapped("timestamp"),
    "data": Mapped("the value of the type, in the unit that the diagnostic has"),
    "controller": Dropped("which of the vehicle's computers said so"),
    "version": _VERSION,
}

DUTY_STATUS_LOG: Fields = {
    "id": Dropped("changes with every edit; driver and time name a status"),
    "dateTime": Mapped("startedAt, endedAt of the one before, sourceId"),
    "status": Mapped("status"),
    "driver": _ref("driver, sourceId"),
    "device": _ref("vehicle"),
    "state": Mapped("no field; only active records hold"),
    "eventRecordStatus": Mapped("no field; only active records hold"),
    "isIgnored": Mapped("no field; ignored records do not hold"),
    "isHidden": Mapped("no field; hidden records do not hold"),
    "annotations": {"id": Mapped("remarks"), "*": Dropped("the annotation has it")},
    "coDrivers": _ref("codrivers"),
    "location": {
        "location": {"x": Mapped("location.longitude"), "y": Mapped("location.latitude")},
        "address": Dropped("a place by name has no field in the model"),
        "formattedAddress": Dropped("a place by name has no field in the model"),
    },
    **_drop(
        _FORM,
        "dateTimeOrigin deferralMinutes deferralStatus distanceSinceValidCoordinates editDateTime"
        " editRequestedByUser engineHours eventCheckSum eventCode eventType isTransitioning malfunction"
        " odometer origin parentId sequence userHosRuleSet verifyDateTime version",
    ),
}

ANNOTATION_LOG: Fields = {
    "id": Mapped("remarks.sourceId"),
    "comment": Mapped("remarks.notes"),
    "dateTime": Mapped("remarks.submittedAt"),
    "driver": _DRIVER_HAS_IT,
    "dutyStatusLog": Dropped("the duty status names its annotations"),
    "version": _VERSION,
}

TRIP: Fields = {
    "id": Dropped("changes when the trip is counted anew; vehicle and start name a trip"),
    "device": _ref("vehicle, sourceId"),
    "driver": _ref("driver"),
    "start": Mapped("startedAt, sourceId"),
    "stop": Mapped("endedAt"),
    "distance": Mapped("distance"),
    "averageSpeed": Mapped("no field; tells whether the distance is in metres"),
    "drivingDuration": Mapped("durations.driving of the day"),
    "idlingDuration": Mapped("durations.idling of the day"),
    "stopPoint": {"x": Mapped("endLocation, startLocation of the next"), "y": Mapped("the same")},
    **_drop(
        _HOURS,
        "afterHoursDistance afterHoursDrivingDuration afterHoursEnd afterHoursStart afterHoursStopDuration"
        " engineHours isSeatBeltOff maximumSpeed nextTripStart odometer speedRange1 speedRange1Duration"
        " speedRange2 speedRange2Duration speedRange3 speedRange3Duration stopDuration version"
        " workDistance workDrivingDuration workStopDuration",
    ),
}

FUEL_USED: Fields = {
    "id": Dropped("days have names of their own"),
    "device": _ref("vehicle"),
    "dateTime": Mapped("date"),
    "totalFuelUsed": Mapped("fuelConsumed"),
    "totalIdlingFuelUsedL": Dropped("a part of the total"),
    **_drop(_GUESS, "confidence totalEnergyUsedKwh totalIdlingEnergyUsedKwh"),
    "version": _VERSION,
}

FUEL_TAX_DETAIL: Fields = {
    "id": Dropped("months have names of their own"),
    "device": _ref("vehicle"),
    "jurisdiction": Mapped("jurisdiction"),
    "enterTime": Mapped("month"),
    "exitTime": Mapped("month"),
    "enterOdometer": Mapped("distance"),
    "exitOdometer": Mapped("distance"),
    "enterGpsOdometer": Mapped("distance, without an odometer"),
    "exitGpsOdometer": Mapped("distance, without an odometer"),
    "isNegligible": Mapped("no field; what is negligible does not count"),
    "hasHourlyData": Mapped("distance, where a month begins in between"),
    "hourlyOdometer": Mapped("distance, where a month begins in between"),
    "hourlyGpsOdometer": Mapped("distance, where a month begins in between"),
    "driver": _DRIVER_HAS_IT,
    **_drop(
        Dropped("where the border was crossed, and how the odometer there was found"),
        "authority enterLatitude enterLongitude exitLatitude exitLongitude hourlyIsOdometerInterpolated"
        " hourlyLatitude hourlyLongitude isClusterOdometer isEnterOdometerInterpolated"
        " isExitOdometerInterpolated tollRoad isTollRoad",
    ),
    **_drop(_VERSION, "version versions"),
}

FAULT_DATA: Fields = {
    "id": Dropped("each report of a lasting fault has another"),
    "device": _ref("vehicle"),
    "diagnostic": {"id": Mapped("code, description"), "*": _CUSTOM},
    "failureMode": {"id": Mapped("j1939.fmi"), "*": _CUSTOM},
    "controller": {"id": Mapped("the letter of an OBD-II code"), "*": _CUSTOM},
    "dateTime": Mapped("observedAt"),
    "faultState": Mapped("status"),
    "faultStates": {"effectiveStatus": Mapped("status"), "*": _GUESS},
    "count": Mapped("j1939.occurrenceCount"),
    "sourceAddress": Mapped("j1939.sourceAddress"),
    "malfunctionLamp": Mapped("milStatus"),
    **_drop(
        Dropped("the model has the malfunction lamp only"),
        "amberWarningLamp protectWarningLamp redStopLamp flashCode",
    ),
    **_drop(_GUESS, "diagnosticSeverity riskOfBreakdown severity faultDescription recommendation"),
    **_drop(_FORM, "dismissDateTime dismissUser classCode version"),
}

EXCEPTION_EVENT: Fields = {
    "id": Mapped("sourceId"),
    "activeFrom": Mapped("startedAt"),
    "activeTo": Mapped("endedAt"),
    "device": _ref("vehicle"),
    "driver": _ref("driver"),
    "rule": {"id": Mapped("type, sourceType"), "*": Dropped("the rule has it")},
    "state": Mapped("no field; only valid exceptions are events"),
    "distance": Dropped("the model has no place for how far an event went"),
    "duration": Dropped("follows from the times"),
    "diagnostic": Dropped("names nothing of safety"),
    **_drop(_VERSION, "createdDateTime lastModifiedDateTime version"),
}

DEVICE_STATUS_INFO: Fields = {
    "device": _ref("vehicle, trailer; lastConnectedAt"),
    "dateTime": Mapped("locatedAt, lastConnectedAt"),
    "latitude": Mapped("location.latitude"),
    "longitude": Mapped("location.longitude"),
    "speed": Mapped("speed"),
    "bearing": Mapped("heading"),
    "driver": _ref("driver"),
    "isHistoricLastDriver": Mapped("driver, who is no more"),
    "isDriving": Mapped("engineState"),
    "statusData": STATUS_DATA,
    "isDeviceCommunicating": Dropped("the time says how old it is"),
    "currentStateDuration": Dropped("follows from other data"),
    "groups": Dropped("the vehicle has them"),
    "exceptionEvents": Dropped("safety events have a stream of their own"),
}

AVAILABILITY: Fields = {
    "driver": _ref("driver"),
    "driving": Mapped("availableTime.drive"),
    "workday": Mapped("availableTime.shift"),
    "duty": Mapped("availableTime.shift, without a workday"),
    "cycle": Mapped("availableTime.cycle"),
    "rest": Mapped("availableTime.break"),
    **_drop(
        Dropped("more of the rules than the model has clocks for"),
        "cycleAvailabilities cycleRest dutySinceCycleRest is16HourExemptionAvailable"
        " isAdverseDrivingApplied isAdverseDrivingExemptionAvailable"
        " isOffDutyDeferralExemptionAvailable isRailroadExemptionAvailable isUnidentifiedDrivingAvailable"
        " recap",
    ),
}

BY_SCHEMA: dict[str, Fields] = {
    "geotab.Device": DEVICE,
    "geotab.User": USER,
    "geotab.Group": GROUP,
    "geotab.LogRecord": {"data": LOG_RECORD},
    "geotab.StatusData": {"data": STATUS_DATA},
    "geotab.DutyStatusLog": {"dutyStatusLogs": DUTY_STATUS_LOG, "annotationLogs": ANNOTATION_LOG},
    "geotab.Trip": {"trips": TRIP},
    "geotab.VehicleDays": {"trips": TRIP, "fuelAndEnergyUsed": FUEL_USED},
    "geotab.FuelTaxDetail": {"data": FUEL_TAX_DETAIL},
    "geotab.FaultData": FAULT_DATA,
    "geotab.ExceptionEvent": {
        "exceptionEvent": EXCEPTION_EVENT,
        "logRecords": LOG_RECORD,
        "statusData": STATUS_DATA,
    },
    "geotab.ExceptionEvent.alone": EXCEPTION_EVENT,
    "geotab.DeviceStatusInfo": DEVICE_STATUS_INFO,
    "geotab.DutyStatusAvailability": AVAILABILITY,
}
"""By the names that cuts carry."""
