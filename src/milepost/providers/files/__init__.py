"""Files: a fleet that has nothing but exports, as CSV tracks, GPX and ELD output files."""

from milepost.providers.files import formats as files
from milepost.providers.files.connector import FilesConnector

connect = FilesConnector

__all__ = ["connect", "files"]
