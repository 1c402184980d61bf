"""Milepost: the open telematics sync platform."""
