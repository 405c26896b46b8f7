# SPDX-License-Identifier: MIT
"""Blocks of commands and of Python in the documentation, and how each says that it is checked.

A comment stands before each block:

``<!-- check: run -->``
    It is run. ``<!-- check: run with A -> B; C -> D -->`` runs it with B in the place of A, and so
    on, to make it short.
``<!-- check: help -->``
    Its commands are given to the parser of the command line, which must take all names, options
    and values, or are targets of the Makefile.
``<!-- check: not run: REASON -->``
    Neither, for the reason given.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    sorted(
        [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")],
    )
)

_BLOCK = re.compile(
    r"(?:^<!-- check: (?P<check>.*?) -->\n)?^```(?P<language>sh|bash|shell|console|python)\n"
    r"(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A block of code in a page, and what the comment before it says."""

    page: Path
    line: int
    language: str
    code: str
    check: str | None

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_run(self) -> bool:
        return self.check is not None and re.fullmatch("run( with .*)?", self.check) is not None

    @property
    def is_parsed(self) -> bool:
        return self.check == "help"

    @property
    def reason(self) -> str | None:
        """Why it is not run."""
        found = re.fullmatch("not run: (.+)", self.check or "")
        return found[1] if found else None

    def short(self) -> str:
        """Make the changes that the comment asks for."""
        code = self.code
        _, _, changes = (self.check or "").partition("run with ")
        for change in changes.split("; ") if changes else ():
            old, arrow, new = change.partition(" -> ")
            assert arrow, f"{self.place}: {change!r} is not of the form A -> B"
            assert old in code, f"{self.place}: {old!r} is not in the block any more"
            code = code.replace(old, new)
        return code

    def commands(self) -> list[str]:
        """Lines of a block of commands, those that go on joined, without prompts."""
        joined = self.short().replace("\\\n", " ")
        lines = (line.removeprefix("$ ").strip() for line in joined.splitlines())
        return [line for line in lines if line and not line.startswith("#")]


def blocks(page: Path) -> Iterator[Block]:
    """All blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("code"))
        yield Block(page, line, found["language"], found["code"], found["check"])


def parts(command: str) -> list[list[str]]:
    """Words of a line, a list for each of the commands that ``&&`` joins, without comments."""
    simple: list[list[str]] = [[]]
    for word in shlex.split(command, comments=True):
        if word == "&&":
            simple.append([])
        else:
            simple[-1].append(word)
    return simple
