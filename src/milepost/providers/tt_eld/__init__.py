"""TT ELD: a small ELD for US carriers, read by its external integration API (https://developer.tteld.com)."""

from milepost.providers.tt_eld.streams import TtEldConnector

connect = TtEldConnector

__all__ = ["connect"]
