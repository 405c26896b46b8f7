# SPDX-License-Identifier: MIT
"""Tables of docstrings, which are reStructuredText's simple tables, as Markdown tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

BORDER = re.compile(r"^( *)(=+(?: +=+)+) *$")


def markdown_tables(text: str) -> str:
    """Write a text with its simple tables as Markdown tables, and leave the rest as it is.

    A table has a border above and below, and one between head and body if it has a head. A row
    whose first cell is empty goes on the row above.
    """
    lines = text.split("\n")
    done: list[str] = []
    at = 0
    while at < len(lines):
        borders = _borders(lines, at)
        if len(borders) < 2:
            done.append(lines[at])
            at += 1
            continue
        has_head = len(borders) > 2
        head = lines[at + 1 : borders[1]] if has_head else []
        body = lines[borders[-2] + 1 : borders[-1]]
        done += _markdown(lines[at], head, body)
        at = borders[-1] + 1
    return "\n".join(done)


def _borders(lines: Sequence[str], at: int) -> list[int]:
    """Numbers of the borders of the table that begins in this line; none if none does."""
    if not BORDER.match(lines[at]):
        return []
    found = [at]
    for number in range(at + 1, len(lines)):
        if not lines[number].strip():
            break
        if lines[number].rstrip() == lines[at].rstrip():
            found.append(number)
    return found


def _markdown(border: str, head: Sequence[str], body: Sequence[str]) -> list[str]:
    starts = [run.start() for run in re.finditer("=+", border)]
    indent = border[: starts[0]]
    rows = [[""] * len(starts)] if not head else _rows(head, starts)
    rows += [["---"] * len(starts), *_rows(body, starts)]
    return [f"{indent}| {' | '.join(row)} |" for row in rows]


def _rows(lines: Sequence[str], starts: Sequence[int]) -> list[list[str]]:
    rows: list[list[str]] = []
    ends = [*starts[1:], None]
    for line in lines:
        cells = [line[a:b].strip().replace("|", "\\|") for a, b in zip(starts, ends, strict=True)]
        if rows and not cells[0]:
            rows[-1] = [f"{old} {new}".strip() for old, new in zip(rows[-1], cells, strict=True)]
        else:
            rows.append(cells)
    return rows
