"""Advisory locks of one number keep out each other, whatever they are for: each purpose has its own."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src/milepost"


def test_no_two_purposes_share_the_number_of_a_lock() -> None:
    found = Counter(
        number
        for module in SOURCE.rglob("*.py")
        for number in re.findall(r"^_LOCK = ([\d_]+)$", module.read_text(), re.MULTILINE)
    )

    assert len(found) >= 4
    assert [number for number, times in found.items() if times > 1] == []
