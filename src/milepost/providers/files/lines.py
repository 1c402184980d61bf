"""Bytes to lines of text, with nothing let in that is no text: the first guard of every text format."""

from __future__ import annotations

import codecs

from milepost.kit.files import BrokenFile

# Two hundred columns of thirty characters; a longer line is no table of positions.
LONGEST_LINE = 65_536


class Lines:
    """Is fed bytes and gives numbered lines; the ends CR, LF and CRLF are all known."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("strict")
        self._rest = ""
        self._number = 0

    def feed(self, data: bytes, *, last: bool = False) -> list[tuple[int, str]]:
        """Take the next bytes; return the lines that they complete. Raises BrokenFile."""
        if 0 in data:
            line = self._number + data[: data.index(0)].count(b"\n") + 1
            raise BrokenFile(line, "there is a NUL character; this is no text file")
        try:
            text = self._rest + self._decoder.decode(data, final=last)
        except UnicodeDecodeError as error:
            line = self._number + data[: error.start].count(b"\n") + 1
            raise BrokenFile(line, "it is not UTF-8; save the file as UTF-8") from None
        if text.endswith("\r") and not last:
            text, held = text[:-1], "\r"  # Its line feed may come with the next bytes.
        else:
            held = ""
        parts = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._rest = parts.pop() + held
        if last and self._rest:
            parts.append(self._rest)
        lines = []
        for part in parts:
            self._number += 1
            lines.append((self._number, part))
            if len(part) > LONGEST_LINE:
                raise BrokenFile(self._number, f"it is longer than {LONGEST_LINE} characters")
        if len(self._rest) > LONGEST_LINE:
            raise BrokenFile(self._number + 1, f"it is longer than {LONGEST_LINE} characters")
        return lines
