"""Each sentence of the user's page about Request Sync has a test that names it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent

# The page's promises, one sentence each; invitations to get in touch are not promises.
SENTENCES = [
    "sync all connections where syncMode = automatic on a regular cadence",
    "set syncMode = manual and invoke this endpoint when you want to sync data",
    "Bearer authentication header of the form Bearer <token>",
    "The token returned when a user authenticated their account. This authorizes access to a specific account.",
    "If startFrom is not provided, it will either sync from the last time a sync was requested or now",
    "Can also provide days instead of startFrom and it will be converted to a date and used in place of startFrom.",
    "When to start syncing from.",
    "How many days of history to sync from now. Will be converted to a date and used in place of startFrom",
    "Request additional information from the provider for this sync.",
    "The status of the sync",
    "If the sync failed, this will contain the reason",
    "Issues are problems encountered with a connection that did not result in a failed sync",
    "You can see the issues for a given sync by providing issues to the expand parameter.",
    "The earliest records to sync for those based on time",
]


def named_in_tests() -> str:
    texts = [
        ast.get_docstring(node) or ""
        for file in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    ]
    return " ".join(" ".join(text.split()) for text in texts)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_of_the_page_is_named_by_a_test(sentence: str) -> None:
    assert sentence in named_in_tests()


def test_the_sentences_are_the_pages(shared: Path) -> None:
    page = (shared / "contract" / "request-sync.txt").read_text()
    written = "".join(page.replace("`", "").split())

    assert [s for s in SENTENCES if "".join(s.split()) not in written] == []
