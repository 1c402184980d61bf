"""Samsara: a fleet platform of gateways, cameras and driver logs (https://developers.samsara.com)."""

from milepost.providers.samsara.streams import SamsaraConnector
from milepost.providers.samsara.webhook import genuine

connect = SamsaraConnector

__all__ = ["connect", "genuine"]
