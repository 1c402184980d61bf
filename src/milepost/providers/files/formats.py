"""Tells the formats apart by their first bytes, and refuses what is packed or no text."""

from __future__ import annotations

from milepost.kit.files import BrokenFile, FileReader, Wrapping
from milepost.providers.files.csv_tracks import CSVReader
from milepost.providers.files.eld import ELDReader
from milepost.providers.files.gpx_tracks import GPXReader
from milepost.providers.files.mapping import driver, hos_log, vehicle

__all__ = ["driver", "hos_log", "open", "vehicle"]

# A packed file says nothing of the size that it unpacks to; none is unpacked.
_PACKED = {
    b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"\x1f\x8b": "gzip", b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!": "rar",
}  # fmt: skip
_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32"}


def open(head: bytes, wrapping: Wrapping) -> FileReader:  # noqa: A001  What a reader of formats does.
    """Make the reader that fits the first bytes of a file; raise BrokenFile where none does."""
    for magic, name in _PACKED.items():
        if head.startswith(magic):
            raise BrokenFile(1, f"the file is packed ({name}); unpack it and send what is in it")
    for mark, name in _BOMS.items():
        if head.startswith(mark):
            raise BrokenFile(1, f"the file is {name}; save it as UTF-8")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise BrokenFile(1, "the file is empty")
    if text.startswith(b"<"):
        return GPXReader(wrapping)
    if text.lower().startswith(b"eld file header segment"):
        return ELDReader(wrapping)
    return CSVReader(wrapping)
