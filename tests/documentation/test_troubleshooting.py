# SPDX-License-Identifier: MIT
"""The messages that the page on troubleshooting explains are those that the code has."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from documentation import ROOT

PAGE = ROOT / "docs" / "troubleshooting.md"
MESSAGES = re.findall(r"^### `(.*)`$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@cache
def sentences() -> tuple[str, ...]:
    """Texts in the code, with … for what is filled in."""
    found: list[str] = []
    for folder in ("agents", "analysis", "bridge", "ns3kan"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    parts = (p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
                    found.append("".join(str(part) for part in parts))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    for path in (ROOT / "ns3_scenarios").rglob("*.cc"):
        found.append(_sentences_of_cpp(path))
    return tuple(found)


def _sentences_of_cpp(path: Path) -> str:
    """All literals of a file, in a row; … between two that something is put between."""
    text = path.read_text(encoding="utf-8")
    joined = re.sub(r'"\s*\n\s*"', "", text)
    literals = re.findall(r'"((?:[^"\\\n]|\\.)*)"', joined)
    return "…".join(literals)


@pytest.mark.parametrize("message", MESSAGES)
def test_the_code_has_it(message: str) -> None:
    # Some are put together of two sentences in the code, so each piece is looked for by itself.
    pieces = [piece.strip(" .;") for piece in message.split("…")]
    pieces = [piece for piece in pieces if re.search(r"\w\w", piece)]
    assert pieces, "a message is made of words"
    for piece in pieces:
        assert any(piece in sentence for sentence in sentences()), piece


def test_the_page_explains_the_most_frequent_ones() -> None:
    assert len(MESSAGES) == len(set(MESSAGES)) >= 40
