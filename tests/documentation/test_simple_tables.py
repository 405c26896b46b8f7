# SPDX-License-Identifier: MIT
"""Tables of docstrings become Markdown tables."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))

from simple_tables import markdown_tables


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "a\n\n=====  ====\nname   unit\n=====  ====\n``x``  s\n``y``  1\n=====  ====\n\nb",
            "a\n\n| name | unit |\n| --- | --- |\n| ``x`` | s |\n| ``y`` | 1 |\n\nb",
        ),
        (
            "    ===  =====\n    a    one\n         two|\n    b    three\n    ===  =====",
            "    |  |  |\n    | --- | --- |\n    | a | one two\\| |\n    | b | three |",
        ),
        ("x = 1\nif x == 2:\n    pass", "x = 1\nif x == 2:\n    pass"),
        ("Title\n=====\n\n===  ===\n", "Title\n=====\n\n===  ===\n"),
    ],
    ids=["head", "no head, indented, rows that go on", "code", "no table"],
)
def test_tables_and_nothing_else_change(text: str, wanted: str) -> None:
    assert markdown_tables(text) == wanted
