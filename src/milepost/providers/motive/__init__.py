"""Motive, formerly KeepTruckin: gateways, dashcams and driver logs (https://developer.gomotive.com)."""

from milepost.providers.motive.streams import MotiveConnector

connect = MotiveConnector

__all__ = ["connect"]
