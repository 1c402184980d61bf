"""Measured figures of Milepost: real processes, medians, and ratios against a bound of the same run."""
