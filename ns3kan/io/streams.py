# SPDX-License-Identifier: MIT
"""Standard streams of a process: that there are three, and that they take any text."""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata

_REPLACEMENTS = {
    "−": "-",
    "±": "+/-",
    "×": "x",
    "·": "*",
    "√": "sqrt",
    "≈": "~",
    "≤": "<=",
    "≥": ">=",
    "→": "->",
    "—": "-",
    "…": "...",
    "ß": "ss",
    "μ": "mu",
    "λ": "lambda",
    "Σ": "sum",
    "Π": "prod",
}
"""What is written where a stream's encoding lacks a character."""
_ERRORS = "ns3kan-readable"


def reserve_standard_descriptors() -> None:
    """Open those of the descriptors 0, 1 and 2 that are closed, on the null device.

    A process may be started without them (``2>&-``). The next file or socket would take such a
    number, and a child that is started with streams of its own would find its file replaced.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is the one that is missing.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def prepare_standard_streams() -> None:
    """Let the standard streams of Python take any text, whatever their encoding is.

    A character that an encoding lacks is written as the nearest that it has: a result is not lost
    for the sake of a minus sign.
    """
    reserve_standard_descriptors()
    codecs.register_error(_ERRORS, _readable)
    for stream in (sys.stdout, sys.stderr):
        # None if the process was started without it.
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_ERRORS)


def _readable(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(map(_replaced, missing)), error.end


def _replaced(character: str) -> str:
    if character in _REPLACEMENTS:
        return _REPLACEMENTS[character]
    # Letters without their accents; of what is none, a question mark stays.
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain or "?"
