"""What can be called and set is written down, word for word."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import FieldInfo

from milepost.cli import (
    APPLICATION_VERBS,
    FILES_VERBS,
    LINK_VERBS,
    PROVIDER_VERBS,
    VERBS,
    WEBHOOK_VERBS,
)
from milepost.config import PREFIX, Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/settings.md").read_text()


def row(field: FieldInfo) -> str:
    """Spell a setting's row of the page from its declaration."""
    meta = msgspec.inspect.type_info(field.type)
    assert isinstance(meta, msgspec.inspect.Metadata)
    says: dict[str, Any] = meta.extra_json_schema or {}
    default = (meta.extra or {}).get("default") or f"`{field.default}`"
    return f"| `{PREFIX}{field.name.upper()}` | {says['description']} | {default} |"


@pytest.mark.parametrize("field", msgspec.structs.fields(Settings), ids=lambda field: field.name)
def test_every_setting_has_its_row(field: FieldInfo) -> None:
    assert row(field) in PAGE


def test_no_page_names_a_setting_that_does_not_exist() -> None:
    known = {PREFIX + field.name.upper() for field in msgspec.structs.fields(Settings)}
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]

    named = {
        name for page in pages for name in re.findall(r"MILEPOST_[A-Z_]+[A-Z]", page.read_text())
    }

    elsewhere = ("MILEPOST_TEST", "MILEPOST_CLIENT", "MILEPOST_SANDBOX")
    assert {name for name in named - known if not name.startswith(elsewhere)} == set()


def test_there_are_no_more_than_forty_settings() -> None:
    assert len(msgspec.structs.fields(Settings)) <= 40


@pytest.mark.parametrize(
    ("verb", "says"),
    [(name, says) for name, (_, says) in VERBS.items()]
    + [(f"app {name}", says) for name, (_, says) in APPLICATION_VERBS.items()]
    + [(f"link {name}", says) for name, (_, says) in LINK_VERBS.items()]
    + [(f"files {name}", says) for name, (_, says) in FILES_VERBS.items()]
    + [(f"provider {name}", says) for name, (_, says) in PROVIDER_VERBS.items()]
    + [(f"webhooks {name}", says) for name, (_, says) in WEBHOOK_VERBS.items()],
)
def test_every_verb_has_its_row(verb: str, says: str) -> None:
    assert f"| `milepost {verb}` | {says} |" in PAGE
