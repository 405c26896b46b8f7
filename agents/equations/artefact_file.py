# SPDX-License-Identifier: MIT
"""JSON of strangers, read in bounded time and memory.

ns3_scenarios/balancing/controller-artefact.cc accepts and refuses the same files.
"""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path
from typing import Any, NoReturn

MAX_BYTES = 2**20
"""Longest file that is read."""
MAX_NESTING = 100
"""Deepest nesting of arrays and objects that is read."""

_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)


class ArtefactFileError(ValueError):
    """A file cannot be read, or is no JSON within the limits."""


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a file.

    Raises
    ------
    ArtefactFileError
        If it cannot be read, is longer or nested deeper than is read here, or is not JSON; the
        message does not name the file.
    """
    try:
        with Path(path).open("rb") as file:
            # No more, for a device never ends.
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ArtefactFileError(
            f"cannot be read ({error.strerror}), give the file of a controller artefact"
        ) from error
    if len(content) > MAX_BYTES:
        raise ArtefactFileError(f"the file is longer than {MAX_BYTES} bytes")
    _check_nesting(content)
    try:
        document = json.loads(
            content.decode("utf-8-sig"),
            parse_constant=_refuse_constant,
            parse_float=_read_number,
            parse_int=_read_integer,
        )
        if rb"\u" in content:
            # Half a character can be escaped, but not written.
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ArtefactFileError(f"not JSON ({shortened(str(error))})") from error
    return document


def shortened(text: str, longest: int = 300) -> str:
    """Leave the end out of words of someone else that are very long."""
    return f"{text[:longest]}..." if len(text) > longest else text


def _check_nesting(content: bytes) -> None:
    depth = 0
    for found in _STRUCTURE.finditer(content):
        match found.group()[:1]:
            case b"[" | b"{":
                depth += 1
                if depth > MAX_NESTING:
                    raise ArtefactFileError(
                        f"not JSON that is read here (nested more than {MAX_NESTING} levels deep "
                        f"at byte {found.start()})"
                    )
            case b"]" | b"}":
                depth = max(depth - 1, 0)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _read_number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]}... does not fit a double")
    return value


def _read_integer(text: str) -> int:
    # Digits beyond those of a double take time that grows with their square.
    _read_number(text)
    return int(text)
