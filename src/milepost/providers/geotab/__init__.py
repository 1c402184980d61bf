"""Geotab: a telematics platform (MyGeotab) that many brands resell (https://developers.geotab.com)."""

from milepost.providers.geotab.streams import GeotabConnector

connect = GeotabConnector

__all__ = ["connect"]
